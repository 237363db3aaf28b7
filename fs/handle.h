/*
 * What stands behind an open descriptor (fi->fh): where reads come from and what djd is owed.
 *
 * A handle of the daemon belongs to one epoch of the connection. When the daemon was restarted, a
 * handle that was only read is opened anew at its next use; one that was written to is the middle
 * of a dialogue that is lost, and says EIO.
 */
#ifndef DJ_FS_HANDLE_H
#define DJ_FS_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/answers.h"

struct dj_fs;

struct dj_handle {
    uint64_t node;
    uint64_t remote;          /* the daemon's handle, 0: reads are by node */
    unsigned epoch;           /* that remote belongs to */
    uint64_t open_flags;      /* DJ_OPEN_* that opened it */
    bool held;                /* counted in fs->holds */
    bool unheld;              /* of an instance, but counted in fs->unheld */
    bool written;
    struct dj_answer *answer; /* content at hand, or NULL */

    struct dj_page *page;      /* of a folder: the entries that were read last, or NULL */
    struct dj_page_ahead *ahead; /* the page behind it, asked for already, or NULL */

    struct dj_handle *prev, *next; /* in fs->handles */
};

/* dj_handle_new(fs, node, open_flags): of nothing yet; dj_handle_opened() fills it. */
struct dj_handle *dj_handle_new(struct dj_fs *fs, uint64_t node, uint64_t open_flags);

/* dj_handle_opened(fs, handle, opened): takes over what the daemon answered, now or anew. */
void dj_handle_opened(struct dj_fs *fs, struct dj_handle *handle, struct dj_msg_opened *opened);

/* dj_handle_from(fs, handle, answer): an open that was answered from the table. */
void dj_handle_from(struct dj_fs *fs, struct dj_handle *handle, struct dj_answer *answer);

/*
 * dj_handle_store(fs, handle): gives the kernel the content that is at hand, so that it need not
 * ask for it; before the open is answered, and for a node that the kernel may cache.
 *
 * The kernel locks the pages that it asks for, and storing waits for that lock. So nothing is
 * stored while anybody else has the node open: then no READ of it can be under way.
 */
void dj_handle_store(struct dj_fs *fs, const struct dj_handle *handle);

/* dj_handle_lost(fs, handle): its remote is of an older epoch. */
bool dj_handle_lost(const struct dj_fs *fs, const struct dj_handle *handle);

/* dj_handle_free(fs, handle): tells the daemon what it is owed. */
void dj_handle_free(struct dj_fs *fs, struct dj_handle *handle);

static inline struct dj_handle *dj_handle_of(uint64_t fh)
{
    return (struct dj_handle *)(uintptr_t)fh;
}

#endif
