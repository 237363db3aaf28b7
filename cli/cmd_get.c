/* dj get, run, path: calls by task and arguments. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/model/launch.h"
#include "lib/model/session.h"
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

static void add_words(struct dj_list *words, const char *text)
{
    dj_buf_adds(&((struct dj_part_word *)dj_list_add(words, sizeof(struct dj_part_word)))->bytes,
                text);
}

static int check_launch(const char *command, const char *launch)
{
    dj_cleanup_launch struct dj_launch parsed = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_launch_parse(dj_bytes_of(launch), &parsed, &err);

    if (rc == 0)
        return DJ_EX_OK;
    fprintf(stderr, "dj: %s: --launch %s: %s\n", command, launch, dj_err_text(&err, rc));
    return DJ_EX_USAGE;
}

static int check_session(const char *command, const char *session)
{
    dj_cleanup_session_spec struct dj_session_spec spec = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_session_parse(dj_bytes_of(session), &spec, &err);

    if (rc == 0)
        return DJ_EX_OK;
    fprintf(stderr, "dj: %s: --session %s: %s\n", command, session, dj_err_text(&err, rc));
    return DJ_EX_USAGE;
}

static int check_options(const char *command, const struct dj_get_options *options)
{
    if ((options->flags & DJ_GET_FORCE) != 0 && (options->flags & DJ_GET_CACHED) != 0)
        fprintf(stderr, "dj: %s: --force computes and --cached never does\n", command);
    else if (options->ignore.n != 0 && options->keep.n != 0)
        fprintf(stderr, "dj: %s: --ignore and --keep exclude each other\n", command);
    else if (!options->has_list && (options->ignore.n != 0 || options->keep.n != 0))
        fprintf(stderr, "dj: %s: a memo has no parameters that could be left out of account\n",
                command);
    else
        return DJ_EX_OK;
    return DJ_EX_USAGE;
}

void dj_get_options_release(struct dj_get_options *options)
{
    struct dj_msg_get words = {.ignore = options->ignore, .keep = options->keep};

    dj_codec_release(dj_message_layout(DJ_MSG_GET), &words);
}

int dj_get_options(int argc, char **argv, struct dj_get_options *options)
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
    const char *shorts = options->has_list ? "+:f:" : "+:";
    int option;

    while ((option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (option == 'f')
            options->list = optarg;
        else if (option == FORCE)
            options->flags |= DJ_GET_FORCE;
        else if (option == INCOGNITO)
            options->flags |= DJ_GET_INCOGNITO;
        else if (option == CACHED)
            options->flags |= DJ_GET_CACHED;
        else if (option == IGNORE || option == KEEP)
            add_words(option == IGNORE ? &options->ignore : &options->keep, optarg);
        else if (option == LAUNCH && check_launch(argv[0], optarg) != DJ_EX_OK)
            return DJ_EX_USAGE;
        else if (option == LAUNCH)
            options->launch = optarg;
        else if (option == SESSION && check_session(argv[0], optarg) != DJ_EX_OK)
            return DJ_EX_USAGE;
        else if (option == SESSION)
            options->session = optarg;
        else if (option != TIMEOUT)
            return dj_bad_option(argv, option);
        else if (dj_parse_duration(dj_bytes_of(optarg), &options->timeout_ms, &err) < 0)
            return dj_fail(-EINVAL, &err);
    }
    return check_options(argv[0], options);
}

int dj_cmd_get(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_get_options options = {.has_list = true};
    struct dj_msg_get message = {0};
    int code = dj_get_options(argc, argv, &options);

    if (code == DJ_EX_OK && (optind == argc) != (options.list != NULL))
        code = dj_usage("get");
    else if (code == DJ_EX_OK && options.list != NULL)
        code = dj_get_list(cli, &options);
    else if (code == DJ_EX_OK) {
        message.flags = options.flags;
        message.timeout_ms = options.timeout_ms;
        message.session = options.session == NULL ? NULL : dj_xstrdup(options.session);
        message.launch = options.launch == NULL ? NULL : dj_xstrdup(options.launch);
        message.ignore = options.ignore;
        message.keep = options.keep;
        options.ignore = options.keep = (struct dj_list){0};
        fill(&message, argc - optind, argv + optind);
        code = get(cli, &message);
    }
    dj_get_options_release(&options);
    return code;
}

static int run_options(int argc, char **argv, const char **ret_launch, const char **ret_session)
{
    static const struct option longs[] = {
        {"launch", required_argument, NULL, LAUNCH},
        {"session", required_argument, NULL, SESSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option != SESSION && option != LAUNCH)
            return dj_bad_option(argv, option);
        if ((option == SESSION ? check_session : check_launch)(argv[0], optarg) != DJ_EX_OK)
            return DJ_EX_USAGE;
        *(option == SESSION ? ret_session : ret_launch) = optarg;
    }
    return DJ_EX_OK;
}

int dj_cmd_run(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_get get = {.flags = DJ_GET_START};
    struct dj_message_in answer;
    const char *launch = NULL, *session = NULL;
    int rc = run_options(argc, argv, &launch, &session);

    if (rc != DJ_EX_OK)
        return rc;
    if (optind == argc)
        return dj_usage("run");
    get.launch = launch == NULL ? NULL : dj_xstrdup(launch);
    get.session = session == NULL ? NULL : dj_xstrdup(session);
    fill(&get, argc - optind, argv + optind);
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
