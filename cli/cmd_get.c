/* dj get, run, path: calls by task and arguments. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* tasks/TASK/NAME: a run by its path in the tree. */
static bool fill_path(struct dj_msg_get *get, const char *path)
{
    const char *task = path + strlen("tasks/"), *slash;

    if (strncmp(path, "tasks/", strlen("tasks/")) != 0)
        return false;
    slash = strchr(task, '/');
    if (slash == NULL)
        return false;
    get->task = dj_xmemdup0(task, (size_t)(slash - task));
    dj_buf_adds(&get->name, slash + 1);
    return true;
}

static void fill(struct dj_msg_get *get, int argc, char **argv)
{
    dj_cleanup_free char *cwd = getcwd(NULL, 0);

    get->cwd = dj_xstrdup(cwd == NULL ? "" : cwd);
    if (argc == 1 && fill_path(get, argv[0]))
        return;
    get->task = dj_xstrdup(argv[0]);
    for (int i = 1; i < argc; i++) {
        struct dj_part_word *word = dj_list_add(&get->words, sizeof(*word));

        dj_buf_adds(&word->bytes, argv[i]);
    }
}

struct getting {
    struct dj_shown shown;
    int code;
};

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct getting *getting = cookie;
    const struct dj_msg_result *result;
    int rc = dj_open_answer(message, &getting->shown, &result, &err);

    /* The result begins a line where both go to the same terminal. */
    if (getting->shown.in_line && isatty(STDOUT_FILENO))
        dj_show_log(&getting->shown, DJ_BYTES_LIT("\n"));
    if (rc == 0 && result->code != 0)
        rc = dj_err_set(&err, (int)result->code, "%s", result->error);
    if (rc == 0)
        rc = dj_print_result(result, &err);
    getting->code = rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

static int get(struct dj_cli *cli, struct dj_msg_get *message)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct getting getting = {.code = DJ_EX_NO_DAEMON};
    bool shows = dj_shows_log(cli);
    int rc = dj_connect(cli, true, &err);

    message->flags |= shows ? DJ_GET_FOLLOW : 0;
    if (rc == 0)
        rc = dj_wait_for(cli, DJ_MSG_GET, message, &message->env, message->timeout_ms,
                         shows ? &getting.shown : NULL, on_answer, &getting);
    dj_codec_release(dj_message_layout(DJ_MSG_GET), message);
    return rc < 0 ? dj_fail(rc, &err) : getting.code;
}

enum { FORCE = 256, INCOGNITO, CACHED, TIMEOUT, IGNORE, KEEP, LAUNCH, SESSION };

/* Options of the design that are still to come. */
static int refuse(const char *command, int option)
{
    const char *const sentences[] = {
        [IGNORE - IGNORE] = "--ignore is not there yet; say `ignore = PARAMETER` in the definition",
        [KEEP - IGNORE] = "--keep is not there yet; say `keep = PARAMETER` in the definition",
        [LAUNCH - IGNORE] = "--launch is not there yet: every run is a process of this machine",
        [SESSION - IGNORE] = "--session is not there yet: there is one session, `default`",
    };

    fprintf(stderr, "dj: %s: %s\n", command, sentences[option - IGNORE]);
    return DJ_EX_USAGE;
}

int dj_get_options(int argc, char **argv, uint64_t *flags, uint64_t *timeout_ms,
                   const char **list)
{
    static const struct option longs[] = {
        {"force", no_argument, NULL, FORCE},
        {"incognito", no_argument, NULL, INCOGNITO},
        {"cached", no_argument, NULL, CACHED},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"ignore", required_argument, NULL, IGNORE},
        {"keep", required_argument, NULL, KEEP},
        {"launch", required_argument, NULL, LAUNCH},
        {"session", required_argument, NULL, SESSION},
        {NULL, 0, NULL, 0},
    };
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int option;

    while ((option = getopt_long(argc, argv, list == NULL ? "+:" : "+:f:", longs, NULL)) != -1) {
        if (option == 'f')
            *list = optarg;
        else if (option == FORCE)
            *flags |= DJ_GET_FORCE;
        else if (option == INCOGNITO)
            *flags |= DJ_GET_INCOGNITO;
        else if (option == CACHED)
            *flags |= DJ_GET_CACHED;
        else if (option >= IGNORE)
            return refuse(argv[0], option);
        else if (option != TIMEOUT)
            return dj_bad_option(argv, option);
        else if (dj_parse_duration(dj_bytes_of(optarg), timeout_ms, &err) < 0)
            return dj_fail(-EINVAL, &err);
    }
    if ((*flags & DJ_GET_FORCE) != 0 && (*flags & DJ_GET_CACHED) != 0) {
        fprintf(stderr, "dj: %s: --force computes and --cached never does\n", argv[0]);
        return DJ_EX_USAGE;
    }
    return DJ_EX_OK;
}

int dj_cmd_get(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_msg_get message = {0};
    const char *list = NULL;
    int code = dj_get_options(argc, argv, &message.flags, &message.timeout_ms, &list);

    if (code != DJ_EX_OK)
        return code;
    if ((optind == argc) != (list != NULL))
        return dj_usage("get");
    if (list != NULL)
        return dj_get_list(cli, list, message.flags, message.timeout_ms);
    fill(&message, argc - optind, argv + optind);
    return get(cli, &message);
}

int dj_cmd_run(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_get get = {.flags = DJ_GET_START};
    struct dj_message_in answer;
    int rc;

    if (argc < 2)
        return dj_usage("run");
    fill(&get, argc - 1, argv + 1);
    rc = dj_connect(cli, true, &err);
    if (rc == 0)
        rc = dj_connection_call_env(cli->connection, DJ_MSG_GET, &get, &get.env, DJ_MSG_OK,
                                    &answer, &err);
    dj_codec_release(dj_message_layout(DJ_MSG_GET), &get);
    if (rc < 0)
        return dj_fail(rc, &err);
    dj_message_release(&answer);
    return DJ_EX_OK;
}

int dj_cmd_path(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_path path = {0};
    struct dj_msg_get get = {0};
    struct dj_message_in answer;
    int rc;

    if (argc < 2)
        return dj_usage("path");
    fill(&get, argc - 1, argv + 1);
    path.task = get.task;
    path.words = get.words;
    path.cwd = get.cwd;
    rc = dj_connect(cli, true, &err);
    if (rc == 0)
        rc = dj_connection_call_env(cli->connection, DJ_MSG_PATH, &path, &path.env, DJ_MSG_OK,
                                    &answer, &err);
    dj_codec_release(dj_message_layout(DJ_MSG_PATH), &path);
    if (rc < 0)
        return dj_fail(rc, &err);
    puts(((struct dj_msg_ok *)answer.fields)->text);
    dj_message_release(&answer);
    return DJ_EX_OK;
}
