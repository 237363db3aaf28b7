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

static int print_result(const struct dj_msg_result *result, struct dj_err *err)
{
    int rc;

    if (result->note != NULL)
        fprintf(stderr, "dj: %s\n", result->note);
    if (!result->has_content)
        return dj_copy_out(result->path, err);
    rc = dj_write_out(dj_buf_bytes(&result->content));
    return rc < 0 ? dj_err_sys(err, -rc, "cannot write") : 0;
}

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

static int ask(struct dj_cli *cli, struct dj_msg_get *get, enum dj_message want)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_message_in answer;
    int rc = dj_connect(cli, true, &err);

    if (rc == 0) {
        dj_interruptible(cli, get->timeout_ms);
        rc = dj_connection_call_env(cli->connection, DJ_MSG_GET, get, &get->env, want, &answer,
                                    &err);
    }
    dj_codec_release(dj_message_layout(DJ_MSG_GET), get);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (want == DJ_MSG_RESULT)
        rc = print_result(answer.fields, &err);
    dj_message_release(&answer);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

int dj_cmd_get(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"force", no_argument, NULL, 'F'},      {"incognito", no_argument, NULL, 'i'},
        {"cached", no_argument, NULL, 'c'},     {"timeout", required_argument, NULL, 't'},
        {"file", required_argument, NULL, 'f'}, {NULL, 0, NULL, 0},
    };
    struct dj_msg_get get = {0};
    const char *list = NULL;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int option;

    while ((option = getopt_long(argc, argv, "+:f:", longs, NULL)) != -1) {
        switch (option) {
        case 'f':
            list = optarg;
            break;
        case 'F':
            get.flags |= DJ_GET_FORCE;
            break;
        case 'i':
            get.flags |= DJ_GET_INCOGNITO;
            break;
        case 'c':
            get.flags |= DJ_GET_CACHED;
            break;
        case 't':
            if (dj_parse_duration(dj_bytes_of(optarg), &get.timeout_ms, &err) < 0)
                return dj_fail(-EINVAL, &err);
            break;
        default:
            return dj_bad_option(argv, option);
        }
    }
    if ((optind == argc) != (list != NULL))
        return dj_usage("get");
    if (list != NULL)
        return dj_get_list(cli, list, get.flags, get.timeout_ms);
    fill(&get, argc - optind, argv + optind);
    return ask(cli, &get, DJ_MSG_RESULT);
}

int dj_cmd_run(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_msg_get get = {.flags = DJ_GET_START};

    if (argc < 2)
        return dj_usage("run");
    fill(&get, argc - 1, argv + 1);
    return ask(cli, &get, DJ_MSG_OK);
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
