/*
 * Listings. The daemon gives a page of entries behind a cookie and a name; the kernel asks for what
 * fits in its buffer and names its place by an offset, which is the cookie plus two ("." and ".."
 * are ours). The last page stays with the handle, so one page serves several requests. An offset
 * that is not in it (seekdir) is found again by reading pages from the start. A plain listing needs
 * names only, and gets them in larger pages, one ahead of what the kernel asks for (page.h).
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/attr.h"
#include "fs/clock.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/ops.h"
#include "fs/page.h"
#include "lib/util/mem.h"

#define OWN_ENTRIES 2
#define PAGE_ENTRIES 512
#define PAGE_NAMES 2048
#define BUFFER_MAX (1U << 20)
#define UNKNOWN_INO 0xffffffff
#define DIRENT_LEAST 32 /* bytes of an entry in the kernel's buffer, when its name is short */
#define DIRENT_PLUS_LEAST 160

/* In pending->note. */
enum { PLUS = 1, SEARCHING = 2 };

struct listing {
    fuse_req_t req;
    char *data;
    size_t size;
    size_t used;
    bool plus;
};

static bool add(struct listing *listing, const char *name, const struct fuse_entry_param *param,
                uint64_t offset)
{
    char *place = listing->data + listing->used;
    size_t room = listing->size - listing->used;
    size_t need = listing->plus
                      ? fuse_add_direntry_plus(listing->req, place, room, name, param,
                                               (off_t)offset)
                      : fuse_add_direntry(listing->req, place, room, name, &param->attr,
                                          (off_t)offset);

    if (need > room)
        return false;
    listing->used += need;
    return true;
}

static bool add_own(struct listing *listing, uint64_t offset)
{
    static const char *const names[OWN_ENTRIES] = {".", ".."};
    struct fuse_entry_param param = {.attr = {.st_ino = UNKNOWN_INO, .st_mode = S_IFDIR}};

    for (; offset < OWN_ENTRIES; offset++) {
        if (!add(listing, names[offset], &param, offset + 1))
            return false;
    }
    return true;
}

static bool add_entry(struct dj_fs *fs, struct listing *listing, uint64_t folder,
                      const struct dj_part_dirent *entry)
{
    struct fuse_entry_param param;
    const char *name = dj_buf_str(&entry->name);

    if (entry->name.len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    dj_attr_entry(&entry->attr, &param);
    param.generation = dj_removed_generation(&fs->removed, folder, dj_buf_bytes(&entry->name));
    /* Named nodes are counted by look-ups, so a listing must not bring any: no node, no count. */
    if (DJ_NODE_IS_NAMED(entry->attr.node))
        param.ino = 0;
    if (!add(listing, name, &param, entry->cookie + OWN_ENTRIES))
        return false;
    if (listing->plus && param.ino != 0) {
        dj_names_seen(&fs->names, folder, dj_buf_bytes(&entry->name), entry->attr.node);
        dj_attrs_keep(&fs->attrs, &entry->attr, dj_now_ms());
        dj_links_keep(&fs->links, entry, dj_now_ms());
    }
    return true;
}

static bool add_plain(struct listing *listing, const struct dj_dirname *entry)
{
    struct fuse_entry_param param = {
        .attr = {.st_ino = entry->ino, .st_mode = (mode_t)entry->mode}};

    return add(listing, (const char *)entry->name.data, &param, entry->cookie + OWN_ENTRIES);
}

static bool add_at(struct dj_fs *fs, struct listing *listing, uint64_t folder,
                   const struct dj_page *page, size_t index)
{
    if (dj_page_plain(page))
        return add_plain(listing, dj_page_plain_at(page, index));
    return add_entry(fs, listing, folder,
                     DJ_LIST_AT(&page->got.entries, struct dj_part_dirent, index));
}

static void on_page(struct dj_pending *pending, int code, void *fields);

/* As many as fit into a kernel's buffer of 32 KiB or more, if all names are short. */
static uint64_t page_size(size_t buffer, bool plus)
{
    buffer = DJ_MAX(buffer, 32U * 1024);
    return plus ? DJ_MIN(buffer / DIRENT_PLUS_LEAST, PAGE_ENTRIES)
                : DJ_MIN(buffer / DIRENT_LEAST, PAGE_NAMES);
}

static void set_ask(const struct dj_pending *pending, uint64_t cookie, struct dj_bytes after,
                    struct dj_msg_readdir *ask)
{
    bool plus = (pending->note & PLUS) != 0;

    ask->node = pending->handle->node;
    ask->cookie = cookie;
    ask->max = page_size(pending->size, plus);
    ask->flags = plus ? 0 : DJ_READDIR_NAMES;
    ask->caller = pending->caller;
    dj_buf_set(&ask->after, after);
}

static void ask_page(struct dj_pending *pending, uint64_t cookie, struct dj_bytes after)
{
    dj_pending_forget_ask(pending);
    set_ask(pending, cookie, after, &pending->ask.readdir);
    dj_pending_ask(pending, DJ_MSG_READDIR, DJ_MSG_DIRENTS, on_page);
}

/* Behind the first `index` entries of the page at hand. */
static void ask_behind(struct dj_pending *pending, size_t index)
{
    const struct dj_page *page = pending->handle->page;

    if (index == 0)
        ask_page(pending, page->start, dj_buf_bytes(&page->after));
    else
        ask_page(pending, dj_page_cookie(page, index - 1), dj_page_name(page, index - 1));
}

/* The page is at hand; behind a plain one the next is under way. */
static void turn_page(struct dj_pending *pending, struct dj_page *page)
{
    struct dj_handle *handle = pending->handle;
    struct dj_msg_readdir ask = {0};
    size_t n = dj_page_count(page);

    dj_page_free(handle->page);
    handle->page = page;
    dj_page_ahead_leave(handle->ahead);
    if (!dj_page_plain(page) || dj_page_last(page) || (pending->note & (PLUS | SEARCHING)))
        return;
    set_ask(pending, dj_page_cookie(page, n - 1), dj_page_name(page, n - 1), &ask);
    dj_page_ahead_ask(pending->fs, handle, &ask);
}

/* The page behind the one at hand: true when it has come, and is now the one at hand. */
static bool next_page(struct dj_pending *pending)
{
    struct dj_page *page = dj_page_ahead_take(pending->handle);

    if (page != NULL)
        turn_page(pending, page);
    return page != NULL;
}

static void ask_next_page(struct dj_pending *pending)
{
    struct dj_handle *handle = pending->handle;

    if ((pending->note & PLUS) || !dj_page_ahead_adopt(handle, pending, on_page))
        ask_behind(pending, dj_page_count(handle->page));
}

static void search(struct dj_pending *pending)
{
    const struct dj_page *page = pending->handle->page;

    if (!(pending->note & SEARCHING) || page == NULL) {
        if (pending->offset > OWN_ENTRIES)
            pending->note |= SEARCHING;
        ask_page(pending, 0, DJ_BYTES_LIT(""));
    } else if (dj_page_last(page)) {
        fuse_reply_buf(dj_pending_take(pending), NULL, 0);
    } else {
        ask_behind(pending, dj_page_count(page));
    }
}

static void fill(struct dj_pending *pending, size_t index)
{
    struct dj_handle *handle = pending->handle;
    dj_cleanup_free char *data = dj_xmalloc(pending->size);
    struct listing listing = {.req = pending->req, .data = data, .size = pending->size,
                              .plus = (pending->note & PLUS) != 0};
    bool room = add_own(&listing, pending->offset);

    while (room) {
        size_t n = dj_page_count(handle->page);

        for (; index < n && room; index += room)
            room = add_at(pending->fs, &listing, handle->node, handle->page, index);
        if (index < n || dj_page_last(handle->page) || listing.plus || !next_page(pending))
            break;
        index = 0;
    }
    fuse_reply_buf(dj_pending_take(pending), data, listing.used);
}

static void serve(struct dj_pending *pending)
{
    const struct dj_page *page = pending->handle->page;
    uint64_t offset = pending->offset;
    uint64_t cookie = offset > OWN_ENTRIES ? offset - OWN_ENTRIES : 0;
    size_t index = page == NULL ? SIZE_MAX : dj_page_find(page, cookie);
    bool plus = (pending->note & PLUS) != 0;

    if (index == SIZE_MAX) {
        search(pending);
    } else if (index == dj_page_count(page) && !dj_page_last(page)) {
        if (!plus && next_page(pending))
            fill(pending, 0);
        else
            ask_next_page(pending);
    } else if (plus && dj_page_plain(page) && index < dj_page_count(page)) {
        ask_behind(pending, index);
    } else {
        fill(pending, index);
    }
}

static void on_page(struct dj_pending *pending, int code, void *fields)
{
    struct dj_page *page = code < 0 ? NULL : dj_page_new(&pending->ask.readdir, fields);

    if (page == NULL) {
        dj_pending_fail(pending, code < 0 ? code : -EIO);
        return;
    }
    turn_page(pending, page);
    serve(pending);
}

static void list(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *file,
                 uint64_t note)
{
    struct dj_fs *fs = dj_fs_of(req);
    struct dj_pending *pending = dj_pending_new(fs, req);

    pending->handle = dj_handle_of(file->fh);
    pending->size = DJ_MIN(size, BUFFER_MAX);
    pending->offset = (uint64_t)offset;
    pending->note = note;
    dj_fs_caller(fs, req, &pending->caller);
    if (offset == 0) { /* opened, or rewound: what is there now */
        dj_page_free(pending->handle->page);
        pending->handle->page = NULL;
        dj_page_ahead_leave(pending->handle->ahead);
    }
    serve(pending);
}

void dj_op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                   struct fuse_file_info *file)
{
    (void)node;
    list(req, size, offset, file, 0);
}

void dj_op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                       struct fuse_file_info *file)
{
    (void)node;
    list(req, size, offset, file, PLUS);
}
