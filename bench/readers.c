/*
 * readers: many who wait for one file, and what that means for others.
 *
 *     readers [-n READERS] FILE [OTHER…]
 *
 * READERS (100) threads open, read and close FILE, which does not answer yet: it is the result of a
 * run that goes on. Prints, a line each:
 *
 *     blocked COUNT       all of them are asleep in their open
 *     other NS            for each OTHER, what its open+read+close took meanwhile
 *     done                now the run may end
 *     answered NS         when the last of them had its bytes, by CLOCK_REALTIME
 *
 * All must get the same bytes. Threads of C, since those of an interpreter wait for each other too.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_READERS 30000
#define STACK_BYTES 65536
#define FIRST_BYTES 64

struct reader {
    const char *path;
    pthread_t thread;
    pid_t tid;
    atomic_bool opening;
    ssize_t size;
    char first[FIRST_BYTES];
    long long answered_ns;
};

static void fail(const char *what, int error)
{
    fprintf(stderr, "readers: %s: %s\n", what, strerror(error));
    exit(1);
}

static long long now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

static ssize_t read_whole(const char *path, char *first)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (fd < 0)
        fail(path, errno);
    size = read(fd, first, FIRST_BYTES);
    if (size < 0)
        fail(path, errno);
    close(fd);
    return size;
}

static void *wait_for_it(void *cookie)
{
    struct reader *reader = cookie;

    reader->tid = gettid();
    atomic_store(&reader->opening, true);
    reader->size = read_whole(reader->path, reader->first);
    reader->answered_ns = now_ns(CLOCK_REALTIME);
    return NULL;
}

/* Nothing else lies between saying so and the open: who sleeps does so in the open. */
static int asleep(const struct reader *reader)
{
    char path[64], text[256] = "";
    const char *state;
    int fd;

    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)reader->tid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        fail(path, errno);
    close(fd);
    state = strrchr(text, ')');
    return state != NULL && state[1] == ' ' && state[2] == 'S';
}

static void start(struct reader *readers, int count, const char *path)
{
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    for (int i = 0; i < count; i++) {
        int error;

        readers[i].path = path;
        error = pthread_create(&readers[i].thread, &attr, wait_for_it, &readers[i]);
        if (error != 0)
            fail("a thread", error);
    }
    pthread_attr_destroy(&attr);
    for (int i = 0; i < count; i++) {
        while (!atomic_load(&readers[i].opening) || !asleep(&readers[i]))
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

int main(int argc, char **argv)
{
    struct reader *readers;
    long long last_ns = 0;
    int count = 100, option;

    while ((option = getopt(argc, argv, "n:")) != -1)
        count = option == 'n' ? atoi(optarg) : 0;
    if (count < 1 || count > MAX_READERS || optind >= argc) {
        fprintf(stderr, "usage: readers [-n READERS] FILE [OTHER...]\n");
        return 2;
    }
    readers = calloc((size_t)count, sizeof(*readers));
    if (readers == NULL)
        fail("memory", ENOMEM);
    start(readers, count, argv[optind]);
    printf("blocked %d\n", count);
    for (int i = optind + 1; i < argc; i++) {
        char first[FIRST_BYTES];
        long long begun_ns = now_ns(CLOCK_MONOTONIC);

        read_whole(argv[i], first);
        printf("other %lld\n", now_ns(CLOCK_MONOTONIC) - begun_ns);
    }
    puts("done");
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        pthread_join(readers[i].thread, NULL);
        if (readers[i].size != readers[0].size ||
            memcmp(readers[i].first, readers[0].first, (size_t)readers[0].size) != 0)
            fail("two readers got different bytes", EIO);
        if (readers[i].answered_ns > last_ns)
            last_ns = readers[i].answered_ns;
    }
    printf("answered %lld\n", last_ns);
    free(readers);
    return 0;
}
