/*
 * Answers to OPEN that may be given again without asking the daemon.
 *
 * An answer is the content of one immutable node: bytes in memory, or a descriptor of the store's
 * file. It is reference counted: every open handle that reads from it has a reference, and so has
 * the table while the answer is in it. The table is an LRU, bounded by the number of answers, their
 * bytes and their descriptors; what falls out of it stays as long as somebody reads from it.
 *
 * djd says with DJ_OPENED_CACHED that an answer may be repeated, and until when: while the
 * generation of its bucket (lib/proto/generations.h) is the one that came with it. A mount that
 * hears of reads alone (bare.h) keeps all: bytes of a node that is no longer current are still the
 * node's.
 */
#ifndef DJ_FS_ANSWERS_H
#define DJ_FS_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/proto/generations.h"
#include "lib/proto/messages.h"

struct dj_answer {
    uint64_t node;
    uint64_t flags;      /* DJ_OPENED_* */
    uint64_t size;
    uint64_t generation;
    uint64_t bucket;
    int fd;              /* -1: the content is in memory */
    struct dj_buf content;
    bool stored;         /* the kernel was given it */
    unsigned refs;
};

/* dj_answer_new(node, opened): takes the content out of `opened`, or opens its path. NULL when
 * djd sent neither, or the file cannot be opened or is of another size: then reads must ask. */
struct dj_answer *dj_answer_new(uint64_t node, struct dj_msg_opened *opened);
struct dj_answer *dj_answer_ref(struct dj_answer *answer);
void dj_answer_unref(struct dj_answer *answer); /* NULL is fine */

struct dj_answer_place;

struct dj_answers {
    const struct dj_generations *generations; /* NULL: nothing can be repeated */
    bool lasting; /* of nodes, whatever is current */
    struct dj_answer_place *table;
    size_t count;
    size_t bytes;
    size_t files;
    size_t max_count;
    size_t max_bytes;
    size_t max_files;
};

void dj_answers_init(struct dj_answers *answers);
/* dj_answers_map(answers, path, err): the generations of a daemon; NULL: none. Forgets all. */
int dj_answers_map(struct dj_answers *answers, const char *path, struct dj_err *err) DJ_MUST_CHECK;
void dj_answers_release(struct dj_answers *answers);

/* dj_answers_add(answers, answer): keeps it when it says DJ_OPENED_CACHED and is not too large. */
void dj_answers_add(struct dj_answers *answers, struct dj_answer *answer);

/* dj_answers_hold(answers, answer): what it says may be said again now. */
bool dj_answers_hold(const struct dj_answers *answers, const struct dj_answer *answer);

/* dj_answers_forget(answers, node): it will not be asked for again soon. */
void dj_answers_forget(struct dj_answers *answers, uint64_t node);

/* dj_answers_get(answers, node): an answer that still holds, borrowed, or NULL. */
struct dj_answer *dj_answers_get(struct dj_answers *answers, uint64_t node);

#endif
