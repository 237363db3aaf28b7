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
#include "lib/util/digest.h"

static const struct dj_command *find(const char *name)
{
    for (size_t i = 0; i < dj_command_count; i++) {
        if (strcmp(dj_commands[i].name, name) == 0)
            return &dj_commands[i];
    }
    return NULL;
}

static int close_stdout(int code)
{
    bool bad = ferror(stdout) != 0;

    if ((fclose(stdout) != 0 || bad) && code == 0) {
        fprintf(stderr, "dj: cannot write: %s\n", strerror(errno));
        return DJ_EX_FAILED;
    }
    return code;
}

int main(int argc, char **argv)
{
    enum { CONNECT = 256, HELP, VERSION_ };
    static const struct option longs[] = {
        {"connect", required_argument, NULL, CONNECT},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, HELP},
        {"version", no_argument, NULL, VERSION_},
        {NULL, 0, NULL, 0},
    };
    struct dj_cli cli = {0};
    const struct dj_command *command;
    int option, code;

    dj_digest_setup();
    signal(SIGPIPE, SIG_IGN);
    while ((option = getopt_long(argc, argv, "+q", longs, NULL)) != -1) {
        switch (option) {
        case CONNECT:
            cli.connect = optarg;
            break;
        case 'q':
            cli.quiet = true;
            break;
        case HELP:
            return close_stdout(dj_cmd_help(&cli, 0, NULL));
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
    command = find(argv[optind]);
    if (command == NULL) {
        fprintf(stderr, "dj: there is no command %s; dj --help lists them\n", argv[optind]);
        return DJ_EX_USAGE;
    }
    argc -= optind;
    argv += optind;
    optind = 0;
    opterr = 0; /* dj_bad_option() says it */
    code = argc == 2 && strcmp(argv[1], "--help") == 0
               ? (printf("usage: dj %s %s\n\n  %s\n", command->name, command->arguments,
                         command->summary), 0)
               : command->run(&cli, argc, argv);
    dj_connection_free(cli.connection);
    return close_stdout(code);
}
