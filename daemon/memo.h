/*
 * Memos: commands without a definition, as runs of a task that nobody has to define.
 *
 * The task has the name `memo` and two parameters: the words of the command, and the path of the
 * folder that it runs in. It is defined when the first memo is asked for. Two things set its runs
 * apart from others: the whole environment of who asks is handed to the command (and is no part of
 * the key), and a command that ended by itself is done whatever its exit code.
 *
 * The folder that a run works in is private and used again by others, so its path says nothing: a
 * memo that a run asks for from there has an empty path, and runs in a private folder of its own.
 *
 * Loop thread only. Functions without the prefix are the engine's own.
 */
#ifndef DJ_DAEMON_MEMO_H
#define DJ_DAEMON_MEMO_H

#include "daemon/engine.h"
#include "lib/model/template.h"

struct run;

bool dj_memo_is_name(struct dj_bytes name);
/* dj_memo_is(call): not so for one of a task that somebody defined before the name was taken. */
bool dj_memo_is(const struct dj_call *call);
bool dj_memo_is_task(const struct dj_task *task);

/* dj_memo_task(engine, env, ret, err): the task, made when it is not there. env: of who asks;
 * HOME USER LANG TZ PATH are kept for runs that are computed by somebody who has none. */
int dj_memo_task(struct dj_engine *engine, const struct dj_list *env, struct dj_task **ret,
                 struct dj_err *err) DJ_MUST_CHECK;

/* dj_memo_bind(engine, task, words, asker, ret, err): the arguments; every word is the command's
 * (struct dj_part_word), the folder is asker->cwd. */
int dj_memo_bind(struct dj_engine *engine, const struct dj_task *task, const struct dj_list *words,
                 const struct dj_asker *asker, struct dj_args *ret,
                 struct dj_err *err) DJ_MUST_CHECK;

/* memo_take_env(run, env): for a run of the task only; env may be NULL. */
void memo_take_env(struct run *run, const struct dj_list *env);
void memo_forget_env(struct run *run);
/* memo_expand(run, ret, ret_cwd): what is executed, and where; ret_cwd NULL: a private folder. */
void memo_expand(const struct run *run, struct dj_expansion *ret, char **ret_cwd);
/* memo_explain(sentence, run): why there is no result. */
void memo_explain(struct dj_buf *sentence, const struct run *run);

/* dj_memo_exit(rec): what a shell would have given: the exit code, 128 and the signal, 126 and 127
 * for what could not be started. */
unsigned dj_memo_exit(const struct dj_rec_instance *rec);

#endif
