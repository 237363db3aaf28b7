#include "fs/device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define SMALL 512

static ssize_t write_pieces(int fd, struct iovec *pieces, int count, void *cookie)
{
    char whole[SMALL];
    size_t len = 0;

    (void)cookie;
    for (int i = 0; i < count; i++) {
        if (pieces[i].iov_len > SMALL - len)
            return writev(fd, pieces, count);
        memcpy(whole + len, pieces[i].iov_base, pieces[i].iov_len);
        len += pieces[i].iov_len;
    }
    return write(fd, whole, len);
}

static ssize_t read_request(int fd, void *buf, size_t size, void *cookie)
{
    (void)cookie;
    return read(fd, buf, size);
}

static ssize_t move(int in, off_t *in_offset, int out, off_t *out_offset, size_t len,
                    unsigned flags, void *cookie)
{
    (void)cookie;
    return splice(in, in_offset, out, out_offset, len, flags);
}

int dj_device_take(struct fuse_session *session)
{
    static const struct fuse_custom_io io = {.writev = write_pieces,
                                             .read = read_request,
                                             .splice_receive = move,
                                             .splice_send = move};

    return fuse_session_custom_io(session, &io, fuse_session_fd(session));
}
