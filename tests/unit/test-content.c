/* Content files: adopted by link and by copy, durable names, read-only, listed, counted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/unit/tap.h"

static char top[64];

static const char *below(const char *name)
{
    static char path[4][300];
    static unsigned turn;
    char *ret = path[turn++ % 4];

    snprintf(ret, sizeof(path[0]), "%s/%s", top, name);
    return ret;
}

static struct dj_digest make(const char *name, const char *text, mode_t mode)
{
    struct dj_digest digest;

    unlink(below(name));
    if (dj_write_file(AT_FDCWD, below(name), dj_bytes_of(text), mode) < 0)
        exit(1);
    dj_digest_bytes(dj_bytes_of(text), &digest);
    return digest;
}

static void content_is(struct dj_store *store, const struct dj_digest *digest, const char *want)
{
    dj_cleanup_close int fd = dj_content_open(store, digest);
    dj_cleanup_buf struct dj_buf got = DJ_BUF_INIT;
    struct stat st;

    if (want == NULL) {
        is_int(fd, -ENOENT, "it is not there");
        return;
    }
    if (!ok(fd >= 0 && fstat(fd, &st) == 0, "it is there"))
        return;
    is_int(st.st_mode & 07777, 0400, "read-only");
    is_int(dj_read_fd(fd, 1 << 20, &got), 0, "it can be read");
    is_str(dj_buf_str(&got), want, "with its bytes");
}

static int count(const struct dj_digest *digest, void *cookie)
{
    int *n = cookie;

    return dj_digest_is_zero(digest) ? 7 : ++*n == 100 ? 5 : 0;
}

static int files(struct dj_store *store)
{
    int n = 0;

    is_int(dj_content_each(store, count, &n), 0, "each");
    return n;
}

static uint64_t used(struct dj_store *store)
{
    uint64_t bytes = 0;
    uint64_t room;
    uint64_t total;

    is_int(dj_store_usage(store, &bytes, &room, &total), 0, "usage");
    return bytes;
}

static void test_adopt(struct dj_store *store)
{
    struct dj_digest one = make("one", "the first", 0644);
    struct dj_digest two = make("two", "the second", 0755);
    dj_cleanup_free char *path = dj_content_path(store, &one);
    uint64_t before = used(store);
    struct stat st;
    int fd;

    content_is(store, &one, NULL);
    is_int(dj_content_seal(store, &one), -ENOENT, "what is not there cannot be sealed");
    is_int(dj_content_remove(store, &one), -ENOENT, "what is not there cannot be removed");
    is_int(dj_content_adopt(store, below("one"), &one, NULL), 0, "adopt");
    ok(stat(below("one"), &st) == 0 && st.st_nlink == 2 && (st.st_mode & 07777) == 0644,
       "the file stays as it was");
    is_int(access(path, F_OK), 0, "and is %s, too", path);
    is_int(dj_content_seal(store, &one), 0, "sealed");
    is_int(dj_content_seal(store, &one), 0, "twice does no harm");
    unlink(below("one"));
    content_is(store, &one, "the first");
    is_int(dj_content_adopt(store, below("two"), &two, NULL), 0, "another");
    is_int(files(store), 2, "two files");
    ok(used(store) > before, "they are counted");

    make("one", "the first", 0600);
    is_int(dj_content_adopt(store, below("one"), &one, NULL), 0, "the same content again");
    ok(stat(below("one"), &st) == 0 && st.st_nlink == 1, "is not taken once more");
    is_int(files(store), 2, "still two files");

    chmod(path, 0600);
    ok(truncate(path, 3) == 0, "a file is damaged");
    make("one", "the first", 0600);
    is_int(dj_content_adopt(store, below("one"), &one, NULL), 0, "the whole one comes again");
    content_is(store, &one, "the first");

    fd = dj_content_open(store, &two);
    is_int(dj_content_remove(store, &two), -EBUSY, "what was just adopted is not removed");
    dj_content_unclaim(store, &two);
    is_int(dj_content_remove(store, &two), 0, "without the claim it is");
    content_is(store, &two, NULL);
    ok(fd >= 0 && lseek(fd, 0, SEEK_END) == 10, "who has it open keeps it");
    close(fd);
    is_int(files(store), 1, "one file");
}

/* What was written to since it was hashed does not take the place of what has that digest. */
static void test_changed(struct dj_store *store)
{
    struct dj_digest digest = make("good", "as it was", 0644);

    is_int(dj_content_adopt(store, below("good"), &digest, NULL), 0, "a file");
    is_int(dj_content_seal(store, &digest), 0, "sealed");
    unlink(below("good"));
    make("changed", "as it is!", 0644);
    is_int(dj_content_adopt(store, below("changed"), &digest, NULL), -EBUSY, "another content");
    content_is(store, &digest, "as it was");
    dj_content_unclaim(store, &digest);
    is_int(dj_content_remove(store, &digest), 0, "removed");
}

/* What is not sealed is still the file of a run whose record is not written. */
static void test_two_runs(struct dj_store *store)
{
    struct dj_digest same = make("first", "the same", 0644);
    dj_cleanup_free char *path = dj_content_path(store, &same);
    struct stat st;

    make("second", "the same", 0755);
    is_int(dj_content_adopt(store, below("first"), &same, NULL), 0, "a file");
    is_int(dj_content_adopt(store, below("second"), &same, NULL), 0, "another of that content");
    is_int(dj_content_seal(store, &same), 0, "sealed for the second");
    ok(stat(below("first"), &st) == 0 && (st.st_mode & 07777) == 0644 && st.st_nlink == 1,
       "the first is as it was");
    content_is(store, &same, "the same");
    is_int(dj_content_adopt_bytes(store, DJ_BYTES_LIT("the same"), &same, NULL), 0, "as bytes");
    content_is(store, &same, "the same");
    ok(stat(path, &st) == 0 && st.st_nlink == 1, "one name");
    for (int i = 0; i < 3; i++)
        dj_content_unclaim(store, &same);
    is_int(dj_content_remove(store, &same), 0, "removed");
}

static void test_odd_sources(struct dj_store *store)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_digest linked = make("linked", "has two names", 0644);
    int code;

    ok(link(below("linked"), below("other-name")) == 0, "a second name");
    is_int(dj_content_adopt(store, below("linked"), &linked, NULL), 0, "adopt");
    ok(chmod(below("other-name"), 0600) == 0 && truncate(below("other-name"), 0) == 0,
       "the other name is written to");
    content_is(store, &linked, "has two names");

    code = dj_content_adopt(store, below("absent"), &linked, &err);
    is_int(code, -ENOENT, "no file");
    ok(strstr(dj_err_text(&err, code), "absent cannot be taken into") != NULL, "%s",
       dj_err_text(&err, code));
    ok(symlink(below("other-name"), below("symlink")) == 0, "a symlink");
    is_int(dj_content_adopt(store, below("symlink"), &linked, NULL), -ELOOP, "is not followed");
    ok(mkfifo(below("fifo"), 0600) == 0, "a fifo");
    is_int(dj_content_adopt(store, below("fifo"), &linked, NULL), -EINVAL, "is no content");
    is_int(dj_content_adopt(store, top, &linked, NULL), -EINVAL, "nor is a folder");
}

/* 64 MiB with 6 bytes in the middle and 3 at the end, on another file system. */
static void test_other_file_system(struct dj_store *store)
{
    const char *source = "/dev/shm/djcontent-test-source";
    struct dj_digest digest;
    struct stat from;
    struct stat to;
    dj_cleanup_close int fd = open(source, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    dj_cleanup_close int kept = -1;
    char middle[7] = "";
    char end[4] = "";

    if (fd < 0 || stat(top, &to) < 0 || fstat(fd, &from) < 0 || to.st_dev == from.st_dev) {
        diag("there is no other file system");
        unlink(source);
        return;
    }
    ok(pwrite(fd, "middle", 6, 32 << 20) == 6 && pwrite(fd, "end", 3, (64 << 20) - 3) == 3,
       "a sparse file elsewhere");
    memset(&digest, 0x5a, sizeof(digest));
    is_int(dj_content_adopt(store, source, &digest, NULL), -EBUSY, "a copy with another digest");
    content_is(store, &digest, NULL);
    is_int(dj_digest_fd(fd, &digest, NULL), 0, "its own");
    is_int(dj_content_adopt(store, source, &digest, NULL), 0, "adopt from another file system");
    is_int(access(source, F_OK), 0, "the source stays");
    unlink(source);
    kept = dj_content_open(store, &digest);
    ok(kept >= 0 && fstat(kept, &to) == 0 && to.st_size == 64 << 20, "the copy has its size");
    ok(to.st_blocks * 512 < 1 << 20, "the holes are holes");
    is_int(to.st_mode & 07777, 0400, "read-only");
    ok(pread(kept, middle, 6, 32 << 20) == 6 && pread(kept, end, 3, (64 << 20) - 3) == 3 &&
           strcmp(middle, "middle") == 0 && strcmp(end, "end") == 0,
       "and its bytes");
    dj_content_unclaim(store, &digest);
    is_int(dj_content_remove(store, &digest), 0, "remove");
}

static void test_full_disk(void)
{
    struct dj_store *store = NULL;
    struct dj_digest digest;
    dj_cleanup_free char *data = dj_xcalloc(1, 6 << 20);
    int n = 0;

    mkdir(below("disk"), 0700);
    if (geteuid() != 0 || mount("djtest", below("disk"), "tmpfs", 0, "size=4m") < 0) {
        diag("no full disk: mounting needs root");
        return;
    }
    memset(data, 'x', 6 << 20);
    if (dj_write_file(AT_FDCWD, below("big"), dj_bytes(data, 6 << 20), 0600) < 0)
        exit(1);
    memset(&digest, 0x5b, sizeof(digest));
    is_int(dj_store_open_memory(below("disk/store"), &store, NULL), 0, "a store on a small disk");
    is_int(dj_content_adopt(store, below("big"), &digest, NULL), -ENOSPC, "too large for it");
    is_int(access(below("big"), F_OK), 0, "the source stays");
    content_is(store, &digest, NULL);
    is_int(rmdir(below("disk/store/content/incoming")), 0, "no half copy stays");
    is_int(dj_content_each(store, count, &n) + n, 0, "no file");
    dj_store_close(store);
    umount2(below("disk"), MNT_DETACH);
}

static void test_leftovers(struct dj_store **store)
{
    dj_store_close(*store);
    if (dj_write_file(AT_FDCWD, below("store/content/incoming/half"), DJ_BYTES_LIT("x"), 0600) <
            0 ||
        dj_write_file(AT_FDCWD, below("store/content/README"), DJ_BYTES_LIT("x"), 0600) < 0)
        exit(1);
    is_int(dj_store_open_memory(below("store"), store, NULL), 0, "open again");
    is_int(access(below("store/content/incoming/half"), F_OK), -1, "half a copy is swept");
    ok(!dj_store_was_clean(*store), "a memory store knows nothing of what it finds");
    is_int(files(*store), 2, "content is still there, other names are passed over");
    ok(used(*store) > 0, "and counted");
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    struct dj_store *store = NULL;

    snprintf(top, sizeof(top), "%s/djcontent-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    if (mkdtemp(top) == NULL || dj_store_open_memory(below("store"), &store, NULL) < 0)
        return 1;
    test_adopt(store);
    test_changed(store);
    test_two_runs(store);
    test_odd_sources(store);
    test_other_file_system(store);
    test_leftovers(&store);
    dj_store_close(store);
    test_full_disk();
    ok(dj_remove_tree(AT_FDCWD, top) == 0, "tidied up");
    return tap_done();
}
