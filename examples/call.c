/*
 * call TASK LOW HIGH: TASK called with each number from LOW to HIGH, all at once on one connection;
 * prints results in the order in which they come. A client of libdj:
 *
 *     cc call.c -o call $(pkg-config --cflags --libs libdj)
 *     ./call factorial 0 20
 */
#include <dj.h>

#include <stdio.h>
#include <stdlib.h>

static int ask(struct dj *dj, const char *task, int number)
{
    struct dj_request *request = dj_request_get(dj, task);
    char word[16];

    snprintf(word, sizeof(word), "%d", number);
    dj_request_add_word(request, word);
    dj_request_set_cookie(request, (void *)(intptr_t)number);
    return dj_submit(request);
}

/* 0, or 1 when there is no result. */
static int print(struct dj_request *request)
{
    int number = (int)(intptr_t)dj_request_cookie(request);
    const void *bytes;
    size_t len;

    if (dj_request_bytes(request, &bytes, &len) < 0) {
        fprintf(stderr, "call: %d: %s\n", number, dj_request_error(request));
        return 1;
    }
    printf("%d: ", number);
    fwrite(bytes, 1, len, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct dj *dj = dj_new("call");
    struct dj_request *request;
    int failed = 0;

    if (argc != 4) {
        fputs("usage: call TASK LOW HIGH\n", stderr);
        return 2;
    }
    if (dj_connect_to(dj, NULL, DJ_START_DAEMON) < 0) {
        fprintf(stderr, "call: %s\n", dj_error(dj));
        dj_free(dj);
        return 69;
    }
    for (int i = atoi(argv[2]); i <= atoi(argv[3]) && !failed; i++) {
        if (ask(dj, argv[1], i) < 0) {
            fprintf(stderr, "call: %s\n", dj_error(dj));
            failed = 1;
        }
    }
    while ((request = dj_next(dj, -1)) != NULL) {
        failed |= print(request);
        dj_request_free(request);
    }
    dj_free(dj);
    return failed;
}
