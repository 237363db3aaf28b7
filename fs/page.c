#include "fs/page.h"

#include <stdlib.h>

#include "fs/fs.h"
#include "fs/handle.h"
#include "lib/util/mem.h"

/* False: they are not as they should be. */
static bool unpack(struct dj_page *page)
{
    struct dj_bytes rest = dj_buf_bytes(&page->got.names);
    size_t cap = 0;
    int code;

    do {
        page->names = dj_xgrow(page->names, &cap, page->n_names + 1, sizeof(*page->names));
        code = dj_dirnames_next(&rest, &page->names[page->n_names]);
        page->n_names += code == 1;
    } while (code == 1);
    return code == 0;
}

struct dj_page *dj_page_new(struct dj_msg_readdir *ask, struct dj_msg_dirents *got)
{
    struct dj_page *page = dj_xcalloc(1, sizeof(*page));

    page->got = *got;
    *got = (struct dj_msg_dirents){0};
    page->start = ask->cookie;
    page->after = ask->after;
    dj_buf_init(&ask->after);
    if (page->got.names.len != 0 && !unpack(page)) {
        dj_page_free(page);
        return NULL;
    }
    return page;
}

void dj_page_free(struct dj_page *page)
{
    if (page == NULL)
        return;
    dj_codec_release(dj_message_layout(DJ_MSG_DIRENTS), &page->got);
    dj_buf_release(&page->after);
    free(page->names);
    free(page);
}

bool dj_page_plain(const struct dj_page *page)
{
    return page->n_names > 0;
}

size_t dj_page_count(const struct dj_page *page)
{
    return dj_page_plain(page) ? page->n_names : page->got.entries.n;
}

bool dj_page_last(const struct dj_page *page)
{
    return page->got.end || dj_page_count(page) == 0;
}

const struct dj_dirname *dj_page_plain_at(const struct dj_page *page, size_t index)
{
    return &page->names[index];
}

static const struct dj_part_dirent *entry_at(const struct dj_page *page, size_t index)
{
    return DJ_LIST_AT(&page->got.entries, struct dj_part_dirent, index);
}

uint64_t dj_page_cookie(const struct dj_page *page, size_t index)
{
    return dj_page_plain(page) ? page->names[index].cookie : entry_at(page, index)->cookie;
}

struct dj_bytes dj_page_name(const struct dj_page *page, size_t index)
{
    return dj_page_plain(page) ? page->names[index].name
                               : dj_buf_bytes(&entry_at(page, index)->name);
}

size_t dj_page_find(const struct dj_page *page, uint64_t cookie)
{
    size_t n = dj_page_count(page);

    if (page->start == cookie)
        return 0;
    for (size_t i = n; i-- > 0;) { /* mostly it is the last */
        if (dj_page_cookie(page, i) == cookie)
            return i + 1;
    }
    return SIZE_MAX;
}

/* ---- asked for ahead --------------------------------------------------------------------- */

struct dj_page_ahead {
    struct dj_fs *fs;
    struct dj_handle *handle; /* NULL: nobody wants it */
    struct dj_msg_readdir ask;
    uint64_t id;              /* of the question; 0: it has come */
    struct dj_page *page;
};

static void ahead_free(struct dj_page_ahead *ahead)
{
    if (ahead->handle != NULL)
        ahead->handle->ahead = NULL;
    dj_codec_release(dj_message_layout(DJ_MSG_READDIR), &ahead->ask);
    dj_page_free(ahead->page);
    free(ahead);
}

/* Whatever went wrong is for the request that comes to find out. */
static void on_ahead(void *cookie, const struct dj_message_in *message)
{
    struct dj_page_ahead *ahead = cookie;

    ahead->id = 0;
    if (ahead->handle == NULL || message->number != DJ_MSG_DIRENTS)
        ahead_free(ahead);
    else
        ahead->page = dj_page_new(&ahead->ask, message->fields); /* NULL: as if none had come */
}

void dj_page_ahead_ask(struct dj_fs *fs, struct dj_handle *handle, struct dj_msg_readdir *ask)
{
    struct dj_page_ahead *ahead = dj_xcalloc(1, sizeof(*ahead));

    ahead->ask = *ask;
    *ask = (struct dj_msg_readdir){0};
    dj_page_ahead_leave(handle->ahead);
    if (!dj_backend_up(&fs->backend)) {
        ahead_free(ahead);
        return;
    }
    ahead->fs = fs;
    ahead->handle = handle;
    handle->ahead = ahead;
    ahead->id = dj_backend_ask(&fs->backend, DJ_MSG_READDIR, &ahead->ask, on_ahead, ahead);
}

struct dj_page *dj_page_ahead_take(struct dj_handle *handle)
{
    struct dj_page *page;

    if (handle->ahead == NULL || handle->ahead->page == NULL)
        return NULL;
    page = dj_steal(handle->ahead->page);
    ahead_free(handle->ahead);
    return page;
}

bool dj_page_ahead_adopt(struct dj_handle *handle, struct dj_pending *pending,
                         dj_answer_to *answer)
{
    struct dj_page_ahead *ahead = handle->ahead;

    if (ahead == NULL || ahead->id == 0)
        return false;
    dj_pending_forget_ask(pending);
    pending->ask.readdir = ahead->ask;
    ahead->ask = (struct dj_msg_readdir){0};
    dj_pending_adopt(pending, ahead->id, DJ_MSG_READDIR, DJ_MSG_DIRENTS, answer);
    ahead_free(ahead);
    return true;
}

void dj_page_ahead_leave(struct dj_page_ahead *ahead)
{
    if (ahead == NULL)
        return;
    if (ahead->id == 0) {
        ahead_free(ahead);
        return;
    }
    ahead->handle->ahead = NULL;
    ahead->handle = NULL;
}
