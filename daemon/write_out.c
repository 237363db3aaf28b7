#include "daemon/write_out.h"

#include <errno.h>
#include <unistd.h>

static void *write_out(void *cookie)
{
    struct dj_write_out *out = cookie;

    out->code = fdatasync(out->fd) < 0 ? -errno : 0;
    return NULL;
}

void dj_write_out_begin(struct dj_write_out *out, int fd)
{
    *out = (struct dj_write_out){.fd = fd};
    out->started = pthread_create(&out->thread, NULL, write_out, out) == 0;
}

int dj_write_out_end(struct dj_write_out *out)
{
    if (out->started)
        pthread_join(out->thread, NULL);
    out->started = false;
    /* Some file systems sync nothing, and say so. */
    return out->code == -EINVAL || out->code == -EROFS ? 0 : out->code;
}
