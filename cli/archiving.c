/*
 * The commands that need libarchive, as dj and dj-rows have them: in dj-archive, which is started
 * instead. libarchive loads ten other libraries, which take longer than to show a table.
 *
 * dj-archive is the same program without this file and large.c.
 */
#include "cli/command.h"

#define IN_DJ_ARCHIVE(name)                                                \
    int name(struct dj_cli *cli, int argc DJ_UNUSED, char **argv DJ_UNUSED) \
    {                                                                      \
        return dj_become_or_fail(cli, "dj-archive");                       \
    }

IN_DJ_ARCHIVE(dj_cmd_export)
IN_DJ_ARCHIVE(dj_cmd_import)
IN_DJ_ARCHIVE(dj_cmd_sync)
