/* dj memo: a command without a definition, run once. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/mem.h"

/* Its exit code is the command's own; what dj itself has to say has a code of its own. */
static int report(struct dj_request *request, struct dj_shown *shown, int rc, struct dj_err *err)
{
    int exit_code = dj_request_exit(request);

    if (dj_request_is_over(request)) {
        int log = dj_show_rest(request, shown, rc == 0 ? err : NULL);

        rc = rc == 0 ? log : rc;
    }
    if (rc == 0)
        rc = dj_print_result(request, err);
    else if (exit_code != 0 && dj_print_result(request, NULL) == 0) {
        fprintf(stderr, "dj: %s\n", dj_err_text(err, rc));
        rc = 0;
    }
    return rc < 0 ? dj_fail(rc, err) : exit_code;
}

static int ask(struct dj_cli *cli, struct dj_get_options *options, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_request *request = NULL;
    struct dj_shown shown = {0};
    dj_cleanup_free char *cwd = getcwd(NULL, 0);
    bool shows = dj_shows_log(cli);
    int rc, code;

    /* No daemon is started for what cannot be run. */
    rc = cwd != NULL ? dj_connect(cli, true, &err)
                     : dj_err_set(&err, EIO,
                                  "the folder that this was called in cannot be named: %s",
                                  strerror(errno));
    if (rc < 0)
        return dj_fail(rc, &err);
    request = dj_request_memo(cli->dj);
    options->flags |= shows ? DJ_FOLLOWED : 0;
    rc = dj_said(cli, dj_set_options(request, options), &err);
    for (; rc == 0 && *argv != NULL; argv++)
        rc = dj_said(cli, dj_request_add_word(request, *argv), &err);
    if (rc == 0)
        rc = dj_wait_for(cli, request, options->timeout_ms, shows ? &shown : NULL, &err);
    code = report(request, &shown, rc, &err);
    dj_request_free(request);
    return code;
}

int dj_cmd_memo(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_get_options options = {0};
    int code = dj_get_options(argc, argv, &options);

    if (code == DJ_EX_OK)
        code = optind == argc ? dj_usage("memo") : ask(cli, &options, argv + optind);
    dj_get_options_release(&options);
    return code;
}
