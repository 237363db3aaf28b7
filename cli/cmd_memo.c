/* dj memo: a command without a definition, run once. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct memo {
    struct dj_shown shown;
    int code;
};

/* Its exit code is the command's own; what dj itself has to say has a code of its own. */
static void on_answer(void *cookie, const struct dj_message_in *message)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct memo *memo = cookie;
    const struct dj_msg_result *result;
    int rc = dj_open_answer(message, &memo->shown, &result, &err);

    if (rc == 0 && result->code == 0) {
        rc = dj_print_result(result, &err);
    } else if (rc == 0 && result->exit != 0) {
        rc = dj_print_result(result, &err);
        fprintf(stderr, "dj: %s\n", result->error);
    } else if (rc == 0) {
        rc = dj_err_set(&err, (int)result->code, "%s", result->error);
    }
    memo->code = rc < 0 ? dj_fail(rc, &err) : (int)(result->exit & 0xff);
}

static void fill_env(struct dj_list *env)
{
    for (char **at = environ; *at != NULL; at++) {
        const char *equals = strchr(*at, '=');
        struct dj_part_pair *pair;

        if (equals == NULL || equals == *at)
            continue;
        pair = dj_list_add(env, sizeof(*pair));
        pair->name = dj_xmemdup0(*at, (size_t)(equals - *at));
        dj_buf_adds(&pair->value, equals + 1);
    }
}

static int ask(struct dj_cli *cli, struct dj_msg_memo *message, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct memo memo = {.code = DJ_EX_NO_DAEMON};
    bool shows = dj_shows_log(cli);
    int rc = 0;

    message->cwd = getcwd(NULL, 0);
    if (message->cwd == NULL)
        rc = dj_err_set(&err, EIO, "the folder that this was called in cannot be named: %s",
                        strerror(errno));
    for (; *argv != NULL; argv++)
        dj_buf_adds(&((struct dj_part_word *)dj_list_add(&message->argv,
                                                         sizeof(struct dj_part_word)))->bytes,
                    *argv);
    fill_env(&message->env);
    message->flags |= shows ? DJ_GET_FOLLOW : 0;
    if (rc == 0)
        rc = dj_connect(cli, true, &err);
    if (rc == 0)
        rc = dj_wait_for(cli, DJ_MSG_MEMO, message, &message->env, message->timeout_ms,
                         shows ? &memo.shown : NULL, on_answer, &memo);
    dj_codec_release(dj_message_layout(DJ_MSG_MEMO), message);
    return rc < 0 ? dj_fail(rc, &err) : memo.code;
}

int dj_cmd_memo(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_msg_memo message = {0};
    struct dj_get_options options = {0};
    int code = dj_get_options(argc, argv, &options);

    dj_get_options_release(&options);
    if (code != DJ_EX_OK)
        return code;
    message.flags = options.flags;
    message.timeout_ms = options.timeout_ms;
    if (optind == argc)
        return dj_usage("memo");
    message.session = options.session == NULL ? NULL : dj_xstrdup(options.session);
    message.launch = options.launch == NULL ? NULL : dj_xstrdup(options.launch);
    return ask(cli, &message, argv + optind);
}
