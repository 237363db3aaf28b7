#include "lib/util/fdio.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/err.h"
#include "lib/util/log.h"
#include "tests/unit/tap.h"

static char base[] = "/tmp/dj-test-fdio-XXXXXX";

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void files(void)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;
    dj_cleanup_close int fd = -1;
    struct stat st;
    char data[8];

    is_int(dj_read_file(AT_FDCWD, "missing", 10, &buf), -ENOENT, "a missing file");
    is_int(dj_write_file(AT_FDCWD, "f", DJ_BYTES_LIT("0123456789"), 0640), 0, "write");
    is_int(dj_read_file(AT_FDCWD, "f", 10, &buf), 0, "read what just fits");
    is_str(dj_buf_str(&buf), "0123456789", "its content");
    is_int(dj_read_file(AT_FDCWD, "f", 9, &buf), -EFBIG, "one byte too many");
    is_int(dj_write_file(AT_FDCWD, "f", DJ_BYTES_LIT("ab"), 0640), 0, "rewrite");
    ok(stat("f", &st) == 0 && st.st_size == 2, "the old content is cut");

    is_int(dj_replace_file(AT_FDCWD, "f", DJ_BYTES_LIT("new"), 0600), 0, "replace");
    dj_buf_clear(&buf);
    is_int(dj_read_file(AT_FDCWD, "f", 10, &buf), 0, "read the new one");
    is_str(dj_buf_str(&buf), "new", "its content");
    is_int(dj_replace_file(AT_FDCWD, "none/f", DJ_BYTES_LIT("new"), 0600), -ENOENT,
           "replace in a missing folder");
    is_int(system("test -z \"$(find . -name '.dj-new-*')\""), 0, "no temporary file stays");

    fd = dj_open(AT_FDCWD, "f", O_RDWR, 0);
    ok(fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0, "descriptors are close-on-exec");
    is_int(dj_pwrite_full(fd, "xy", 2, 3), 0, "pwrite");
    is_int(dj_pread_full(fd, data, sizeof(data), 1), 4, "pread up to the end");
    is_bytes(data, 4, "ewxy", 4, "its bytes");
    is_int(dj_read_full(fd, data, 3), 3, "read");
    fd = dj_close(fd);
    is_int(fd, -1, "close gives -1");

    dj_buf_clear(&buf);
    ok(symlink("some/where", "link") == 0, "a link");
    is_int(dj_readlink(AT_FDCWD, "link", &buf), 0, "readlink");
    is_str(dj_buf_str(&buf), "some/where", "its target");
}

static void pipes(void)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;
    static char big[200000];
    int ends[2], status;
    pid_t child;
    char byte;

    memset(big, 'x', sizeof(big));
    if (pipe(ends) < 0)
        bail_out("pipe: %m");
    child = fork();
    if (child == 0) {
        close(ends[0]);
        _exit(dj_write_full(ends[1], big, sizeof(big)) == 0 ? 0 : 1);
    }
    close(ends[1]);
    is_int(dj_read_fd(ends[0], sizeof(big), &buf), 0, "all of a pipe");
    is_int((intmax_t)buf.len, sizeof(big), "its length");
    ok(waitpid(child, &status, 0) == child && status == 0, "the writer wrote everything");
    close(ends[0]);

    if (pipe(ends) < 0)
        bail_out("pipe: %m");
    is_int(dj_set_nonblock(ends[0], true), 0, "set O_NONBLOCK");
    is_int(dj_read_full(ends[0], &byte, 1), -EAGAIN, "an empty pipe does not block");
    is_int(dj_set_nonblock(ends[0], false), 0, "clear O_NONBLOCK");
    is_int(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0, "it is cleared");
    close(ends[0]);
    close(ends[1]);
}

static void folders(void)
{
    is_int(dj_mkdir_p("a/b/c", 0755), 0, "mkdir -p");
    is_int(dj_mkdir_p("a/b/c", 0755), 0, "once more");
    is_int(dj_mkdir_p("a/b/c/", 0755), 0, "with a slash at the end");
    is_int(dj_mkdir_p("f", 0755), -ENOTDIR, "a file is no folder");
    is_int(dj_mkdir_p("f/x", 0755), -ENOTDIR, "nor below a file");
    is_int(dj_mkdir_p("", 0755), -ENOENT, "no name");

    is_int(dj_remove_tree(AT_FDCWD, "missing"), 0, "removing what is not there");
    is_int(dj_remove_tree(AT_FDCWD, "f"), 0, "removing a file");
    ok(!there("f"), "it is gone");
    is_int(system("mkdir out; touch out/kept; ln -s ../out a/b/link; touch a/b/.hidden"), 0,
           "a tree with a link out of it");
    is_int(dj_clear_tree(AT_FDCWD, "a"), 0, "clear");
    ok(there("a") && !there("a/b"), "the folder stays, empty");
    ok(there("out/kept"), "what a link shows is untouched");
    is_int(dj_remove_tree(AT_FDCWD, "a"), 0, "remove");
    ok(!there("a"), "it is gone");
}

static void deep(void)
{
    char name[101];
    int here = open(".", O_RDONLY);

    memset(name, 'd', 100);
    name[100] = '\0';
    for (int i = 0; i < 500; i++) {
        if (mkdir(name, 0700) < 0 || chdir(name) < 0)
            bail_out("mkdir: %m");
        dj_close(open("file", O_WRONLY | O_CREAT, 0600));
    }
    if (fchdir(here) < 0)
        bail_out("fchdir: %m");
    close(here);
    is_int(dj_remove_tree(AT_FDCWD, name), 0, "a tree of 500 levels and 50 kB of path");
    ok(!there(name), "it is gone");
}

/* Permissions mean nothing to root, so this part is made by a child that is somebody else. */
static void locked(void)
{
    pid_t child;
    int status;

    is_int(system("mkdir -p own/locked/deep && touch own/locked/deep/f own/locked/g && "
                  "chmod 0 own/locked/deep && chmod 0500 own/locked"),
           0, "folders without permissions");
    if (geteuid() == 0 && system("chown -R 65534:65534 own && chmod 755 .") != 0)
        bail_out("chown failed");
    child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(2);
        _exit(dj_clear_tree(AT_FDCWD, "own") == 0 ? 0 : 1);
    }
    ok(waitpid(child, &status, 0) == child && status == 0, "their owner can clear them");
    ok(!there("own/locked"), "they are gone");
}

static void logging(void)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int saved = dup(STDERR_FILENO), evaluated = 0;
    uint64_t before = dj_clock_mono_ns();

    unsetenv("JOURNAL_STREAM");
    setenv("DJ_LOG", "warning", 1);
    dj_log_setup("prog");
    if (dup2(dj_open(AT_FDCWD, "log", O_RDWR | O_CREAT | O_APPEND, 0600), STDERR_FILENO) < 0)
        bail_out("dup2: %m");
    errno = EPIPE;
    dj_log_info("not shown");
    dj_log_warning("two\nlines %d", 7);
    is_int(errno, EPIPE, "errno is kept");
    dj_log_error("bad");
    dj_log_debug("%d", evaluated++);
    is_int(evaluated, 0, "debug arguments are not evaluated");
    dj_log_verbose();
    dj_log_info("shown");
    {
        struct stat st;
        char stream[64];

        fstat(STDERR_FILENO, &st);
        snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
                 (unsigned long long)st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        unsetenv("DJ_LOG");
        dj_log_setup("prog");
        dj_log_error("to the journal");
    }
    dup2(saved, STDERR_FILENO);
    is_int(dj_read_file(AT_FDCWD, "log", 1000, &text), 0, "read the log");
    is_str(dj_buf_str(&text),
           "prog: warning: two\\nlines 7\nprog: bad\nprog: shown\n<3>to the journal\n",
           "one line a message");
    ok(dj_clock_mono_ns() >= before && dj_clock_now_ns() > UINT64_C(1600000000) * DJ_NS_PER_S,
       "the clocks go");
}

int main(void)
{
    if (mkdtemp(base) == NULL || chdir(base) < 0)
        bail_out("%s: %m", base);
    files();
    pipes();
    folders();
    deep();
    locked();
    logging();
    is_int(chdir("/"), 0, "leave");
    is_int(dj_remove_tree(AT_FDCWD, base), 0, "remove the rest");
    return tap_done();
}
