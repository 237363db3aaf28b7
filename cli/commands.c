#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

#define GET \
    "[--force] [--incognito] [--cached] [--ignore P] [--keep P] [--launch L] [--session S] " \
    "[--timeout TIME] TASK [ARG...] | -f LIST"
#define MEMO \
    "[--force] [--incognito] [--cached] [--launch L] [--session S] [--timeout TIME] CMD [ARG...]"
#define LOCK "[-n] [--shared] [--timeout TIME] NAME CMD [ARG...] | [--json]"
#define UP \
    "[--store DIR] [--workers N] [--resource NAME=N]... [--quota SIZE] [--no-mount] [MOUNT]"

#define ROWS "[-i FILE] [--csv | --tsv | -R] [--to FORMAT] "
#define MAP \
    ROWS "[--as COL] [--frame NAME | --lazy] [-k] [--max-fails N] [--force] [--incognito] " \
    "[--cached] [--launch L] [--session S] [--timeout TIME] TASK [PARAM=VALUE | PARAM:=EXPR]..."

const struct dj_command dj_commands[] = {
    {"accept", "RUN...", "call a stale result valid, on record", dj_cmd_verb},
    {"bump", "TASK", "raise a task's version: its runs are stale", dj_cmd_bump},
    {"cancel", "RUN...", "end what is under way", dj_cmd_verb},
    {"cat", "PATH...", "print files of the tree", dj_cmd_cat},
    {"compare", "[--csv | --tsv] FILE [FILE]", "say where two frames differ", dj_cmd_compare},
    {"config", "[--json] [SETTING]", "show what dj.conf fixes, and where from", dj_cmd_config},
    {"define", "FILE [FUNCTION...] | NAME PARAMS -- CMD...",
     "define tasks: of a task file, a script, a .py, a .so", dj_cmd_define},
    {"doctor", "[--json] [--store DIR] [MOUNT]", "say what is in the way, and its cure",
     dj_cmd_doctor},
    {"down", "[MOUNT]", "unmount and stop the daemon", dj_cmd_down},
    {"events", "[-f] [--json] [TASK...]", "print what happened to runs; -f: go on", dj_cmd_events},
    {"export", "[--history] [--no-deps] [--json] [-f LIST] [-o FILE] [--all | RUN|TASK...]",
     "write runs into an archive", dj_cmd_export},
    {"frame", "[--zip] [--to FORMAT] [COL=VALUE | COL=LO..HI | COL=@FILE | COL:=EXPR]...",
     "make rows: every combination, the last column fastest", dj_cmd_frame},
    {"fsck", "[--read-data] [--repair] [--json] [--store DIR]", "check the store", dj_cmd_fsck},
    {"gc", "[-n] [--yes] [--json]", "drop what no current task can reach", dj_cmd_gc},
    {"get", GET, "print a result, computed when need be", dj_cmd_get},
    {"group", ROWS "COL...", "make rows with equal values one, their other columns lists",
     dj_cmd_group},
    {"help", "[COMMAND]", "list the commands, or show one", dj_cmd_help},
    {"impact", "[--json] TASK", "list what a new version would invalidate", dj_cmd_impact},
    {"import", "[--check] [--define] [--json] ARCHIVE...", "take the runs of archives in",
     dj_cmd_import},
    {"invalidate", "RUN...", "call a stored result stale, with what rests on it", dj_cmd_verb},
    {"key", "RUN | PATH PATH", "print what a run's key is made of, or how two differ", dj_cmd_key},
    {"lock", LOCK, "run a command while nobody else has the lock; alone: show locks", dj_cmd_lock},
    {"load", ROWS "[--as COL] FILE", "add a file that each row's run left", dj_cmd_load},
    {"log", "[-f] [-n N] RUN", "print what a run wrote to stderr; -f: until it ends", dj_cmd_log},
    {"ls", "[-l] [PATH]", "list a folder of the tree", dj_cmd_ls},
    {"map", MAP, "call a task for every row, many at a time", dj_cmd_map},
    {"memo", MEMO, "run any command once, and replay it ever after", dj_cmd_memo},
    {"mount", "[-o OPTIONS] [MOUNT]", "mount the tree", dj_cmd_mount},
    {"path", "TASK [ARG...]", "print where a run is in the tree", dj_cmd_path},
    {"progress", "N/M", "inside a run: say how far it is", dj_cmd_progress},
    {"release", "[NAME=N...]", "inside a run: give back what it has reserved", dj_cmd_release},
    {"reserve", "NAME=N...", "inside a run: wait for resources of its session", dj_cmd_reserve},
    {"rm", "RUN...", "delete a run (see undelete)", dj_cmd_verb},
    {"run", "[--launch L] [--session S] TASK [ARG...]", "start a run without waiting", dj_cmd_run},
    {"session", "[--json] [NAME [workers=N] [NAME=N...]]", "show sessions, or change one",
     dj_cmd_session},
    {"set", ROWS "[--where EXPR] [--zip] [COL=VALUE | COL:=EXPR]...",
     "change columns of rows, or vary them", dj_cmd_set},
    {"show", "[--json] RUN | TASK", "show all about a run or a task", dj_cmd_show},
    {"status", "[--json] [TASK...]", "show the daemon, and runs by task and state", dj_cmd_status},
    {"sync", "[--push] [--pull] [--define] [--json] FOLDER | SOCKET",
     "exchange runs with a shared folder or another store", dj_cmd_sync},
    {"tasks", "[--json] [TASK...]", "list the tasks that are defined", dj_cmd_tasks},
    {"umount", "[MOUNT]", "unmount the tree", dj_cmd_umount},
    {"undefine", "TASK", "forget a definition; runs stay", dj_cmd_undefine},
    {"undelete", "[TASK [NAME]]", "bring back what was deleted within a day", dj_cmd_undelete},
    {"up", UP, "start the daemon and mount the tree", dj_cmd_up},
    {"wait", "RUN...", "wait until nothing of it is under way; print its status", dj_cmd_wait},
    {"why", "RUN", "say why a run has a result, or why it has none", dj_cmd_why},
    {"write", "PATH TEXT", "write a line to a file of the tree", dj_cmd_write},
};

const size_t dj_command_count = DJ_ARRAY_SIZE(dj_commands);

const struct dj_command *dj_command_find(const char *name)
{
    for (size_t i = 0; i < dj_command_count; i++) {
        if (strcmp(dj_commands[i].name, name) == 0)
            return &dj_commands[i];
    }
    return NULL;
}

void dj_command_help(const struct dj_command *command)
{
    printf("usage: dj %s %s\n\n  %s\n", command->name, command->arguments, command->summary);
}

int dj_cmd_help(struct dj_cli *cli DJ_UNUSED, int argc, char **argv)
{
    const struct dj_command *command = argc == 2 ? dj_command_find(argv[1]) : NULL;

    if (command != NULL) {
        dj_command_help(command);
        return DJ_EX_OK;
    }
    if (argc > 1) {
        fprintf(stderr, "dj: there is no command %s; dj --help lists them\n", argv[1]);
        return DJ_EX_USAGE;
    }
    puts("usage: dj [--connect SOCKET] [-q] COMMAND [ARGUMENT...]\n"
         "       dj help [COMMAND], dj --help, dj --version\n");
    for (size_t i = 0; i < dj_command_count; i++)
        printf("  dj %-10s %s\n", dj_commands[i].name, dj_commands[i].summary);
    puts("\n"
         "A RUN is a path below tasks/ (tasks/factorial/5), or TASK and its arguments.\n"
         "Options stand before TASK; behind it every word is an argument.\n"
         "dj COMMAND --help shows one command, -q (--quiet) says nothing unasked;\n"
         "man dj is the manual.");
    return DJ_EX_OK;
}

/* Of letters in one word getopt has not passed the word yet, so the letter itself is named. */
int dj_bad_option(char **argv, int option)
{
    const char *format = option == ':' ? "dj: %s: the option %s wants a value\n"
                                       : "dj: %s: there is no option %s\n";
    char letter[] = {'-', (char)optopt, '\0'};
    bool long_one = strncmp(argv[optind - 1], "--", 2) == 0;

    fprintf(stderr, format, argv[0], optopt == 0 || long_one ? argv[optind - 1] : letter);
    return dj_usage(argv[0]);
}

int dj_usage(const char *name)
{
    const struct dj_command *command = dj_command_find(name);

    if (command != NULL)
        fprintf(stderr, "usage: dj %s %s\n", name, command->arguments);
    return DJ_EX_USAGE;
}
