/*
 * The one further thread: it tells the kernel which names to look up again.
 *
 * A notification waits for locks that are held during look-ups, so whoever answers look-ups must
 * not send one: the main thread only queues names here, and no answer ever waits for this thread.
 * It has a table of descriptors of its own, so what the main thread closes is closed.
 * Notifications save time and are never needed for a right answer, so the queue is bounded and
 * what does not fit is dropped.
 *
 * Not so in a read-only mount, whose kernel believes what it was told: there, what does not fit
 * becomes a notice that any name may be wrong, of which there is never more than one. It raises the
 * kernel's epoch (epoch.h). An older kernel is told of the folder `tasks`, which takes all names
 * below with it but those of files and folders that are in use; so there no name is believed for
 * longer than a second.
 */
#ifndef DJ_FS_NOTIFIER_H
#define DJ_FS_NOTIFIER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/bytes.h"
#include "lib/util/macros.h"

#define DJ_NOTIFIER_MAX 65536

struct fuse_session;
struct dj_notice;

struct dj_notifier {
    struct fuse_session *session;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    struct dj_notice *first; /* these four under the mutex */
    struct dj_notice *last;
    size_t count;
    bool anew;
    bool stop;
    bool lossless;  /* a read-only mount's; set before the thread is needed */
    _Atomic bool epochs;
    bool started;
};

int dj_notifier_start(struct dj_notifier *notifier, struct fuse_session *session) DJ_MUST_CHECK;
/* dj_notifier_set(): what the kernel has agreed on. */
void dj_notifier_set(struct dj_notifier *notifier, bool lossless, bool epochs);
/* dj_notifier_anew(notifier): any name may be wrong. */
void dj_notifier_anew(struct dj_notifier *notifier);
/* dj_notifier_epochs(notifier): names that were given out are all taken back by it. */
bool dj_notifier_epochs(const struct dj_notifier *notifier);
void dj_notifier_push(struct dj_notifier *notifier, uint64_t folder, struct dj_bytes name);

/* dj_notifier_stop(notifier): what is queued is dropped; the thread ends after its notification. */
void dj_notifier_stop(struct dj_notifier *notifier);
/* dj_notifier_joined(notifier): whether it has ended. Requests must be answered until it has. */
bool dj_notifier_joined(struct dj_notifier *notifier);

#endif
