/*
 * The texts of the tree's small files. Each appends to buf and ends in a newline.
 *
 * man/dj-tree.5 describes the formats; programs read them, so lines and members are only added.
 */
#ifndef DJ_DAEMON_RENDER_H
#define DJ_DAEMON_RENDER_H

#include "daemon/engine.h"
#include "lib/util/buf.h"

void dj_render_readme(struct dj_buf *buf, struct dj_engine *engine);
void dj_render_status(struct dj_buf *buf, struct dj_engine *engine); /* the root's */

void dj_render_definition(struct dj_buf *buf, const struct dj_task *task);
void dj_render_version(struct dj_buf *buf, const struct dj_task *task);
void dj_render_task_status(struct dj_buf *buf, struct dj_engine *engine, struct dj_task *task);

void dj_render_run_status(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call);
/* dj_render_error(): why the newest try gave no result; nothing while one is under way. */
void dj_render_error(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call);
/* dj_render_progress(): of that ended instance; 0: of the run under way. */
void dj_render_progress(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call,
                        uint64_t instance);
void dj_render_why(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call);

/* dj_render_ended(): meta of one ended instance by itself: nothing in it ever changes. */
void dj_render_ended(struct dj_buf *buf, struct dj_call *call,
                     const struct dj_rec_instance *record);
/* dj_render_meta(…, instance): of the call as a whole and of this ended instance, 0: none. */
void dj_render_meta(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call,
                    uint64_t instance);

#endif
