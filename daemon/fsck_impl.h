/*
 * The inside of fsck.h, shared by its files: the walk (fsck.c) and the checks of one record each.
 *
 * A check of a record is called with its key and value and says what it found by fsck_found(). It
 * looks the other side up by fsck_get(). With DJ_FSCK_REPAIR set, fsck_put() and fsck_delete() mend
 * what was found last; they are written at the end of the step.
 */
#ifndef DJ_DAEMON_FSCK_IMPL_H
#define DJ_DAEMON_FSCK_IMPL_H

#include <stdatomic.h>

#include "daemon/fsck.h"
#include "daemon/keys.h"
#include "lib/model/records.h"

/* Numbers that were seen, from 1. */
struct fsck_numbers {
    uint8_t *bits;
    size_t cap;
    uint64_t max;
};

struct fsck_manifests;

struct dj_fsck {
    struct dj_store *store;
    uint64_t flags;
    struct dj_fsck_hooks hooks;
    size_t phase;
    struct dj_buf at;      /* where the walk goes on, itself included; empty: at its beginning */
    uint64_t entry;        /* of the manifest of the record there */
    struct dj_list findings;
    uint64_t found;        /* findings in all */
    struct dj_store_batch *fixes;
    uint64_t records, files, bytes; /* looked at */
    struct fsck_numbers premises, sets;
    struct fsck_manifests *manifests;
    bool corrupt;          /* the instance that is looked at is known to be */
    char where[512];
    atomic_bool stopped;
    bool job_done;
    bool live;             /* a daemon has the store, and much of it in memory */
    uint64_t never;        /* a premise that was made, and never holds; 0: none yet */
    bool unclean;          /* files that nobody needs go when the store is opened next */
    /* of the jobs */
    unsigned folder;       /* of the content files, 0 to 255 */
    bool scanned;          /* and what it has is in: */
    struct dj_list names;  /* struct fsck_file, of that folder */
    size_t name;           /* the next of them */
    struct dj_buf strange; /* names that no digest has, each with a newline */
    int code;
    struct dj_store_iter *iter;
    uint64_t counted_runs, counted_bytes;
    uint64_t told_runs, told_bytes;
    bool has_bytes;
};

struct fsck_file {
    struct dj_digest digest;
    bool hashed, differs;
    int code;
};

/* What became of a record that was looked at: what a check returns. */
enum fsck_done { FSCK_DONE, FSCK_AGAIN /* it is large: again, with fsck->entry moved on */ };

typedef int fsck_check_fn(struct dj_fsck *fsck, struct dj_bytes key, struct dj_bytes value);

/* fsck.c */
void fsck_found(struct dj_fsck *fsck, const char *kind, const char *where, const char *format, ...)
    DJ_PRINTF(4, 5);
const char *fsck_where(struct dj_fsck *fsck, const char *format, ...) DJ_PRINTF(2, 3);
/* fsck_at_run(): "instance 12 of tasks/t/5"; fsck_at_call(): "call 7, tasks/t/5". */
const char *fsck_at_run(struct dj_fsck *fsck, uint64_t instance, uint64_t call);
const char *fsck_at_call(struct dj_fsck *fsck, const struct dj_rec_call *call);
/* fsck_at_key(): for what cannot be named otherwise. */
const char *fsck_at_key(struct dj_fsck *fsck, struct dj_bytes key);
/* fsck_get(): 0, -ENOENT; what cannot be read is a finding and -EUCLEAN. ret may be NULL. */
int fsck_get(struct dj_fsck *fsck, const struct dj_buf *key, struct dj_buf *ret);
bool fsck_has(struct dj_fsck *fsck, const struct dj_buf *key);
/* fsck_any(): some key has the prefix. */
bool fsck_any(struct dj_fsck *fsck, struct dj_bytes prefix);
void fsck_put(struct dj_fsck *fsck, const struct dj_buf *key, struct dj_bytes value);
void fsck_delete(struct dj_fsck *fsck, struct dj_bytes key);
/* fsck_delete_alone(): no daemon may know of it. */
void fsck_delete_alone(struct dj_fsck *fsck, struct dj_bytes key);
void fsck_put_alone(struct dj_fsck *fsck, const struct dj_buf *key, struct dj_bytes value);
void fsck_write_fixes(struct dj_fsck *fsck);
/* fsck_repaired(): what was found last is mended; what was done, for people. */
void fsck_repaired(struct dj_fsck *fsck, const char *how);
bool fsck_repairs(const struct dj_fsck *fsck);
/* fsck_decode(): false, and a finding, when the record cannot be decoded. */
bool fsck_decode(struct dj_fsck *fsck, const struct dj_layout *layout, struct dj_bytes key,
                 struct dj_bytes value, void *ret);
/* fsck_shape(): false, and a finding, when the key has another length. */
bool fsck_shape(struct dj_fsck *fsck, struct dj_bytes key, size_t len);
/* Records by their number; released by the caller. 0, -ENOENT, -EBADMSG. */
int fsck_load_call(struct dj_fsck *fsck, uint64_t number, struct dj_rec_call *ret);
int fsck_load_instance(struct dj_fsck *fsck, uint64_t number, struct dj_rec_instance *ret);

/* fsck_calls.c */
fsck_check_fn fsck_task, fsck_call, fsck_number, fsck_listed, fsck_deleted;
/* fsck_runs.c */
fsck_check_fn fsck_instance, fsck_dependent, fsck_live, fsck_live_edge, fsck_live_wait,
    fsck_live_files, fsck_lock;
/* fsck_content.c */
fsck_check_fn fsck_content, fsck_reference;
void fsck_manifests_free(struct dj_fsck *fsck);
enum dj_fsck_next fsck_files(struct dj_fsck *fsck);
void fsck_files_work(struct dj_fsck *fsck);
int fsck_file_size(struct dj_fsck *fsck, const struct dj_digest *digest, uint64_t *ret);
int fsck_read_content(struct dj_fsck *fsck, const struct dj_rec_content *content,
                      struct dj_buf *ret);
/* fsck_premises.c */
fsck_check_fn fsck_premise, fsck_set, fsck_version, fsck_input, fsck_seen, fsck_counter;
void fsck_check_above(struct dj_fsck *fsck, const char *name);
/* fsck_closures(): those sets of premises, on which that instance of that call rests, are there. */
void fsck_closures(struct dj_fsck *fsck, uint64_t instance, uint64_t call, const uint64_t *sets,
                   size_t n);
bool fsck_known(struct dj_fsck *fsck, char kind, const struct fsck_numbers *numbers,
                uint64_t number);
void fsck_note(struct fsck_numbers *numbers, uint64_t number);
/* fsck_repair.c: each mends what was found last, when that is asked for. */
void fsck_corrupt_run(struct dj_fsck *fsck, uint64_t call, uint64_t instance,
                      const char *sentence);
void fsck_corrupt_content(struct dj_fsck *fsck, const struct dj_digest *digest, bool file,
                          int code);
void fsck_never_premise(struct dj_fsck *fsck, uint64_t number);
void fsck_never_set(struct dj_fsck *fsck, uint64_t number);
void fsck_remake_task(struct dj_fsck *fsck, uint32_t number);
/* fsck_count.c */
enum dj_fsck_next fsck_count(struct dj_fsck *fsck);
void fsck_count_work(struct dj_fsck *fsck);
enum dj_fsck_next fsck_events(struct dj_fsck *fsck);

#endif
