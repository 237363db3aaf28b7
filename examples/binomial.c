/*
 * binomial N K: how many ways there are to choose K of N, by way of two smaller ones, which are
 * runs of their own and asked for at once. A task in C; libdj knows the run that it is in.
 *
 *     cc binomial.c -o binomial $(pkg-config --cflags --libs libdj)
 *     dj define binomial n:int k:int -- ./binomial '{n}' '{k}'
 *     dj get binomial 20 10
 */
#include <dj.h>

#include <stdio.h>
#include <stdlib.h>

static void ask(struct dj *dj, long n, long k)
{
    struct dj_request *request = dj_request_get(dj, "binomial");
    char word[24];

    snprintf(word, sizeof(word), "%ld", n);
    dj_request_add_word(request, word);
    snprintf(word, sizeof(word), "%ld", k);
    dj_request_add_word(request, word);
    dj_submit(request);
}

/* The sum of both; the run waits without a worker. 0 when one failed. */
static long long add_up(struct dj *dj)
{
    struct dj_request *request;
    long long sum = 0;
    int done = 0, failed = 0;

    while ((request = dj_next(dj, -1)) != NULL) {
        const void *bytes;
        size_t len;

        if (dj_request_bytes(request, &bytes, &len) == 0) {
            sum += strtoll(bytes, NULL, 10);
            dj_progress(dj, ++done == 1 ? "1/2" : "2/2");
        } else {
            fprintf(stderr, "binomial: %s\n", dj_request_error(request));
            failed = 1;
        }
        dj_request_free(request);
    }
    return failed ? 0 : sum;
}

int main(int argc, char **argv)
{
    long n = argc == 3 ? atol(argv[1]) : -1, k = argc == 3 ? atol(argv[2]) : -1;
    struct dj *dj;
    long long sum;

    if (k < 0 || k > n || n > 60) {
        fputs("usage: binomial N K, with 0 <= K <= N <= 60\n", stderr);
        return 2;
    }
    if (k == 0 || k == n) {
        puts("1");
        return 0;
    }
    dj = dj_new("binomial");
    if (dj_connect_to(dj, NULL, 0) < 0) {
        fprintf(stderr, "binomial: %s\n", dj_error(dj));
        dj_free(dj);
        return 1;
    }
    ask(dj, n - 1, k - 1);
    ask(dj, n - 1, k);
    sum = add_up(dj);
    dj_free(dj);
    if (sum == 0)
        return 1;
    printf("%lld\n", sum);
    return 0;
}
