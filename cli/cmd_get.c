/* dj get, run, path: calls by task and arguments. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/swept.h"
#include "lib/model/launch.h"
#include "lib/model/session.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* A request for a task with its arguments, or for a run by its path; NULL with a sentence. */
static struct dj_request *request_of(struct dj_cli *cli, int argc, char **argv,
                                     struct dj_err *err)
{
    struct dj_request *request = dj_request_get(cli->dj, argv[0]);

    if (request == NULL) {
        (void)dj_said(cli, dj_refused(cli), err);
        return NULL;
    }
    for (int i = 1; i < argc; i++) {
        int rc = dj_said(cli, dj_request_add_word(request, argv[i]), err);

        if (rc < 0) {
            dj_request_free(request);
            return NULL;
        }
    }
    return request;
}

static int print(struct dj_request *request, struct dj_shown *shown, int rc, struct dj_err *err)
{
    if (dj_request_is_over(request)) {
        int log = dj_show_rest(request, shown, rc == 0 ? err : NULL);

        rc = rc == 0 ? log : rc;
    }
    /* The result begins a line where both go to the same terminal. */
    if (shown->in_line && isatty(STDOUT_FILENO))
        dj_show_log(shown, DJ_BYTES_LIT("\n"));
    return rc < 0 ? rc : dj_print_result(request, err);
}

int dj_get_one(struct dj_cli *cli, struct dj_get_options *options, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_request *request = NULL;
    struct dj_shown shown = {0};
    bool shows = dj_shows_log(cli);
    int rc = dj_connect(cli, true, &err);

    options->flags |= shows ? DJ_FOLLOWED : 0;
    if (rc == 0) {
        request = request_of(cli, argc, argv, &err);
        rc = request == NULL ? -err.code : dj_said(cli, dj_set_options(request, options), &err);
    }
    if (rc == 0) {
        rc = dj_wait_for(cli, request, options->timeout_ms, shows ? &shown : NULL, &err);
        rc = print(request, &shown, rc, &err);
    }
    dj_request_free(request);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

enum { FORCE = 256, INCOGNITO, CACHED, TIMEOUT, IGNORE, KEEP, LAUNCH, SESSION };

int dj_check_launch(const char *text, struct dj_err *err)
{
    dj_cleanup_launch struct dj_launch launch = {0};
    int rc = dj_launch_parse(dj_bytes_of(text), &launch, err);

    return rc < 0 ? dj_err_prefix(err, rc, "--launch %s", text) : 0;
}

int dj_check_session(const char *text, struct dj_err *err)
{
    dj_cleanup_session_spec struct dj_session_spec spec = {0};
    int rc = dj_session_parse(dj_bytes_of(text), &spec, err);

    return rc < 0 ? dj_err_prefix(err, rc, "--session %s", text) : 0;
}

/* How a call is made beyond what it is of. 1: taken; 0: no such option. */
static int take_manner(const char *command, int option, struct dj_get_options *options)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (option != LAUNCH && option != SESSION)
        return 0;
    *(option == LAUNCH ? &options->launch : &options->session) = optarg;
    rc = option == LAUNCH ? dj_check_launch(optarg, &err) : dj_check_session(optarg, &err);
    if (rc == 0)
        return 1;
    fprintf(stderr, "dj: %s: %s\n", command, dj_err_text(&err, rc));
    return -EINVAL;
}

static int check_options(const char *command, const struct dj_get_options *options)
{
    if ((options->flags & DJ_FORCE) != 0 && (options->flags & DJ_CACHED) != 0)
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
    dj_bytes_list_release(&options->ignore);
    dj_bytes_list_release(&options->keep);
}

int dj_set_options(struct dj_request *request, const struct dj_get_options *options)
{
    int rc = dj_request_set_flags(request, (unsigned)options->flags);

    if (rc == 0 && options->session != NULL)
        rc = dj_request_set_session(request, options->session);
    if (rc == 0 && options->launch != NULL)
        rc = dj_request_set_launch(request, options->launch);
    for (size_t i = 0; rc == 0 && i < options->ignore.n; i++)
        rc = dj_request_ignore(request, dj_buf_str(DJ_LIST_AT(&options->ignore, struct dj_buf, i)));
    for (size_t i = 0; rc == 0 && i < options->keep.n; i++)
        rc = dj_request_keep(request, dj_buf_str(DJ_LIST_AT(&options->keep, struct dj_buf, i)));
    return rc;
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
    int option, taken;

    while ((option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (option == 'f')
            options->list = optarg;
        else if (option == FORCE)
            options->flags |= DJ_FORCE;
        else if (option == INCOGNITO)
            options->flags |= DJ_INCOGNITO;
        else if (option == CACHED)
            options->flags |= DJ_CACHED;
        else if (option == IGNORE || option == KEEP)
            dj_list_add_bytes(option == IGNORE ? &options->ignore : &options->keep,
                              dj_bytes_of(optarg));
        else if ((taken = take_manner(argv[0], option, options)) < 0)
            return DJ_EX_USAGE;
        else if (taken > 0)
            continue;
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
    int code = dj_get_options(argc, argv, &options);

    if (code == DJ_EX_OK && (optind == argc) != (options.list != NULL))
        code = dj_usage("get");
    else if (code == DJ_EX_OK && options.list != NULL)
        code = dj_get_list(cli, &options);
    else if (code == DJ_EX_OK && dj_swept_may_be(argc - optind, argv + optind))
        code = dj_get_sweep(cli, &options, argc - optind, argv + optind);
    else if (code == DJ_EX_OK)
        code = dj_get_one(cli, &options, argc - optind, argv + optind);
    dj_get_options_release(&options);
    return code;
}

static int run_options(int argc, char **argv, struct dj_get_options *options)
{
    static const struct option longs[] = {
        {"launch", required_argument, NULL, LAUNCH},
        {"session", required_argument, NULL, SESSION},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        int taken = take_manner(argv[0], option, options);

        if (taken == 0)
            return dj_bad_option(argv, option);
        if (taken < 0)
            return DJ_EX_USAGE;
    }
    return DJ_EX_OK;
}

static int start_one(struct dj_cli *cli, const struct dj_get_options *options, int argc,
                     char **argv, struct dj_err *err)
{
    struct dj_request *request = request_of(cli, argc, argv, err);
    int rc = request == NULL ? -err->code : dj_said(cli, dj_set_options(request, options), err);

    if (rc == 0)
        rc = dj_said(cli, dj_perform(request), err);
    dj_request_free(request);
    return rc;
}

int dj_run_one(struct dj_cli *cli, const struct dj_get_options *options, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_connect(cli, true, &err);

    if (rc == 0)
        rc = start_one(cli, options, argc, argv, &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

int dj_cmd_run(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_get_options options = {.flags = DJ_START};
    int rc = run_options(argc, argv, &options);

    if (rc != DJ_EX_OK)
        return rc;
    if (optind == argc)
        return dj_usage("run");
    argc -= optind;
    argv += optind;
    return dj_swept_may_be(argc, argv) ? dj_run_sweep(cli, &options, argc, argv)
                                       : dj_run_one(cli, &options, argc, argv);
}

int dj_cmd_path(struct dj_cli *cli, int argc, char **argv)
{
    if (argc < 2)
        return dj_usage("path");
    return dj_swept_may_be(argc - 1, argv + 1) ? dj_path_sweep(cli, argc - 1, argv + 1)
                                        : dj_path_one(cli, argc - 1, argv + 1);
}

int dj_path_one(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *path = NULL;
    int rc = dj_connect(cli, true, &err);

    if (rc == 0)
        rc = dj_said(cli, dj_path(cli->dj, argv[0], argc - 1, (const char *const *)argv + 1, &path),
                     &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    puts(path);
    return DJ_EX_OK;
}
