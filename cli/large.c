/*
 * The commands that need libjq or libsmartcols, or what a hit has no use for (jansson, libsodium),
 * as dj has them: in dj-rows, which is started instead. Loading these libraries takes dj longer
 * than all else that a hit needs.
 *
 * dj-rows is the same program without this file.
 */
#include "cli/command.h"
#include "cli/swept.h"

/* What such a command is, dj-rows finds in its words. */
#define IN_DJ_ROWS(name)                                                   \
    int name(struct dj_cli *cli, int argc DJ_UNUSED, char **argv DJ_UNUSED) \
    {                                                                      \
        return dj_become_or_fail(cli, "dj-rows");                          \
    }

IN_DJ_ROWS(dj_cmd_bump)
IN_DJ_ROWS(dj_cmd_compare)
IN_DJ_ROWS(dj_cmd_config)
IN_DJ_ROWS(dj_cmd_define)
IN_DJ_ROWS(dj_cmd_events)
IN_DJ_ROWS(dj_cmd_frame)
IN_DJ_ROWS(dj_cmd_group)
IN_DJ_ROWS(dj_cmd_load)
IN_DJ_ROWS(dj_cmd_log)
IN_DJ_ROWS(dj_cmd_map)
IN_DJ_ROWS(dj_cmd_session)
IN_DJ_ROWS(dj_cmd_set)
IN_DJ_ROWS(dj_cmd_show)
IN_DJ_ROWS(dj_cmd_status)
IN_DJ_ROWS(dj_cmd_tasks)
IN_DJ_ROWS(dj_cmd_undefine)
IN_DJ_ROWS(dj_cmd_undelete)

int dj_path_sweep(struct dj_cli *cli, int argc DJ_UNUSED, char **argv DJ_UNUSED)
{
    return dj_become_or_fail(cli, "dj-rows");
}

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
