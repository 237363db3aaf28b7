/*
 * Making an engine and connecting it: what main.c and dispatch.c need beyond engine.h.
 *
 * new, start (spawns the worker), then messages; stop (the worker is told to end when it is idle);
 * free after the loop has ended. Loop thread only.
 */
#ifndef DJ_DAEMON_ENGINE_OPEN_H
#define DJ_DAEMON_ENGINE_OPEN_H

#include "daemon/engine.h"
#include "daemon/loop.h"
#include "daemon/request.h"
#include "daemon/store.h"

struct dj_engine_options {
    const char *socket;
    const char *worker_program;
    struct dj_engine_limits limits;
    dj_reload_fn *reload; /* NULL: nothing is read anew */
    void *reload_cookie;
};

int dj_engine_new(struct dj_loop *loop, struct dj_store *store,
                  const struct dj_engine_options *options, struct dj_engine **ret,
                  struct dj_err *err) DJ_MUST_CHECK;
void dj_engine_start(struct dj_engine *engine);
void dj_engine_stop(struct dj_engine *engine, bool cancel);
/* dj_engine_forget_asks(): when it has stopped, before the tree ends, whose cookies they have. */
void dj_engine_forget_asks(struct dj_engine *engine);
void dj_engine_free(struct dj_engine *engine);


void dj_engine_set_mount(struct dj_engine *engine, const char *mount);
/* dj_engine_add_mount(), _remove_mount(): the tree can be seen there, from now on or no more. */
void dj_engine_add_mount(struct dj_engine *engine, const char *mount);
void dj_engine_remove_mount(struct dj_engine *engine, const char *mount);
const char *dj_engine_generations(struct dj_engine *engine);
const char *dj_engine_work_dir(struct dj_engine *engine);

/* The run that a token names, 0. */
uint64_t dj_engine_run_of_token(struct dj_engine *engine, struct dj_bytes token);

struct dj_loop *dj_engine_loop(struct dj_engine *engine);
struct dj_frames *dj_engine_frames(struct dj_engine *engine);
/* dj_engine_bind(): words (struct dj_part_word) to arguments of a task; NULL with a code. */
struct dj_task *dj_engine_bind(struct dj_engine *engine, const char *name,
                               const struct dj_list *words, struct dj_args *ret,
                               struct dj_err *err, int *ret_code);
/* dj_engine_resolve(): takes args; files are looked at on a pool thread. */
void dj_engine_resolve(struct dj_engine *engine, struct dj_task *task, struct dj_args *args,
                       const struct dj_asker *asker, dj_resolved_fn *done, void *cookie);

void dj_engine_worker_attach(struct dj_engine *engine, struct dj_peer *peer, const char *place);
void dj_engine_worker_gone(struct dj_engine *engine, struct dj_peer *peer);
void dj_engine_worker_message(struct dj_engine *engine, struct dj_peer *peer,
                              const struct dj_message_in *message);

/* dj_engine_host_attach(): a host came, by its number. dj_engine_speaks(): the instance, when it is
 * a run of that host, else 0. dj_engine_progress(): how far a run says it is; -EACCES: no run. */
void dj_engine_host_attach(struct dj_engine *engine, struct dj_peer *peer, const char *number);
uint64_t dj_engine_speaks(struct dj_engine *engine, const struct dj_peer *peer, uint64_t instance);
int dj_engine_progress(struct dj_engine *engine, uint64_t instance,
                       const struct dj_progress *progress, struct dj_err *err) DJ_MUST_CHECK;

#endif
