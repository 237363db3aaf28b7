#include "fs/epoch.h"

#include <errno.h>
#include <linux/fuse.h>
#include <unistd.h>

#include "fs/fuse.h"

#define MINOR_WITH_EPOCH 44
#define NOTIFY_INC_EPOCH 8

bool dj_epoch_known(const struct fuse_conn_info *conn)
{
    return conn->proto_minor >= MINOR_WITH_EPOCH;
}

/* Of a notification, `unique` is 0 and `error` says which it is. */
int dj_epoch_raise(struct fuse_session *session)
{
    const struct fuse_out_header header = {.len = sizeof(header), .error = NOTIFY_INC_EPOCH};
    ssize_t n;

    do
        n = write(fuse_session_fd(session), &header, sizeof(header));
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}
