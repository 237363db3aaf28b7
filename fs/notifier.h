/*
 * The one further thread: it tells the kernel which names to look up again.
 *
 * A notification waits for locks that are held during look-ups, so whoever answers look-ups must
 * not send one: the main thread only queues names here, and no answer ever waits for this thread.
 * It has a table of descriptors of its own, so what the main thread closes is closed.
 * Notifications save time and are never needed for a right answer, so the queue is bounded and
 * what does not fit is dropped.
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
    bool stop;
    bool started;
};

int dj_notifier_start(struct dj_notifier *notifier, struct fuse_session *session) DJ_MUST_CHECK;
void dj_notifier_push(struct dj_notifier *notifier, uint64_t folder, struct dj_bytes name);

/* dj_notifier_stop(notifier): what is queued is dropped; the thread ends after its notification. */
void dj_notifier_stop(struct dj_notifier *notifier);
/* dj_notifier_joined(notifier): whether it has ended. Requests must be answered until it has. */
bool dj_notifier_joined(struct dj_notifier *notifier);

#endif
