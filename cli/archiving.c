/*
 * The commands that need libarchive, as dj and dj-rows have them: in dj-archive, which is started
 * instead. libarchive loads ten other libraries, which take longer than to show a table.
 *
 * dj-archive is the same program without this file and large.c.
 */
#include "cli/command.h"

DJ_COMMAND_IN("dj-archive", dj_cmd_export)
DJ_COMMAND_IN("dj-archive", dj_cmd_import)
DJ_COMMAND_IN("dj-archive", dj_cmd_sync)
