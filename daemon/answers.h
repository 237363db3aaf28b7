/*
 * Answers: results that groups of calls were given, kept in memory by the very words of the call.
 *
 * A sweep that is made again asks for what was just answered. Then nothing has to be read, bound
 * and hashed: the answer stands as long as nothing happened to a call of the same bucket
 * (generations.h), no task was defined, and the program of its run is what it was. Kept is only
 * what nothing else can change (dj_basis_of()), without a note and with a small content.
 *
 * At most max_bytes are held; those that were asked for last stay. Loop thread.
 */
#ifndef DJ_DAEMON_ANSWERS_H
#define DJ_DAEMON_ANSWERS_H

#include "daemon/engine.h"
#include "lib/proto/messages.h"

struct dj_answers;

struct dj_answer {
    struct dj_basis basis;
    struct dj_bytes run; /* tasks/TASK/NAME */
    struct dj_bytes content;
};

struct dj_answers *dj_answers_new(size_t max_bytes);
void dj_answers_free(struct dj_answers *answers);

/* dj_answers_find(answers, task, named, words, ret): of the task with that number, words are struct
 * dj_part_word, or named: one of them, the name of the run. What ret points to is valid until the
 * next call of these functions; the answer is one only if dj_basis_holds(). */
bool dj_answers_find(struct dj_answers *answers, uint32_t task, bool named,
                     const struct dj_list *words, struct dj_answer *ret);

/* dj_answers_keep(answers, task, named, words, answer): copied, in the place of an earlier one. */
void dj_answers_keep(struct dj_answers *answers, uint32_t task, bool named,
                     const struct dj_list *words, const struct dj_answer *answer);

#endif
