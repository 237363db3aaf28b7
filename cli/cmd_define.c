/* dj define, undefine, bump, undelete: definitions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/util/mem.h"

static void say_notes(const struct dj_cli *cli)
{
    for (size_t i = 0; i < dj_note_count(cli->dj); i++)
        fprintf(stderr, "dj: %s\n", dj_note(cli->dj, i));
}

int dj_define_text(struct dj_cli *cli, struct dj_bytes text, const char *file, const char *here,
                   struct dj_err *err)
{
    int rc = dj_connect(cli, true, err);

    if (rc == 0)
        rc = dj_said(cli, dj_define(cli->dj, (const char *)text.data, text.len, file, here), err);
    if (rc == 0)
        say_notes(cli);
    return rc;
}

/* What a call of dj.h gave, and what it warned of. */
static int report(struct dj_cli *cli, int rc)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    if (rc < 0)
        return dj_fail(dj_said(cli, rc, &err), &err);
    say_notes(cli);
    return DJ_EX_OK;
}

static int define(struct dj_cli *cli, int argc, char **argv, bool line)
{
    const char *const *words = (const char *const *)argv;
    struct dj_bar *bar = dj_bar_begin(cli, "defining", 0);
    int rc = line ? dj_define_line(cli->dj, argc, words)
                  : dj_define_file(cli->dj, argv[0], argc - 1, words + 1);

    dj_bar_end(bar);
    return report(cli, rc);
}

int dj_cmd_define(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    bool line = false;
    int rc;

    if (argc < 2)
        return dj_usage("define");
    for (int i = 1; i < argc; i++)
        line = line || strcmp(argv[i], "--") == 0;
    if (!line && access(argv[1], F_OK) < 0) {
        rc = dj_err_sys(&err, errno,
                        argc > 2 ? "%s (a definition in one line has -- before its command)"
                                 : "%s", argv[1]);
        return dj_fail(rc, &err);
    }
    rc = dj_connect(cli, true, &err);
    return rc < 0 ? dj_fail(rc, &err) : define(cli, argc - 1, argv + 1, line);
}

int dj_cmd_undefine(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (argc != 2)
        return dj_usage("undefine");
    rc = dj_connect(cli, false, &err);
    return rc < 0 ? dj_fail(rc, &err) : report(cli, dj_undefine(cli->dj, argv[1]));
}

int dj_cmd_bump(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *version = NULL;
    int rc;

    if (argc != 2)
        return dj_usage("bump");
    rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    rc = dj_bump(cli->dj, argv[1], &version);
    if (rc == 0 && !cli->quiet && version[0] != '\0')
        puts(version);
    return report(cli, rc);
}

int dj_cmd_undelete(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (argc > 3)
        return dj_usage("undelete");
    rc = dj_connect(cli, false, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    return report(cli, dj_undelete(cli->dj, argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL,
                                   NULL));
}
