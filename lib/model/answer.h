/*
 * What goes between djfs and a program that stays: a JSON line for each call, and one back.
 *
 *   {"task":"t","name":"5","run":"TOKEN","args":{"n":5},"env":{"LANG":"C"}}
 *
 * name is the run's name below tasks/TASK, run the value for DJ_RUN of what it starts, args all
 * arguments as DJ_ARGS has them, env the variables of the caller that are part of the key. The
 * program answers with "run", as it was given, and one of
 *
 *   {"result": VALUE}           a string: just these characters; any other value: its JSON, as it
 *                               was written, and a newline
 *   {"result_base64": "…"}      bytes
 *   {"result_file": "NAME"}     a file that it left in its working directory
 *   {"error": "SENTENCE"}       it failed; "exit": N may say how, 1 to 255
 *
 * Pure.
 */
#ifndef DJ_MODEL_ANSWER_H
#define DJ_MODEL_ANSWER_H

#include <stdbool.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

struct dj_answer {
    struct dj_buf result; /* or the sentence, or the name of the file */
    bool failed;
    bool is_file;
    unsigned exit;
    struct dj_buf run; /* the call that it answers; empty: it does not say */
};

/* dj_answer_parse(line, ret, err): -EINVAL for what is none. ret is released in either case. */
int dj_answer_parse(struct dj_bytes line, struct dj_answer *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_answer_release(struct dj_answer *answer);

#endif
