/*
 * The script that stands for COMMAND: one attempt of a run, wherever it is started.
 *
 * It and its marks have a folder of their own in the slot, <slot>/arg/launch-TOKEN, whose name
 * nobody guesses and no later attempt has:
 *
 *     run     the script; when it is taken away the attempt is over, begun or not
 *     job     a script that runs that one, for batch systems that keep a copy of what they get
 *     began   written once, when it begins: "host NAME"
 *     beat    a number that grows every second while the command runs
 *     ended   its exit status, and below it what times(1) says; put there by rename
 *
 * The command's stdin is empty, its result goes to <slot>/out and its log to <slot>/err. What the
 * place where it runs has set in the environment stays, but what the launching program had from the
 * daemon. So nothing of the run stands on a command line or is asked of the network: all that is
 * needed is that the folder of the slot is the same there.
 *
 * Pure: it only writes texts.
 */
#ifndef DJ_MODEL_LAUNCH_SCRIPT_H
#define DJ_MODEL_LAUNCH_SCRIPT_H

#include "lib/model/codec.h"
#include "lib/util/buf.h"

#define DJ_LAUNCH_FOLDER "launch-" /* before the token */

struct dj_launch_script {
    const char *slot;           /* absolute */
    const char *token;
    const char *cwd;            /* absolute */
    const struct dj_list *argv; /* struct dj_buf */
    const struct dj_list *env;  /* struct dj_env: of the run */
    const struct dj_list *had;  /* struct dj_buf: names that the launching program is given */
};

/* dj_launch_folder(buf, slot, token): where the script and its marks are. */
void dj_launch_folder(struct dj_buf *buf, const char *slot, const char *token);

void dj_launch_script_run(struct dj_buf *buf, const struct dj_launch_script *script);
void dj_launch_script_job(struct dj_buf *buf, const struct dj_launch_script *script);

#endif
