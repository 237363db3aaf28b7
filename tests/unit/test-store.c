/* The same cases over both kinds of store, then what only one that lasts can be asked. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/store.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/random.h"
#include "tests/unit/tap.h"

typedef int opener(const char *dir, struct dj_store **ret, struct dj_err *err);

static char top[64];

static const char *below(const char *name)
{
    static char path[4][300];
    static unsigned turn;
    char *ret = path[turn++ % 4];

    snprintf(ret, sizeof(path[0]), "%s/%s", top, name);
    return ret;
}

static struct dj_store *open_with(opener *open_store, const char *name)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_store *store = NULL;
    int code = open_store(below(name), &store, &err);

    if (code < 0) {
        diag("cannot open %s: %s", name, dj_err_text(&err, code));
        exit(1);
    }
    return store;
}

static int put(struct dj_store *store, const char *key, const char *value)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    int code;

    dj_store_batch_put(batch, dj_bytes_of(key), dj_bytes_of(value));
    code = dj_store_write(store, batch, NULL);
    dj_store_batch_free(batch);
    return code;
}

static void value_is(struct dj_store *store, const char *key, const char *want)
{
    dj_cleanup_buf struct dj_buf got = DJ_BUF_INIT;
    int code = dj_store_get(store, dj_bytes_of(key), &got);

    if (want == NULL)
        is_int(code, -ENOENT, "%s is not there", key);
    else
        is_str(code == 0 ? dj_buf_str(&got) : NULL, want, "%s has its value", key);
}

/* The keys of a walk, joined by blanks. */
static char *walk(struct dj_store_iter *iter)
{
    struct dj_buf keys = DJ_BUF_INIT;

    while (dj_store_iter_next(iter)) {
        if (keys.len > 0)
            dj_buf_addc(&keys, ' ');
        dj_buf_add_bytes(&keys, dj_store_iter_key(iter));
    }
    ok(!dj_store_iter_next(iter) && dj_store_iter_error(iter) == 0, "the end stays the end");
    dj_store_iter_free(iter);
    dj_buf_adds(&keys, "");
    return dj_buf_steal(&keys);
}

static void range_is(struct dj_store *store, const char *from, const char *to, const char *want,
                     const char *want_back)
{
    struct dj_bytes a = dj_bytes_of(from);
    struct dj_bytes b = dj_bytes_of(to);
    dj_cleanup_free char *got = walk(dj_store_iter_new(store, a, b));
    dj_cleanup_free char *got_back = walk(dj_store_iter_new_back(store, a, b));

    is_str(got, want, "from %s to %s", from, to);
    is_str(got_back, want_back, "back, from %s to %s", from, to);
}

static void test_values(struct dj_store *store)
{
    struct dj_store_batch *batch = dj_store_batch_new();
    dj_cleanup_buf struct dj_buf got = DJ_BUF_INIT;
    uint8_t odd[] = {0, 255, 0, 128};
    size_t large = 3 << 20;
    uint8_t *data = dj_xcalloc(1, large);

    ok(dj_store_batch_empty(batch) && dj_store_write(store, batch, NULL) == 0, "nothing to write");
    is_int(put(store, "a", "one"), 0, "put");
    value_is(store, "a", "one");
    is_int(put(store, "a", "two"), 0, "overwrite");
    value_is(store, "a", "two");
    value_is(store, "aa", NULL);
    value_is(store, "", NULL);
    is_int(put(store, "empty", ""), 0, "an empty value");
    value_is(store, "empty", "");

    dj_store_batch_put(batch, dj_bytes(odd, 4), dj_bytes(odd, 3));
    dj_store_batch_put(batch, DJ_BYTES_LIT("large"), dj_bytes(data, large));
    is_int((intmax_t)dj_store_batch_size(batch), 4 + 3 + 5 + (intmax_t)large, "a batch's size");
    is_int(dj_store_write(store, batch, NULL), 0, "odd and large values");
    ok(dj_store_get(store, dj_bytes(odd, 4), &got) == 0 &&
           dj_bytes_equal(dj_buf_bytes(&got), dj_bytes(odd, 3)),
       "any bytes");
    ok(dj_store_get(store, DJ_BYTES_LIT("large"), &got) == 0 && got.len == large &&
           memcmp(got.data, data, large) == 0,
       "3 MiB");
    dj_store_batch_clear(batch);
    dj_store_batch_delete(batch, dj_bytes(odd, 4));
    dj_store_batch_delete(batch, DJ_BYTES_LIT("large"));
    dj_store_batch_delete(batch, DJ_BYTES_LIT("never"));
    dj_store_batch_delete(batch, DJ_BYTES_LIT("empty"));
    dj_store_batch_put(batch, DJ_BYTES_LIT("twice"), DJ_BYTES_LIT("1"));
    dj_store_batch_put(batch, DJ_BYTES_LIT("twice"), DJ_BYTES_LIT("2"));
    dj_store_batch_put(batch, DJ_BYTES_LIT("gone"), DJ_BYTES_LIT("1"));
    dj_store_batch_delete(batch, DJ_BYTES_LIT("gone"));
    dj_store_batch_delete(batch, DJ_BYTES_LIT("a"));
    dj_store_batch_put(batch, DJ_BYTES_LIT("a"), DJ_BYTES_LIT("three"));
    is_int(dj_store_write(store, batch, NULL), 0, "a batch of puts and deletes");
    is_int(dj_store_write(store, batch, NULL), 0, "the same batch again");
    value_is(store, "large", NULL);
    value_is(store, "empty", NULL);
    value_is(store, "twice", "2");
    value_is(store, "gone", NULL);
    value_is(store, "a", "three");
    is_int(dj_store_sync(store, NULL), 0, "sync");
    dj_store_batch_free(batch);
    free(data);
}

static void test_walks(struct dj_store *store)
{
    static const char *const keys[] = {"r/2", "r/10", "s", "r", "r/", "q\xff", "r0"};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(keys); i++)
        put(store, keys[i], "v");
    range_is(store, "r/", "r0", "r/ r/10 r/2", "r/2 r/10 r/");
    range_is(store, "r", "r/2", "r r/ r/10", "r/10 r/ r");
    range_is(store, "q", "", "q\xff r r/ r/10 r/2 r0 s twice", "twice s r0 r/2 r/10 r/ r q\xff");
    range_is(store, "x", "", "", "");
    range_is(store, "s", "r", "", "");
    range_is(store, "s", "s", "", "");
    range_is(store, "", "b", "a", "a");
}

static void test_snapshot(struct dj_store *store)
{
    struct dj_store_iter *iter = dj_store_iter_new(store, DJ_BYTES_LIT("r/"), DJ_BYTES_LIT("r0"));
    struct dj_store_batch *batch = dj_store_batch_new();
    dj_cleanup_free char *keys = NULL;

    dj_store_batch_delete(batch, DJ_BYTES_LIT("r/10"));
    dj_store_batch_put(batch, DJ_BYTES_LIT("r/5"), DJ_BYTES_LIT("v"));
    is_int(dj_store_write(store, batch, NULL), 0, "a write during a walk");
    keys = walk(iter);
    is_str(keys, "r/ r/10 r/2", "a walk sees the store as it was when it began");
    range_is(store, "r/", "r0", "r/ r/2 r/5", "r/5 r/2 r/");
    dj_store_batch_free(batch);
}

static void test_usage(struct dj_store *store)
{
    uint64_t bytes = 0;
    uint64_t room = 0;
    uint64_t total = 0;

    ok(dj_store_usage(store, &bytes, &room, &total) == 0 && bytes > 0 && room <= total,
       "usage: %" PRIu64 " bytes, %" PRIu64 " of %" PRIu64 " free", bytes, room, total);
}

static void test_kind(const char *name, opener *open_store)
{
    struct dj_store *store;

    diag("the %s store", name);
    store = open_with(open_store, name);
    ok(dj_store_was_clean(store), "a new store is clean");
    is_int((intmax_t)strlen(dj_store_id(store)), 32, "it has an id");
    test_values(store);
    test_walks(store);
    test_snapshot(store);
    test_usage(store);
    dj_store_close(store);
}

/* ---- a store that lasts ------------------------------------------------------------------------
 */

/*
 * RocksDB's threads do not survive a fork, so whoever plays another daemon is this program anew:
 * test-store ROLE TOP NAME; it says "x" on descriptor 3 when it is ready, and waits to be killed.
 */
static pid_t start(const char *role, const char *name)
{
    int ready[2];
    char byte = 0;
    pid_t pid;

    if (pipe(ready) < 0)
        exit(1);
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        if (dup2(ready[1], 3) < 0)
            _exit(1);
        execl("/proc/self/exe", "test-store", role, top, name, NULL);
        _exit(1);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1 || byte != 'x')
        diag("%s did not get ready", role);
    close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void fill(struct dj_store *store, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char key[32];
        char value[1001];

        snprintf(key, sizeof(key), "k%06u", i);
        memset(value, 'a' + (int)(i % 26), 1000);
        value[1000] = 0;
        put(store, key, value);
    }
}

static int play(const char *role, const char *name)
{
    struct dj_store *store = open_with(dj_store_open_rocksdb, name);

    if (strcmp(role, "put") == 0)
        put(store, "killed", "yes");
    if (strcmp(role, "fill") == 0)
        fill(store, 500);
    if (write(3, "x", 1) != 1)
        return 1;
    for (;;)
        pause();
}

static void test_reopen(void)
{
    struct dj_store *store = open_with(dj_store_open_rocksdb, "rocksdb");
    dj_cleanup_free char *id = dj_xstrdup(dj_store_id(store));

    ok(dj_store_was_clean(store), "closed in order");
    ok(dj_store_notice(store) == NULL, "nothing to mend");
    value_is(store, "a", "three");
    range_is(store, "r/", "r0", "r/ r/2 r/5", "r/5 r/2 r/");
    dj_store_close(store);
    end(start("put", "rocksdb"));
    store = open_with(dj_store_open_rocksdb, "rocksdb");
    ok(!dj_store_was_clean(store), "a kill leaves no mark");
    value_is(store, "killed", "yes");
    is_str(dj_store_id(store), id, "the id stays");
    dj_store_close(store);
    store = open_with(dj_store_open_rocksdb, "rocksdb");
    ok(dj_store_was_clean(store), "clean again");
    dj_store_close(store);
}

static void refused(opener *open_store, const char *name, int want, const char *words)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_store *store = NULL;
    int code = open_store(below(name), &store, &err);

    is_int(code, want, "%s is refused", name);
    ok(code < 0 && strstr(dj_err_text(&err, code), words) != NULL, "it says: %s",
       code < 0 ? dj_err_text(&err, code) : "nothing");
    if (code == 0)
        dj_store_close(store);
}

static void test_held(void)
{
    struct dj_store *store;
    char holder[64];
    pid_t pid = start("hold", "rocksdb");

    snprintf(holder, sizeof(holder), "process %ld on ", (long)pid);
    refused(dj_store_open_rocksdb, "rocksdb", -EBUSY, holder);
    end(pid);
    store = open_with(dj_store_open_rocksdb, "rocksdb");
    refused(dj_store_open_rocksdb, "rocksdb", -EBUSY, "in use by another daemon");
    value_is(store, "a", "three");
    dj_store_close(store);
}

static void write_text(const char *name, const char *text)
{
    if (dj_write_file(AT_FDCWD, below(name), dj_bytes_of(text), 0600) < 0)
        exit(1);
}

static void test_refusals(void)
{
    dj_cleanup_buf struct dj_buf before = DJ_BUF_INIT;
    struct dj_store *store;

    if (dj_read_file(AT_FDCWD, below("rocksdb/FORMAT"), 4096, &before) < 0)
        exit(1);
    write_text("rocksdb/FORMAT", "djfs store\nformat 7\nshape round\n");
    refused(dj_store_open_rocksdb, "rocksdb", -EPROTONOSUPPORT, "format 7 and this djd reads");
    is_int(access(below("rocksdb/CLEAN"), F_OK), 0, "a refused store keeps its mark");
    write_text("rocksdb/FORMAT", "something\n");
    refused(dj_store_open_rocksdb, "rocksdb", -EUCLEAN, "FORMAT of the store");
    write_text("rocksdb/FORMAT", dj_buf_str(&before));
    refused(dj_store_open_memory, "rocksdb", -ENOTEMPTY, "is of kind rocksdb");

    mkdir(below("foreign"), 0700);
    write_text("foreign/thesis.tex", "x");
    refused(dj_store_open_rocksdb, "foreign", -ENOTEMPTY, "it has thesis.tex");
    is_int(unlink(below("foreign/thesis.tex")) + rmdir(below("foreign")), 0,
           "a foreign folder is left as it was");

    mkdir(below("open"), 0700);
    chmod(below("open"), 0770);
    refused(dj_store_open_rocksdb, "open", -EPERM, "chmod go-w");
    if (geteuid() == 0) {
        mkdir(below("theirs"), 0700);
        if (chown(below("theirs"), 4242, 4242) == 0)
            refused(dj_store_open_rocksdb, "theirs", -EPERM, "belongs to user 4242");
    }

    rename(below("rocksdb/wal"), below("wal"));
    refused(dj_store_open_rocksdb, "rocksdb", -EUCLEAN, "its folder wal is missing");
    rename(below("wal"), below("rocksdb/wal"));
    rename(below("rocksdb/db/CURRENT"), below("CURRENT"));
    refused(dj_store_open_rocksdb, "rocksdb", -EUCLEAN, "is damaged");
    rename(below("CURRENT"), below("rocksdb/db/CURRENT"));
    store = open_with(dj_store_open_rocksdb, "rocksdb");
    value_is(store, "a", "three");
    dj_store_close(store);
}

static void test_half_made(void)
{
    struct dj_store *store;

    mkdir(below("half"), 0700);
    mkdir(below("half/lost+found"), 0700);
    write_text("half/LOCK", "");
    mkdir(below("half/db"), 0700);
    store = open_with(dj_store_open_rocksdb, "half");
    is_int(put(store, "a", "b"), 0, "what a killed creation left is made anew");
    dj_store_close(store);
    store = open_with(dj_store_open_rocksdb, "new/deep/down");
    ok(dj_store_was_clean(store), "missing folders are made");
    dj_store_close(store);
}

/* ---- a log that is damaged ----------------------------------------------------------------------
 */

/* How many of k000000… are there from the first on; -1 when one behind a gap is. */
static int prefix_of(struct dj_store *store)
{
    struct dj_store_iter *iter = dj_store_iter_new(store, DJ_BYTES_LIT("k"), DJ_BYTES_LIT("l"));
    int n = 0;

    while (dj_store_iter_next(iter)) {
        char key[32];

        snprintf(key, sizeof(key), "k%06d", n);
        if (!dj_bytes_is(dj_store_iter_key(iter), key)) {
            n = -1;
            break;
        }
        n++;
    }
    dj_store_iter_free(iter);
    return n;
}

static int open_log(const char *name, off_t *ret_size)
{
    char folder[80];
    DIR *dir;
    const struct dirent *entry;
    struct stat st;
    int fd = -1;

    snprintf(folder, sizeof(folder), "%s/wal", name);
    dir = opendir(below(folder));
    while (dir != NULL && fd < 0 && (entry = readdir(dir)) != NULL) {
        if (strstr(entry->d_name, ".log") != NULL)
            fd = openat(dirfd(dir), entry->d_name, O_RDWR);
    }
    if (fd < 0 || fstat(fd, &st) < 0)
        exit(1);
    closedir(dir);
    *ret_size = st.st_size;
    return fd;
}

static void test_torn(void)
{
    static const char zeros[4096];
    struct dj_store *store;
    off_t size;
    int fd;
    int n;

    end(start("fill", "torn"));
    fd = open_log("torn", &size);
    ok(ftruncate(fd, size - 300) == 0, "the log ends in half a record");
    close(fd);
    store = open_with(dj_store_open_rocksdb, "torn");
    is_int(prefix_of(store), 499, "all but the half one are there");
    ok(dj_store_notice(store) == NULL, "that is what a kill leaves, and no word is lost on it");
    dj_store_close(store);

    end(start("fill", "holes"));
    fd = open_log("holes", &size);
    ok(pwrite(fd, zeros, sizeof(zeros), size / 2) == (ssize_t)sizeof(zeros), "a hole in the log");
    close(fd);
    store = open_with(dj_store_open_rocksdb, "holes");
    n = prefix_of(store);
    ok(n > 200 && n < 260, "what lies before the hole is there, nothing behind it: %d", n);
    ok(dj_store_notice(store) != NULL, "it says: %s",
       dj_store_notice(store) == NULL ? "" : dj_store_notice(store));
    is_int(put(store, "k000900", "x"), 0, "and it goes on");
    dj_store_close(store);
    store = open_with(dj_store_open_rocksdb, "holes");
    value_is(store, "k000900", "x");
    ok(dj_store_notice(store) == NULL, "mended once");
    dj_store_close(store);
}

/* ---- a full disk --------------------------------------------------------------------------------
 */

static bool make_ballast(size_t bytes)
{
    int fd = open(below("disk/ballast"), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    int code = posix_fallocate(fd, 0, (off_t)bytes);

    for (; code == ENOSPC && bytes > 0; bytes -= 1 << 20) /* as much as there is */
        code = posix_fallocate(fd, 0, (off_t)bytes);
    close(fd);
    return code == 0;
}

/* Writes until the disk is full; gives the number of keys that were acknowledged. */
static unsigned write_until_full(struct dj_store *store, unsigned from, size_t size)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_store_batch *batch = dj_store_batch_new();
    uint8_t *value = dj_xmalloc(size);
    int code = 0;

    dj_random(value, size);
    for (; code == 0; from++) {
        char key[32];

        snprintf(key, sizeof(key), "k%06u", from);
        dj_store_batch_clear(batch);
        dj_store_batch_put(batch, dj_bytes_of(key), dj_bytes(value, size));
        code = dj_store_write(store, batch, &err);
    }
    is_int(code, -ENOSPC, "full after %u", from - 1);
    ok(strstr(dj_err_text(&err, code), "is full") != NULL, "%s", dj_err_text(&err, code));
    free(value);
    dj_store_batch_free(batch);
    return from - 1;
}

static atomic_bool done;

/* Syncs all the while, as the daemon's pool does: RocksDB's own sync would abort here. */
static void *sync_on(void *cookie)
{
    while (!atomic_load(&done)) {
        if (dj_store_sync(cookie, NULL) < 0)
            return cookie;
    }
    return NULL;
}

static void full_once(size_t value_size, bool reader_inside)
{
    struct dj_store *store = open_with(dj_store_open_rocksdb, "disk/store");
    struct dj_store_iter *iter = NULL;
    int before = prefix_of(store);
    void *failed = NULL;
    pthread_t syncer;
    unsigned n;

    ok(make_ballast(30 << 20), "something else takes room");
    atomic_store(&done, false);
    pthread_create(&syncer, NULL, sync_on, store);
    n = write_until_full(store, (unsigned)before, value_size);
    is_int(put(store, "x", "y"), -ENOSPC, "still full");
    is_int(dj_store_sync(store, NULL), 0, "what was written can be made durable");
    is_int(prefix_of(store), n, "and is read");
    atomic_store(&done, true);
    pthread_join(syncer, &failed);
    ok(failed == NULL, "as another thread does all the time");
    is_int(unlink(below("disk/ballast")), 0, "there is room again");
    if (reader_inside) {
        iter = dj_store_iter_new(store, DJ_BYTES_LIT("k"), DJ_BYTES_LIT("l"));
        ok(dj_store_iter_next(iter), "a reader is inside");
        is_int(put(store, "x", "y"), -ENOSPC, "then the write is still refused");
        ok(dj_store_iter_next(iter), "and the reader goes on");
        dj_store_iter_free(iter);
    }
    is_int(put(store, "x", "y"), 0, "writing works without a restart");
    is_int(prefix_of(store), n, "nothing acknowledged is lost, nothing refused is there");
    dj_store_close(store);
    store = open_with(dj_store_open_rocksdb, "disk/store");
    is_int(prefix_of(store), n, "also after a restart");
    value_is(store, "x", "y");
    dj_store_close(store);
}

static void test_full(void)
{
    struct dj_store *store;

    mkdir(below("disk"), 0700);
    if (geteuid() != 0 || mount("djtest", below("disk"), "tmpfs", 0, "size=48m") < 0) {
        diag("no full disk: mounting needs root");
        return;
    }
    full_once(700, false);
    full_once(300000, true);
    ok(make_ballast(44 << 20), "the disk is full");
    refused(dj_store_open_rocksdb, "disk/store", -ENOSPC, "of free space to go on");
    unlink(below("disk/ballast"));
    store = open_with(dj_store_open_rocksdb, "disk/store");
    value_is(store, "x", "y");
    dj_store_close(store);
    umount2(below("disk"), MNT_DETACH);
}

int main(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");

    if (argc == 4) {
        snprintf(top, sizeof(top), "%s", argv[2]);
        return play(argv[1], argv[3]);
    }
    snprintf(top, sizeof(top), "%s/djstore-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    if (mkdtemp(top) == NULL)
        return 1;
    test_kind("memory", dj_store_open_memory);
    test_kind("rocksdb", dj_store_open_rocksdb);
    test_reopen();
    test_held();
    test_refusals();
    test_half_made();
    test_torn();
    test_full();
    ok(dj_remove_tree(AT_FDCWD, top) == 0, "tidied up");
    return tap_done();
}
