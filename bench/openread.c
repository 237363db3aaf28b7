/*
 * openread: what one open+read+close of each file costs, or one stat, in nanoseconds.
 *
 *     openread [-t] [-s] [-r ROUNDS] [-n OPERATIONS] FILE…
 *
 * A round makes OPERATIONS (2000) of each file, one file after the other, so that a slow second of
 * the machine falls on all of them alike; ROUNDS (15) are made after a short one to warm up.
 * Prints a line a file: min, median and max over the rounds of a round's mean; and from the second
 * file on its ratio to the first one within each round, again min, median and max. So
 *
 *     openread null/file dj/tasks/factorial/5/result ext4-file
 *
 * answers how much dearer a hit is than the least that FUSE can do. With -t the rounds themselves
 * are printed: file, round and nanoseconds with tabs between, for bench/figures.awk. With -s it is
 * stat(2) that is timed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 1000

static char buffer[1 << 16];
static bool only_stat;

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void fail(const char *path)
{
    fprintf(stderr, "openread: %s: %s\n", path, strerror(errno));
    exit(1);
}

static void once(const char *path)
{
    struct stat st;
    int fd;

    if (only_stat) {
        if (stat(path, &st) < 0)
            fail(path);
        return;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    if (read(fd, buffer, sizeof(buffer)) < 0)
        fail(path);
    if (close(fd) != 0)
        fail(path);
}

/* The mean of one operation over a round. */
static double round_of(const char *path, long operations)
{
    double start = now_ns();

    for (long i = 0; i < operations; i++)
        once(path);
    return (now_ns() - start) / (double)operations;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Sorts values. */
static void print_spread(double *values, long count, const char *format)
{
    qsort(values, (size_t)count, sizeof(*values), by_value);
    printf(format, values[0], values[count / 2], values[count - 1]);
}

static void report(char **files, int file_count, double (*means)[MAX_ROUNDS], long rounds)
{
    double spread[MAX_ROUNDS];

    for (int f = 0; f < file_count; f++) {
        memcpy(spread, means[f], sizeof(spread));
        printf("%s: ", files[f]);
        print_spread(spread, rounds, "min %.0f median %.0f max %.0f ns");
        for (long r = 0; r < rounds; r++)
            spread[r] = means[f][r] / means[0][r];
        if (f > 0)
            print_spread(spread, rounds, "; ratio min %.2f median %.2f max %.2f");
        putchar('\n');
    }
}

static void print_rounds(char **files, int file_count, double (*means)[MAX_ROUNDS], long rounds)
{
    for (long r = 0; r < rounds; r++) {
        for (int f = 0; f < file_count; f++)
            printf("%s\t%ld\t%.0f\n", files[f], r, means[f][r]);
    }
}

static long positive(const char *text, long limit)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*end != '\0' || value < 1 || value > limit) {
        fprintf(stderr, "openread: %s is not a number from 1 to %ld\n", text, limit);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    long rounds = 15, operations = 2000;
    double(*means)[MAX_ROUNDS];
    int option, files;
    bool table = false;

    while ((option = getopt(argc, argv, "tsr:n:")) != -1) {
        if (option == 't')
            table = true;
        else if (option == 's')
            only_stat = true;
        else if (option == 'r')
            rounds = positive(optarg, MAX_ROUNDS);
        else if (option == 'n')
            operations = positive(optarg, 100000000);
        else
            return 2;
    }
    files = argc - optind;
    if (files == 0) {
        fprintf(stderr, "usage: openread [-t] [-s] [-r ROUNDS] [-n OPERATIONS] FILE...\n");
        return 2;
    }
    means = calloc((size_t)files, sizeof(*means));
    if (means == NULL)
        fail("memory");
    for (int f = 0; f < files; f++)
        round_of(argv[optind + f], operations / 10 + 1);
    for (long r = 0; r < rounds; r++) {
        for (int f = 0; f < files; f++)
            means[f][r] = round_of(argv[optind + f], operations);
    }
    if (table)
        print_rounds(argv + optind, files, means, rounds);
    else
        report(argv + optind, files, means, rounds);
    free(means);
    return 0;
}
