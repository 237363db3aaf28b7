/*
 * Runs given to the daemon of a connection, and what became of them.
 *
 * A small run goes with its content in one message, and several are under way at once; a large one
 * is asked about first (dj_intake_probe), then its content is sent piece by piece, and then the run
 * itself. dj_intake_drain() waits for all that are under way.
 *
 * What is refused because of the run itself is an error of the function that notices it, which may
 * be a later one: the sentence names the run.
 */
#ifndef DJ_CLI_INTAKE_H
#define DJ_CLI_INTAKE_H

#include "cli/command.h"
#include "lib/model/records.h"

#define DJ_INTAKE_SMALL (256 * 1024) /* bytes of content of a small run, */
#define DJ_INTAKE_FILES 100          /* and its files and folders */

struct dj_intake_counts {
    uint64_t taken;     /* runs that are stored now */
    uint64_t there;     /* that were there before */
    uint64_t same;      /* another run there answers with the same result */
    uint64_t valid;     /* of the taken ones: they are hits */
    uint64_t bytes;     /* of content taken */
    struct dj_list conflicts; /* struct dj_buf: a line each */
    struct dj_list tasks;     /* struct dj_buf: of runs that are not valid (yet), each once */
};

struct dj_intake;

/* from: for meta, where the runs come from. */
struct dj_intake *dj_intake_new(struct dj_connection *connection, const char *from);
/* dj_intake_from(intake, from): from here on. */
void dj_intake_from(struct dj_intake *intake, const char *from);
void dj_intake_free(struct dj_intake *intake);
const struct dj_intake_counts *dj_intake_counts(const struct dj_intake *intake);

/* dj_intake_probe(intake, record, err): 1: the run is wanted; 0: it is there, and counted. */
int dj_intake_probe(struct dj_intake *intake, struct dj_bytes record,
                    struct dj_err *err) DJ_MUST_CHECK;
/* dj_intake_piece(): of content, in order; a whole one may be sent twice. */
int dj_intake_piece(struct dj_intake *intake, const struct dj_rec_content *content,
                    uint64_t offset, struct dj_bytes piece, struct dj_err *err) DJ_MUST_CHECK;
/* dj_intake_take(intake, run, record, contents, err): the run, with content that was not sent
 * (struct dj_buf), which is taken over. */
int dj_intake_take(struct dj_intake *intake, const struct dj_rec_carried *run,
                   struct dj_bytes record, struct dj_list *contents,
                   struct dj_err *err) DJ_MUST_CHECK;
int dj_intake_drain(struct dj_intake *intake, struct dj_err *err) DJ_MUST_CHECK;

/* dj_carried_bytes(instance): of all content of a run. */
uint64_t dj_carried_bytes(const struct dj_rec_instance *instance);

#endif
