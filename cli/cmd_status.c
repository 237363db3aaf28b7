/* dj status, tasks: the daemon at a glance, and its tasks. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/task_list.h"
#include "lib/model/json.h"
#include "lib/util/str.h"

/* ---- the daemon ------------------------------------------------------------------------------ */

/* What stands behind a word at the start of a line of the tree's `status`; empty: not there. */
static struct dj_bytes fact(const struct dj_buf *status, const char *word)
{
    struct dj_bytes rest = dj_buf_bytes(status), line;
    size_t len = strlen(word);

    while (dj_next_line(&rest, &line)) {
        if (dj_bytes_starts(line, dj_bytes_of(word)) && line.len > len && line.data[len] == ' ')
            return dj_bytes_from(line, len + 1);
    }
    return dj_bytes("", 0);
}

static uint64_t number(const struct dj_buf *status, const char *word)
{
    uint64_t value = 0;

    (void)!dj_parse_uint(fact(status, word), &value, NULL);
    return value;
}

static bool is_paused(const struct dj_buf *status)
{
    return dj_bytes_is(fact(status, "paused"), "yes");
}

static void add_line(struct dj_table *table, const char *name, const struct dj_buf *text)
{
    dj_table_row(table);
    dj_table_text(table, dj_bytes_of(name));
    dj_table_text(table, dj_buf_bytes(text));
}

static const char *or_none(const char *text)
{
    return text == NULL || text[0] == '\0' ? "none" : text;
}

static int show_daemon(struct dj_cli *cli, const struct dj_buf *status, struct dj_err *err)
{
    static const struct dj_column columns[] = {{"", "name", false}, {"", "value", false}};
    dj_cleanup_table struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t quota = number(status, "quota");

    dj_buf_addf(&text, "%" PRIu64 " of %" PRIu64 " busy%s", number(status, "busy"),
                number(status, "workers"), is_paused(status) ? ", paused" : "");
    add_line(table, "workers", &text);
    dj_buf_clear(&text);
    dj_buf_addf(&text, "%" PRIu64 " queued, %" PRIu64 " waiting", number(status, "queued"),
                number(status, "waiting"));
    add_line(table, "queue", &text);
    dj_buf_clear(&text);
    dj_print_duration(&text, number(status, "uptime") * 1000);
    add_line(table, "uptime", &text);
    dj_buf_clear(&text);
    dj_buf_addf(&text, "%s (%" PRIu64 " results and failures, ", dj_daemon_store(cli->dj),
                number(status, "runs"));
    dj_people_size(&text, number(status, "bytes"));
    dj_buf_addc(&text, ')');
    add_line(table, "store", &text);
    dj_buf_clear(&text);
    if (quota != 0)
        dj_people_size(&text, number(status, "stored"));
    dj_buf_adds(&text, quota != 0 ? " of " : "none");
    if (quota != 0)
        dj_people_size(&text, quota);
    add_line(table, "quota", &text);
    dj_buf_clear(&text);
    dj_buf_adds(&text, or_none(dj_daemon_mount(cli->dj)));
    add_line(table, "mount", &text);
    dj_buf_clear(&text);
    dj_buf_addf(&text, "%s, pid %" PRId64, dj_daemon_program(cli->dj), dj_daemon_pid(cli->dj));
    add_line(table, "daemon", &text);
    return dj_table_show(table, false, err);
}

static void json_text(struct dj_buf *buf, const char *name, const char *text)
{
    dj_buf_addf(buf, "\"%s\": ", name);
    if (text == NULL || text[0] == '\0')
        dj_buf_adds(buf, "null");
    else
        dj_json_string(buf, dj_bytes_of(text));
    dj_buf_adds(buf, ", ");
}

static void json_daemon(struct dj_buf *buf, struct dj_cli *cli, const struct dj_buf *status)
{
    static const char *const numbers[] = {"workers", "busy",   "queued", "waiting",
                                          "runs",    "bytes",  "uptime", "stored", "quota"};

    json_text(buf, "daemon", dj_daemon_program(cli->dj));
    dj_buf_addf(buf, "\"pid\": %" PRId64 ", ", dj_daemon_pid(cli->dj));
    json_text(buf, "store", dj_daemon_store(cli->dj));
    json_text(buf, "mount", dj_daemon_mount(cli->dj));
    dj_buf_addf(buf, "\"paused\": %s, ", is_paused(status) ? "true" : "false");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(numbers); i++) {
        dj_buf_addf(buf, "\"%s\": ", numbers[i]);
        if (fact(status, numbers[i]).len == 0)
            dj_buf_adds(buf, "null, ");
        else
            dj_buf_addf(buf, "%" PRIu64 ", ", number(status, numbers[i]));
    }
}

/* ---- runs by task and state ------------------------------------------------------------------ */

static const struct dj_column columns[] = {
    {"TASK", "task", false},          {"QUEUED", "queued", true},
    {"WAITING", "waiting", true},     {"RUNNING", "running", true},
    {"DONE", "done", true},           {"FAILED", "failed", true},
    {"CANCELLED", "cancelled", true}, {"LOST", "lost", true},
    {"STALE", "stale", true},         {"EVICTED", "evicted", true},
    {"RUNS", "runs", true},
};

/* Always shown; the others only when some run is in them. */
static bool is_usual(enum dj_status status)
{
    return status == DJ_RUNNING || status == DJ_DONE || status == DJ_FAILED;
}

static const char *colour_of(enum dj_status status)
{
    switch (status) {
    case DJ_RUNNING:
        return "green";
    case DJ_FAILED:
    case DJ_LOST:
        return "red";
    case DJ_STALE:
    case DJ_CANCELLED:
        return "yellow";
    default:
        return NULL;
    }
}

static void add_counts(struct dj_table *table, struct dj_bytes name, const uint64_t *counts)
{
    uint64_t sum = 0;

    dj_table_row(table);
    dj_table_text(table, name);
    for (int i = DJ_ABSENT + 1; i < DJ_STATUS_COUNT; i++) {
        dj_table_number(table, counts[i]);
        if (counts[i] != 0)
            dj_table_colour(table, colour_of((enum dj_status)i));
        sum += counts[i];
    }
    dj_table_number(table, sum);
}

/* total: a row of its own at the end; JSON's readers add up by themselves. */
static struct dj_table *table_of(const struct dj_task_list *list, bool total)
{
    struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
    uint64_t sums[DJ_STATUS_COUNT] = {0}, counts[DJ_STATUS_COUNT];

    for (size_t i = 0; i < list->tasks.n; i++) {
        const struct dj_task_row *task = dj_task_list_at(list, i);

        for (int status = 0; status < DJ_STATUS_COUNT; status++) {
            counts[status] = dj_task_count(task, (enum dj_status)status);
            sums[status] += counts[status];
        }
        add_counts(table, dj_bytes_of(task->name), counts);
    }
    if (total && list->tasks.n > 1)
        add_counts(table, DJ_BYTES_LIT("in all"), sums);
    for (int status = DJ_ABSENT + 1; status < DJ_STATUS_COUNT; status++) {
        if (sums[status] == 0 && !is_usual((enum dj_status)status))
            dj_table_without(table, dj_status_name((enum dj_status)status));
    }
    return table;
}

static int show_status(struct dj_cli *cli, const struct dj_buf *status, bool with_daemon,
                       const struct dj_task_list *list, struct dj_err *err)
{
    dj_cleanup_table struct dj_table *table = table_of(list, true);
    int rc = with_daemon ? show_daemon(cli, status, err) : 0;

    if (rc == 0 && with_daemon && list->tasks.n != 0)
        rc = dj_write_out(DJ_BYTES_LIT("\n"));
    return rc < 0 ? rc : dj_table_show(table, true, err);
}

static int json_status(struct dj_cli *cli, const struct dj_buf *status, bool with_daemon,
                       const struct dj_task_list *list)
{
    dj_cleanup_table struct dj_table *table = table_of(list, false);
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;

    dj_buf_addc(&out, '{');
    if (with_daemon)
        json_daemon(&out, cli, status);
    dj_buf_adds(&out, "\"tasks\": ");
    dj_table_json(&out, table);
    dj_buf_adds(&out, "}\n");
    return dj_write_out(dj_buf_bytes(&out));
}

int dj_json_option(int argc, char **argv, bool *ret_json)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option != 'j')
            return dj_bad_option(argv, option);
        *ret_json = true;
    }
    return DJ_EX_OK;
}

int dj_cmd_status(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf status = DJ_BUF_INIT;
    dj_cleanup_tasks struct dj_task_list list = {0};
    bool json = false, with_daemon;
    int rc = dj_json_option(argc, argv, &json);

    if (rc != DJ_EX_OK)
        return rc;
    with_daemon = optind == argc;
    rc = dj_task_list_get(cli, argc - optind, argv + optind, &list, &err);
    if (rc == 0)
        rc = dj_read_text(cli, "status", &status, &err);
    if (rc == 0)
        rc = json ? json_status(cli, &status, with_daemon, &list)
                  : show_status(cli, &status, with_daemon, &list, &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static void add_or_none(struct dj_table *table, const char *text)
{
    if (text == NULL || text[0] == '\0')
        dj_table_none(table);
    else
        dj_table_text(table, dj_bytes_of(text));
}

static void add_task(struct dj_table *table, const struct dj_task_row *task)
{
    struct dj_bytes help = dj_bytes_of(task->help), line = {NULL, 0};

    dj_table_row(table);
    dj_table_text(table, dj_bytes_of(task->name));
    add_or_none(table, task->params);
    add_or_none(table, task->version);
    dj_table_number(table, dj_task_count_all(task));
    dj_table_text(table, dj_bytes_of(task->here));
    if (help.len == 0) {
        dj_table_none(table);
    } else {
        dj_cleanup_buf struct dj_buf json = DJ_BUF_INIT;

        (void)dj_next_line(&help, &line); /* the table has the first */
        dj_json_string(&json, dj_bytes_of(task->help));
        dj_table_cell(table, line, dj_buf_bytes(&json));
    }
}

int dj_cmd_tasks(struct dj_cli *cli, int argc, char **argv)
{
    static const struct dj_column of_tasks[] = {
        {"TASK", "task", false}, {"PARAMS", "params", false},      {"VERSION", "version", false},
        {"RUNS", "runs", true},  {"DEFINED IN", "folder", false}, {"HELP", "help", false},
    };
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_table struct dj_table *table = dj_table_new(of_tasks, DJ_ARRAY_SIZE(of_tasks));
    dj_cleanup_tasks struct dj_task_list list = {0};
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;
    bool json = false;
    int rc = dj_json_option(argc, argv, &json);

    if (rc != DJ_EX_OK)
        return rc;
    rc = dj_task_list_get(cli, argc - optind, argv + optind, &list, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    for (size_t i = 0; i < list.tasks.n; i++)
        add_task(table, dj_task_list_at(&list, i));
    if (json) {
        dj_table_json(&out, table);
        dj_buf_addc(&out, '\n');
        rc = dj_write_out(dj_buf_bytes(&out));
    } else {
        rc = dj_table_show(table, true, &err);
    }
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
