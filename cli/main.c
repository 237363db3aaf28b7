/*
 * dj: the command. Global options, then the table.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

static int close_stdout(int code)
{
    bool bad = ferror(stdout) != 0;

    if ((fclose(stdout) != 0 || bad) && code == 0) {
        fprintf(stderr, "dj: cannot write: %s\n", strerror(errno));
        return DJ_EX_FAILED;
    }
    return code;
}

/* What shows no option in its help takes none, and so does not take a slip for a word. */
static int run(struct dj_cli *cli, const struct dj_command *command, int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";

    if (argc == 2 && (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)) {
        dj_command_help(command);
        return DJ_EX_OK;
    }
    optind = 0;
    optopt = 0;
    opterr = 0; /* dj_bad_option() says it */
    if (first[0] == '-' && first[1] != '\0' && strstr(command->arguments, "[-") == NULL) {
        optind = 2;
        return dj_bad_option(argv, '?');
    }
    return command->run(cli, argc, argv);
}

int main(int argc, char **argv)
{
    enum { CONNECT = 256, VERSION_ };
    static const struct option longs[] = {
        {"connect", required_argument, NULL, CONNECT},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, VERSION_},
        {NULL, 0, NULL, 0},
    };
    struct dj_cli cli = {.argv = argv};
    const struct dj_command *command;
    int option, code;

    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt_long(argc, argv, "+hq", longs, NULL)) != -1) {
        switch (option) {
        case CONNECT:
            cli.connect = optarg;
            break;
        case 'q':
            cli.quiet = true;
            break;
        case 'h':
            return close_stdout(dj_cmd_help(&cli, 1, argv));
        case VERSION_:
            puts("dj " PACKAGE_VERSION);
            return close_stdout(0);
        default:
            fputs("Try: dj --help\n", stderr);
            return DJ_EX_USAGE;
        }
    }
    if (optind == argc) {
        fputs("dj: which command? Try: dj --help\n", stderr);
        return DJ_EX_USAGE;
    }
    command = dj_command_find(argv[optind]);
    if (command == NULL) {
        fprintf(stderr, "dj: there is no command %s; dj --help lists them\n", argv[optind]);
        return DJ_EX_USAGE;
    }
    code = run(&cli, command, argc - optind, argv + optind);
    dj_cli_disconnect(&cli);
    return close_stdout(code);
}
