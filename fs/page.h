/*
 * Pages of a listing: what the daemon says of a folder in one go.
 *
 * Of a plain listing the next page is asked for when one has come, so that the daemon reads while
 * the kernel and the program take what there is. Pages with attributes are not: these may be
 * believed for a second from when they are said, and nobody knows when the program goes on.
 */
#ifndef DJ_FS_PAGE_H
#define DJ_FS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/pending.h"
#include "lib/proto/dirnames.h"
#include "lib/proto/messages.h"

struct dj_fs;
struct dj_handle;

struct dj_page {
    struct dj_msg_dirents got;
    struct dj_dirname *names; /* what got.names has; NULL: it has none */
    size_t n_names;
    uint64_t start;      /* the cookie and the name that it was asked with */
    struct dj_buf after;
};

/* dj_page_new(ask, got): takes the name out of the question, and all out of the answer; NULL: no
 * page is like that. */
struct dj_page *dj_page_new(struct dj_msg_readdir *ask, struct dj_msg_dirents *got);
void dj_page_free(struct dj_page *page); /* NULL is fine */

size_t dj_page_count(const struct dj_page *page);
bool dj_page_last(const struct dj_page *page);
/* It has names, and no attributes. */
bool dj_page_plain(const struct dj_page *page);
uint64_t dj_page_cookie(const struct dj_page *page, size_t index);
/* dj_page_plain_at(page, index): of a plain page. */
const struct dj_dirname *dj_page_plain_at(const struct dj_page *page, size_t index);
struct dj_bytes dj_page_name(const struct dj_page *page, size_t index);
/* dj_page_find(page, cookie): where the entries behind it begin; SIZE_MAX: not in this page. */
size_t dj_page_find(const struct dj_page *page, uint64_t cookie);

/* One that was asked for ahead: handle->ahead until it is used. */
struct dj_page_ahead;

/* dj_page_ahead_ask(fs, handle, ask): sends it; what stands in `ask` is taken over. */
void dj_page_ahead_ask(struct dj_fs *fs, struct dj_handle *handle, struct dj_msg_readdir *ask);

/* dj_page_ahead_take(handle): the page, when it has come; else NULL. */
struct dj_page *dj_page_ahead_take(struct dj_handle *handle);

/* dj_page_ahead_adopt(handle, pending, answer): it becomes the question of that request; false when
 * there is none to come. */
bool dj_page_ahead_adopt(struct dj_handle *handle, struct dj_pending *pending,
                         dj_answer_to *answer);

/* dj_page_ahead_leave(ahead): nobody wants it any more; NULL is fine. */
void dj_page_ahead_leave(struct dj_page_ahead *ahead);

#endif
