/*
 * libdj's locks, batches, frames and runs between stores, against a daemon that runs: libdj-stores
 * GROUP, in TAP, as libdj-check. tests/libdj.bats has the tasks that it calls.
 */
#include <dj.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"

enum { MANY = 3000, THREADS = 4, CALLS = 50 };

static struct dj *connected_to(const char *address)
{
    struct dj *dj = dj_new("libdj-stores");

    if (!ok(dj_connect_to(dj, address, 0) == 0, "connected"))
        diag("%s", dj_error(dj));
    return dj;
}

static struct dj *connected(void)
{
    return connected_to(NULL);
}

#define WORDS(...) (const char *const[]){__VA_ARGS__}

static void has(const char *text, const char *part)
{
    if (!ok(strstr(text, part) != NULL, "the sentence has \"%s\"", part))
        diag("%s", text);
}

/* ---- locks ----------------------------------------------------------------------------------- */

static void locks(const char *restart)
{
    struct dj *dj = connected(), *other = connected();
    struct dj_request *request;
    char *tokens = NULL, kill[256];

    is_int(dj_locked(dj, "db"), 0, "not locked yet");
    is_int(dj_unlock(dj, "db"), -ENOENT, "nor to be unlocked");
    is_int(dj_lock(dj, "-db", 0), -EINVAL, "no name");
    is_int(dj_lock(dj, "db", 0), 0, "locked");
    is_int(dj_locked(dj, "db"), 1, "it is held");
    is_int(dj_lock(dj, "db", 0), -EDEADLK, "not twice");
    is_int(dj_lock(other, "db", DJ_NOW), -EBUSY, "by nobody else");
    ok(dj_error(other)[0] != '\0', "with a sentence");
    is_int(dj_set_timeout(other, 50), 0, "for a while");
    is_int(dj_lock(other, "db", 0), -ETIMEDOUT, "waited for in vain");
    dj_set_timeout(other, 0);
    is_int(dj_lock_tokens(dj, &tokens), 0, "its tokens");
    is_int((int)strlen(tokens), 32, "are one");
    dj_mem_free(tokens);

    request = dj_request_lock(other, "db", DJ_SHARED);
    is_int(dj_submit(request), 0, "asked for");
    ok(dj_next(other, 20) == NULL, "it is not free");
    is_int(dj_unlock(dj, "db"), 0, "unlocked");
    ok(dj_next(other, -1) == request && dj_request_code(request) == 0, "it came");
    dj_request_free(request);
    is_int(dj_locked(other, "db"), 1, "it is the connection's");
    is_int(dj_lock(dj, "db", DJ_SHARED | DJ_NOW), 0, "shared");
    is_int(dj_unlock(other, "db"), 0, "one leaves");
    request = dj_request_lock(other, "db", 0);
    dj_submit(request);
    ok(dj_next(other, 20) == NULL, "it waits");
    dj_request_free(request); /* under way: given up */
    is_int(dj_unlock(dj, "db"), 0, "the other one leaves");
    is_int(dj_lock(dj, "db", DJ_NOW), 0, "what was given up is not locked");

    snprintf(kill, sizeof(kill), "kill -9 %lld; %s", (long long)dj_daemon_pid(dj), restart);
    is_int(system(kill), 0, "the daemon is killed, and another comes");
    while (dj_process(dj) == 0)
        poll(&(struct pollfd){.fd = dj_fd(dj), .events = dj_events(dj)}, 1, 100);
    is_int(dj_locked(dj, "db"), -ENOTCONN, "nobody knows");
    is_int(dj_reconnect(dj), 0, "reconnected");
    is_int(dj_locked(dj, "db"), 1, "it is held as before");
    is_int(dj_reconnect(other), 0, "the other, too");
    is_int(dj_lock(other, "db", DJ_NOW), -EBUSY, "and does not get it");
    dj_free(dj); /* gives it up */
    is_int(dj_lock(other, "db", 0), 0, "a connection that ends frees it");
    dj_disconnect(other);
    is_int(dj_locked(other, "db"), 0, "a disconnect forgets it");
    dj_free(other);
}

/* ---- batches --------------------------------------------------------------------------------- */

static void add_many(struct dj_batch *batch, uint64_t *numbers)
{
    char word[32];
    int rc = 0;

    for (int i = 0; i < MANY && rc == 0; i++) {
        numbers[i] = (uint64_t)i;
        snprintf(word, sizeof(word), "%d", i % 40);
        rc = dj_batch_add(batch, 2, WORDS(word, "b=7"), NULL, &numbers[i]);
    }
    is_int(rc, 0, "added");
}

static void check_product(struct dj_batch *batch, size_t *ret_good)
{
    const uint64_t *number = dj_batch_cookie(batch);
    const void *bytes;
    size_t len;

    if (dj_batch_code(batch) == 0 && *number == dj_batch_index(batch) &&
        dj_batch_bytes(batch, &bytes, &len) == 0 &&
        strtoul(bytes, NULL, 10) == *number % 40 * 7 &&
        strcmp(dj_batch_status(batch), "done") == 0 &&
        strncmp(dj_batch_run(batch), "tasks/mult/a=", 13) == 0)
        (*ret_good)++;
}

static void by_poll(struct dj *dj, uint64_t *numbers)
{
    struct dj_batch *batch = dj_batch_new(dj, "mult", DJ_CACHED);
    size_t good = 0;

    add_many(batch, numbers);
    while (dj_batch_pending(batch) != 0) {
        struct pollfd polled = {.fd = dj_fd(dj), .events = dj_events(dj)};

        if (poll(&polled, 1, dj_poll_timeout(dj)) < 0 || dj_process(dj) < 0)
            break;
        while (dj_batch_next(batch, 0) == 1)
            check_product(batch, &good);
    }
    is_int((int)good, MANY, "all came by a poll loop");
    dj_batch_free(batch);
}

static void refused(struct dj *dj)
{
    struct dj_batch *batch;
    const char **words;

    ok(dj_batch_new(dj, NULL, 0) == NULL, "no task");
    ok(dj_batch_new(dj, "mult", DJ_LAZY | DJ_FORCE) == NULL, "lazy and forced");
    ok(dj_batch_new(dj, "mult", DJ_START) == NULL, "a flag that it has not");
    batch = dj_batch_new(dj, "mult", 0);
    is_int(dj_batch_add(batch, 1, WORDS(NULL), NULL, NULL), -EINVAL, "a NULL word");
    is_int(dj_batch_add(batch, 1, WORDS("1"), &(size_t){5 << 20}, NULL), -E2BIG, "a large one");
    words = calloc(600000, sizeof(*words));
    for (size_t i = 0; i < 600000; i++)
        words[i] = "";
    is_int(dj_batch_add(batch, 600000, words, NULL, NULL), -E2BIG, "many empty ones");
    free(words);
    is_int(dj_batch_next(batch, -1), 0, "nothing in it");
    is_int(dj_batch_code(batch), -EINVAL, "nothing told of");
    is_int(dj_batch_add(batch, 2, WORDS("six", "7"), NULL, NULL), 0, "a bad argument");
    is_int(dj_batch_add(batch, 2, WORDS("6", "7"), NULL, NULL), 0, "beside a good one");
    for (int i = 0; i < 2; i++) {
        is_int(dj_batch_next(batch, -1), 1, "one ended");
        is_int(dj_batch_code(batch), dj_batch_index(batch) == 0 ? -EINVAL : 0, "as it has to");
        if (dj_batch_index(batch) == 0)
            has(dj_batch_error(batch), "six");
    }
    is_int(dj_batch_next(batch, -1), 0, "no more");
    dj_batch_free(batch);
    batch = dj_batch_new(dj, "no-such", 0);
    dj_batch_add(batch, 0, NULL, NULL, NULL);
    is_int(dj_batch_next(batch, -1), 1, "no such task");
    is_int(dj_batch_code(batch), -ENOENT, "it says so");
    dj_batch_free(batch);
}

/* What the task wants of the environment makes the group larger than a request can be. */
static void large_environment(struct dj *dj)
{
    static char value[9 << 20];
    struct dj_batch *batch;
    const char *definition = "[wide]\ncommand = true\nenv = LIBDJ_WIDE\n";

    memset(value, 'x', sizeof(value) - 1);
    setenv("LIBDJ_WIDE", value, 1);
    is_int(dj_define(dj, definition, strlen(definition), "wide", NULL), 0, "defined");
    batch = dj_batch_new(dj, "wide", 0);
    dj_batch_add(batch, 0, NULL, NULL, NULL);
    is_int(dj_batch_next(batch, -1), 1, "a call with a large environment");
    is_int(dj_batch_code(batch), -EMSGSIZE, "is refused");
    is_int(dj_batch_next(batch, -1), 0, "and was the only one");
    dj_batch_free(batch);
    unsetenv("LIBDJ_WIDE");
    ok(dj_is_connected(dj), "the connection stays");
}

static void large_and_lazy(struct dj *dj)
{
    struct dj_batch *batch = dj_batch_new(dj, "large", 0);
    const void *bytes = NULL;
    size_t len = 0;

    dj_batch_add(batch, 0, NULL, NULL, NULL);
    is_int(dj_batch_next(batch, -1), 1, "a large result");
    ok(dj_batch_file(batch) != NULL, "is a file");
    is_int(dj_batch_bytes(batch, &bytes, &len), 0, "and mapped");
    is_int((int)len, 3000000, "as a whole");
    dj_batch_free(batch);
    batch = dj_batch_new(dj, "mult", DJ_LAZY);
    dj_batch_add(batch, 2, WORDS("1234", "5678"), (size_t[]){2, 4}, NULL);
    is_int(dj_batch_next(batch, -1), 1, "where a run would be");
    is_str(dj_batch_run(batch), "tasks/mult/a=12,b=5678", "by counted words");
    dj_batch_free(batch);
}

static void cancelled(struct dj *dj)
{
    struct dj_batch *batch = dj_batch_new(dj, "gate", 0);
    char word[16];
    int ended = 0;

    for (int i = 0; i < 1200; i++) {
        snprintf(word, sizeof(word), "%d", 1000 + i);
        dj_batch_add(batch, 1, WORDS(word), NULL, NULL);
    }
    is_int(dj_batch_next(batch, 20), 0, "none ends by itself");
    is_int((int)dj_batch_pending(batch), 1200, "all are to come");
    is_int(dj_batch_cancel(batch), 0, "cancelled");
    while (dj_batch_next(batch, -1) == 1)
        ended += dj_batch_code(batch) == -EINTR;
    is_int(ended, 1200, "each is told of, those that waited here, too");
    dj_batch_free(batch);
    batch = dj_batch_new(dj, "gate", 0);
    dj_batch_add(batch, 1, WORDS("1"), NULL, NULL);
    is_int(dj_batch_next(batch, 0), 0, "under way");
    dj_batch_free(batch);
    batch = dj_batch_new(dj, "gate", 0);
    dj_batch_add(batch, 1, WORDS("2"), NULL, &ended);
    is_int(dj_batch_next(batch, 0), 0, "under way");
    dj_free(dj);
    is_int(dj_batch_next(batch, -1), 1, "its connection went");
    is_int(dj_batch_code(batch), -ENOTCONN, "which is told of");
    ok(dj_batch_cookie(batch) == &ended, "with its cookie");
    is_int(dj_batch_next(batch, -1), 0, "no more");
    is_int(dj_batch_add(batch, 1, WORDS("2"), NULL, NULL), -ENOTCONN, "nothing can be added");
    dj_batch_free(batch);
}

static void batches(void)
{
    struct dj *dj = connected();
    struct dj_batch *batch = dj_batch_new(dj, "mult", 0);
    uint64_t *numbers = calloc(MANY, sizeof(*numbers));
    size_t good = 0;

    add_many(batch, numbers);
    is_int((int)dj_batch_pending(batch), MANY, "they are to come");
    while (dj_batch_next(batch, -1) == 1)
        check_product(batch, &good);
    is_int((int)good, MANY, "each ended once");
    is_int((int)dj_batch_pending(batch), 0, "none is left");
    dj_batch_free(batch);
    by_poll(dj, numbers);
    free(numbers);
    refused(dj);
    large_environment(dj);
    large_and_lazy(dj);
    cancelled(dj);
}

/* ---- stored frames --------------------------------------------------------------------------- */

static void frames(void)
{
    struct dj *dj = connected();
    struct dj_frame *frame = dj_frame_new(dj, "products", "mult", "product", 0);
    char row[64], a[16], *text = NULL;
    uint64_t rows = 0;
    int rc = 0;

    is_int(dj_frame_start(frame), 0, "begun");
    is_int(dj_frame_set_session(frame, "x"), -EBUSY, "too late for that");
    for (int i = 0; i < 2100 && rc == 0; i++) {
        snprintf(row, sizeof(row), "{\"a\":%d,\"b\":7}", i % 40);
        snprintf(a, sizeof(a), "%d", i % 40);
        rc = dj_frame_add(frame, row, strlen(row), 2, WORDS(a, "7"), NULL);
    }
    is_int(rc, 0, "rows added");
    ok(dj_stat(dj, "frames/products", 1, &(struct dj_stat){0}) < 0, "it is not there before");
    is_int(dj_frame_store(frame, &rows), 0, "stored");
    is_int((int)rows, 2100, "all of them");
    is_int(dj_frame_add(frame, "{}", 2, 0, NULL, NULL), -EBUSY, "no more after that");
    dj_frame_free(frame);
    is_int(dj_stat(dj, "frames/products", 1, &(struct dj_stat){0}), 0, "it is there");
    is_int(dj_cat(dj, "frames/products/results.jsonl", &text, NULL), 0, "computed");
    dj_mem_free(text);
    frame = dj_frame_new(dj, "products", "mult", NULL, 0);
    is_int(dj_frame_start(frame), -EEXIST, "the name is taken");
    has(dj_error(dj), "products");
    dj_frame_free(frame);
    dj_free(dj);
}

/* ---- between stores -------------------------------------------------------------------------- */

static uint64_t text_number(struct dj *dj, const char *task, const char *word)
{
    char *text = NULL;
    uint64_t n = 0;

    if (dj_get(dj, task, 1, WORDS(word), DJ_CACHED, &text, NULL) == 0)
        n = strtoul(text, NULL, 10);
    dj_mem_free(text);
    return n;
}

/* All contents, as their names and sizes. */
static void read_run(struct dj *dj, uint64_t instance)
{
    struct dj_export *run = dj_export_open(dj, instance, DJ_TEXTS), *other;
    const void *bytes;
    char seen[256] = "", piece[7];
    size_t len;

    ok(strncmp(dj_export_path(run), "tasks/tree/", 11) == 0, "its path");
    is_str(dj_export_task(run), "tree", "its task");
    is_int((int)strlen(dj_export_id(run)), 64, "its id");
    is_int(dj_export_text(run, "meta", &bytes, &len), 0, "its meta");
    ok(len > 0, "which says something");
    is_int(dj_export_text(run, "nonsense", &bytes, &len), -ENOENT, "no such text");
    is_int((int)dj_export_read(run, piece, sizeof(piece)), -EINVAL, "none is begun");
    while (dj_export_next(run) == 1) {
        uint64_t size = 0;
        int64_t n;

        while ((n = dj_export_read(run, piece, sizeof(piece))) > 0)
            size += (uint64_t)n;
        ok(n == 0 && size == dj_export_size(run), "%s as a whole", dj_export_name(run));
        strcat(seen, dj_export_name(run));
        strcat(seen, " ");
    }
    is_str(seen, "files.cbor result log files/big files/sub/small ", "its contents");
    is_int(dj_export_next(run), 0, "that was all");
    other = dj_export_open(dj, instance, 0);
    dj_export_next(run);
    dj_export_close(run);
    run = dj_export_open(dj, instance, 0);
    dj_export_next(other);
    is_int((int)dj_export_read(other, piece, sizeof(piece)), -ESTALE, "one at a time");
    dj_export_close(other);
    dj_export_close(run);
    ok(dj_export_open(dj, 987654, 0) == NULL, "no such run");
    is_int(dj_error_code(dj), ENOENT, "it says so");
}

static int copy_all(struct dj_runs *runs, struct dj *from, struct dj_import *import)
{
    int rc = 0;

    while (rc >= 0 && dj_runs_next(runs) == 1) {
        struct dj_export *run = dj_export_open(from, dj_runs_instance(runs), 0);

        rc = run == NULL ? -dj_error_code(from) : dj_import_from(import, run);
        dj_export_close(run);
    }
    return rc;
}

/* A record of which something is not given, or wrong. */
static void misgive(struct dj *from, struct dj *to, uint64_t instance)
{
    struct dj_export *run = dj_export_open(from, instance, 0);
    struct dj_import *import = dj_import_new(to, "a test");
    static char zeros[1 << 20];
    const void *record = NULL;
    size_t len = 0;

    dj_export_text(run, "record", &record, &len);
    is_int(dj_import_next(import), -EINVAL, "nothing is begun");
    is_int(dj_import_begin(import, "junk", 4), -EBADMSG, "no record");
    is_int(dj_import_begin(import, record, len), 1, "a record");
    is_int(dj_import_write(import, zeros, 1), -EINVAL, "no content was asked for");
    is_int(dj_import_begin(import, record, len), 1, "once more");
    is_int(dj_import_next(import), 1, "it asks for something");
    is_str(dj_import_name(import), "files.cbor", "first the list of files");
    is_int(dj_import_next(import), -EINVAL, "which was not given");
    is_int(dj_import_write(import, zeros, dj_import_size(import) + 1), -EINVAL, "too much");
    is_int(dj_import_begin(import, record, len), 1, "once more");
    is_int(dj_import_next(import), 1, "the list of files");
    is_int(dj_import_write(import, zeros, dj_import_size(import)), -EBADMSG, "a wrong one");
    dj_import_free(import);
    dj_export_close(run);
}

static void stores(const char *socket)
{
    struct dj *dj = connected(), *other = connected_to(socket);
    struct dj_runs *runs = dj_runs_new(dj, DJ_WITH_CALLED);
    struct dj_import *import;
    struct dj_import_counts counts;
    uint64_t last = 0, instance = 0, bytes = 0;
    int n = 0, current = 0;

    is_int(dj_runs_add(runs, "no-such"), -ENOENT, "no such task");
    is_int(dj_runs_add(runs, "tasks/tree/a/b/c"), -EINVAL, "no run");
    is_int(dj_runs_add(runs, "tree"), 0, "those of a task");
    is_int(dj_runs_add(runs, "tasks/sum/3"), 0, "and a run");
    while (dj_runs_next(runs) == 1) {
        ok(dj_runs_end_ns(runs) >= last, "in the order of their ends");
        last = dj_runs_end_ns(runs);
        n++;
        current += dj_runs_is_current(runs);
        bytes += dj_runs_bytes(runs);
        if (n == 1)
            instance = dj_runs_instance(runs);
    }
    is_int(n, 5, "with what they called");
    is_int(current, 5, "which all answer");
    is_int((int)dj_runs_count(runs, &last), 5, "counted");
    ok(last == bytes, "with their bytes");
    read_run(dj, instance);
    misgive(dj, other, instance);

    import = dj_import_new(other, "a test");
    dj_runs_rewind(runs);
    is_int(copy_all(runs, dj, import), 1, "all handed over");
    is_int(dj_import_drain(import), 0, "and taken in");
    is_int(dj_import_counts(import, &counts), 0, "counted");
    is_int((int)counts.taken, 5, "all are taken");
    is_int((int)counts.valid, 5, "and answer");
    dj_runs_rewind(runs);
    ok(copy_all(runs, dj, import) >= 0, "once more");
    is_int(dj_import_drain(import), 0, "taken in");
    dj_import_counts(import, &counts);
    is_int((int)(counts.there + counts.same), 5, "they are there already");
    ok(dj_import_conflict(import, 0) == NULL, "no conflict");
    dj_import_free(import);
    is_int((int)text_number(other, "sum", "3"), 6, "a hit in the other store");
    dj_runs_free(runs);
    dj_free(dj);
    dj_free(other);
}

/* ---- the store ------------------------------------------------------------------------------- */

static int check(struct dj *dj, const char *store, struct dj_fsck_progress *ret)
{
    struct dj_fsck *fsck = dj_fsck_open(dj, store, DJ_READ_DATA);
    int found = 0, rc = fsck == NULL ? -dj_error_code(dj) : 1;

    while (rc == 1 && (rc = dj_fsck_next(fsck)) == 1)
        found += *dj_fsck_kind(fsck) != '\0';
    dj_fsck_progress(fsck, ret);
    ret->phase = NULL;
    if (rc == 0)
        rc = dj_fsck_next(fsck);
    dj_fsck_close(fsck);
    return rc < 0 ? rc : found;
}

static uint64_t garbage(struct dj *dj, unsigned flags)
{
    struct dj_gc *gc = dj_gc_open(dj, flags);
    uint64_t runs = 0;
    int rc;

    while ((rc = dj_gc_next(gc)) == 1) {
        if (strcmp(dj_gc_why(gc), "undefined") == 0)
            runs += dj_gc_runs(gc);
    }
    is_int(rc, 0, "to its end");
    is_int(dj_gc_next(gc), 0, "and no further");
    dj_gc_close(gc);
    return runs;
}

static void store(const char *idle)
{
    struct dj *dj = connected(), *nobody = dj_new(NULL);
    struct dj_fsck_progress progress = {0};
    struct dj_fsck *fsck;

    is_int(check(dj, NULL, &progress), 0, "nothing is found");
    ok(progress.records > 0, "of many things");
    is_int(check(nobody, NULL, &progress), -ENOTCONN, "nobody checks");
    is_int(check(nobody, idle, &progress), 0, "a store without a daemon");
    ok(progress.records > 0, "is looked at");
    ok(check(nobody, dj_daemon_store(dj), &progress) < 0, "one that a daemon has is not");
    fsck = dj_fsck_open(nobody, idle, 0);
    ok(fsck != NULL, "begun");
    dj_fsck_close(fsck); /* and ended with all it started */
    ok(dj_fsck_open(dj, NULL, 1 << 7) == NULL, "no such flag");
    ok(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "no child is left");

    is_int(dj_undefine(dj, "gone"), 0, "a task goes");
    is_int((int)garbage(dj, 0), 2, "its runs are counted");
    is_int((int)garbage(dj, DJ_DROP), 2, "dropped");
    is_int((int)garbage(dj, 0), 0, "gone");
    dj_free(nobody);
    dj_free(dj);
}

/* ---- fork and threads ------------------------------------------------------------------------ */

static int in_child(struct dj *dj, struct dj_request *request, struct dj_batch *batch)
{
    char *text = NULL;
    int bad = 0;

    bad |= dj_is_connected(dj) != 0;
    bad |= dj_fd(dj) != -1;
    bad |= dj_get(dj, "mult", 2, WORDS("6", "7"), 0, &text, NULL) != -ENOTCONN;
    bad |= dj_request_code(request) != -ENOTCONN;
    bad |= dj_locked(dj, "forked") != 0;
    dj_request_free(request);
    dj_batch_free(batch);
    bad |= dj_reconnect(dj) != 0;
    bad |= dj_get(dj, "mult", 2, WORDS("6", "7"), 0, &text, NULL) != 0;
    bad |= text == NULL || strcmp(text, "42\n") != 0;
    bad |= dj_lock(dj, "forked", DJ_NOW) != -EBUSY;
    dj_mem_free(text);
    dj_free(dj);
    return bad;
}

static void forked(void)
{
    struct dj *dj = connected();
    struct dj_request *request = dj_request_get(dj, "gate");
    struct dj_batch *batch = dj_batch_new(dj, "gate", 0);
    int status = -1, wake = eventfd(0, EFD_CLOEXEC);
    char *text = NULL;
    pid_t pid;

    dj_set_timeout(dj, 600000);
    dj_set_cancel_fd(dj, wake);
    is_int(dj_lock(dj, "forked", 0), 0, "locked");
    dj_request_add_word(request, "77");
    dj_batch_add(batch, 1, WORDS("78"), NULL, NULL);
    dj_submit(request);
    is_int(dj_batch_next(batch, 0), 0, "something is under way");
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(in_child(dj, request, batch));
    waitpid(pid, &status, 0);
    is_int(status, 0, "the child's connection has ended, and it gets one of its own");
    is_int(dj_get(dj, "mult", 2, WORDS("6", "7"), 0, &text, NULL), 0, "the parent goes on");
    is_str(text, "42\n", "with its answers");
    dj_mem_free(text);
    is_int(dj_locked(dj, "forked"), 1, "with its lock");
    is_int(dj_request_code(request), -EINPROGRESS, "with its request");
    dj_cancel(request);
    ok(dj_next(dj, -1) == request, "which can be cancelled");
    dj_request_free(request);
    eventfd_write(wake, 1);
    is_int(dj_get(dj, "gate", 1, WORDS("79"), 0, &text, NULL), -EINTR, "with its descriptor");
    dj_free(dj);
    dj_batch_free(batch);
    close(wake);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct dj *shared;

static bool multiply(struct dj *dj, int i)
{
    char word[16], *text = NULL;
    bool good;

    snprintf(word, sizeof(word), "%d", i % 20);
    good = dj_get(dj, "mult", 2, WORDS(word, "7"), 0, &text, NULL) == 0 && atoi(text) == i % 20 * 7;
    dj_mem_free(text);
    return good;
}

static void *in_thread(void *cookie)
{
    struct dj *own = dj_new("thread");
    intptr_t good = dj_connect_to(own, NULL, 0) == 0;

    for (int i = 0; i < CALLS && good; i++) {
        good = multiply(own, i);
        pthread_mutex_lock(&mutex);
        good &= multiply(shared, i);
        pthread_mutex_unlock(&mutex);
    }
    dj_free(own);
    (void)cookie;
    return (void *)good;
}

static void threads(void)
{
    pthread_t ids[THREADS];
    void *good;

    shared = connected();
    for (int i = 0; i < THREADS; i++)
        pthread_create(&ids[i], NULL, in_thread, NULL);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(ids[i], &good);
        ok(good != NULL, "a thread with its own connection and one that is handed around");
    }
    dj_free(shared);
}

int main(int argc, char **argv)
{
    const char *group = argc > 1 ? argv[1] : "";

    if (strcmp(group, "locks") == 0 && argc > 2)
        locks(argv[2]);
    else if (strcmp(group, "batches") == 0)
        batches();
    else if (strcmp(group, "frames") == 0)
        frames();
    else if (strcmp(group, "stores") == 0 && argc > 2)
        stores(argv[2]);
    else if (strcmp(group, "store") == 0 && argc > 2)
        store(argv[2]);
    else if (strcmp(group, "fork") == 0)
        forked();
    else if (strcmp(group, "threads") == 0)
        threads();
    return tap_done();
}
