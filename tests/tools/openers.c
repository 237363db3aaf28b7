/*
 * openers N PATH: N threads that each open PATH for reading at the same moment; `%d` in PATH, if it
 * is there, becomes the thread's number. Prints a line "started" when all threads are about to
 * open, and at the end how the opens went, one line an outcome: "9998 opened", "2 EINTR". Exit 0
 * when all were opened.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERRORS 256

static const char *pattern;
static int outcomes[ERRORS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_barrier_t barrier;

/* PATH with the number in it; the pattern is the caller's, so it is no format of printf's. */
static void path_of(char *path, size_t size, int number)
{
    const char *place = strstr(pattern, "%d");

    if (place == NULL)
        snprintf(path, size, "%s", pattern);
    else
        snprintf(path, size, "%.*s%d%s", (int)(place - pattern), pattern, number, place + 2);
}

static void *run(void *cookie)
{
    char path[4096];
    int fd, code;

    path_of(path, sizeof(path), (int)(long)cookie);
    pthread_barrier_wait(&barrier);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    code = fd < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    pthread_mutex_lock(&mutex);
    outcomes[code % ERRORS]++;
    pthread_mutex_unlock(&mutex);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc == 3 ? atoi(argv[1]) : 0;
    pthread_t *threads;
    pthread_attr_t attr;

    if (n <= 0) {
        fputs("usage: openers N PATH\n", stderr);
        return 2;
    }
    pattern = argv[2];
    threads = calloc((size_t)n, sizeof(*threads));
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * 1024);
    pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
    for (long i = 0; i < n; i++) {
        int code = pthread_create(&threads[i], &attr, run, (void *)i);

        if (code != 0) {
            fprintf(stderr, "openers: thread %ld: %s\n", i, strerror(code));
            return 1;
        }
    }
    puts("started");
    fflush(stdout);
    pthread_barrier_wait(&barrier);
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (int code = 0; code < ERRORS; code++) {
        if (outcomes[code] > 0)
            printf("%d %s\n", outcomes[code], code == 0 ? "opened" : strerrorname_np(code));
    }
    free(threads);
    return outcomes[0] == n ? 0 : 1;
}
