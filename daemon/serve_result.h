/*
 * The answer to GET and MEMO.
 *
 * A result comes as RESULT, a failure as ERROR. Two kinds of askers get more: of a memo, a command
 * that was ended or could not be started is a RESULT, too, with the exit code that a shell would
 * have given and all it wrote; who follows the log (DJ_GET_FOLLOW) gets, with the result or the
 * failure, the part of it that FOLLOW has not told.
 */
#ifndef DJ_DAEMON_SERVE_RESULT_H
#define DJ_DAEMON_SERVE_RESULT_H

#include "daemon/request.h"

struct dj_answer_form {
    bool memo;
    bool follow;
    uint64_t told; /* bytes of the log */
};

/* dj_answer(request, form, code, instance, sentence): code 0 or a negative errno of dj_want(). */
void dj_answer(struct dj_request *request, const struct dj_answer_form *form, int code,
               uint64_t instance, const char *sentence);

#endif
