/*
 * The commands that need libjq or libsmartcols, or what a hit has no use for (jansson, libsodium),
 * as dj has them: in dj-rows, which is started instead. Loading these libraries takes dj longer
 * than all else that a hit needs.
 *
 * dj-rows is the same program without this file.
 */
#include "cli/command.h"
#include "cli/swept.h"

DJ_COMMAND_IN("dj-rows", dj_cmd_bump)
DJ_COMMAND_IN("dj-rows", dj_cmd_compare)
DJ_COMMAND_IN("dj-rows", dj_cmd_config)
DJ_COMMAND_IN("dj-rows", dj_cmd_define)
DJ_COMMAND_IN("dj-rows", dj_cmd_events)
DJ_COMMAND_IN("dj-rows", dj_cmd_frame)
DJ_COMMAND_IN("dj-rows", dj_cmd_group)
DJ_COMMAND_IN("dj-rows", dj_cmd_load)
DJ_COMMAND_IN("dj-rows", dj_cmd_log)
DJ_COMMAND_IN("dj-rows", dj_cmd_map)
DJ_COMMAND_IN("dj-rows", dj_cmd_session)
DJ_COMMAND_IN("dj-rows", dj_cmd_set)
DJ_COMMAND_IN("dj-rows", dj_cmd_show)
DJ_COMMAND_IN("dj-rows", dj_cmd_status)
DJ_COMMAND_IN("dj-rows", dj_cmd_tasks)
DJ_COMMAND_IN("dj-rows", dj_cmd_undefine)
DJ_COMMAND_IN("dj-rows", dj_cmd_undelete)

DJ_COMMAND_IN("dj-rows", dj_path_sweep)

int dj_get_sweep(struct dj_cli *cli, struct dj_get_options *options DJ_UNUSED,
                 int argc DJ_UNUSED, char **argv DJ_UNUSED)
{
    return dj_become_or_fail(cli, "dj-rows");
}

int dj_run_sweep(struct dj_cli *cli, const struct dj_get_options *options DJ_UNUSED,
                 int argc DJ_UNUSED, char **argv DJ_UNUSED)
{
    return dj_become_or_fail(cli, "dj-rows");
}

int dj_show_locks(struct dj_cli *cli, bool json DJ_UNUSED)
{
    return dj_become_or_fail(cli, "dj-rows");
}

/* Whoever asks has done nothing yet. */
int dj_swept_runs(struct dj_cli *cli, bool start DJ_UNUSED, int argc, char **argv,
                  struct dj_list *ret DJ_UNUSED, struct dj_err *err)
{
    return dj_swept_may_be(argc, argv) ? dj_become(cli, "dj-rows", err) : 0;
}
