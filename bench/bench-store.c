/*
 * The store against RocksDB itself: what a finished run costs (one get, three puts), durable, with
 * one sync a group of 1, 10 and 200 runs. Both sides take turns in rounds; the ratio of each round
 * is ours to the floor, so 1.00 means that the interface costs nothing.
 *
 *     bench-store [DIR]    (a folder on the disk to measure; $TMPDIR or /tmp)
 *
 *     bench-store -f GROUP RUNS DIR    only the floor, in groups of that size: ns a run
 *
 * Then: how long a write takes while another thread syncs without a pause, and a read that hits.
 */
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/store.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/random.h"

enum { ROUNDS = 7, PUTS = 3, READS = 200000, WRITES = 30000 };

struct floor_db {
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_readoptions_t *reads;
    rocksdb_writeoptions_t *writes;
    rocksdb_writebatch_t *batch;
};

struct ours {
    struct dj_store *store;
    struct dj_store_batch *batch;
    struct dj_buf got;
};

static uint8_t value[400];
static const size_t sizes[PUTS] = {400, 120, 60}; /* a record, a name, an edge */

static void check(const char *what, const char *error)
{
    if (error == NULL)
        return;
    fprintf(stderr, "bench-store: %s: %s\n", what, error);
    exit(1);
}

static size_t key_of(char key[48], uint64_t run, unsigned part)
{
    return (size_t)snprintf(key, 48, "%c/%016llx", "rne"[part],
                            (unsigned long long)(run * UINT64_C(0x9e3779b97f4a7c15)));
}

static void floor_open(struct floor_db *floor, const char *dir)
{
    char *error = NULL;

    floor->options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(floor->options, 1);
    floor->db = rocksdb_open(floor->options, dir, &error);
    check("open", error);
    floor->reads = rocksdb_readoptions_create();
    floor->writes = rocksdb_writeoptions_create();
    floor->batch = rocksdb_writebatch_create();
}

static void floor_close(struct floor_db *floor)
{
    rocksdb_writebatch_destroy(floor->batch);
    rocksdb_writeoptions_destroy(floor->writes);
    rocksdb_readoptions_destroy(floor->reads);
    rocksdb_close(floor->db);
    rocksdb_options_destroy(floor->options);
}

static void floor_group(struct floor_db *floor, uint64_t first, unsigned n)
{
    char *error = NULL;
    char key[48];
    size_t len;

    rocksdb_writebatch_clear(floor->batch);
    for (uint64_t run = first; run < first + n; run++) {
        rocksdb_pinnableslice_t *found =
            rocksdb_get_pinned(floor->db, floor->reads, key, key_of(key, run, 0), &error);

        if (found != NULL)
            rocksdb_pinnableslice_destroy(found);
        for (unsigned part = 0; part < PUTS; part++) {
            len = key_of(key, run, part);
            rocksdb_writebatch_put(floor->batch, key, len, (char *)value, sizes[part]);
        }
    }
    rocksdb_write(floor->db, floor->writes, floor->batch, &error);
    check("write", error);
    rocksdb_flush_wal(floor->db, 1, &error);
    check("sync", error);
}

static void ours_open(struct ours *ours, const char *dir)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_store_open_rocksdb(dir, &ours->store, &err);

    check("open", code < 0 ? dj_err_text(&err, code) : NULL);
    ours->batch = dj_store_batch_new();
    dj_buf_init(&ours->got);
}

static void ours_close(struct ours *ours)
{
    dj_store_batch_free(ours->batch);
    dj_buf_release(&ours->got);
    dj_store_close(ours->store);
}

static void ours_group(struct ours *ours, uint64_t first, unsigned n)
{
    char key[48];
    size_t len;

    dj_store_batch_clear(ours->batch);
    for (uint64_t run = first; run < first + n; run++) {
        dj_store_get(ours->store, dj_bytes(key, key_of(key, run, 0)), &ours->got);
        for (unsigned part = 0; part < PUTS; part++) {
            len = key_of(key, run, part);
            dj_store_batch_put(ours->batch, dj_bytes(key, len), dj_bytes(value, sizes[part]));
        }
    }
    if (dj_store_write(ours->store, ours->batch, NULL) < 0 || dj_store_sync(ours->store, NULL) < 0)
        check("write and sync", "failed");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_row(const char *name, double *values)
{
    qsort(values, ROUNDS, sizeof(*values), by_value);
    printf("  %-22s %10.2f %10.2f %10.2f\n", name, values[0], values[ROUNDS / 2],
           values[ROUNDS - 1]);
}

static double per_second(uint64_t since, uint64_t n)
{
    return (double)n * (double)DJ_NS_PER_S / (double)(dj_clock_mono_ns() - since);
}

static void compare(struct floor_db *floor, struct ours *ours, unsigned group, uint64_t *next)
{
    unsigned groups = group == 1 ? 2000 : group == 10 ? 600 : 100;
    double floor_rate[ROUNDS];
    double ours_rate[ROUNDS];
    double ratio[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        uint64_t first = *next;
        uint64_t start = dj_clock_mono_ns();

        for (unsigned i = 0; i < groups; i++)
            floor_group(floor, first + i * group, group);
        floor_rate[round] = per_second(start, (uint64_t)groups * group);
        start = dj_clock_mono_ns();
        for (unsigned i = 0; i < groups; i++)
            ours_group(ours, first + i * group, group);
        ours_rate[round] = per_second(start, (uint64_t)groups * group);
        ratio[round] = ours_rate[round] / floor_rate[round];
        *next += (uint64_t)groups * group;
    }
    printf("one sync a group of %u\n", group);
    print_row("floor, runs/s", floor_rate);
    print_row("ours, runs/s", ours_rate);
    print_row("ratio", ratio);
}

static atomic_bool done;

static void *sync_on(void *store)
{
    intptr_t n = 0;

    for (; !atomic_load(&done); n++) {
        if (dj_store_sync(store, NULL) < 0)
            check("sync", "failed");
    }
    return (void *)n;
}

/* Microseconds a write, median and worst; with or without a thread that syncs all the while. */
static void time_writes(struct ours *ours, bool syncing, uint64_t *next)
{
    static double took[WRITES];
    void *syncs = NULL;
    pthread_t thread;

    atomic_store(&done, false);
    if (syncing)
        pthread_create(&thread, NULL, sync_on, ours->store);
    for (int i = 0; i < WRITES; i++) {
        char key[48];
        size_t len = key_of(key, (*next)++, 0);
        uint64_t start = dj_clock_mono_ns();

        dj_store_batch_clear(ours->batch);
        dj_store_batch_put(ours->batch, dj_bytes(key, len), dj_bytes(value, sizeof(value)));
        if (dj_store_write(ours->store, ours->batch, NULL) < 0)
            check("write", "failed");
        took[i] = (double)(dj_clock_mono_ns() - start) / 1000;
    }
    atomic_store(&done, true);
    if (syncing)
        pthread_join(thread, &syncs);
    qsort(took, WRITES, sizeof(*took), by_value);
    printf("a write %-21s median %.1f us, 99.9 %% %.1f us, worst %.1f us (%ld syncs meanwhile)\n",
           syncing ? "while another syncs:" : "alone:", took[WRITES / 2],
           took[WRITES - WRITES / 1000], took[WRITES - 1], (long)(intptr_t)syncs);
}

static void time_reads(struct floor_db *floor, struct ours *ours)
{
    char *error = NULL;
    char key[48];
    size_t len = key_of(key, 1, 0);
    uint64_t start = dj_clock_mono_ns();
    double floor_us;
    double ours_us;

    for (int i = 0; i < READS; i++)
        rocksdb_pinnableslice_destroy(
            rocksdb_get_pinned(floor->db, floor->reads, key, len, &error));
    floor_us = (double)(dj_clock_mono_ns() - start) / 1000 / READS;
    start = dj_clock_mono_ns();
    for (int i = 0; i < READS; i++)
        dj_store_get(ours->store, dj_bytes(key, len), &ours->got);
    ours_us = (double)(dj_clock_mono_ns() - start) / 1000 / READS;
    printf("a read that hits: floor %.2f us, ours %.2f us\n", floor_us, ours_us);
}

/* A new database below dir, for one figure. */
static int time_floor(unsigned group, uint64_t runs, const char *dir)
{
    struct floor_db floor;
    uint64_t start;

    if (group == 0 || runs < group)
        check("-f", "GROUP is a number from 1 on, and RUNS no less than it");
    floor_open(&floor, dir);
    start = dj_clock_mono_ns();
    for (uint64_t first = 1; first + group <= runs + 1; first += group)
        floor_group(&floor, first, group);
    printf("%llu\n", (unsigned long long)((dj_clock_mono_ns() - start) / (runs / group * group)));
    floor_close(&floor);
    return dj_remove_tree(AT_FDCWD, dir) < 0;
}

int main(int argc, char **argv)
{
    static const unsigned groups[] = {1, 10, 200};
    const char *tmp = getenv("TMPDIR");
    struct floor_db floor;
    struct ours ours;
    char dir[256];
    char path[300];
    uint64_t next = 1;

    dj_random(value, sizeof(value));
    if (argc == 5 && strcmp(argv[1], "-f") == 0)
        return time_floor((unsigned)atoi(argv[2]), strtoull(argv[3], NULL, 10), argv[4]);
    snprintf(dir, sizeof(dir), "%s/djbench-XXXXXX", argc > 1 ? argv[1] : tmp ? tmp : "/tmp");
    if (mkdtemp(dir) == NULL)
        check(dir, "cannot be made");
    snprintf(path, sizeof(path), "%s/floor", dir);
    floor_open(&floor, path);
    snprintf(path, sizeof(path), "%s/ours", dir);
    ours_open(&ours, path);
    printf("  %-22s %10s %10s %10s\n", "", "min", "median", "max");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(groups); i++)
        compare(&floor, &ours, groups[i], &next);
    time_writes(&ours, false, &next);
    time_writes(&ours, true, &next);
    time_reads(&floor, &ours);
    ours_close(&ours);
    floor_close(&floor);
    return dj_remove_tree(AT_FDCWD, dir) < 0;
}
