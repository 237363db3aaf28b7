/*
 * Listings. The daemon gives a page of entries behind a cookie and a name; the kernel asks for what
 * fits in its buffer and names its place by an offset, which is the cookie plus two ("." and ".."
 * are ours). The last page stays with the handle, so one page serves several requests. An offset
 * that is not in it (seekdir) is found again by reading pages from the start.
 */
#include <errno.h>
#include <stdlib.h>

#include "fs/attr.h"
#include "fs/clock.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/ops.h"
#include "lib/util/mem.h"

#define OWN_ENTRIES 2
#define PAGE_ENTRIES 512
#define BUFFER_MAX (1U << 20)
#define UNKNOWN_INO 0xffffffff

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

static struct dj_part_dirent *entry_at(const struct dj_handle *handle, size_t index)
{
    return DJ_LIST_AT(&handle->page.entries, struct dj_part_dirent, index);
}

/* Where in the page the entries behind the cookie begin; SIZE_MAX: not in this page. */
static size_t find(const struct dj_handle *handle, uint64_t cookie)
{
    if (!handle->page_valid)
        return SIZE_MAX;
    if (handle->page_start == cookie)
        return 0;
    for (size_t i = 0; i < handle->page.entries.n; i++) {
        if (entry_at(handle, i)->cookie == cookie)
            return i + 1;
    }
    return SIZE_MAX;
}

static void on_page(struct dj_pending *pending, int code, void *fields);

static void ask_page(struct dj_pending *pending, uint64_t cookie, struct dj_bytes after)
{
    struct dj_msg_readdir *ask = &pending->ask.readdir;

    dj_pending_forget_ask(pending);
    ask->node = pending->handle->node;
    ask->cookie = cookie;
    ask->max = PAGE_ENTRIES;
    ask->caller = pending->caller;
    dj_buf_set(&ask->after, after);
    dj_pending_ask(pending, DJ_MSG_READDIR, DJ_MSG_DIRENTS, on_page);
}

static void ask_next_page(struct dj_pending *pending)
{
    const struct dj_handle *handle = pending->handle;
    const struct dj_part_dirent *last = entry_at(handle, handle->page.entries.n - 1);

    ask_page(pending, last->cookie, dj_buf_bytes(&last->name));
}

static void reply(struct dj_pending *pending, struct listing *listing)
{
    fuse_reply_buf(dj_pending_take(pending), listing->data, listing->used);
}

static void serve(struct dj_pending *pending)
{
    struct dj_handle *handle = pending->handle;
    dj_cleanup_free char *data = dj_xmalloc(pending->size);
    struct listing listing = {.req = pending->req, .data = data, .size = pending->size,
                              .plus = (pending->note & PLUS) != 0};
    uint64_t offset = pending->offset;
    uint64_t cookie = offset > OWN_ENTRIES ? offset - OWN_ENTRIES : 0;
    size_t n = handle->page.entries.n;
    size_t index = find(handle, cookie);
    bool last = handle->page_valid && (handle->page.end || n == 0);

    if (index == SIZE_MAX) {
        if (last && (pending->note & SEARCHING)) {
            reply(pending, &listing);
        } else if (pending->note & SEARCHING) {
            ask_next_page(pending);
        } else {
            pending->note |= SEARCHING;
            ask_page(pending, 0, DJ_BYTES_LIT(""));
        }
        return;
    }
    if (index == n && !last) {
        ask_next_page(pending);
        return;
    }
    if (add_own(&listing, offset)) {
        while (index < n &&
               add_entry(pending->fs, &listing, handle->node, entry_at(handle, index)))
            index++;
    }
    reply(pending, &listing);
}

static void on_page(struct dj_pending *pending, int code, void *fields)
{
    struct dj_handle *handle = pending->handle;
    struct dj_msg_dirents *page = fields;

    if (code < 0) {
        dj_pending_fail(pending, code);
        return;
    }
    dj_codec_release(dj_message_layout(DJ_MSG_DIRENTS), &handle->page);
    handle->page = *page;
    *page = (struct dj_msg_dirents){0};
    handle->page_start = pending->ask.readdir.cookie;
    handle->page_valid = true;
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
    if (offset == 0) /* opened, or rewound: what is there now */
        pending->handle->page_valid = false;
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
