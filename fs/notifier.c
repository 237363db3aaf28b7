#include "fs/notifier.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/epoch.h"
#include "fs/fuse.h"
#include "fs/guard.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

struct dj_notice {
    struct dj_notice *next;
    uint64_t folder;
    size_t len;
    char name[];
};

/* The next notice, waited for; false when it is time to stop. NULL: any name may be wrong. */
static bool take(struct dj_notifier *notifier, struct dj_notice **ret)
{
    struct dj_notice *notice = NULL;
    bool stop;

    pthread_mutex_lock(&notifier->mutex);
    while (notifier->first == NULL && !notifier->anew && !notifier->stop)
        pthread_cond_wait(&notifier->more, &notifier->mutex);
    stop = notifier->stop;
    if (!stop && notifier->anew) {
        notifier->anew = false;
    } else if (!stop) {
        notice = notifier->first;
        notifier->first = notice->next;
        notifier->count--;
        if (notifier->first == NULL)
            notifier->last = NULL;
    }
    pthread_mutex_unlock(&notifier->mutex);
    *ret = notice;
    return !stop;
}

/*
 * A table of descriptors of our own, with nothing in it but a channel to the mount: what the main
 * thread has is closed when it is killed, though we may have to wait (guard.h).
 */
static void part_from_main(struct fuse_session *session)
{
    int number = fuse_session_fd(session);
    int channel;

    if (unshare(CLONE_FILES) < 0)
        return;
    channel = dj_channel_open(session);
    if (channel < 0)
        return;
    dup3(channel, number, O_CLOEXEC);
    if (number > 3)
        close_range(3, (unsigned)number - 1, 0);
    close_range((unsigned)number + 1, ~0U, 0);
}

static void tell_all(struct dj_notifier *notifier)
{
    static const char top[] = "tasks";

    if (notifier->epochs && dj_epoch_raise(notifier->session) == -EINVAL)
        notifier->epochs = false;
    dj_log_debug("all names are taken back by %s", notifier->epochs ? "an epoch" : "their folder");
    if (!notifier->epochs)
        (void)fuse_lowlevel_notify_inval_entry(notifier->session, FUSE_ROOT_ID, top, strlen(top));
}

static void *notify(void *cookie)
{
    struct dj_notifier *notifier = cookie;
    struct dj_notice *notice;

    part_from_main(notifier->session);
    while (take(notifier, &notice)) {
        if (notice == NULL) {
            tell_all(notifier);
            continue;
        }
        /* ENOENT only says that the kernel does not know the name. */
        (void)fuse_lowlevel_notify_inval_entry(notifier->session, notice->folder, notice->name,
                                               notice->len);
        free(notice);
    }
    return NULL;
}

int dj_notifier_start(struct dj_notifier *notifier, struct fuse_session *session)
{
    sigset_t all, before;
    int code;

    notifier->session = session;
    notifier->first = notifier->last = NULL;
    notifier->count = 0;
    notifier->anew = notifier->stop = false;
    pthread_mutex_init(&notifier->mutex, NULL);
    pthread_cond_init(&notifier->more, NULL);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    code = pthread_create(&notifier->thread, NULL, notify, notifier);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    notifier->started = code == 0;
    return -code;
}

void dj_notifier_set(struct dj_notifier *notifier, bool lossless, bool epochs)
{
    notifier->lossless = lossless;
    notifier->epochs = epochs;
}

bool dj_notifier_epochs(const struct dj_notifier *notifier)
{
    return notifier->epochs;
}

void dj_notifier_anew(struct dj_notifier *notifier)
{
    pthread_mutex_lock(&notifier->mutex);
    notifier->anew = true;
    pthread_cond_signal(&notifier->more);
    pthread_mutex_unlock(&notifier->mutex);
}

void dj_notifier_push(struct dj_notifier *notifier, uint64_t folder, struct dj_bytes name)
{
    struct dj_notice *notice = dj_xmalloc(sizeof(*notice) + name.len + 1);

    notice->next = NULL;
    notice->folder = folder;
    notice->len = name.len;
    memcpy(notice->name, name.data, name.len);
    notice->name[name.len] = '\0';
    pthread_mutex_lock(&notifier->mutex);
    if (notifier->stop || notifier->count == DJ_NOTIFIER_MAX) {
        free(notice);
        notifier->anew = notifier->lossless;
        pthread_cond_signal(&notifier->more);
    } else {
        if (notifier->last != NULL)
            notifier->last->next = notice;
        else
            notifier->first = notice;
        notifier->last = notice;
        notifier->count++;
        pthread_cond_signal(&notifier->more);
    }
    pthread_mutex_unlock(&notifier->mutex);
}

void dj_notifier_stop(struct dj_notifier *notifier)
{
    if (!notifier->started)
        return;
    pthread_mutex_lock(&notifier->mutex);
    notifier->stop = true;
    pthread_cond_signal(&notifier->more);
    pthread_mutex_unlock(&notifier->mutex);
}

bool dj_notifier_joined(struct dj_notifier *notifier)
{
    if (!notifier->started)
        return true;
    if (pthread_tryjoin_np(notifier->thread, NULL) == EBUSY)
        return false;
    notifier->started = false;
    while (notifier->first != NULL) {
        struct dj_notice *notice = notifier->first;

        notifier->first = notice->next;
        free(notice);
    }
    pthread_cond_destroy(&notifier->more);
    pthread_mutex_destroy(&notifier->mutex);
    return true;
}
