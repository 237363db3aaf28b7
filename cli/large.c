/*
 * The commands that need large libraries (libjq, libarchive), as dj has them: in dj-rows, which is
 * started instead. Loading these libraries takes dj longer than all else that a hit needs.
 *
 * dj-rows is the same program without this file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"

static int go_there(struct dj_cli *cli)
{
    dj_cleanup_free char *program = dj_helper_program("dj-rows");
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    execv(program, cli->argv);
    code = errno;
    return dj_fail(dj_err_sys(&err, code, "cannot run %s", program), &err);
}

/* What such a command is, dj-rows finds in its words. */
#define IN_DJ_ROWS(name)                                                   \
    int name(struct dj_cli *cli, int argc DJ_UNUSED, char **argv DJ_UNUSED) \
    {                                                                      \
        return go_there(cli);                                              \
    }

IN_DJ_ROWS(dj_cmd_compare)
IN_DJ_ROWS(dj_cmd_export)
IN_DJ_ROWS(dj_cmd_frame)
IN_DJ_ROWS(dj_cmd_group)
IN_DJ_ROWS(dj_cmd_import)
IN_DJ_ROWS(dj_cmd_load)
IN_DJ_ROWS(dj_cmd_map)
IN_DJ_ROWS(dj_cmd_set)
IN_DJ_ROWS(dj_cmd_sync)

int dj_path_sweep(struct dj_cli *cli, int argc DJ_UNUSED, char **argv DJ_UNUSED)
{
    return go_there(cli);
}

int dj_get_sweep(struct dj_cli *cli, struct dj_get_options *options DJ_UNUSED,
                 int argc DJ_UNUSED, char **argv DJ_UNUSED)
{
    return go_there(cli);
}
