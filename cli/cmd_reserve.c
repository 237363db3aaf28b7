/* dj reserve, release: what a run takes of its session's resources, and gives back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "lib/model/resource.h"

/* The words as one list; what is wrong with them is said before anybody waits. */
static int words(int argc, char **argv, struct dj_buf *ret, struct dj_err *err)
{
    struct dj_list list = {0};
    int rc;

    for (int i = 1; i < argc; i++)
        dj_buf_addf(ret, "%s%s", i == 1 ? "" : ", ", argv[i]);
    rc = dj_resources_parse(dj_buf_bytes(ret), &list, err);
    dj_resources_release(&list);
    return rc;
}

int dj_cmd_reserve(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc;

    if (argc < 2)
        return dj_usage("reserve");
    rc = words(argc, argv, &text, &err);
    if (rc < 0) {
        fprintf(stderr, "dj: reserve: %s\n", dj_err_text(&err, rc));
        return DJ_EX_USAGE;
    }
    rc = dj_connect(cli, false, &err);
    if (rc == 0) {
        /* A signal gives up what is waited for; nothing of it is reserved then. */
        (void)dj_interruptible(cli, 0);
        rc = dj_said(cli, dj_reserve(cli->dj, dj_buf_str(&text)), &err);
    }
    if (rc < 0 && dj_interrupt_code() != 0) {
        fputs("dj: interrupted while waiting for resources; none were reserved\n", stderr);
        return dj_interrupt_code();
    }
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

int dj_cmd_release(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc = argc < 2 ? 0 : words(argc, argv, &text, &err);

    if (rc < 0) {
        fprintf(stderr, "dj: release: %s\n", dj_err_text(&err, rc));
        return DJ_EX_USAGE;
    }
    rc = dj_connect(cli, false, &err);
    if (rc == 0)
        rc = dj_said(cli, dj_release(cli->dj, dj_buf_str(&text)), &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
