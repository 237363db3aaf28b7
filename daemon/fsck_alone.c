#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/fsck.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"
#include "lib/wire/frame.h"

/* A check without a daemon, told in frames to whoever started it. */

#define TELL_NS (100 * DJ_NS_PER_MS)

static int tell(int fd, const struct dj_msg_fscked *fscked)
{
    dj_cleanup_buf struct dj_buf frame = DJ_BUF_INIT;
    size_t begin = dj_frame_begin(&frame);
    int rc;

    dj_message_encode(&frame, DJ_MSG_FSCKED, 0, fscked);
    rc = dj_frame_end(&frame, begin);
    return rc < 0 ? rc : dj_write_full(fd, frame.data, frame.len);
}

/* Opening makes a store where there is none, which is not what a check is for. */
static int open_store(const char *dir, struct dj_store **ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/FORMAT", dir);
    if (access(dj_buf_str(&path), F_OK) < 0)
        return dj_err_set(err, ENOENT, "there is no store at %s", dir);
    return dj_store_open_rocksdb(dir, ret, err);
}

static int check(struct dj_store *store, uint64_t flags, int fd)
{
    struct dj_fsck *fsck = dj_fsck_new(store, flags, NULL);
    enum dj_fsck_next next;
    uint64_t told_ns = 0;
    int rc = 0;

    do {
        next = dj_fsck_step(fsck);
        if (next == DJ_FSCK_JOB)
            dj_fsck_work(fsck);
        if (next == DJ_FSCK_END || dj_clock_mono_ns() - told_ns >= TELL_NS) {
            struct dj_msg_fscked fscked;

            dj_fsck_take(fsck, &fscked);
            rc = tell(fd, &fscked);
            dj_codec_release(dj_message_layout(DJ_MSG_FSCKED), &fscked);
            told_ns = dj_clock_mono_ns();
        }
    } while (rc == 0 && next != DJ_FSCK_END);
    dj_fsck_free(fsck);
    return rc;
}

int dj_fsck_alone(const char *dir, uint64_t flags, int fd, struct dj_err *err)
{
    struct dj_msg_fscked refused = {.end = true};
    struct dj_store *store = NULL;
    int rc;

    if (isatty(fd))
        return dj_err_set(err, EINVAL, "--fsck is for `dj fsck`, which starts it and says in words "
                                       "what it finds");
    rc = open_store(dir, &store, err);
    if (rc < 0) {
        refused.error = dj_xstrdup(dj_err_text(err, rc));
        refused.code = (uint64_t)-rc;
        rc = tell(fd, &refused);
        dj_codec_release(dj_message_layout(DJ_MSG_FSCKED), &refused);
        return rc;
    }
    if (dj_store_notice(store) != NULL)
        dj_log_warning("%s", dj_store_notice(store));
    if (!dj_store_was_clean(store))
        dj_store_leave_unclean(store);
    rc = check(store, flags, fd);
    dj_store_close(store);
    return rc < 0 ? dj_err_sys(err, -rc, "the findings could not be told") : 0;
}
