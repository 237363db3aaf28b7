/* Launch modes by their words. */
#include <errno.h>

#include "lib/model/launch.h"
#include "tests/unit/tap.h"

static void taken(const char *text, const char *want)
{
    dj_cleanup_launch struct dj_launch launch = {0}, copy = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf printed = DJ_BUF_INIT;
    int rc = dj_launch_parse(dj_bytes_of(text), &launch, &err);

    if (!is_int(rc, 0, "%s: %s", text, rc == 0 ? "taken" : dj_err_text(&err, rc)))
        return;
    dj_launch_copy(&copy, &launch);
    dj_launch_print(&printed, &copy);
    is_str(dj_buf_str(&printed), want, "prints as %s", want);
}

static void refused(const char *text, const char *sentence)
{
    struct dj_launch launch;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_launch_parse(dj_bytes_of(text), &launch, &err);

    is_int(rc, -EINVAL, "\"%s\" is refused", text);
    is_str(dj_err_text(&err, rc), sentence, "with its sentence");
    ok(launch.name == NULL && launch.words.n == 0, "and leaves nothing");
}

static void names(void)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_launch_name_ok(DJ_BYTES_LIT("thread"), &err);

    is_int(rc, -EINVAL, "a mode is no name");
    is_str(dj_err_text(&err, rc),
           "thread is a launch mode of djfs; a launch of this file has another name",
           "and the sentence says so");
    dj_err_release(&err);
    rc = dj_launch_name_ok(DJ_BYTES_LIT("a b"), &err);
    is_str(dj_err_text(&err, rc),
           "\"a b\" is not the name of a launch: letters, digits and _.-, at most 64",
           "a blank is in no name");
    is_int(dj_launch_name_ok(DJ_BYTES_LIT("a100"), NULL), 0, "a100 is one");
}

int main(void)
{
    struct dj_launch none = {0};

    taken("process", "process");
    taken(" thread\n", "thread");
    taken("resident", "resident");
    taken("resident runs=1000", "resident runs=1000");
    taken("resident rss=2G runs=5", "resident runs=5 rss=2G");
    taken("direct", "direct");
    taken("a100", "a100");
    taken("command srun COMMAND", "command srun COMMAND");
    taken("command  ssh \"a b\" 'sh -c \"COMMAND\"'", "command ssh 'a b' 'sh -c \"COMMAND\"'");
    taken("command sbatch --wrap=COMMAND", "command sbatch --wrap=COMMAND");
    refused("", "no launch mode is named");
    refused("'a", "a quote ' is opened and not closed");
    refused("process now", "process takes no word behind it");
    refused("a100 b", "a100 takes no word behind it");
    refused("resident runs", "resident takes runs=N and rss=SIZE, and no \"runs\"");
    refused("resident runs=0", "\"runs=0\": runs is a number from 1 on");
    refused("resident rss=x", "\"rss=x\": rss is a size, such as 500M or 2G");
    refused("resident runs=1 runs=2", "runs is said twice");
    refused("-x", "\"-x\" is no launch mode: process, thread, resident, direct, command WORD... or "
                  "the NAME of a [launch NAME] in dj.conf (letters, digits and _.-, at most 64)");
    refused("command", "command has no words behind it; write, for instance, command srun COMMAND");
    refused("command srun", "the launch command does not say where the run's own command goes: "
                            "COMMAND has to stand in it, as in srun COMMAND");
    refused("command srun SUBCOMMAND COMMANDS",
            "the launch command does not say where the run's own command goes: "
            "COMMAND has to stand in it, as in srun COMMAND");
    ok(dj_launch_text(&none) == NULL, "process needs no record");
    names();
    return tap_done();
}
