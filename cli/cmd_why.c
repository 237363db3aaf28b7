/* dj why, key, impact: what a result rests on, and what would change it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/diff.h"
#include "cli/progress_bar.h"
#include "lib/model/json.h"

/* The text of a file of the run that the words name; ret_folder may be NULL. */
static int read_of(struct dj_cli *cli, int argc, char **argv, const char *file, struct dj_buf *ret,
                   struct dj_buf *ret_folder, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    int rc = dj_run_folder(cli, argc, argv, &path, err);

    if (rc < 0)
        return rc;
    if (ret_folder != NULL)
        dj_buf_set(ret_folder, dj_buf_bytes(&path));
    dj_buf_addf(&path, "/%s", file);
    dj_interruptible(cli, 0);
    return dj_read_text(cli, dj_buf_str(&path), ret, err);
}

static int print_file(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc = read_of(cli, argc - 1, argv + 1, argv[0], &text, NULL, &err);

    if (rc == 0)
        rc = dj_write_out(dj_buf_bytes(&text));
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

int dj_cmd_why(struct dj_cli *cli, int argc, char **argv)
{
    return argc < 2 ? dj_usage("why") : print_file(cli, argc, argv);
}

/* ---- key ---- */

static int compare(struct dj_cli *cli, char **runs)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf old = DJ_BUF_INIT, new = DJ_BUF_INIT;
    dj_cleanup_buf struct dj_buf old_path = DJ_BUF_INIT, new_path = DJ_BUF_INIT;
    int rc = read_of(cli, 1, &runs[0], "key", &old, &old_path, &err);

    if (rc == 0)
        rc = read_of(cli, 1, &runs[1], "key", &new, &new_path, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (dj_bytes_equal(dj_buf_bytes(&old), dj_buf_bytes(&new)))
        return DJ_EX_OK;
    printf("--- %s\n+++ %s\n", dj_buf_str(&old_path), dj_buf_str(&new_path));
    return dj_diff(stdout, dj_buf_bytes(&old), dj_buf_bytes(&new)) ? DJ_EX_FAILED : DJ_EX_OK;
}

int dj_cmd_key(struct dj_cli *cli, int argc, char **argv)
{
    bool paths = argc > 2 && strchr(argv[1], '/') != NULL; /* no task has a slash in its name */

    if (argc < 2 || (paths && argc > 3))
        return dj_usage("key");
    return paths ? compare(cli, argv + 1) : print_file(cli, argc, argv);
}

/* ---- impact ---- */

/* What is kept of the runs, by task and name: struct dj_buf each. */
struct impact {
    const char *task;
    struct dj_list tasks, names;
};

static int look(struct dj_cli *cli, struct impact *impact, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = NULL;
    struct dj_impact *runs;
    int rc = dj_connect(cli, true, err);

    if (rc < 0)
        return rc;
    bar = dj_bar_begin(cli, "looking for runs", 0);
    dj_interruptible(cli, 0);
    runs = dj_impact_open(cli->dj, impact->task);
    if (runs == NULL)
        return dj_said(cli, dj_refused(cli), err);
    while ((rc = dj_interrupt_code() != 0 ? -EINTR : dj_impact_next(runs)) == 1) {
        dj_list_add_bytes(&impact->tasks, dj_bytes_of(dj_impact_task(runs)));
        dj_list_add_bytes(&impact->names, dj_bytes_of(dj_impact_name(runs)));
        dj_bar_set(bar, impact->names.n, 0);
    }
    dj_impact_close(runs);
    return dj_said(cli, rc, err);
}

static const char *task_at(const struct impact *impact, size_t i)
{
    return dj_buf_str(DJ_LIST_AT(&impact->tasks, struct dj_buf, i));
}

/* Where the runs of the task that begins at i end. */
static size_t task_end(const struct impact *impact, size_t i)
{
    size_t end = i;

    while (end < impact->tasks.n && strcmp(task_at(impact, end), task_at(impact, i)) == 0)
        end++;
    return end;
}

static void print_path(struct dj_buf *buf, const struct impact *impact, size_t i)
{
    dj_buf_addf(buf, "tasks/%s/", task_at(impact, i));
    dj_buf_add_bytes(buf, dj_list_bytes(&impact->names, i));
}

static void print_plain(const struct impact *impact, struct dj_buf *buf)
{
    size_t tasks = 0;

    for (size_t i = 0, end; i < impact->names.n; i = end, tasks++) {
        end = task_end(impact, i);
        dj_buf_addf(buf, "%s: %zu run%s\n", task_at(impact, i), end - i,
                    end - i == 1 ? "" : "s");
        for (size_t j = i; j < end; j++) {
            dj_buf_adds(buf, "    ");
            print_path(buf, impact, j);
            dj_buf_addc(buf, '\n');
        }
    }
    dj_buf_addf(buf, "%zu run%s of %zu task%s would be stale\n", impact->names.n,
                impact->names.n == 1 ? "" : "s", tasks, tasks == 1 ? "" : "s");
}

static void print_json(const struct impact *impact, struct dj_buf *buf)
{
    dj_buf_adds(buf, "{\"task\": ");
    dj_json_string(buf, dj_bytes_of(impact->task));
    dj_buf_addf(buf, ", \"runs\": %zu, \"tasks\": [", impact->names.n);
    for (size_t i = 0, end; i < impact->names.n; i = end) {
        end = task_end(impact, i);
        dj_buf_adds(buf, i == 0 ? "{\"task\": " : ", {\"task\": ");
        dj_json_string(buf, dj_bytes_of(task_at(impact, i)));
        dj_buf_addf(buf, ", \"count\": %zu, \"runs\": [", end - i);
        for (size_t j = i; j < end; j++) {
            dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

            print_path(&path, impact, j);
            dj_buf_adds(buf, j == i ? "" : ", ");
            dj_json_string(buf, dj_buf_bytes(&path));
        }
        dj_buf_adds(buf, "]}");
    }
    dj_buf_adds(buf, "]}\n");
}

static void release(struct impact *impact)
{
    dj_bytes_list_release(&impact->tasks);
    dj_bytes_list_release(&impact->names);
}

int dj_cmd_impact(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct impact impact = {0};
    bool json = false;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option != 'j')
            return dj_bad_option(argv, option);
        json = true;
    }
    if (argc - optind != 1)
        return dj_usage("impact");
    impact.task = argv[optind];
    rc = look(cli, &impact, &err);
    if (rc == 0) {
        (json ? print_json : print_plain)(&impact, &text);
        rc = dj_write_out(dj_buf_bytes(&text));
    }
    release(&impact);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
