/* dj log: what a run wrote to stderr, also while it goes on. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/model/exit.h"
#include "lib/model/json.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { LOOK_MS = 100, ABSENT_MAX = 20 };

struct following {
    struct dj_cli *cli;
    struct dj_buf folder;    /* of the run */
    struct dj_file *log;     /* or NULL */
    uint64_t instance;       /* whose log is open, 0: none */
};

/* What is known of the run at this moment, or (within: "/history/2") of an earlier instance; NULL
 * with a sentence. */
static struct dj_json *read_meta(const struct following *following, const char *within,
                                 struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s%s/meta", dj_buf_str(&following->folder), within);
    if (dj_read_text(following->cli, dj_buf_str(&path), &text, err) < 0)
        return NULL;
    return dj_json_read(dj_buf_bytes(&text), err);
}

static bool is_under_way(const struct dj_json *meta)
{
    const struct dj_json *status = dj_json_member(meta, "status");

    return dj_json_is(status, dj_status_name(DJ_QUEUED)) ||
           dj_json_is(status, dj_status_name(DJ_WAITING)) ||
           dj_json_is(status, dj_status_name(DJ_RUNNING));
}

static int read_on(struct following *following, struct dj_err *err)
{
    char piece[8192];
    int64_t n = 0;
    int rc = 0;

    while (rc == 0 && following->log != NULL &&
           (n = dj_file_read(following->log, piece, sizeof(piece))) != 0)
        rc = n < 0 ? dj_said(following->cli, (int)n, err)
                   : dj_write_out(dj_bytes(piece, (size_t)n));
    return rc;
}

/* The log of history/NAME, when its instance came behind the one followed and before this one. */
static int print_between(const struct following *following, const char *name, uint64_t instance,
                         struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf within = DJ_BUF_INIT, path = DJ_BUF_INIT;
    dj_cleanup_json struct dj_json *meta = NULL;
    uint64_t number;

    dj_buf_addf(&within, "/history/%s", name);
    meta = read_meta(following, dj_buf_str(&within), err);
    if (meta == NULL)
        return -err->code;
    number = dj_json_uint(dj_json_member(meta, "instance"));
    if (number <= following->instance || number >= instance)
        return 0;
    dj_buf_addf(&path, "%s%s/log", dj_buf_str(&following->folder), dj_buf_str(&within));
    return dj_print_file(following->cli, dj_buf_str(&path), err);
}

/* Tries that began and failed between two looks. */
static int fill_gap(const struct following *following, uint64_t instance, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_list names = {0};
    int rc;

    dj_buf_addf(&path, "%s/history", dj_buf_str(&following->folder));
    rc = dj_list_names(following->cli, dj_buf_str(&path), &names, err);
    for (size_t i = 0; rc == 0 && i < names.n; i++)
        rc = print_between(following, dj_buf_str(DJ_LIST_AT(&names, struct dj_buf, i)), instance,
                           err);
    dj_bytes_list_release(&names);
    return rc;
}

/* A try that failed has a successor with a log of its own: the old one is read to its end first. */
static int turn_to(struct following *following, uint64_t instance, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int rc;

    if (instance == following->instance)
        return 0;
    rc = read_on(following, err);
    dj_file_close(following->log);
    following->log = NULL;
    if (rc == 0 && following->instance != 0)
        rc = fill_gap(following, instance, err);
    following->instance = 0;
    dj_buf_addf(&path, "%s/log", dj_buf_str(&following->folder));
    if (rc < 0)
        return rc;
    following->log = dj_file_open(following->cli->dj, dj_buf_str(&path), 0);
    if (following->log == NULL)
        return dj_said(following->cli, dj_refused(following->cli), err);
    following->instance = instance;
    return 0;
}

/* How the run ended, as `dj get` would exit. */
static int code_of(const struct dj_json *meta)
{
    const struct dj_json *status = dj_json_member(meta, "status");

    if (dj_json_is(status, dj_status_name(DJ_DONE)) || dj_json_is(status, dj_status_name(DJ_STALE)))
        return DJ_EX_OK;
    if (dj_json_is(status, dj_status_name(DJ_CANCELLED)) ||
        dj_json_is(status, dj_status_name(DJ_LOST)))
        return DJ_EX_AGAIN;
    return dj_json_is(dj_json_member(meta, "ended_by"), dj_exit_word(DJ_EXIT_TIMEOUT))
               ? DJ_EX_TIMEOUT
               : DJ_EX_FAILED;
}

static void say_end(const struct following *following, const struct dj_json *meta, int code)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (code == DJ_EX_OK)
        return;
    dj_json_plain(&text, dj_json_member(meta, "error"));
    if (text.len == 0) {
        dj_buf_addf(&text, "%s is ", dj_buf_str(&following->folder));
        dj_json_plain(&text, dj_json_member(meta, "status"));
    }
    fprintf(stderr, "dj: %s\n", dj_buf_str(&text));
}

/* The run is looked at before its log, so that at its end nothing of the log is missed. */
static int follow(struct following *following, int *ret_code, struct dj_err *err)
{
    int rc = 0, absent = 0;

    for (;;) {
        dj_cleanup_json struct dj_json *meta = read_meta(following, "", err);
        bool goes_on = is_under_way(meta);

        if (meta == NULL)
            return err->code == 0 ? -EIO : -err->code;
        if (dj_json_is(dj_json_member(meta, "status"), dj_status_name(DJ_ABSENT))) {
            /* One that is cancelled has no record for the moment that its end takes. */
            if (following->instance != 0 && absent++ < ABSENT_MAX) {
                dj_pause_ms(LOOK_MS);
                continue;
            }
            return dj_err_set(err, ENOENT, "%s %s, so it has no log",
                              dj_buf_str(&following->folder),
                              following->instance == 0 ? "was never run" : "was deleted");
        }
        rc = turn_to(following, dj_json_uint(dj_json_member(meta, "instance")), err);
        if (rc == 0)
            rc = read_on(following, err);
        if (rc < 0)
            return rc;
        if (!goes_on) {
            *ret_code = code_of(meta);
            say_end(following, meta, *ret_code);
            return 0;
        }
        dj_pause_ms(LOOK_MS);
    }
}

static int print_log(struct dj_cli *cli, const struct dj_buf *folder, const char *instance,
                     struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, status = DJ_BUF_INIT;
    int rc;

    if (instance != NULL) {
        dj_buf_addf(&path, "%s/history/%s/log", dj_buf_str(folder), instance);
        return dj_print_file(cli, dj_buf_str(&path), err);
    }
    dj_buf_addf(&path, "%s/status", dj_buf_str(folder));
    rc = dj_read_text(cli, dj_buf_str(&path), &status, err);
    if (rc == 0 && dj_bytes_is(dj_strip(dj_buf_bytes(&status)), dj_status_name(DJ_ABSENT)))
        return dj_err_set(err, ENOENT, "%s was never run, so it has no log", dj_buf_str(folder));
    dj_buf_clear(&path);
    dj_buf_addf(&path, "%s/log", dj_buf_str(folder));
    return rc < 0 ? rc : dj_print_file(cli, dj_buf_str(&path), err);
}

static int log_options(int argc, char **argv, bool *ret_follow, const char **ret_instance)
{
    static const struct option longs[] = {
        {"follow", no_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    uint64_t number;
    int option;

    while ((option = getopt_long(argc, argv, "+:fn:", longs, NULL)) != -1) {
        if (option == 'f')
            *ret_follow = true;
        else if (option == 'n')
            *ret_instance = optarg;
        else
            return dj_bad_option(argv, option);
    }
    if (*ret_instance != NULL &&
        (dj_parse_uint(dj_bytes_of(*ret_instance), &number, NULL) < 0 || number == 0)) {
        fprintf(stderr, "dj: log: -n %s is not the number of an instance, as in `dj ls RUN/history`"
                        "\n", *ret_instance);
        return DJ_EX_USAGE;
    }
    if (*ret_follow && *ret_instance != NULL) {
        fputs("dj: log: an earlier instance has ended, so -f and -n exclude each other\n", stderr);
        return DJ_EX_USAGE;
    }
    return optind == argc ? dj_usage("log") : DJ_EX_OK;
}

int dj_cmd_log(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct following following = {.cli = cli};
    const char *instance = NULL;
    bool follows = false;
    int rc, code = log_options(argc, argv, &follows, &instance);

    if (code != DJ_EX_OK)
        return code;
    rc = dj_run_folder(cli, argc - optind, argv + optind, &following.folder, &err);
    if (rc == 0)
        rc = follows ? follow(&following, &code, &err)
                     : print_log(cli, &following.folder, instance, &err);
    dj_file_close(following.log);
    dj_buf_release(&following.folder);
    return rc < 0 ? dj_fail(rc, &err) : code;
}
