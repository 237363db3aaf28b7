#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

#define GET "[--force] [--incognito] [--cached] [--timeout TIME] TASK [ARG...] | -f LIST"
#define UP "[--store DIR] [--workers N] [--no-mount] [MOUNT]"

const struct dj_command dj_commands[] = {
    {"bump", "TASK", "raise a task's version: its runs are stale", dj_cmd_bump},
    {"cancel", "RUN", "end what is under way", dj_cmd_verb},
    {"cat", "PATH", "print a file of the tree", dj_cmd_cat},
    {"define", "FILE [FUNCTION...] | NAME PARAMS -- CMD...", "define tasks", dj_cmd_define},
    {"down", "[MOUNT]", "unmount and stop the daemon", dj_cmd_down},
    {"get", GET, "print a result, computed when need be", dj_cmd_get},
    {"help", "", "list the commands", dj_cmd_help},
    {"invalidate", "RUN", "call a stored result stale, with what rests on it", dj_cmd_verb},
    {"ls", "[-l] [PATH]", "list a folder of the tree", dj_cmd_ls},
    {"mount", "[MOUNT]", "mount the tree", dj_cmd_mount},
    {"path", "TASK [ARG...]", "print where a run is in the tree", dj_cmd_path},
    {"rm", "RUN", "delete a run (see undelete)", dj_cmd_verb},
    {"run", "TASK [ARG...]", "start a run without waiting", dj_cmd_run},
    {"umount", "[MOUNT]", "unmount the tree", dj_cmd_umount},
    {"undefine", "TASK", "forget a definition; runs stay", dj_cmd_undefine},
    {"undelete", "[TASK [NAME]]", "bring back what was deleted within a day", dj_cmd_undelete},
    {"up", UP, "start the daemon and mount the tree", dj_cmd_up},
    {"wait", "RUN", "wait until nothing of it is under way; print its status", dj_cmd_wait},
    {"write", "PATH TEXT", "write a line to a file of the tree", dj_cmd_write},
};

const size_t dj_command_count = DJ_ARRAY_SIZE(dj_commands);

int dj_cmd_help(struct dj_cli *cli DJ_UNUSED, int argc DJ_UNUSED, char **argv DJ_UNUSED)
{
    puts("usage: dj [--connect SOCKET] [-q] COMMAND [ARGUMENT...]\n"
         "       dj --help | --version\n");
    for (size_t i = 0; i < dj_command_count; i++)
        printf("  dj %-10s %s\n", dj_commands[i].name, dj_commands[i].summary);
    puts("\n"
         "A RUN is a path below tasks/ (tasks/factorial/5), or TASK and its arguments.\n"
         "Options stand before TASK; behind it every word is an argument.\n"
         "COMMAND --help shows one command; dj(1) is the manual.");
    return DJ_EX_OK;
}

int dj_bad_option(char **argv, int option)
{
    fprintf(stderr, option == ':' ? "dj: %s: the option %s wants a value\n"
                                  : "dj: %s: there is no option %s\n",
            argv[0], argv[optind - 1]);
    return dj_usage(argv[0]);
}

int dj_usage(const char *name)
{
    for (size_t i = 0; i < dj_command_count; i++) {
        if (strcmp(dj_commands[i].name, name) == 0)
            fprintf(stderr, "usage: dj %s %s\n", name, dj_commands[i].arguments);
    }
    return DJ_EX_USAGE;
}
