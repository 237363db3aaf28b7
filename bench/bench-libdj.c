/*
 * How many cached results a second one client gets through libdj: one at a time, and with so many
 * under way. bench-libdj TASK N [UNDER_WAY]: TASK is called with 0 to 99, which have to be cached.
 */
#include <dj.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void die(const char *why)
{
    fprintf(stderr, "bench-libdj: %s\n", why);
    exit(1);
}

static double one_at_a_time(struct dj *dj, const char *task, int n)
{
    double start = now();

    for (int i = 0; i < n; i++) {
        char word[16], *result;
        const char *words[] = {word};

        snprintf(word, sizeof(word), "%d", i % 100);
        if (dj_get(dj, task, 1, words, DJ_CACHED, &result, NULL) < 0)
            die(dj_error(dj));
        dj_mem_free(result);
    }
    return n / (now() - start);
}

static void submit(struct dj *dj, const char *task, int i)
{
    struct dj_request *request = dj_request_get(dj, task);
    char word[16];

    snprintf(word, sizeof(word), "%d", i % 100);
    dj_request_add_word(request, word);
    dj_request_set_flags(request, DJ_CACHED);
    if (dj_submit(request) < 0)
        die(dj_error(dj));
}

static double many(struct dj *dj, const char *task, int n, int under_way)
{
    double start = now();
    struct dj_request *request;
    int sent = 0;

    while (sent < under_way && sent < n)
        submit(dj, task, sent++);
    while ((request = dj_next(dj, -1)) != NULL) {
        if (dj_request_code(request) < 0)
            die(dj_request_error(request));
        dj_request_free(request);
        if (sent < n)
            submit(dj, task, sent++);
    }
    return n / (now() - start);
}

int main(int argc, char **argv)
{
    struct dj *dj = dj_new("bench-libdj");
    int n = argc > 2 ? atoi(argv[2]) : 0, under_way = argc > 3 ? atoi(argv[3]) : 256;

    if (n <= 0 || under_way <= 0)
        die("usage: bench-libdj TASK N [UNDER_WAY]");
    if (dj_connect_to(dj, NULL, 0) < 0)
        die(dj_error(dj));
    printf("one at a time %.0f/s\n", one_at_a_time(dj, argv[1], n));
    printf("%d under way %.0f/s\n", under_way, many(dj, argv[1], n, under_way));
    dj_free(dj);
    return 0;
}
