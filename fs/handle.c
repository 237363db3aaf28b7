#include "fs/handle.h"

#include <stdlib.h>
#include <utlist.h>

#include "fs/fs.h"
#include "fs/page.h"
#include "lib/util/mem.h"

#define STORE_MAX (64U * 1024) /* of more, somebody may want only the beginning */

struct dj_handle *dj_handle_new(struct dj_fs *fs, uint64_t node, uint64_t open_flags)
{
    struct dj_handle *handle = dj_xcalloc(1, sizeof(*handle));

    handle->node = node;
    handle->open_flags = open_flags;
    handle->epoch = fs->backend.epoch;
    DL_APPEND(fs->handles, handle);
    return handle;
}

static void hold(struct dj_fs *fs, struct dj_handle *handle, bool asked)
{
    if (!DJ_NODE_IS_INSTANCE(handle->node) || handle->held)
        return;
    if (handle->remote != 0) {
        fs->unheld += !handle->unheld;
        handle->unheld = true;
        return;
    }
    handle->held = true;
    dj_holds_open(&fs->holds, handle->node, asked);
}

void dj_handle_opened(struct dj_fs *fs, struct dj_handle *handle, struct dj_msg_opened *opened)
{
    handle->remote = opened->handle;
    handle->epoch = fs->backend.epoch;
    hold(fs, handle, true);
    /* What a writer reads is the reply to what it wrote: always asked for. */
    if (!(handle->open_flags & DJ_OPEN_WRITE) && handle->answer == NULL)
        handle->answer = dj_answer_new(handle->node, opened);
}

void dj_handle_from(struct dj_fs *fs, struct dj_handle *handle, struct dj_answer *answer)
{
    handle->answer = dj_answer_ref(answer);
    hold(fs, handle, false);
}

void dj_handle_store(struct dj_fs *fs, const struct dj_handle *handle)
{
    struct dj_answer *answer = handle->answer;
    struct fuse_bufvec vec = FUSE_BUFVEC_INIT(0);

    if (answer == NULL || answer->fd >= 0 || answer->stored || answer->content.len == 0 ||
        answer->content.len > STORE_MAX || !handle->held || fs->unheld != 0 ||
        dj_holds_openers(&fs->holds, handle->node) != 1)
        return;
    answer->stored = true;
    vec.buf[0].size = answer->content.len;
    vec.buf[0].mem = answer->content.data;
    (void)fuse_lowlevel_notify_store(fs->session, handle->node, 0, &vec, FUSE_BUF_NO_SPLICE);
}

bool dj_handle_lost(const struct dj_fs *fs, const struct dj_handle *handle)
{
    return handle->remote != 0 && handle->epoch != fs->backend.epoch;
}

void dj_handle_free(struct dj_fs *fs, struct dj_handle *handle)
{
    if (handle->remote != 0 && !dj_handle_lost(fs, handle))
        dj_fs_tell_release(fs, handle->node, handle->remote, 1);
    if (handle->held)
        dj_fs_tell_release(fs, handle->node, 0, dj_holds_close(&fs->holds, handle->node));
    fs->unheld -= handle->unheld;
    DL_DELETE(fs->handles, handle);
    dj_answer_unref(handle->answer);
    dj_page_free(handle->page);
    dj_page_ahead_leave(handle->ahead);
    free(handle);
}
