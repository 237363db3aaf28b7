#include "daemon/write_out.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

static void *write_out(void *cookie)
{
    struct dj_write_out *out = cookie;

    out->code = fdatasync(out->fd) < 0 ? -errno : 0;
    return NULL;
}

void dj_write_out_begin(struct dj_write_out *out, int fd)
{
    sigset_t all, before;

    *out = (struct dj_write_out){.fd = fd};
    sigfillset(&all); /* none is for this thread, and some file systems would let it end the sync */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    out->started = pthread_create(&out->thread, NULL, write_out, out) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int dj_write_out_end(struct dj_write_out *out)
{
    if (out->started)
        pthread_join(out->thread, NULL);
    out->started = false;
    /* Some file systems sync nothing, and say so. */
    return out->code == -EINVAL || out->code == -EROFS ? 0 : out->code;
}
