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
    dj_cleanup_err struct dj_err ignored = DJ_ERR_INIT;
    dj_cleanup_free char *name = dj_xstrdup(task);
    struct dj_msg_tasks ask = {.task = name};
    struct dj_message_in answer;
    int rc = dj_connection_call(cli->connection, DJ_MSG_TASKS, &ask, DJ_MSG_TASK_LIST, &answer,
                                &ignored);

    if (rc == 0)
        dj_message_release(&answer);
    if (rc == 0 || rc == -ENOENT)
        return rc == 0;
    return dj_err_set(err, -rc, "%s", dj_err_text(&ignored, rc));
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

void dj_tell_intake(const struct dj_cli *cli, const struct dj_intake_counts *counts)
{
    for (size_t i = 0; i < counts->conflicts.n; i++)
        fprintf(stderr, "dj: conflict: %s\n",
                dj_buf_str(DJ_LIST_AT(&counts->conflicts, struct dj_buf, i)));
    for (size_t i = 0; !cli->quiet && i < counts->tasks.n; i++) {
        const char *task = dj_buf_str(DJ_LIST_AT(&counts->tasks, struct dj_buf, i));

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

void dj_intake_json(struct dj_buf *buf, const struct dj_intake_counts *counts)
{
    dj_buf_addf(buf,
                "\"imported\": %llu, \"there\": %llu, \"same\": %llu, \"valid\": %llu, "
                "\"bytes\": %llu, \"conflicts\": [",
                (unsigned long long)counts->taken, (unsigned long long)counts->there,
                (unsigned long long)counts->same, (unsigned long long)counts->valid,
                (unsigned long long)counts->bytes);
    for (size_t i = 0; i < counts->conflicts.n; i++) {
        dj_buf_adds(buf, i == 0 ? "" : ", ");
        dj_json_string(buf, dj_list_bytes(&counts->conflicts, i));
    }
    dj_buf_addc(buf, ']');
}
