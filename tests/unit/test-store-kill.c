/*
 * kill -9 at any moment: a writer acknowledges over a pipe after dj_store_sync(), is killed, and
 * then everything acknowledged must be there, and what is there must be a prefix of what was
 * written, each batch whole. The writer is this program anew: test-store-kill DIR FIRST.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/store.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"
#include "tests/unit/tap.h"

enum { ROUNDS = 20, KEYS_A_BATCH = 3, BATCHES_A_SYNC = 4, ACK = 3 };

static void key_of(char key[32], uint32_t batch, unsigned part)
{
    snprintf(key, 32, "b%08u/%u", batch, part);
}

static struct dj_store *open_store(const char *dir)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_store *store = NULL;
    int code = dj_store_open_rocksdb(dir, &store, &err);

    if (code < 0) {
        diag("%s", dj_err_text(&err, code));
        exit(1);
    }
    return store;
}

/* Values from a few bytes to 200 kB, so that the log grows past a block and a page in every way. */
static int write_on(const char *dir, uint32_t batch)
{
    static uint8_t value[200000];
    struct dj_store *store = open_store(dir);
    struct dj_store_batch *changes = dj_store_batch_new();

    for (;; batch++) {
        dj_store_batch_clear(changes);
        for (unsigned part = 0; part < KEYS_A_BATCH; part++) {
            char key[32];

            key_of(key, batch, part);
            dj_store_batch_put(changes, dj_bytes_of(key),
                               dj_bytes(value, (batch * 7919 + part * 104729) % sizeof(value)));
        }
        if (dj_store_write(store, changes, NULL) < 0)
            return 1;
        if (batch % BATCHES_A_SYNC == 0 &&
            (dj_store_sync(store, NULL) < 0 || write(ACK, &batch, sizeof(batch)) != sizeof(batch)))
            return 1;
    }
}

/* Reads acknowledgements until ns have passed since the first, kills, reads what is left of them.
 */
static uint32_t run_and_kill(const char *dir, uint32_t first, uint64_t ns)
{
    int ends[2];
    pid_t pid;
    uint32_t batch;
    uint32_t last = first;
    uint64_t until = 0;

    if (pipe(ends) < 0)
        exit(1);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        char number[16];

        snprintf(number, sizeof(number), "%u", first);
        if (dup2(ends[1], ACK) < 0)
            _exit(1);
        execl("/proc/self/exe", "test-store-kill", dir, number, NULL);
        _exit(1);
    }
    close(ends[1]);
    while (read(ends[0], &batch, sizeof(batch)) == sizeof(batch)) {
        last = batch;
        if (until == 0)
            until = dj_clock_mono_ns() + ns;
        if (dj_clock_mono_ns() >= until)
            kill(pid, SIGKILL); /* again and again; the pipe ends then */
    }
    close(ends[0]);
    waitpid(pid, NULL, 0);
    return last;
}

/* The number of whole batches; exits the loop at the first gap or half batch. */
static uint32_t count_batches(struct dj_store *store, bool *ret_prefix)
{
    struct dj_store_iter *iter = dj_store_iter_new(store, DJ_BYTES_LIT("b"), DJ_BYTES_LIT("c"));
    uint32_t n = 0;

    *ret_prefix = true;
    while (*ret_prefix && dj_store_iter_next(iter)) {
        char key[32];

        key_of(key, n / KEYS_A_BATCH, n % KEYS_A_BATCH);
        *ret_prefix = dj_bytes_is(dj_store_iter_key(iter), key);
        n++;
    }
    *ret_prefix = *ret_prefix && n % KEYS_A_BATCH == 0 && dj_store_iter_error(iter) == 0;
    dj_store_iter_free(iter);
    return n / KEYS_A_BATCH;
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    char dir[64];
    uint32_t first = 0;

    if (argc == 3)
        return write_on(argv[1], (uint32_t)strtoul(argv[2], NULL, 10));
    snprintf(dir, sizeof(dir), "%s/djkill-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    if (mkdtemp(dir) == NULL)
        return 1;
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t random;
        uint32_t last;
        uint32_t there;
        bool prefix;
        struct dj_store *store;

        dj_random(&random, sizeof(random));
        last = run_and_kill(dir, first, (uint64_t)(random % 60000) * 1000);
        store = open_store(dir);
        there = count_batches(store, &prefix);
        ok(last > first || first == 0, "round %d: the writer got on", round);
        ok(there > last, "round %d: acknowledged up to %u, there are %u", round, last, there);
        ok(prefix, "a prefix of whole batches");
        ok(dj_store_notice(store) == NULL, "nothing had to be mended");
        dj_store_close(store);
        first = there;
    }
    ok(dj_remove_tree(AT_FDCWD, dir) == 0, "tidied up");
    return tap_done();
}
