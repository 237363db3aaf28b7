/*
 * The RocksDB store; no other file includes its header.
 *
 * One column family. Each write goes through the log and reaches its file before it returns, so it
 * is safe against a kill; dj_store_sync() makes the log durable (store_wal.h says why not through
 * RocksDB). On opening, a log that ends in half a record is what a kill leaves, and is quietly cut
 * there. After a power loss the part that was never synced may also have holes (pages reach the
 * disk in any order); RocksDB's strict mode refuses that, so it is tried first and tells us, and
 * the second try cuts at the first hole (point in time): what remains is a prefix either way, and
 * dj_store_notice() has a sentence when it was the second.
 *
 * Blocks. A hit in a store that is larger than the cache is a block read, checked and undone for
 * each of its records, at a place that nobody can foresee: so blocks are small and LZ4 everywhere
 * (zstd on the last level took a fifth less room and several times as long), and the last level has
 * no filters. A look for what is not there, at the first run of a call, reads a block instead.
 *
 * The info log is kept at "header", which in effect keeps it empty. Debian's RocksDB has its
 * assertions on, and a message that a full disk refuses ends the process at the next message.
 *
 * A full disk. After a write to the log or a table failed, RocksDB refuses all writes, while reads
 * go on. It tries to recover by itself, but asks for a whole write buffer of free space and
 * sometimes never comes back; so the next dj_store_write() that finds room tries once and then
 * opens the database again: what was written is in the log, what failed is a cut tail. The gate
 * keeps readers out for that moment. When opening again fails too, a read-only database answers
 * until it works. No handle or iterator may be open at rocksdb_close(): another of those
 * assertions.
 *
 * Threads: `db` changes under the shut gate only, on the one thread that writes; others read it
 * inside the gate.
 */
#include <errno.h>
#include <inttypes.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <dirent.h>
#include <unistd.h>

#include "daemon/store_batch.h"
#include "daemon/store_gate.h"
#include "daemon/store_impl.h"
#include "daemon/store_wal.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/* Numbers of RocksDB's C++ enumerations, which its C header does not name. */
enum { RECOVER_STRICT = 0, RECOVER_POINT_IN_TIME = 2, INFO_LOG_HEADER = 5 };

enum {
    WRITE_BUFFER = 24 << 20,
    BLOCK_CACHE = 128 << 20,
    BLOCK_SIZE = 4 << 10,
    TABLE_SIZE = 64 << 20,
    OPEN_TABLES = 512,
    BLOOM_BITS = 10,
    SYNC_STEP = 1 << 20,    /* tables are written back while they are made, not all at the end */
    ROOM_TO_OPEN = 4 << 20, /* beside the log, which opening turns into a table */
    WAIT_FOR_READERS_MS = 500,
    WAIT_AT_CLOSE_MS = 5000,
};

#define MEMTABLE_BLOOM 0.02 /* of the write buffer: 1.3 MB, some 25 bits for each key */

struct rocks {
    struct dj_store base;
    struct dj_wal wal;
    struct dj_gate gate;
    char *path;     /* of db/ */
    char *wal_path; /* of wal/ */
    rocksdb_t *db;  /* NULL when it could not even be opened for reading */
    rocksdb_options_t *options;
    rocksdb_readoptions_t *reads;
    rocksdb_writeoptions_t *writes;
    atomic_bool suspect; /* a sync failed: pages may be lost that RocksDB believes written */
    int failure;         /* errno of the write that failed, 0 while all is well */
    bool read_only;
};

struct rocks_iter {
    struct dj_store_iter base;
    struct rocks *rocks;
    rocksdb_iterator_t *iterator; /* NULL: nothing in the range, or no database */
    rocksdb_readoptions_t *reads;
    struct dj_buf from; /* RocksDB keeps pointers to the bounds */
    struct dj_buf to;
    bool back;
    bool begun;
    int error;
};

static struct rocks *rocks_of(struct dj_store *store)
{
    return dj_container_of(store, struct rocks, base);
}

/* ---- errors -----------------------------------------------------------------------------------
 */

/* Only the first words are RocksDB's; what follows quotes strerror() and a path. */
static int errno_of(const char *text)
{
    static const struct {
        const char *words;
        int code;
    } known[] = {
        {"No space left on device", ENOSPC},
        {"Disk quota exceeded", EDQUOT},
        {"Space limit reached", ENOSPC},
        {"Read-only file system", EROFS},
        {"Too many open files", EMFILE},
        {"Permission denied", EACCES},
        {"Corruption", EUCLEAN},
        {"create_if_missing is false", EUCLEAN},
        {"No such file", EUCLEAN},
        {"While lock file", EBUSY},
        {"lock hold by current", EBUSY},
        {"Not implemented", EPROTONOSUPPORT},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(known); i++) {
        if (strstr(text, known[i].words) != NULL)
            return known[i].code;
    }
    return EIO;
}

/* rocks_error(rocks, text, err): frees RocksDB's text, makes our sentence of it; -errno. */
static int rocks_error(const struct rocks *rocks, char *text, struct dj_err *err)
{
    const char *dir = rocks->base.folder.dir;
    int code = errno_of(text);

    switch (code) {
    case ENOSPC:
        dj_err_set(err, code,
                   "the disk of the store %s is full; nothing new is stored until "
                   "there is room",
                   dir);
        break;
    case EDQUOT:
        dj_err_set(err, code,
                   "your disk quota for the store %s is used up; nothing new is stored "
                   "until there is room",
                   dir);
        break;
    case EUCLEAN:
        dj_err_set(err, code, "the store %s is damaged (%s)", dir, text);
        break;
    default:
        dj_err_set(err, code, "the store %s: %s", dir, text);
    }
    rocksdb_free(text);
    return -code;
}

/* ---- options ----------------------------------------------------------------------------------
 */

static void set_table_options(rocksdb_options_t *options)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_lru_cache_options_t *lru = rocksdb_lru_cache_options_create();
    rocksdb_cache_t *cache;

    /* Few shards: one of the default 64 would be evicted whole by a single value of 1 MiB. */
    rocksdb_lru_cache_options_set_capacity(lru, BLOCK_CACHE);
    rocksdb_lru_cache_options_set_num_shard_bits(lru, 3);
    cache = rocksdb_cache_create_lru_opts(lru);
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_block_size(table, BLOCK_SIZE);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
    rocksdb_block_based_options_set_filter_policy(
        table, rocksdb_filterpolicy_create_bloom_full(BLOOM_BITS));
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    rocksdb_cache_destroy(cache);
    rocksdb_lru_cache_options_destroy(lru);
}

static rocksdb_options_t *make_options(const struct rocks *rocks)
{
    rocksdb_options_t *options = rocksdb_options_create();

    set_table_options(options);
    rocksdb_options_set_wal_dir(options, rocks->wal_path);
    rocksdb_options_set_create_if_missing(options, rocks->base.folder.created);
    rocksdb_options_set_write_buffer_size(options, WRITE_BUFFER);
    /* Most look-ups are for calls that are new. */
    rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, MEMTABLE_BLOOM);
    rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    rocksdb_options_set_allow_concurrent_memtable_write(options, 0);
    rocksdb_options_set_target_file_size_base(options, TABLE_SIZE);
    rocksdb_options_set_optimize_filters_for_hits(options, 1);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);
    rocksdb_options_set_max_open_files(options, OPEN_TABLES);
    rocksdb_options_set_bytes_per_sync(options, SYNC_STEP);
    rocksdb_options_set_avoid_unnecessary_blocking_io(options, 1);
    rocksdb_options_set_skip_stats_update_on_db_open(options, 1);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_info_log_level(options, INFO_LOG_HEADER);
    rocksdb_options_set_keep_log_file_num(options, 2);
    return options;
}

/* ---- opening ----------------------------------------------------------------------------------
 */

/* The text of a failure to open, or NULL. Old data stays readable whatever we compress with. */
static char *open_db(struct rocks *rocks, int recovery)
{
    static const struct {
        int upper;
        int bottom;
    } compressions[] = {
        {rocksdb_lz4_compression, rocksdb_lz4_compression},
        {rocksdb_no_compression, rocksdb_no_compression},
    };
    char *text = NULL;

    rocksdb_options_set_wal_recovery_mode(rocks->options, recovery);
    for (size_t i = 0; i < DJ_ARRAY_SIZE(compressions); i++) {
        rocksdb_free(text);
        text = NULL;
        rocksdb_options_set_compression(rocks->options, compressions[i].upper);
        rocksdb_options_set_bottommost_compression(rocks->options, compressions[i].bottom);
        rocks->db = rocksdb_open(rocks->options, rocks->path, &text);
        if (text == NULL)
            return NULL;
        rocks->db = NULL;
        if (strstr(text, "is not linked with the binary") == NULL)
            break;
    }
    return text;
}

static void notice_cut(struct rocks *rocks, const char *text)
{
    struct dj_buf notice = DJ_BUF_INIT;

    dj_buf_addf(&notice,
                "the log of the store %s was damaged before its end, as after a power loss; what "
                "was written behind that place is gone and is computed again when needed (%s)",
                rocks->base.folder.dir, text);
    free(rocks->base.notice);
    rocks->base.notice = dj_buf_steal(&notice);
}

/*
 * Opening turns the log into a table, so it needs as much room. To find that out by trying would
 * read the whole log at each write to a full disk.
 */
static int check_room(struct rocks *rocks, struct dj_err *err)
{
    uint64_t need = dj_wal_size(&rocks->wal) + ROOM_TO_OPEN;
    struct statvfs fs;

    if (fstatvfs(rocks->base.folder.fd, &fs) < 0)
        return dj_err_sys(err, errno, "the store %s", rocks->base.folder.dir);
    if ((uint64_t)fs.f_bavail * fs.f_frsize >= need)
        return 0;
    return dj_err_set(err, ENOSPC,
                      "the disk of the store %s is full; it needs %" PRIu64
                      " MiB of free space to go on",
                      rocks->base.folder.dir, (need >> 20) + 1);
}

static int open_checked(struct rocks *rocks, struct dj_err *err)
{
    char *strict = open_db(rocks, RECOVER_STRICT);
    char *text;

    if (strict == NULL)
        return 0;
    if (errno_of(strict) != EUCLEAN)
        return rocks_error(rocks, strict, err);
    text = open_db(rocks, RECOVER_POINT_IN_TIME);
    if (text == NULL)
        notice_cut(rocks, strict);
    rocksdb_free(strict);
    return text == NULL ? 0 : rocks_error(rocks, text, err);
}

static int make_folder(const struct rocks *rocks, const char *name, struct dj_err *err)
{
    if (mkdirat(rocks->base.folder.fd, name, 0700) < 0 && errno != EEXIST)
        return dj_err_sys(err, errno, "%s/%s cannot be made", rocks->base.folder.dir, name);
    return 0;
}

static int open_own(struct rocks *rocks, struct dj_err *err)
{
    const struct dj_store_folder *folder = &rocks->base.folder;
    struct dj_buf path = DJ_BUF_INIT;
    int code = 0;

    dj_buf_addf(&path, "%s/db", folder->dir);
    rocks->path = dj_buf_steal(&path);
    dj_buf_addf(&path, "%s/wal", folder->dir);
    rocks->wal_path = dj_buf_steal(&path);
    if (folder->created) {
        code = make_folder(rocks, "db", err);
        if (code == 0)
            code = make_folder(rocks, "wal", err);
    }
    if (code == 0) {
        code = dj_wal_init(&rocks->wal, folder->fd, "wal");
        if (code < 0)
            dj_err_set(err, code == -ENOENT ? EUCLEAN : -code,
                       "the store %s is damaged (its folder wal is missing)", folder->dir);
        code = code == -ENOENT ? -EUCLEAN : code;
    }
    rocks->options = make_options(rocks);
    rocks->reads = rocksdb_readoptions_create();
    rocks->writes = rocksdb_writeoptions_create();
    if (code == 0)
        code = check_room(rocks, err);
    if (code == 0)
        code = open_checked(rocks, err);
    return code;
}

static void release_own(struct rocks *rocks)
{
    if (rocks->db != NULL)
        rocksdb_close(rocks->db);
    rocksdb_writeoptions_destroy(rocks->writes);
    rocksdb_readoptions_destroy(rocks->reads);
    rocksdb_options_destroy(rocks->options);
    dj_wal_release(&rocks->wal);
    dj_gate_release(&rocks->gate);
    free(rocks->wal_path);
    free(rocks->path);
}

/* ---- mending after a failed write -------------------------------------------------------------
 */

/*
 * Closes and opens again, with nobody inside. The log is whole up to the write that failed, and
 * opening writes it into a table and syncs that, which also heals what a failed sync left unknown.
 */
static int reopen(struct rocks *rocks, struct dj_err *err)
{
    char *text = NULL;
    int code;

    if (!dj_gate_shut(&rocks->gate, WAIT_FOR_READERS_MS))
        return dj_err_set(err, rocks->failure != 0 ? rocks->failure : EIO,
                          "the store %s could not be written, and is being read too busily to be "
                          "mended; try again",
                          rocks->base.folder.dir);
    if (rocks->db != NULL)
        rocksdb_close(rocks->db);
    rocks->db = NULL;
    rocksdb_options_set_create_if_missing(rocks->options, 0);
    code = open_checked(rocks, err);
    rocks->read_only = code < 0;
    if (code < 0) {
        rocks->db = rocksdb_open_for_read_only(rocks->options, rocks->path, 0, &text);
        if (text != NULL)
            rocks->db = NULL;
        rocksdb_free(text);
    }
    dj_gate_open(&rocks->gate);
    if (code == 0) {
        rocks->failure = 0;
        atomic_store(&rocks->suspect, false);
    }
    return code;
}

static char *put_batch(struct rocks *rocks, const struct dj_store_batch *batch)
{
    struct dj_bytes image = dj_store_batch_image(batch);
    rocksdb_writebatch_t *native =
        rocksdb_writebatch_create_from((const char *)image.data, image.len);
    char *text = NULL;

    rocksdb_write(rocks->db, rocks->writes, native, &text);
    rocksdb_writebatch_destroy(native);
    return text;
}

/* After a failure: 0 when the batch was written after all, as RocksDB may have recovered itself. */
static int write_mending(struct rocks *rocks, const struct dj_store_batch *batch,
                         struct dj_err *err)
{
    char *text;
    int code = check_room(rocks, err);

    if (code < 0)
        return code;
    if (!rocks->read_only && !atomic_load(&rocks->suspect)) {
        text = put_batch(rocks, batch);
        if (text == NULL) {
            rocks->failure = 0;
            return 0;
        }
        rocksdb_free(text);
    }
    code = reopen(rocks, err);
    if (code < 0)
        return code;
    text = put_batch(rocks, batch);
    if (text == NULL)
        return 0;
    code = rocks_error(rocks, text, err);
    rocks->failure = -code;
    return code;
}

static int rocks_write(struct dj_store *store, const struct dj_store_batch *batch,
                       struct dj_err *err)
{
    struct rocks *rocks = rocks_of(store);
    char *text;
    int code;

    if (rocks->failure != 0 || atomic_load(&rocks->suspect))
        return write_mending(rocks, batch, err);
    text = put_batch(rocks, batch);
    if (text == NULL)
        return 0;
    code = rocks_error(rocks, text, err);
    rocks->failure = -code;
    return code;
}

static int rocks_sync(struct dj_store *store, struct dj_err *err)
{
    struct rocks *rocks = rocks_of(store);
    int code = atomic_load(&rocks->suspect) ? -EIO : dj_wal_sync(&rocks->wal);

    if (code == 0)
        return 0;
    /* The kernel says it once: what it could not write counts as written afterwards. */
    atomic_store(&rocks->suspect, true);
    return dj_err_sys(err, -code, "the log of the store %s cannot be made durable",
                      store->folder.dir);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static int rocks_get(struct dj_store *store, struct dj_bytes key, struct dj_buf *ret)
{
    struct rocks *rocks = rocks_of(store);
    rocksdb_pinnableslice_t *found = NULL;
    char *text = NULL;
    const char *data;
    size_t len;
    int code = -ENOENT;

    dj_gate_enter(&rocks->gate);
    if (rocks->db == NULL)
        code = -EIO;
    else
        found = rocksdb_get_pinned(rocks->db, rocks->reads, (const char *)key.data, key.len, &text);
    if (text != NULL) {
        code = rocks_error(rocks, text, NULL);
    } else if (found != NULL) {
        data = rocksdb_pinnableslice_value(found, &len);
        dj_buf_set(ret, dj_bytes(data, len));
        code = 0;
    }
    if (found != NULL)
        rocksdb_pinnableslice_destroy(found);
    dj_gate_leave(&rocks->gate);
    return code;
}

static struct rocks_iter *iter_of(const struct dj_store_iter *iter)
{
    return dj_container_of(iter, struct rocks_iter, base);
}

static void first_step(struct rocks_iter *iter)
{
    if (iter->back)
        rocksdb_iter_seek_to_last(iter->iterator);
    else
        rocksdb_iter_seek_to_first(iter->iterator);
}

static void further_step(struct rocks_iter *iter)
{
    if (iter->back)
        rocksdb_iter_prev(iter->iterator);
    else
        rocksdb_iter_next(iter->iterator);
}

static bool rocks_iter_next(struct dj_store_iter *base)
{
    struct rocks_iter *iter = iter_of(base);
    char *text = NULL;

    if (iter->iterator == NULL)
        return false;
    if (!iter->begun)
        first_step(iter);
    else if (rocksdb_iter_valid(iter->iterator))
        further_step(iter);
    iter->begun = true;
    if (rocksdb_iter_valid(iter->iterator))
        return true;
    rocksdb_iter_get_error(iter->iterator, &text);
    if (text != NULL)
        iter->error = rocks_error(iter->rocks, text, NULL);
    return false;
}

static struct dj_bytes rocks_iter_key(const struct dj_store_iter *base)
{
    size_t len;
    const char *data = rocksdb_iter_key(iter_of(base)->iterator, &len);

    return dj_bytes(data, len);
}

static struct dj_bytes rocks_iter_value(const struct dj_store_iter *base)
{
    size_t len;
    const char *data = rocksdb_iter_value(iter_of(base)->iterator, &len);

    return dj_bytes(data, len);
}

static int rocks_iter_error(const struct dj_store_iter *base)
{
    return iter_of(base)->error;
}

static void rocks_iter_free(struct dj_store_iter *base)
{
    struct rocks_iter *iter = iter_of(base);

    if (iter->iterator != NULL)
        rocksdb_iter_destroy(iter->iterator);
    rocksdb_readoptions_destroy(iter->reads);
    dj_gate_leave(&iter->rocks->gate);
    dj_buf_release(&iter->from);
    dj_buf_release(&iter->to);
    free(iter);
}

static const struct dj_store_iter_ops rocks_iter_ops = {
    .next = rocks_iter_next,
    .key = rocks_iter_key,
    .value = rocks_iter_value,
    .error = rocks_iter_error,
    .free = rocks_iter_free,
};

static struct dj_store_iter *rocks_iterate(struct dj_store *store, struct dj_bytes from,
                                           struct dj_bytes to, bool back)
{
    struct rocks *rocks = rocks_of(store);
    struct rocks_iter *iter = dj_xcalloc(1, sizeof(*iter));

    iter->base.ops = &rocks_iter_ops;
    iter->rocks = rocks;
    iter->back = back;
    iter->reads = rocksdb_readoptions_create();
    dj_buf_add_bytes(&iter->from, from);
    dj_buf_add_bytes(&iter->to, to);
    rocksdb_readoptions_set_background_purge_on_iterator_cleanup(iter->reads, 1);
    if (from.len > 0)
        rocksdb_readoptions_set_iterate_lower_bound(iter->reads, (const char *)iter->from.data,
                                                    iter->from.len);
    if (to.len > 0)
        rocksdb_readoptions_set_iterate_upper_bound(iter->reads, (const char *)iter->to.data,
                                                    iter->to.len);
    dj_gate_enter(&rocks->gate);
    if (rocks->db == NULL)
        iter->error = -EIO;
    else if (to.len == 0 || dj_bytes_cmp(from, to) < 0)
        iter->iterator = rocksdb_create_iterator(rocks->db, iter->reads);
    return &iter->base;
}

/* ---- the rest ---------------------------------------------------------------------------------
 */

/* Of all files in the folder: a table that is being made counts too. */
static int rocks_usage(struct dj_store *store, uint64_t *ret_bytes)
{
    struct rocks *rocks = rocks_of(store);
    DIR *dir = opendir(rocks->path);
    const struct dirent *entry;
    struct stat st;

    if (dir == NULL)
        return -errno;
    *ret_bytes = dj_wal_size(&rocks->wal);
    while ((entry = readdir(dir)) != NULL) {
        if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode))
            *ret_bytes += (uint64_t)st.st_blocks * 512;
    }
    closedir(dir);
    return 0;
}

static bool rocks_close(struct dj_store *store)
{
    struct rocks *rocks = rocks_of(store);
    bool orderly = rocks->failure == 0 && !atomic_load(&rocks->suspect);

    /* A reader that is still there would be an abort inside RocksDB; the log is synced already. */
    if (!dj_gate_shut(&rocks->gate, WAIT_AT_CLOSE_MS))
        return false;
    release_own(rocks);
    return orderly;
}

static const struct dj_store_ops rocks_ops = {
    .kind = "rocksdb",
    .get = rocks_get,
    .write = rocks_write,
    .sync = rocks_sync,
    .iterate = rocks_iterate,
    .usage = rocks_usage,
    .close = rocks_close,
};

int dj_store_open_rocksdb(const char *dir, struct dj_store **ret, struct dj_err *err)
{
    struct rocks *rocks = dj_xcalloc(1, sizeof(*rocks));
    int code;

    rocks->wal.fd = -1;
    code = dj_store_begin(&rocks->base, &rocks_ops, dir, err);
    if (code < 0) {
        free(rocks);
        return code;
    }
    dj_gate_init(&rocks->gate);
    code = open_own(rocks, err);
    if (code == 0)
        code = dj_store_ready(&rocks->base, err);
    if (code < 0) {
        release_own(rocks);
        dj_store_abandon(&rocks->base);
        return code;
    }
    *ret = &rocks->base;
    return 0;
}
