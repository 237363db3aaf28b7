/* dj log, events: what is written while runs go on. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/client/tree.h"
#include "lib/model/exit.h"
#include "lib/model/json.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { LOOK_MS = 100, AWAY_MS = 250, ABSENT_MAX = 20 };

static void pause_ms(unsigned ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};

    nanosleep(&pause, NULL);
}

static int print_bytes(void *cookie DJ_UNUSED, struct dj_bytes bytes)
{
    return dj_write_out(bytes);
}

static int gather(void *cookie, struct dj_bytes bytes)
{
    dj_buf_add_bytes(cookie, bytes);
    return 0;
}

/* ---- log ------------------------------------------------------------------------------------- */

struct following {
    struct dj_cli *cli;
    struct dj_buf folder;    /* of the run */
    struct dj_tree_file log;
    uint64_t instance;       /* whose log is open, 0: none */
};

/* What is known of the run at this moment, or (within: "/history/2") of an earlier instance; NULL
 * with a sentence. */
static struct dj_json *read_meta(const struct following *following, const char *within,
                                 struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s%s/meta", dj_buf_str(&following->folder), within);
    if (dj_tree_read(following->cli->connection, dj_buf_str(&path), gather, &text, err) < 0)
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
    if (following->instance == 0)
        return 0;
    return dj_tree_read_on(following->cli->connection, &following->log, print_bytes, NULL, err);
}

static int add_name(void *cookie, const struct dj_part_dirent *entry)
{
    dj_list_add_bytes(cookie, dj_buf_bytes(&entry->name));
    return 0;
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
    return dj_tree_read(following->cli->connection, dj_buf_str(&path), print_bytes, NULL, err);
}

/* Tries that began and failed between two looks. */
static int fill_gap(const struct following *following, uint64_t instance, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_list names = {0};
    int rc;

    dj_buf_addf(&path, "%s/history", dj_buf_str(&following->folder));
    rc = dj_tree_list(following->cli->connection, dj_buf_str(&path), add_name, &names, err);
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
    if (following->instance != 0)
        dj_tree_close(following->cli->connection, &following->log);
    if (rc == 0 && following->instance != 0)
        rc = fill_gap(following, instance, err);
    following->instance = 0;
    dj_buf_addf(&path, "%s/log", dj_buf_str(&following->folder));
    if (rc == 0)
        rc = dj_tree_open(following->cli->connection, dj_buf_str(&path), &following->log, err);
    if (rc == 0)
        following->instance = instance;
    return rc;
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
                pause_ms(LOOK_MS);
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
        pause_ms(LOOK_MS);
    }
}

static int print_log(struct dj_cli *cli, const struct dj_buf *folder, const char *instance,
                     struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, status = DJ_BUF_INIT;
    int rc;

    if (instance != NULL) {
        dj_buf_addf(&path, "%s/history/%s/log", dj_buf_str(folder), instance);
        return dj_tree_read(cli->connection, dj_buf_str(&path), print_bytes, NULL, err);
    }
    dj_buf_addf(&path, "%s/status", dj_buf_str(folder));
    rc = dj_tree_read(cli->connection, dj_buf_str(&path), gather, &status, err);
    if (rc == 0 && dj_bytes_is(dj_strip(dj_buf_bytes(&status)), dj_status_name(DJ_ABSENT)))
        return dj_err_set(err, ENOENT, "%s was never run, so it has no log", dj_buf_str(folder));
    dj_buf_clear(&path);
    dj_buf_addf(&path, "%s/log", dj_buf_str(folder));
    return rc < 0 ? rc
                  : dj_tree_read(cli->connection, dj_buf_str(&path), print_bytes, NULL, err);
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
    dj_buf_release(&following.folder);
    return rc < 0 ? dj_fail(rc, &err) : code;
}

/* ---- events ---------------------------------------------------------------------------------- */

struct events {
    bool json;
    char **tasks;       /* NULL behind the last; none: all */
    struct dj_buf part; /* of a line whose end has not come */
    struct dj_buf last; /* line that was seen, to go on behind it with another daemon */
    bool skips;         /* up to that line */
    uint64_t after_ns;  /* where that line was lost: only what came later */
};

static bool is_wanted(const struct events *events, const struct dj_json *event)
{
    for (char **task = events->tasks; *task != NULL; task++) {
        if (dj_json_is(dj_json_member(event, "task"), *task))
            return true;
    }
    return *events->tasks == NULL;
}

/* Seconds with nine digits behind the point, as the daemon writes them. */
static uint64_t time_of(const struct dj_json *event)
{
    return (uint64_t)(dj_json_number(dj_json_member(event, "time")) * 1e9);
}

static void print_event(const struct dj_json *event)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT, word = DJ_BUF_INIT, run = DJ_BUF_INIT,
                                 text = DJ_BUF_INIT;

    dj_json_plain(&word, dj_json_member(event, "event"));
    dj_json_plain(&run, dj_json_member(event, "task"));
    dj_buf_addc(&run, '/');
    dj_json_plain(&run, dj_json_member(event, "run"));
    dj_json_plain(&text, dj_json_member(event, "text"));
    dj_people_time(&line, time_of(event));
    dj_buf_addf(&line, "  %-11s ", dj_buf_str(&word));
    dj_add_escaped(&line, dj_buf_bytes(&run));
    dj_buf_adds(&line, text.len == 0 ? "" : "  ");
    dj_add_escaped(&line, dj_buf_bytes(&text));
    dj_buf_addc(&line, '\n');
    (void)!dj_write_out(dj_buf_bytes(&line));
}

static int take_line(struct events *events, struct dj_bytes line)
{
    dj_cleanup_json struct dj_json *event = NULL;
    int rc = 0;

    if (events->skips) {
        events->skips = !dj_bytes_equal(line, dj_buf_bytes(&events->last));
        return 0;
    }
    event = dj_json_read(line, NULL);
    if (event == NULL || time_of(event) <= events->after_ns)
        return 0;
    dj_buf_set(&events->last, line);
    if (!is_wanted(events, event))
        return 0;
    if (events->json) {
        rc = dj_write_out(line);
        rc = rc < 0 ? rc : dj_write_out(DJ_BYTES_LIT("\n"));
    } else {
        print_event(event);
    }
    return rc;
}

static int take_bytes(void *cookie, struct dj_bytes bytes)
{
    struct events *events = cookie;
    const uint8_t *newline;
    size_t used = 0;
    int rc = 0;

    dj_buf_add_bytes(&events->part, bytes);
    while (rc == 0 && used < events->part.len &&
           (newline = memchr(events->part.data + used, '\n', events->part.len - used)) != NULL) {
        size_t end = (size_t)(newline - events->part.data);

        rc = take_line(events, dj_bytes(events->part.data + used, end - used));
        used = end + 1;
    }
    dj_buf_consume(&events->part, used);
    return rc;
}

/* Whether the daemon still has the line that was seen last: what is behind it is new. */
static int has_last(struct dj_cli *cli, const struct events *events, bool *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_bytes rest, line;
    int rc = dj_tree_read(cli->connection, "events", gather, &text, err);

    rest = dj_buf_bytes(&text);
    *ret = false;
    while (rc == 0 && !*ret && dj_next_line(&rest, &line))
        *ret = dj_bytes_equal(line, dj_buf_bytes(&events->last));
    return rc;
}

/* From the start of the log, or behind the last line that was seen, for as long as it lasts. */
static int read_events(struct dj_cli *cli, struct events *events, bool follow, struct dj_err *err)
{
    struct dj_tree_file file;
    int rc = 0;

    events->after_ns = 0;
    if (events->last.len != 0)
        rc = has_last(cli, events, &events->skips, err);
    if (events->last.len != 0 && !events->skips) { /* a crash of the machine, or much happened */
        dj_cleanup_json struct dj_json *last = dj_json_read(dj_buf_bytes(&events->last), NULL);

        events->after_ns = time_of(last);
    }
    if (rc == 0)
        rc = dj_tree_open(cli->connection, "events", &file, err);
    while (rc == 0) {
        rc = dj_tree_read_on(cli->connection, &file, take_bytes, events, err);
        if (rc < 0 || !follow)
            break;
        pause_ms(LOOK_MS);
    }
    return rc;
}

/* A daemon that goes away is waited for, and said so once. */
static int come_back(struct dj_cli *cli, bool *said)
{
    dj_connection_free(cli->connection);
    cli->connection = NULL;
    if (!*said)
        fputs("dj: the daemon is away; events go on when one runs again\n", stderr);
    *said = true;
    pause_ms(AWAY_MS);
    return dj_connect(cli, false, NULL);
}

static int follow_events(struct dj_cli *cli, struct events *events, struct dj_err *err)
{
    bool said = false;
    int rc;

    for (;;) {
        dj_err_release(err);
        rc = read_events(cli, events, true, err);
        if (rc != -ENOTCONN)
            return rc;
        dj_buf_clear(&events->part);
        while ((rc = come_back(cli, &said)) == -ENOTCONN || rc == -ETIME)
            continue;
        if (rc < 0)
            return rc;
        said = false;
    }
}

int dj_cmd_events(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'},
        {"follow", no_argument, NULL, 'f'},
        {NULL, 0, NULL, 0},
    };
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct events events = {.json = false};
    bool follows = false;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:f", longs, NULL)) != -1) {
        if (option == 'j')
            events.json = true;
        else if (option == 'f')
            follows = true;
        else
            return dj_bad_option(argv, option);
    }
    events.tasks = argv + optind;
    rc = dj_connect(cli, false, &err);
    if (rc == 0)
        rc = follows ? follow_events(cli, &events, &err) : read_events(cli, &events, false, &err);
    dj_buf_release(&events.part);
    dj_buf_release(&events.last);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
