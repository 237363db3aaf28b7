/* dj events: what happened to runs, also while it happens. */
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

enum { LOOK_MS = 100, AWAY_MS = 250, PIECE = 64 * 1024 };

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

static int take_bytes(struct events *events, struct dj_bytes bytes)
{
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
    int rc = dj_read_text(cli, "events", &text, err);

    rest = dj_buf_bytes(&text);
    *ret = false;
    while (rc == 0 && !*ret && dj_next_line(&rest, &line))
        *ret = dj_bytes_equal(line, dj_buf_bytes(&events->last));
    return rc;
}

/* Up to the present end. */
static int read_on(struct dj_cli *cli, struct dj_file *file, struct events *events,
                   struct dj_err *err)
{
    dj_cleanup_free char *piece = dj_xmalloc(PIECE);
    int64_t n;
    int rc = 0;

    while (rc == 0 && (n = dj_file_read(file, piece, PIECE)) != 0)
        rc = n < 0 ? dj_said(cli, (int)n, err) : take_bytes(events, dj_bytes(piece, (size_t)n));
    return rc;
}

/* From the start of the log, or behind the last line that was seen, for as long as it lasts. */
static int read_events(struct dj_cli *cli, struct events *events, bool follow, struct dj_err *err)
{
    struct dj_file *file = NULL;
    int rc = 0;

    events->after_ns = 0;
    if (events->last.len != 0)
        rc = has_last(cli, events, &events->skips, err);
    if (events->last.len != 0 && !events->skips) { /* a crash of the machine, or much happened */
        dj_cleanup_json struct dj_json *last = dj_json_read(dj_buf_bytes(&events->last), NULL);

        events->after_ns = time_of(last);
    }
    if (rc == 0) {
        file = dj_file_open(cli->dj, "events", 0);
        rc = file == NULL ? dj_said(cli, dj_refused(cli), err) : 0;
    }
    while (rc == 0) {
        rc = read_on(cli, file, events, err);
        if (rc < 0 || !follow)
            break;
        dj_pause_ms(LOOK_MS);
    }
    dj_file_close(file);
    return rc;
}

/* A daemon that goes away is waited for, and said so once. */
static int come_back(struct dj_cli *cli, bool *said)
{
    dj_cli_disconnect(cli);
    if (!*said)
        fputs("dj: the daemon is away; events go on when one runs again\n", stderr);
    *said = true;
    dj_pause_ms(AWAY_MS);
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
