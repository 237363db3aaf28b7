/*
 * loop: what one start of a command costs, in nanoseconds, from its start to its end.
 *
 *     loop [-r ROUNDS] [-n TIMES] NAME COMMAND [ARGUMENT…] [-- NAME COMMAND [ARGUMENT…]]…
 *
 * A round starts each command TIMES (50) times, one command after the other, so that a slow second
 * of the machine falls on all of them alike; ROUNDS (7) are made after a short one to warm up.
 * Nothing is between us and the commands, stdout goes to /dev/null, and a command that fails ends
 * it all. Prints NAME, round and the mean of the round, with tabs between: what bench/figures.awk
 * reads.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { COMMANDS_MAX = 16 };

struct command {
    const char *name;
    char **argv;
};

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void once(const struct command *command, const posix_spawn_file_actions_t *actions)
{
    pid_t pid;
    int status;
    int code = posix_spawnp(&pid, command->argv[0], actions, NULL, command->argv, environ);

    if (code != 0) {
        fprintf(stderr, "loop: %s: %s\n", command->argv[0], strerror(code));
        exit(1);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "loop: %s failed\n", command->name);
        exit(1);
    }
}

static double round_of(const struct command *command, const posix_spawn_file_actions_t *actions,
                       long times)
{
    double start = now_ns();

    for (long i = 0; i < times; i++)
        once(command, actions);
    return (now_ns() - start) / (double)times;
}

static long positive(const char *text, long limit)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*end != '\0' || value < 1 || value > limit) {
        fprintf(stderr, "loop: %s is not a number from 1 to %ld\n", text, limit);
        exit(2);
    }
    return value;
}

/* The words between the `--`, cut apart in place. */
static int split(char **word, struct command *commands)
{
    int count = 0;

    while (*word != NULL && count < COMMANDS_MAX) {
        commands[count].name = *word++;
        commands[count].argv = word;
        if (*word == NULL)
            return 0;
        count++;
        while (*word != NULL && strcmp(*word, "--") != 0)
            word++;
        if (*word != NULL)
            *word++ = NULL;
    }
    return *word == NULL ? count : 0;
}

int main(int argc, char **argv)
{
    struct command commands[COMMANDS_MAX];
    posix_spawn_file_actions_t actions;
    long rounds = 7, times = 50;
    int option, count;

    while ((option = getopt(argc, argv, "+r:n:")) != -1) {
        if (option == 'r')
            rounds = positive(optarg, 1000);
        else if (option == 'n')
            times = positive(optarg, 1000000);
        else
            return 2;
    }
    count = split(argv + optind, commands);
    if (count == 0) {
        fputs("usage: loop [-r ROUNDS] [-n TIMES] NAME COMMAND... [-- NAME COMMAND...]\n", stderr);
        return 2;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    for (int c = 0; c < count; c++)
        round_of(&commands[c], &actions, times / 10 + 1);
    for (long r = 0; r < rounds; r++) {
        for (int c = 0; c < count; c++)
            printf("%s\t%ld\t%.0f\n", commands[c].name, r, round_of(&commands[c], &actions, times));
    }
    posix_spawn_file_actions_destroy(&actions);
    return 0;
}
