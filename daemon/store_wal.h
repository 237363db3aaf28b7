/*
 * Making RocksDB's write-ahead log durable, without RocksDB.
 *
 * The log is one file, two around a flush of the memory table, in a folder of their own; each write
 * has reached its file (not the disk) before rocksdb_write() returns. So fdatasync() of the files
 * that are there, and fsync() of the folder when one is new, makes durable what was written before.
 * A file that vanishes meanwhile has been flushed into a table, which RocksDB syncs first.
 *
 * rocksdb_flush_wal(db, 1) does the same, but Debian's RocksDB has its assertions on, and one of
 * them ends the process when a log is synced that a full disk has refused to grow (SyncWAL ->
 * SyncWithoutFlush -> "sync_without_flush_called_"); another thread's failing write is enough. A
 * full disk must be an error and not a crash.
 *
 * Thread-safe. Knows of RocksDB only that its logs are called NUMBER.log.
 */
#ifndef DJ_DAEMON_STORE_WAL_H
#define DJ_DAEMON_STORE_WAL_H

#include <stdatomic.h>
#include <stdint.h>

struct dj_wal {
    int fd;                      /* the folder, owned */
    atomic_uint_fast64_t newest; /* the highest number whose name is durable */
};

/* dj_wal_init(wal, dir, name): opens the folder dir/name, which exists; 0 or -errno. */
int dj_wal_init(struct dj_wal *wal, int dir, const char *name);
void dj_wal_release(struct dj_wal *wal);

/* dj_wal_sync(wal): 0 or -errno; after an error what is durable is not known. */
int dj_wal_sync(struct dj_wal *wal);

/* dj_wal_size(wal): the bytes of all its files. */
uint64_t dj_wal_size(struct dj_wal *wal);

#endif
