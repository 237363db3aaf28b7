/*
 * What the files of stored frames share.
 */
#ifndef DJ_DAEMON_FRAMES_IMPL_H
#define DJ_DAEMON_FRAMES_IMPL_H

#include "daemon/calling.h"
#include "daemon/engine_open.h"
#include "daemon/frames.h"
#include "daemon/loop.h"
#include "daemon/request.h"
#include "lib/model/row_text.h"

enum frame_state { FRAME_FILLING, FRAME_RUNNING, FRAME_ENDED, FRAME_CANCELLED, FRAME_STOPPED };

/* Rows that are written, with the file that is being written to. */
struct frame_output {
    struct dj_frame_file *results, *table;
    struct dj_row_writer writer; /* of the table */
    uint64_t ended, failed;
};

struct frame_row;

struct dj_frame {
    struct dj_frames *frames;
    struct dj_frame *next;       /* by name */
    char *name;
    char *dir;
    enum frame_state state;
    bool retrying;               /* the output is *.next */
    bool syncing;                /* a job looks at its files: it is freed behind that */
    bool doomed;                 /* deleted, or the daemon ends */
    char *why;                   /* FRAME_STOPPED */
    uint64_t rows;
    uint64_t changed_ns;
    struct dj_row columns;       /* of all rows: names only */
    struct dj_message_in head;   /* FRAME; its fields are `ask` */
    const struct dj_msg_frame *ask;
    int rows_fd;                 /* while it is handed over, and while it runs */
    struct frame_output out;     /* what is shown, but for a retry */
    struct frame_output again;   /* of a retry */

    /* While it runs: */
    struct dj_calling_plan plan;
    uint64_t read_at;            /* in the file of rows */
    struct dj_buf in;            /* read from it */
    struct dj_message_in group;  /* ROWS, of which `taken` are taken */
    size_t taken;
    uint64_t asked;              /* rows that were taken */
    struct frame_row *first, **end;
    size_t in_memory;
    size_t held, largest;        /* bytes of results */
    uint64_t passed;             /* rows that an earlier daemon has written */
    bool planned;
    struct dj_buf results_text, table_text; /* to be written at the end of the turn */
    struct dj_row row, answer;
    int old_fd;                  /* a retry: results.jsonl as it was */
    struct dj_row_reader old_reader;
    struct dj_buf old_in;
    size_t old_used;
    bool old_end;

    struct dj_peer *filler;      /* who hands it over */
    struct dj_request *ending;   /* that brought the last row */
    struct dj_list waiters;      /* struct dj_request * */
};

struct dj_frames {
    struct dj_engine *engine;
    char *dir;
    bool running; /* between start and stop */
    struct dj_frame *first;
};

/* ---- frame_files.c ---- */

/* frame_open_output(frame, next, ret, err): opens, or makes, results and table. What is there is
 * counted, a row that is not whole cut off, and the table written anew. */
int frame_open_output(struct dj_frame *frame, bool next, struct frame_output *ret,
                      struct dj_err *err) DJ_MUST_CHECK;
void frame_output_release(struct frame_output *output);
int frame_remove_output(struct dj_frame *frame);
/* frame_replace_output(frame): *.next becomes what is shown. */
int frame_replace_output(struct dj_frame *frame, struct dj_err *err) DJ_MUST_CHECK;

/* frame_keep_output(frame): opens what is complete, and was counted. */
int frame_keep_output(struct dj_frame *frame, struct dj_err *err) DJ_MUST_CHECK;

int frame_save_state(struct dj_frame *frame, struct dj_err *err) DJ_MUST_CHECK;
/* frame_load(frames, name): NULL when it is no whole frame; that is removed. */
struct dj_frame *frame_load(struct dj_frames *frames, const char *name);
void frame_path(const struct dj_frame *frame, const char *file, struct dj_buf *ret);

/* ---- frame_runs.c ---- */

void frame_go_on(struct dj_frame *frame);  /* plans to take more rows */
void frame_leave(struct dj_frame *frame);  /* gives up what is under way */
void frame_stopped(struct dj_frame *frame, const char *why);

/* ---- frames.c ---- */

struct dj_frame *frame_new(struct dj_frames *frames, const char *name);
void frame_free(struct dj_frame *frame);
void frame_answer_waiters(struct dj_frame *frame);
/* frame_sync(frame, then): then() behind a sync of its files. */
void frame_sync(struct dj_frame *frame, void (*then)(struct dj_frame *frame, int code));

#endif
