#include "cli/exchange.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/archive/archive.h"
#include "lib/model/json.h"
#include "lib/util/mem.h"

/* 1: it is; 0: not (any more). */
static int is_defined(const struct dj_cli *cli, const char *task, struct dj_err *err)
{
    struct dj_tasks *tasks = dj_tasks_open(cli->dj, task);
    int rc = tasks == NULL ? -dj_error_code(cli->dj) : dj_tasks_next(tasks);

    rc = rc == -ENOENT ? 0 : dj_said_by(cli->dj, rc, err);
    dj_tasks_close(tasks);
    return rc;
}

int dj_define_brought(struct dj_cli *cli, const struct dj_list *brought, struct dj_err *err)
{
    dj_cleanup_free char *cwd = getcwd(NULL, 0);

    for (size_t i = 0; i < brought->n; i++) {
        const struct dj_brought *one = DJ_LIST_AT(brought, struct dj_brought, i);
        int rc = is_defined(cli, one->task, err);

        if (rc == 1 && !cli->quiet)
            fprintf(stderr, "dj: the task %s is defined here already, and stays as it is\n",
                    one->task);
        if (rc == 0)
            rc = dj_define_text(cli, dj_buf_bytes(&one->definition), "the archive",
                                cwd == NULL ? "/" : cwd, err);
        if (rc < 0)
            return dj_err_prefix(err, rc, "the definition of %s", one->task);
    }
    return 0;
}

size_t dj_tell_conflicts(const struct dj_import *import)
{
    const char *conflict;
    size_t n = 0;

    for (; (conflict = dj_import_conflict(import, n)) != NULL; n++)
        fprintf(stderr, "dj: conflict: %s\n", conflict);
    return n;
}

void dj_tell_waiting(struct dj_cli *cli, const struct dj_import *import)
{
    const char *task;

    for (size_t i = 0; !cli->quiet && (task = dj_import_waiting(import, i)) != NULL; i++) {
        if (is_defined(cli, task, NULL) == 0)
            fprintf(stderr,
                    "dj: the task %s is not defined here; its runs are hits when it is (--define "
                    "brings the definition along)\n",
                    task);
        else
            fprintf(stderr,
                    "dj: runs of %s are no hits here: the task, or what they rest on, is not the "
                    "same; `dj why` tells of each\n",
                    task);
    }
}

void dj_import_json(struct dj_buf *buf, const struct dj_import *import)
{
    struct dj_import_counts counts = {0};
    const char *conflict;

    (void)dj_import_counts(import, &counts);
    dj_buf_addf(buf,
                "\"imported\": %llu, \"there\": %llu, \"same\": %llu, \"valid\": %llu, "
                "\"bytes\": %llu, \"conflicts\": [",
                (unsigned long long)counts.taken, (unsigned long long)counts.there,
                (unsigned long long)counts.same, (unsigned long long)counts.valid,
                (unsigned long long)counts.bytes);
    for (size_t i = 0; (conflict = dj_import_conflict(import, i)) != NULL; i++) {
        dj_buf_adds(buf, i == 0 ? "" : ", ");
        dj_json_string(buf, dj_bytes_of(conflict));
    }
    dj_buf_addc(buf, ']');
}
