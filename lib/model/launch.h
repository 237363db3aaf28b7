/*
 * Launch modes by their words: how a run is started.
 *
 *     process                       a process of its own below the worker: the default
 *     thread                        a C function, called in a host process that stays
 *     resident                      a program that stays, and answers a line for each run
 *     resident runs=1000 rss=2G     which is ended behind so many runs, or when it is so large
 *     direct                        at once, in the worker that the calling run gives up
 *     command WORD...               by another program, such as srun; COMMAND in its words stands
 *                                   for what is to run, see lib/model/launch_template.h
 *     NAME                          one that dj.conf describes in a section [launch NAME]
 *
 * Names are [A-Za-z0-9_][A-Za-z0-9_.-]* of at most 64 bytes, and none of the words above. A struct
 * of zeros is `process`. Pure; owned by whoever initialised it.
 */
#ifndef DJ_MODEL_LAUNCH_H
#define DJ_MODEL_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"
#include "lib/util/buf.h"
#include "lib/util/err.h"

enum dj_launch_mode {
    DJ_LAUNCH_PROCESS,
    DJ_LAUNCH_THREAD,
    DJ_LAUNCH_RESIDENT,
    DJ_LAUNCH_DIRECT,
    DJ_LAUNCH_COMMAND,
    DJ_LAUNCH_NAMED
};

struct dj_launch {
    enum dj_launch_mode mode;
    char *name;            /* NAMED: of dj.conf */
    struct dj_list words;  /* COMMAND: struct dj_buf, the template */
    uint64_t recycle_runs; /* RESIDENT; 0: never */
    uint64_t recycle_rss;  /* bytes; 0: never */
};

/* One of dj.conf. */
struct dj_launch_spec {
    char *name;
    struct dj_launch launch; /* not NAMED */
    char *origin;            /* file:line */
};

/* dj_launch_parse(text, ret, err): -EINVAL with a sentence; ret is empty on failure. */
int dj_launch_parse(struct dj_bytes text, struct dj_launch *ret, struct dj_err *err) DJ_MUST_CHECK;
/* dj_launch_print(buf, launch): reads back as the same. */
void dj_launch_print(struct dj_buf *buf, const struct dj_launch *launch);
/* dj_launch_text(launch): the same, malloc'd; NULL for `process`, which is not worth a record. */
char *dj_launch_text(const struct dj_launch *launch);

void dj_launch_copy(struct dj_launch *ret, const struct dj_launch *launch);
void dj_launch_release(struct dj_launch *launch);
#define dj_cleanup_launch DJ_CLEANUP(dj_launch_release)
void dj_launch_spec_release(struct dj_launch_spec *spec);

/* dj_launch_name_ok(name, err): for one that dj.conf describes. */
int dj_launch_name_ok(struct dj_bytes name, struct dj_err *err) DJ_MUST_CHECK;
/* dj_launch_named(specs, name): struct dj_launch_spec; NULL: there is none. */
const struct dj_launch *dj_launch_named(const struct dj_list *specs, const char *name);

#endif
