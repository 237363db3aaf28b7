#include <errno.h>

#include "lib/model/definition.h"
#include "lib/model/template.h"

bool dj_launch_stays(const struct dj_launch *launch)
{
    return launch->mode == DJ_LAUNCH_THREAD || launch->mode == DJ_LAUNCH_RESIDENT;
}

static bool is_library(struct dj_bytes word)
{
    return word.len > 3 && dj_bytes_equal(dj_bytes_from(word, word.len - 3), DJ_BYTES_LIT(".so"));
}

static int check_library(const struct dj_definition *definition, struct dj_err *err)
{
    if (definition->command.n > 2 || !is_library(dj_list_bytes(&definition->command, 0)))
        return dj_err_set(err, EINVAL,
                          "a task in a thread has the path of a shared object (.so) as its "
                          "command, and behind it the name of a function, when that is another "
                          "than its own");
    return 0;
}

/* A definition without a launch of its own may still be called with one. */
int dj_definition_launchable(const struct dj_definition *definition, const struct dj_launch *launch,
                 struct dj_err *err)
{
    const char *mode = launch->mode == DJ_LAUNCH_THREAD ? "thread" : "resident";
    int rc = 0;

    if (!dj_launch_stays(launch)) {
        /* A shared object is no program; one that stays may well know both, as djfs.py does. */
        if (definition->launch.mode == DJ_LAUNCH_THREAD && launch->mode == DJ_LAUNCH_COMMAND)
            return dj_err_set(err, EINVAL,
                              "a task that is in a thread cannot be launched by a command");
        return 0;
    }
    if (definition->script != NULL || definition->command.n == 0)
        return dj_err_set(err, EINVAL, "launch = %s needs a command", mode);
    if (launch->mode == DJ_LAUNCH_THREAD)
        rc = check_library(definition, err);
    if (rc == 0 && !dj_template_bare(definition))
        rc = dj_err_set(err, EINVAL,
                        "launch = %s: the command is started once for many runs, so no argument "
                        "can stand in it", mode);
    if (rc == 0 && (definition->memory != 0 || definition->max_files != 0))
        rc = dj_err_set(err, EINVAL,
                        "launch = %s: %s cannot be limited, since the process is not the run's own",
                        mode, definition->memory != 0 ? "memory" : "max_files");
    return rc;
}
