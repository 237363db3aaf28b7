/* dj goes on as another of our programs, with the same words. (command.h) */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"

int dj_become(struct dj_cli *cli, const char *name, struct dj_err *err)
{
    dj_cleanup_free char *program = dj_helper_program(name);

    execv(program, cli->argv);
    return dj_err_sys(err, errno, "cannot run %s", program);
}

int dj_become_or_fail(struct dj_cli *cli, const char *name)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_become(cli, name, &err);

    return dj_fail(rc, &err);
}
