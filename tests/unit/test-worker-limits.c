/* djw with real processes: limits of memory and outputs; the pure parts of how they are kept. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/worker/cgroup.h"
#include "daemon/worker/limits.h"
#include "daemon/worker/memory.h"
#include "daemon/worker/sizes.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/tools/worker-harness.h"
#include "tests/unit/tap.h"

#define MIB (UINT64_C(1) << 20)

/* ---- pure -------------------------------------------------------------------------------- */

static void pauses(void)
{
    is_int((intmax_t)dj_limit_wait_ms(0, 1000 * MIB, 2 * MIB, 0), 500, "as long as it would need");
    is_int((intmax_t)dj_limit_wait_ms(999 * MIB, 1000 * MIB, 2 * MIB, 0), 10, "not more often");
    is_int((intmax_t)dj_limit_wait_ms(0, 100000 * MIB, 2 * MIB, 0), 1000, "not less often");
    is_int((intmax_t)dj_limit_wait_ms(2000 * MIB, 1000 * MIB, 2 * MIB, 0), 10, "over it already");
    is_int((intmax_t)dj_limit_wait_ms(0, 1000 * MIB, 2 * MIB, 100), 2000, "a look that takes long");
}

static void counters(void)
{
    static const char text[] = "oom_kill_disable 0\nunder_oom 0\noom_kill 17\nPss:      1234 kB\n";

    is_int((intmax_t)dj_counter_in(text, "oom_kill"), 17, "the whole name");
    is_int((intmax_t)dj_counter_in(text, "Pss:"), 1234, "blanks");
    is_int((intmax_t)dj_counter_in(text, "oom"), 0, "no such line");
    is_int((intmax_t)dj_counter_in("", "oom"), 0, "no line");
}

static void cgroup_is(const char *self, const char *mountinfo, const char *want)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    bool found = dj_cgroup_path(self, mountinfo, &path);

    if (want == NULL)
        ok(!found, "no cgroup of version 2");
    else
        is_str(dj_buf_str(&path), want, "its folder");
}

static void cgroup_paths(void)
{
    static const char unified[] =
        "24 1 0:22 / /proc rw,nosuid - proc proc rw\n"
        "31 25 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
    static const char below[] =
        "31 25 0:27 /user.slice/djd.service /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    static const char old[] = "31 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";

    cgroup_is("0::/user.slice/djd.service\n", unified, "/sys/fs/cgroup/user.slice/djd.service");
    cgroup_is("4:memory:/x\n0::/y\n", unified, "/sys/fs/cgroup/y");
    cgroup_is("0::/\n", unified, "/sys/fs/cgroup");
    cgroup_is("0::/user.slice/djd.service\n", below, "/sys/fs/cgroup");
    cgroup_is("0::/user.slice/djd.service/x\n", below, "/sys/fs/cgroup/x");
    cgroup_is("0::/other\n", below, NULL);
    cgroup_is("0::/y\n", old, NULL);
    cgroup_is("4:memory:/x\n", unified, NULL);
    cgroup_is("", "", NULL);
}

static void tree_sizes(void)
{
    char path[128];

    snprintf(path, sizeof(path), "%s", in_top("sizes/a/b"));
    is_int(dj_mkdir_p(path, 0755), 0, "a folder");
    put_file(in_top("sizes/one"), "12345", 0644);
    put_file(in_top("sizes/a/b/two"), "1234567890", 0644);
    ok(symlink("/etc/passwd", in_top("sizes/link")) == 0, "a link");
    is_int((intmax_t)dj_size_of_tree(in_top("sizes"), 1000), 15, "all files, no links");
    ok(dj_size_of_tree(in_top("sizes"), 3) > 3, "more than enough");
    is_int((intmax_t)dj_size_of_tree(in_top("none"), 3), 0, "what is not there");
    is_int((intmax_t)dj_size_of_file(in_top("sizes/one")), 5, "one file");
    is_int((intmax_t)dj_size_of_file(in_top("sizes/link")), 0, "a link is none");
}

/* ---- with a worker ----------------------------------------------------------------------- */

/* Has the memory at once and keeps it. */
static const char hog[] =
    "exec perl -e '$x = \"x\" x ($ARGV[0] << 20); print \"there\\n\"; close STDOUT; sleep 80' ";

static struct dj_msg_run hog_order(unsigned mib, const char *before)
{
    char script[400];

    snprintf(script, sizeof(script), "%s%s%u", before, hog, mib);
    return shell_order(0, script);
}

static void test_memory(void)
{
    struct dj_msg_run run;
    uint64_t least;

    begin();
    run = hog_order(200, "");
    run.limits.memory_bytes = 100 * MIB;
    ok(run_order(&run) && exited_with(DJ_EXIT_MEMORY, SIGKILL), "more memory than its limit");
    is_int((intmax_t)ended.limit, 100 * MIB, "the limit");
    /* The kernel lets nobody have more; before 5.19 it does not tell how much there was. */
    least = ended.memory_guard == DJ_MEMORY_POLLING ? 100 * MIB + 1 : 0;
    ok(ended.reached >= least && ended.reached < 400 * MIB, "and how much there was: %llu MiB",
       (unsigned long long)(ended.reached / MIB));
    ok(ended.memory_guard == DJ_MEMORY_POLLING || ended.memory_guard == DJ_MEMORY_CGROUP,
       "somebody watched");
    ok(ended.memory_peak >= ended.reached, "the peak");
    take();
    run = hog_order(120, "perl -e '$x = \"x\" x (120 << 20); sleep 81' & ");
    run.limits.memory_bytes = 200 * MIB;
    ok(run_order(&run) && exited_with(DJ_EXIT_MEMORY, SIGKILL), "two processes together");
    ok(tasks_are(0), "all are gone");
    take();
    run = shell_order(0, "perl -e '$x = \"x\" x (60 << 20); for (1..5) { if (!fork) { select "
                         "undef, undef, undef, 0.3; exit } } 1 while wait > 0; print \"ok\\n\"'");
    run.limits.memory_bytes = 150 * MIB;
    ok(run_order(&run) && exited_with(DJ_EXIT_CODE, 0), "what children share is counted once");
    ok(ended.memory_peak > 60 * MIB, "it was seen");
    take();
    run = shell_order(0, "echo quick");
    run.limits.memory_bytes = 100 * MIB;
    ok(run_order(&run) && exited_with(DJ_EXIT_CODE, 0), "one that needs little");
    take();
    run = shell_order(0, "echo quick");
    ok(run_order(&run) && ended.memory_guard == DJ_MEMORY_NONE, "without a limit nobody watches");
    end();
}

static void test_files(void)
{
    struct dj_msg_run run;

    begin();
    run = shell_order(0, "mkdir d; head -c 3000000 /dev/zero > d/x; echo there; sleep 82");
    run.limits.files_bytes = 2000000;
    ok(run_order(&run) && exited_with(DJ_EXIT_FILES_LIMIT, SIGKILL), "more files than its limit");
    ok(ended.reached > 2000000 && ended.limit == 2000000 && ended.has_files, "which are there");
    take();
    run = shell_order(0, "head -c 1500000 /dev/zero > x; cp x $TMPDIR/y; sleep 83");
    run.limits.files_bytes = 2000000;
    ok(run_order(&run) && ended.how == DJ_EXIT_FILES_LIMIT, "TMPDIR counts, too");
    take();
    run = shell_order(0, "head -c 3000000 /dev/zero > x");
    run.limits.files_bytes = 2000000;
    ok(run_order(&run) && ended.how == DJ_EXIT_FILES_LIMIT, "also when it has ended by itself");
    take();
    run = shell_order(0, "head -c 3000000 /dev/zero > x; sleep 84");
    run.limits.result_bytes = 2000000;
    run.result = dj_xstrdup("x");
    ok(run_order(&run) && exited_with(DJ_EXIT_RESULT_LIMIT, SIGKILL), "a result that is a file");
    end();
}

/* The parts of version 1: enough for a kernel that has no other. */
static bool small_cgroup(char *path, size_t size)
{
    char file[300];
    int fd;

    snprintf(path, size, "/sys/fs/cgroup/memory/dj-test-%ld", (long)getpid());
    if (mkdir(path, 0755) < 0)
        return false;
    snprintf(file, sizeof(file), "%s/memory.limit_in_bytes", path);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "64M", 3) != 3) {
        close(fd);
        rmdir(path);
        return false;
    }
    close(fd);
    return true;
}

static void test_out_of_memory(void)
{
    char path[200], before[300];
    struct dj_msg_run run;

    if (!small_cgroup(path, sizeof(path))) {
        skip(2, "no cgroup can be made in which the kernel would end something");
        return;
    }
    begin();
    snprintf(before, sizeof(before), "echo $$ > %s/cgroup.procs; ", path);
    run = hog_order(200, before);
    ok(run_order(&run) && exited_with(DJ_EXIT_OUT_OF_MEMORY, SIGKILL), "ended by the kernel");
    take();
    ok(run_shell(0, "kill -KILL $$") && ended.how == DJ_EXIT_SIGNAL,
       "a SIGKILL of another day is just that");
    end();
    rmdir(path);
}

int main(void)
{
    harness_begin();
    pauses();
    counters();
    cgroup_paths();
    tree_sizes();
    test_memory();
    test_files();
    test_out_of_memory();
    harness_end();
    return tap_done();
}
