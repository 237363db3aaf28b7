/*
 * Taking in what a run left: its result, its log and its files, from its slot into the store.
 *
 * dj_ingest_work() runs on a pool thread, or on the loop when it is little, with nothing but the
 * job. Content up to DJ_CONTENT_INLINE_MAX becomes puts in the job's batch (which the loop writes
 * together with the record); larger content is linked into the content folder. Files of up to
 * DJ_INGEST_HERE bytes of result and log stand in the record itself.
 *
 * Until the record is written the slot stays as the run left it, so a daemon that is killed before
 * is followed by one that does all of it again. dj_ingest_written() is called then, before the slot
 * is given back and before anybody reads.
 */
#ifndef DJ_DAEMON_INGEST_H
#define DJ_DAEMON_INGEST_H

#include "daemon/store.h"
#include "lib/model/records.h"

#define DJ_INGEST_HERE 4096
#define DJ_INGEST_TAIL 4096

struct dj_ingest {
    struct dj_store *store;
    char *slot_dir;
    char *result_file;     /* NULL: stdout; else a path below the working directory */
    bool keep_result;      /* it ended well */
    bool no_result;        /* and left no file where its result was to be */
    bool has_files;
    uint64_t result_size;  /* as the worker saw them when all had ended; */
    uint64_t log_size;     /* what is empty is not opened */
    bool here;             /* these two are all that it left, and in no file: */
    struct dj_bytes result, log;
    uint64_t instance;
    struct dj_rec_instance *into; /* result, log, manifest, file_count, file_bytes are set */
    bool nothing_stored;   /* small content stays in the record, since the batch is not written */
    struct dj_store_batch *batch;
    struct dj_list claims; /* struct dj_digest: adopted; see dj_content_adopt() */
    struct dj_list fresh;  /* struct dj_digest: these bytes, and none that were there before */
    struct dj_list sources; /* char *: the files that were adopted */
    struct dj_buf tail;    /* the end of the log, at most DJ_INGEST_TAIL bytes */
    int code;              /* 0 or -errno */
    struct dj_err err;
};

void dj_ingest_work(void *ingest);
void dj_ingest_written(struct dj_ingest *ingest);
void dj_ingest_release(struct dj_ingest *ingest);

#endif
