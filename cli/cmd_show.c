/* dj show: all about one run, or one task, on a screen. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "cli/task_list.h"
#include "lib/model/json.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { SHOWN_MAX = 8 }; /* runs of deps and dependents; the rest is counted */

static const struct dj_column columns[] = {{"", "name", false}, {"", "value", false}};

static void add(struct dj_table *table, const char *name, struct dj_bytes value)
{
    if (value.len == 0)
        return;
    dj_table_row(table);
    dj_table_text(table, dj_bytes_of(name));
    dj_table_text(table, value);
}

/* ---- the facts of a run ---------------------------------------------------------------------- */

struct facts {
    struct dj_buf path;   /* tasks/TASK/NAME */
    struct dj_buf status;
    struct dj_buf why;
    struct dj_buf error;
    struct dj_buf progress;
    struct dj_buf args;   /* JSON, as is meta */
    struct dj_buf meta;
    struct dj_list deps;       /* struct dj_buf: TASK/NAME */
    struct dj_list dependents;
    struct dj_list history;    /* numbers of earlier instances */
};

static void facts_release(struct facts *facts)
{
    dj_buf_release(&facts->path);
    dj_buf_release(&facts->status);
    dj_buf_release(&facts->why);
    dj_buf_release(&facts->error);
    dj_buf_release(&facts->progress);
    dj_buf_release(&facts->args);
    dj_buf_release(&facts->meta);
    dj_bytes_list_release(&facts->deps);
    dj_bytes_list_release(&facts->dependents);
    dj_bytes_list_release(&facts->history);
}

/* A text of the run without its last newline. */
static int read_text(struct dj_cli *cli, const struct facts *facts, const char *name,
                     struct dj_buf *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int rc;

    dj_buf_addf(&path, "%s/%s", dj_buf_str(&facts->path), name);
    rc = dj_read_text(cli, dj_buf_str(&path), ret, err);
    if (rc == 0 && ret->len > 0 && ret->data[ret->len - 1] == '\n')
        dj_buf_truncate(ret, ret->len - 1);
    return rc;
}

static int list_names(struct dj_cli *cli, const struct facts *facts, const char *folder,
                      struct dj_list *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/%s", dj_buf_str(&facts->path), folder);
    return dj_list_names(cli, dj_buf_str(&path), ret, err);
}

/* The first comma of a link's name ends the task (see deps in dj-tree(5)); one that was too long is
 * shown by its digest, as it is listed. */
static void as_runs(struct dj_list *names)
{
    for (size_t i = 0; i < names->n; i++) {
        struct dj_buf *name = DJ_LIST_AT(names, struct dj_buf, i);
        uint8_t *comma = name->data[0] == '%' ? NULL : memchr(name->data, ',', name->len);

        if (comma != NULL)
            *comma = '/';
    }
}

static int get_facts(struct dj_cli *cli, struct facts *facts, struct dj_err *err)
{
    int rc = read_text(cli, facts, "status", &facts->status, err);

    if (rc == 0)
        rc = read_text(cli, facts, "why", &facts->why, err);
    if (rc == 0)
        rc = read_text(cli, facts, "error", &facts->error, err);
    if (rc == 0)
        rc = read_text(cli, facts, "progress", &facts->progress, err);
    if (rc == 0)
        rc = read_text(cli, facts, "args", &facts->args, err);
    if (rc == 0)
        rc = read_text(cli, facts, "meta", &facts->meta, err);
    if (rc == 0)
        rc = list_names(cli, facts, "deps", &facts->deps, err);
    if (rc == 0)
        rc = list_names(cli, facts, "dependents", &facts->dependents, err);
    if (rc == 0)
        rc = list_names(cli, facts, "history", &facts->history, err);
    as_runs(&facts->deps);
    as_runs(&facts->dependents);
    return rc;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* With a comma behind it: it is never the last. */
static void json_member(struct dj_buf *buf, const char *name, struct dj_bytes value)
{
    dj_buf_addf(buf, "\"%s\": ", name);
    if (value.len == 0)
        dj_buf_adds(buf, "null");
    else
        dj_json_string(buf, value);
    dj_buf_adds(buf, ", ");
}

static void json_list(struct dj_buf *buf, const char *name, const struct dj_list *list)
{
    dj_buf_addf(buf, ", \"%s\": [", name);
    for (size_t i = 0; i < list->n; i++) {
        dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

        dj_buf_adds(&path, "tasks/");
        dj_buf_add_bytes(&path, dj_list_bytes(list, i));
        dj_buf_adds(buf, i == 0 ? "" : ", ");
        dj_json_string(buf, dj_buf_bytes(&path));
    }
    dj_buf_addc(buf, ']');
}

static int json_run(const struct facts *facts)
{
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;

    dj_buf_addc(&out, '{');
    json_member(&out, "run", dj_buf_bytes(&facts->path));
    json_member(&out, "status", dj_buf_bytes(&facts->status));
    json_member(&out, "why", dj_buf_bytes(&facts->why));
    json_member(&out, "error", dj_buf_bytes(&facts->error));
    json_member(&out, "progress", dj_buf_bytes(&facts->progress));
    dj_buf_addf(&out, "\"args\": %s, \"meta\": %s", dj_buf_str(&facts->args),
                dj_buf_str(&facts->meta));
    json_list(&out, "deps", &facts->deps);
    json_list(&out, "dependents", &facts->dependents);
    dj_buf_adds(&out, ", \"history\": [");
    for (size_t i = 0; i < facts->history.n; i++) {
        dj_buf_adds(&out, i == 0 ? "" : ", ");
        dj_buf_add_bytes(&out, dj_list_bytes(&facts->history, i));
    }
    dj_buf_adds(&out, "]}\n");
    return dj_write_out(dj_buf_bytes(&out));
}

/* ---- the screen ------------------------------------------------------------------------------ */

static void add_plain(struct dj_table *table, const char *name, const struct dj_json *value)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_json_plain(&text, value);
    add(table, name, dj_buf_bytes(&text));
}

static void add_argument(void *cookie, const char *name, const struct dj_json *value)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "%s = ", name);
    dj_json_plain(&text, value);
    add(cookie, "argument", dj_buf_bytes(&text));
}

static void add_seconds(struct dj_buf *text, const struct dj_json *meta, const char *name)
{
    dj_people_duration(text, (uint64_t)(dj_json_number(dj_json_member(meta, name)) * 1e9));
}

static void add_costs(struct dj_table *table, const struct dj_json *meta)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (dj_json_member(meta, "seconds") == NULL)
        return;
    add_seconds(&text, meta, "seconds");
    dj_buf_adds(&text, ", cpu ");
    add_seconds(&text, meta, "user_seconds");
    dj_buf_adds(&text, " + ");
    add_seconds(&text, meta, "system_seconds");
    dj_buf_adds(&text, ", memory ");
    dj_people_size(&text, dj_json_uint(dj_json_member(meta, "max_rss_kib")) * 1024);
    add(table, "took", dj_buf_bytes(&text));
}

static void add_end(struct dj_table *table, const struct dj_json *meta)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    const struct dj_json *by = dj_json_member(meta, "ended_by"),
                         *signal = dj_json_member(meta, "signal");

    if (by == NULL)
        return;
    dj_json_plain(&text, by);
    if (dj_json_is(by, "exit")) {
        dj_buf_addc(&text, ' ');
        dj_json_plain(&text, dj_json_member(meta, "code"));
    }
    dj_buf_adds(&text, signal == NULL ? "" : " ");
    dj_json_plain(&text, signal);
    add(table, "ended by", dj_buf_bytes(&text));
}

static void add_content(struct dj_table *table, const char *name, const struct dj_json *content)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    const struct dj_json *count = dj_json_member(content, "count");

    if (content == NULL)
        return;
    if (count != NULL)
        dj_buf_addf(&text, "%" PRIu64 ", ", dj_json_uint(count));
    dj_people_size(&text, dj_json_uint(dj_json_member(content, "size")));
    add(table, name, dj_buf_bytes(&text));
}

/* "2 of 3"; nothing for the first of one. */
static void add_try(struct dj_table *table, const struct dj_json *meta)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (dj_json_member(meta, "tries") == NULL)
        return;
    dj_buf_addf(&text, "%" PRIu64 " of %" PRIu64, dj_json_uint(dj_json_member(meta, "try")),
                dj_json_uint(dj_json_member(meta, "tries")));
    add(table, "try", dj_buf_bytes(&text));
}

static void add_place(struct dj_table *table, const struct dj_json *meta)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (dj_json_member(meta, "host") == NULL)
        return;
    dj_json_plain(&text, dj_json_member(meta, "user"));
    dj_buf_addc(&text, '@');
    dj_json_plain(&text, dj_json_member(meta, "host"));
    add(table, "where", dj_buf_bytes(&text));
    dj_buf_clear(&text);
    if (dj_json_member(meta, "launch") != NULL)
        dj_json_plain(&text, dj_json_member(meta, "launch"));
    if (text.len != 0 && !dj_bytes_is(dj_buf_bytes(&text), "process"))
        add(table, "launched", dj_buf_bytes(&text));
}

static void add_runs(struct dj_table *table, const char *name, const struct dj_list *runs)
{
    for (size_t i = 0; i < runs->n; i++) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        if (i == SHOWN_MAX && runs->n > SHOWN_MAX + 1) {
            dj_buf_addf(&text, "and %zu more", runs->n - i);
            add(table, name, dj_buf_bytes(&text));
            return;
        }
        dj_buf_adds(&text, "tasks/");
        dj_buf_add_bytes(&text, dj_list_bytes(runs, i));
        add(table, name, dj_buf_bytes(&text));
    }
}

static void add_meta(struct dj_table *table, const struct dj_json *meta)
{
    add_plain(table, "version", dj_json_member(meta, "version"));
    add_plain(table, "instance", dj_json_member(meta, "instance"));
    add_try(table, meta);
    add_plain(table, "queued", dj_json_member(meta, "queued"));
    add_plain(table, "position", dj_json_member(meta, "position"));
    add_plain(table, "started", dj_json_member(meta, "started"));
    add_plain(table, "ended", dj_json_member(meta, "ended"));
    add_costs(table, meta);
    add_end(table, meta);
    add_place(table, meta);
    add_content(table, "result", dj_json_member(meta, "result"));
    add_content(table, "log", dj_json_member(meta, "log"));
    add_content(table, "files", dj_json_member(meta, "files"));
}

static int show_run(const struct facts *facts, struct dj_err *err)
{
    dj_cleanup_table struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
    dj_cleanup_json struct dj_json *meta = dj_json_read(dj_buf_bytes(&facts->meta), err);
    dj_cleanup_json struct dj_json *args = NULL;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (meta != NULL)
        args = dj_json_read(dj_buf_bytes(&facts->args), err);
    if (meta == NULL || args == NULL)
        return -EINVAL;
    add(table, "run", dj_buf_bytes(&facts->path));
    add(table, "status", dj_buf_bytes(&facts->status));
    add(table, "why", dj_buf_bytes(&facts->why));
    add(table, "error", dj_buf_bytes(&facts->error));
    add(table, "progress", dj_buf_bytes(&facts->progress));
    dj_json_each(args, add_argument, table);
    add_meta(table, meta);
    if (facts->history.n != 0)
        dj_buf_addf(&text, "%zu earlier", facts->history.n);
    add(table, "history", dj_buf_bytes(&text));
    add_runs(table, "called", &facts->deps);
    add_runs(table, "called by", &facts->dependents);
    return dj_table_show(table, false, err);
}

static int show_words(struct dj_cli *cli, int argc, char **argv, bool json, struct dj_err *err)
{
    struct facts facts = {0};
    int rc = dj_run_folder(cli, argc, argv, &facts.path, err);

    if (rc == 0)
        rc = get_facts(cli, &facts, err);
    if (rc == 0)
        rc = json ? json_run(&facts) : show_run(&facts, err);
    facts_release(&facts);
    return rc;
}

/* ---- a task ---------------------------------------------------------------------------------- */

static void add_states(struct dj_table *table, const struct dj_task_row *task)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    for (int status = DJ_ABSENT + 1; status < DJ_STATUS_COUNT; status++) {
        uint64_t count = dj_task_count(task, (enum dj_status)status);

        if (count != 0)
            dj_buf_addf(&text, "%s%" PRIu64 " %s", text.len == 0 ? "" : ", ", count,
                        dj_status_name((enum dj_status)status));
    }
    add(table, "runs", text.len == 0 ? DJ_BYTES_LIT("none") : dj_buf_bytes(&text));
}

static int show_task(const struct dj_task_row *task, const struct dj_buf *definition,
                     struct dj_err *err)
{
    dj_cleanup_table struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
    dj_cleanup_buf struct dj_buf changed = DJ_BUF_INIT, text = DJ_BUF_INIT;
    int rc;

    dj_people_time(&changed, task->changed_ns);
    add(table, "task", dj_bytes_of(task->name));
    add(table, "version", dj_bytes_of(task->version));
    add(table, "params", dj_bytes_of(task->params));
    add(table, "defined in", dj_bytes_of(task->here));
    add(table, "changed", dj_buf_bytes(&changed));
    add_states(table, task);
    rc = dj_table_show(table, false, err);
    if (rc < 0)
        return rc;
    dj_buf_addc(&text, '\n');
    dj_buf_add_bytes(&text, dj_buf_bytes(definition));
    return dj_write_out(dj_buf_bytes(&text));
}

static int json_task(const struct dj_task_row *task, const struct dj_buf *definition)
{
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;

    dj_buf_addc(&out, '{');
    json_member(&out, "task", dj_bytes_of(task->name));
    json_member(&out, "version", dj_bytes_of(task->version));
    json_member(&out, "params", dj_bytes_of(task->params));
    json_member(&out, "folder", dj_bytes_of(task->here));
    json_member(&out, "help", dj_bytes_of(task->help));
    json_member(&out, "definition", dj_buf_bytes(definition));
    dj_buf_adds(&out, "\"runs\": {");
    for (int status = DJ_ABSENT + 1; status < DJ_STATUS_COUNT; status++)
        dj_buf_addf(&out, "%s\"%s\": %" PRIu64, status == DJ_ABSENT + 1 ? "" : ", ",
                    dj_status_name((enum dj_status)status),
                    dj_task_count(task, (enum dj_status)status));
    dj_buf_adds(&out, "}}\n");
    return dj_write_out(dj_buf_bytes(&out));
}

static int show_name(struct dj_cli *cli, char *name, bool json, struct dj_err *err)
{
    dj_cleanup_tasks struct dj_task_list list = {0};
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, definition = DJ_BUF_INIT;
    int rc = dj_task_list_get(cli, 1, &name, &list, err);

    dj_buf_addf(&path, "tasks/%s/.definition", name);
    if (rc == 0)
        rc = dj_read_text(cli, dj_buf_str(&path), &definition, err);
    if (rc < 0)
        return rc;
    return json ? json_task(dj_task_list_at(&list, 0), &definition)
                : show_task(dj_task_list_at(&list, 0), &definition, err);
}

/* A word alone is a task; its run without arguments is TASK/_. */
int dj_cmd_show(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    bool json = false, task;
    int rc = dj_json_option(argc, argv, &json);

    if (rc != DJ_EX_OK)
        return rc;
    if (optind == argc)
        return dj_usage("show");
    task = argc - optind == 1 && strchr(argv[optind], '/') == NULL;
    rc = task ? show_name(cli, argv[optind], json, &err)
              : show_words(cli, argc - optind, argv + optind, json, &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
