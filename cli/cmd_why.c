/* dj why, key, impact: what a result rests on, and what would change it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/diff.h"
#include "cli/progress_bar.h"
#include "lib/client/tree.h"
#include "lib/model/json.h"
#include "lib/util/mem.h"

static int gather(void *cookie, struct dj_bytes bytes)
{
    dj_buf_add_bytes(cookie, bytes);
    return 0;
}

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
    return dj_tree_read(cli->connection, dj_buf_str(&path), gather, ret, err);
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

struct impact {
    struct dj_list runs; /* struct dj_part_impacted, by task and name */
    struct dj_msg_impact ask;
    bool end;
};

/* Takes the runs of a page. */
static void take_page(struct impact *impact, struct dj_msg_impacted_runs *page)
{
    for (size_t i = 0; i < page->runs.n; i++) {
        struct dj_part_impacted *from = DJ_LIST_AT(&page->runs, struct dj_part_impacted, i);

        *(struct dj_part_impacted *)dj_list_add(&impact->runs, sizeof(*from)) = *from;
    }
    page->runs.n = 0;
    impact->end = page->end;
    free(impact->ask.at_task);
    impact->ask.at_task = page->at_task == NULL ? NULL : dj_xstrdup(page->at_task);
    dj_buf_set(&impact->ask.at_name, dj_buf_bytes(&page->at_name));
}

static int look(struct dj_cli *cli, struct impact *impact, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = NULL;
    int rc = dj_connect(cli, true, err);

    if (rc == 0) {
        bar = dj_bar_begin(cli, "looking for runs", 0);
        dj_interruptible(cli, 0);
    }
    while (rc == 0 && !impact->end) {
        struct dj_message_in answer;

        rc = dj_interrupt_code() != 0 ? -EINTR
                                      : dj_connection_call(cli->connection, DJ_MSG_IMPACT,
                                                           &impact->ask, DJ_MSG_IMPACTED, &answer,
                                                           err);
        if (rc < 0)
            break;
        take_page(impact, (struct dj_msg_impacted_runs *)answer.fields);
        dj_bar_set(bar, impact->runs.n, 0);
        dj_message_release(&answer);
    }
    return rc;
}

static const struct dj_part_impacted *run_at(const struct impact *impact, size_t i)
{
    return DJ_LIST_AT(&impact->runs, struct dj_part_impacted, i);
}

/* Where the runs of the task that begins at i end. */
static size_t task_end(const struct impact *impact, size_t i)
{
    size_t end = i;

    while (end < impact->runs.n && strcmp(run_at(impact, end)->task, run_at(impact, i)->task) == 0)
        end++;
    return end;
}

static void print_path(struct dj_buf *buf, const struct dj_part_impacted *run)
{
    dj_buf_addf(buf, "tasks/%s/", run->task);
    dj_buf_add_bytes(buf, dj_buf_bytes(&run->name));
}

static void print_plain(const struct impact *impact, struct dj_buf *buf)
{
    size_t tasks = 0;

    for (size_t i = 0, end; i < impact->runs.n; i = end, tasks++) {
        end = task_end(impact, i);
        dj_buf_addf(buf, "%s: %zu run%s\n", run_at(impact, i)->task, end - i,
                    end - i == 1 ? "" : "s");
        for (size_t j = i; j < end; j++) {
            dj_buf_adds(buf, "    ");
            print_path(buf, run_at(impact, j));
            dj_buf_addc(buf, '\n');
        }
    }
    dj_buf_addf(buf, "%zu run%s of %zu task%s would be stale\n", impact->runs.n,
                impact->runs.n == 1 ? "" : "s", tasks, tasks == 1 ? "" : "s");
}

static void print_json(const struct impact *impact, struct dj_buf *buf)
{
    dj_buf_adds(buf, "{\"task\": ");
    dj_json_string(buf, dj_bytes_of(impact->ask.task));
    dj_buf_addf(buf, ", \"runs\": %zu, \"tasks\": [", impact->runs.n);
    for (size_t i = 0, end; i < impact->runs.n; i = end) {
        end = task_end(impact, i);
        dj_buf_adds(buf, i == 0 ? "{\"task\": " : ", {\"task\": ");
        dj_json_string(buf, dj_bytes_of(run_at(impact, i)->task));
        dj_buf_addf(buf, ", \"count\": %zu, \"runs\": [", end - i);
        for (size_t j = i; j < end; j++) {
            dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

            print_path(&path, run_at(impact, j));
            dj_buf_adds(buf, j == i ? "" : ", ");
            dj_json_string(buf, dj_buf_bytes(&path));
        }
        dj_buf_adds(buf, "]}");
    }
    dj_buf_adds(buf, "]}\n");
}

static void release(struct impact *impact)
{
    struct dj_msg_impacted_runs runs = {.runs = impact->runs};

    dj_codec_release(dj_message_layout(DJ_MSG_IMPACTED), &runs);
    dj_codec_release(dj_message_layout(DJ_MSG_IMPACT), &impact->ask);
}

int dj_cmd_impact(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct impact impact = {.end = false};
    bool json = false;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option != 'j')
            return dj_bad_option(argv, option);
        json = true;
    }
    if (argc - optind != 1)
        return dj_usage("impact");
    impact.ask.task = dj_xstrdup(argv[optind]);
    rc = look(cli, &impact, &err);
    if (rc == 0) {
        (json ? print_json : print_plain)(&impact, &text);
        rc = dj_write_out(dj_buf_bytes(&text));
    }
    release(&impact);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
