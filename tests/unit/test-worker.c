/* djw with real processes: what a run gets, gives and leaves. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/proto/sessions.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/tools/worker-harness.h"
#include "tests/unit/tap.h"

/* ---- what a run gives -------------------------------------------------------------------- */

static void test_result(void)
{
    ok(begin(), "a worker greets and tells what runs");
    is_int((intmax_t)running.slots.n, 0, "nothing");
    is_int((intmax_t)running.capacity, DJ_SESSIONS_MAX, "its capacity");
    ok(run_shell(0, "echo 120; echo working >&2"), "a run ends");
    ok(exited_with(DJ_EXIT_CODE, 0), "exit 0");
    is_str(file_of(0, "out"), "120\n", "stdout is the result");
    is_str(file_of(0, "err"), "working\n", "stderr is the log");
    is_int((intmax_t)ended.result_size, 4, "its size");
    is_int((intmax_t)ended.log_size, 8, "the log's");
    ok(!ended.has_files, "no files");
    ok(started.pid > 1 && started.instance == ended.instance, "STARTED came before");
    ok(ended.start_ns > 0 && ended.end_ns > ended.start_ns, "start and end");
    ok(ended.max_rss_kib > 0, "memory was measured");
    take();
    ok(run_shell(0, "printf x; exit 3"), "the slot is used again");
    ok(exited_with(DJ_EXIT_CODE, 3), "exit 3");
    is_str(file_of(0, "out"), "x", "nothing of the run before in the result");
    is_str(file_of(0, "err"), "", "nor in the log");
    take();
    ok(run_shell(0, "kill -ILL $$"), "a run that is killed by a signal");
    ok(exited_with(DJ_EXIT_SIGNAL, SIGILL), "is told so");
    take();
    ok(run_shell(0, "exit 127"), "exit 127");
    ok(exited_with(DJ_EXIT_CODE, 127), "is the task's own");
    end();
}

static void test_world(void)
{
    struct dj_msg_run run;

    begin();
    run = shell_order(2, "cat; umask; echo $TMPDIR; pwd; ls -A | wc -l; ls /proc/self/fd | wc -l;"
                         " sed -n 's/^Sig[BI][lg][kn].*\\t//p' /proc/self/status |"
                         /* 32 and 33 are glibc's own, and come ignored from some callers */
                         " sed s/0000000180000000/0000000000000000/");
    add_env(&run, "TMPDIR", "/elsewhere");
    ok(run_order(&run) && exited_with(DJ_EXIT_CODE, 0), "a look around");
    {
        char want[512];

        /* ls has its own descriptor open. */
        snprintf(want, sizeof(want), "0022\n%s/2/tmp\n%s/2/cwd\n0\n4\n%016d\n%016d\n", djd.work,
                 djd.work, 0, 0);
        is_str(file_of(2, "out"), want,
               "empty stdin, umask, TMPDIR, empty folder, 3 descriptors, no signal blocked or "
               "ignored");
    }
    take();
    run = shell_order(2, "pwd");
    run.cwd = dj_xstrdup("/usr/share");
    ok(run_order(&run) && strcmp(file_of(2, "out"), "/usr/share\n") == 0, "a folder of its own");
    take();
    run = order_for(2);
    add_word(&run, "printf");
    add_word(&run, "<%s>");
    add_word(&run, "");
    add_word(&run, "a b\n\377");
    ok(run_order(&run) && strcmp(file_of(2, "out"), "<><a b\n\377>") == 0, "words as they are");
    end();
}

static void refuses(struct dj_msg_run *run, int code, const char *text, const char *what)
{
    ok(run_order(run), "%s: ends", what);
    ok(exited_with(DJ_EXIT_NOT_STARTED, (uint64_t)code), "%s: not started", what);
    is_str(ended.text, text, "%s: a sentence", what);
    take();
}

static void test_not_started(void)
{
    struct dj_msg_run run;
    char path[300], text[400];

    begin();
    run = order_for(0);
    add_word(&run, "./factorial.sh");
    refuses(&run, ENOENT, "./factorial.sh: No such file or directory", "missing program");
    run = order_for(0);
    add_word(&run, "no-such-program");
    refuses(&run, ENOENT, "no-such-program: not found in PATH", "a name without folder");
    snprintf(path, sizeof(path), "%s/plain", top);
    put_file(path, "echo\n", 0644);
    run = order_for(0);
    add_word(&run, path);
    snprintf(text, sizeof(text), "%s: Permission denied (it is not executable: chmod +x)", path);
    refuses(&run, EACCES, text, "not executable");
    put_file(path, "#!/no/such/shell\n", 0755);
    run = order_for(0);
    add_word(&run, path);
    snprintf(text, sizeof(text), "%s: the interpreter that it asks for was not found", path);
    refuses(&run, ENOENT, text, "missing interpreter");
    unlink(path);
    run = order_for(0);
    add_word(&run, "/usr");
    refuses(&run, EACCES, "/usr: is a folder", "a folder");
    run = shell_order(0, "true");
    run.cwd = dj_xstrdup("/no/such/folder");
    refuses(&run, ENOENT, "/no/such/folder: No such file or directory", "a missing folder");
    run = order_for(0);
    refuses(&run, EINVAL, "the command has no words", "no command");
    run = shell_order(0, "true");
    add_file(&run, "../x", "", false);
    refuses(&run, EINVAL, "a file of the arguments has no proper name", "a file name with a slash");
    ok(run_shell(0, "echo fine") && exited_with(DJ_EXIT_CODE, 0), "the slot is as good as before");
    end();
}

static void test_busy(void)
{
    static const char *const two[] = {"--slots", "2", NULL};
    uint64_t first;

    begin_with(two);
    is_int((intmax_t)running.capacity, 2, "--slots");
    first = send_shell(1, "read x < $GATE; exit 5");
    ok(run_shell(1, "true"), "a run for a slot that is in use");
    ok(exited_with(DJ_EXIT_NOT_STARTED, EBUSY), "is refused");
    ok(run_shell(2, "true"), "a run for a slot that is not there");
    ok(exited_with(DJ_EXIT_NOT_STARTED, EINVAL), "is refused");
    is_str(ended.text, "the worker has no slot 2, only 2", "with a sentence");
    open_gate();
    ok(hear_end(first) && exited_with(DJ_EXIT_CODE, 5), "the first one is not disturbed");
    ok(run_shell(1, "true"), "a slot that has not been taken");
    ok(exited_with(DJ_EXIT_NOT_STARTED, EBUSY), "is in use, too");
    end();
}

static void test_large(void)
{
    struct dj_msg_run run;
    struct stat st;
    char away[256];

    begin();
    ok(run_shell(0, "head -c 10000000 /dev/zero; head -c 300000 /dev/zero >&2"), "10 MB");
    is_int((intmax_t)ended.result_size, 10000000, "of result");
    is_int((intmax_t)ended.log_size, 300000, "and a log");
    snprintf(away, sizeof(away), "%s/taken", top);
    ok(rename(path_of(0, "out"), away) == 0, "the daemon moves the file away");
    take();
    ok(run_shell(0, "echo small") && strcmp(file_of(0, "out"), "small\n") == 0, "a new one");
    ok(stat(away, &st) == 0 && st.st_size == 10000000, "the old one is not touched");
    unlink(away);
    take();
    run = shell_order(0, "yes");
    run.limits.result_bytes = 1000000;
    ok(run_order(&run) && exited_with(DJ_EXIT_RESULT_LIMIT, SIGKILL), "an endless result");
    ok(ended.result_size > 1000000, "was larger than its limit");
    take();
    run = shell_order(0, "yes >&2");
    run.limits.log_bytes = 1000000;
    ok(run_order(&run) && exited_with(DJ_EXIT_LOG_LIMIT, SIGKILL), "an endless log");
    take();
    run = shell_order(0, "echo 12345");
    run.limits.result_bytes = 5;
    ok(run_order(&run) && exited_with(DJ_EXIT_RESULT_LIMIT, 0), "a short one, one byte too long");
    take();
    run = shell_order(0, "echo 1234");
    run.limits.result_bytes = 5;
    ok(run_order(&run) && exited_with(DJ_EXIT_CODE, 0), "one that just fits");
    end();
}

/* ---- folders ----------------------------------------------------------------------------- */

static ino_t inode_of(unsigned slot, const char *name)
{
    struct stat st;

    return stat(path_of(slot, name), &st) < 0 ? 0 : st.st_ino;
}

static void test_folders(void)
{
    char away[256];
    ino_t cwd, out;
    struct stat st;

    begin();
    ok(run_shell(0, "touch x; rm x; touch $TMPDIR/t"), "a run that leaves nothing in its folder");
    ok(!ended.has_files, "has no files");
    cwd = inode_of(0, "cwd");
    out = inode_of(0, "out");
    take();
    ok(run_shell(0, "ls -A . $TMPDIR | wc -l; mkdir -p a/b; echo 1 > a/b/c"), "the next one");
    is_str(file_of(0, "out"), "3\n", "finds both of its folders empty");
    ok(inode_of(0, "cwd") == cwd && inode_of(0, "out") == out, "they are the same folder and file");
    ok(ended.has_files, "what it leaves is told");
    snprintf(away, sizeof(away), "%s/files", top);
    ok(rename(path_of(0, "cwd"), away) == 0, "the daemon moves its folder away");
    take();
    ok(run_shell(0, "ls -A | wc -l; echo 2 > left") && strcmp(file_of(0, "out"), "0\n") == 0,
       "a new one");
    ok(stat(away, &st) == 0, "the old one is where it is");
    remove_all(away);
    take();
    ok(run_shell(0, "ls -A | wc -l; chmod 0700 .") && strcmp(file_of(0, "out"), "0\n") == 0,
       "files that nobody wants are gone");
    take();
    ok(run_shell(0, "stat -c %a .; rmdir $PWD") && strcmp(file_of(0, "out"), "755\n") == 0,
       "a changed mode, too");
    ok(exited_with(DJ_EXIT_CODE, 0) && !ended.has_files, "a task removes its own folder");
    take();
    ok(run_shell(0, "ls -A | wc -l; ln ../out ../kept") && strcmp(file_of(0, "out"), "0\n") == 0,
       "a new one is there; a task links its result elsewhere");
    take();
    ok(run_shell(0, "echo other") && strcmp(file_of(0, "out"), "other\n") == 0, "the next result");
    is_str(file_of(0, "kept"), "0\n", "does not show there");
    take();
    for (int ms = 0; ms < bound(SOON); ms += 5) {
        dj_cleanup_buf struct dj_buf trash = DJ_BUF_INIT;

        dj_buf_addf(&trash, "%s/trash", djd.work);
        if (rmdir(dj_buf_str(&trash)) == 0 || errno == ENOENT)
            break;
        settle();
    }
    {
        char trash[256];

        snprintf(trash, sizeof(trash), "%s/trash", djd.work);
        ok(access(trash, F_OK) < 0, "the trash is empty in the end");
    }
    end();
}

/* What a task may leave in its folders, or make of them; those that begin with ! are root's. */
static const char *const stubborn[] = {
    "mkdir -p a/b; touch a/b/c; chmod 000 a/b a . $TMPDIR",
    "mkdir -p $TMPDIR/x/y; touch $TMPDIR/x/y/z; chmod 000 $TMPDIR/x/y $TMPDIR/x",
    "p=d; while [ ${#p} -lt 2000 ]; do p=$p/d; done; mkdir -p $p; cd $p; mkdir -p $p; touch $p/x",
    "mkfifo pipe; ln -s / root; ln -s . self; ln pipe pipe2",
    "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'; touch ./-rf ' ' '*'",
    "python3 -c 'import os; os.setxattr(\".\", \"user.mark\", b\"1\")'",
    "python3 -c 'import os, struct; os.setxattr(\".\", \"system.posix_acl_default\", "
    "struct.pack(\"<I\" + \"HHi\" * 3, 2, 1, 7, -1, 4, 5, -1, 32, 0, -1))'",
    "d=$PWD; cd /; rmdir $d $TMPDIR; echo file > $d; mkfifo $TMPDIR",
    "d=$PWD; cd /; rmdir $d $TMPDIR; ln -s /nowhere $d; ln -s / $TMPDIR",
    "rm ../out; mkdir -p ../out/x; mkdir ../err2; rm ../err; mv ../err2 ../err",
    "chmod 000 ../out ../err; ln ../out ../out2; mkdir ../arg/more; rmdir ../cwd",
    "chmod 2755 .; chmod 1777 $TMPDIR; umask 777; mkdir closed",
    "!touch fixed; chattr +i fixed; mkdir sub; touch sub/log; chattr +a sub/log; chattr +i sub",
    "!chattr +i .; chattr +a $TMPDIR",
    "!echo text; chattr +i ../out",
    "!chattr +i ../out ../err",
    "!chown nobody . $TMPDIR ../out",
};

static void test_stubborn(void)
{
    const char *looks = "ls -A . $TMPDIR | wc -l; stat -c '%a %F' . $TMPDIR; "
                        "touch x $TMPDIR/x && rm x $TMPDIR/x || echo closed; "
                        "python3 -c 'import os; print(os.listxattr(\".\"))'";
    dj_cleanup_buf struct dj_buf free_all = DJ_BUF_INIT;

    begin();
    if (!ok(run_shell(0, "command -v python3 chattr") && exited_with(DJ_EXIT_CODE, 0), "tools")) {
        end();
        return;
    }
    take();
    for (size_t i = 0; i < DJ_ARRAY_SIZE(stubborn); i++) {
        const char *script = stubborn[i];

        if (script[0] == '!' && geteuid() != 0)
            continue;
        script += script[0] == '!';
        ok(run_shell(0, script), "a task: %s", script);
        take();
        ok(run_shell(0, looks), "the next one");
        is_str(file_of(0, "out"), "3\n755 directory\n755 directory\n[]\n",
               "has fresh folders");
        take();
    }
    dj_buf_addf(&free_all, "chattr -R -ia %s 2> /dev/null; true", djd.work);
    ok(run_shell(1, dj_buf_str(&free_all)), "all can be removed");
    take();
    end();
}

static void test_args(void)
{
    struct dj_msg_run run;
    ino_t json;
    char away[256];

    begin();
    run = shell_order(0, "cd ../arg && ls && cat a.json && ./go");
    add_file(&run, "a.json", "{\"long\":\"value\"}\n", false);
    add_file(&run, "go", "#!/bin/sh\necho went\n", true);
    ok(run_order(&run), "files of the arguments");
    is_str(file_of(0, "out"), "a.json\ngo\n{\"long\":\"value\"}\nwent\n", "are there");
    json = inode_of(0, "arg/a.json");
    take();
    run = shell_order(0, "cd ../arg && ls && cat a.json; ln a.json ../stolen");
    add_file(&run, "a.json", "{}\n", false);
    ok(run_order(&run) && strcmp(file_of(0, "out"), "a.json\n{}\n") == 0, "others in their place");
    ok(inode_of(0, "arg/a.json") == json, "the same file was written again");
    take();
    run = shell_order(0, "cat ../arg/a.json; rm ../arg/a.json; mkdir ../arg/a.json");
    add_file(&run, "a.json", "[]\n", false);
    ok(run_order(&run) && strcmp(file_of(0, "out"), "[]\n") == 0, "a third");
    is_str(file_of(0, "stolen"), "{}\n", "the file that a task has linked is not written");
    snprintf(away, sizeof(away), "%s", path_of(0, "stolen"));
    unlink(away);
    take();
    run = shell_order(0, "cat ../arg/a.json");
    add_file(&run, "a.json", "1\n", false);
    ok(run_order(&run) && strcmp(file_of(0, "out"), "1\n") == 0, "a folder in its place goes");
    take();
    ok(run_shell(0, "ls ../arg | wc -l") && strcmp(file_of(0, "out"), "0\n") == 0, "no files");
    end();
}

static void test_sessions(void)
{
    const struct dj_sessions *sessions;
    char path[256];
    int fd;

    begin();
    snprintf(path, sizeof(path), "%s/sessions", djd.work);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    sessions = mmap(NULL, sizeof(*sessions), PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (!ok(sessions != MAP_FAILED, "the sessions file")) {
        end();
        return;
    }
    /* od reads the entry of slot 3 as the task's first instruction would: run, session, reaper. */
    {
        struct dj_msg_run run = order_for(3);
        char skip[32];
        unsigned long long number = 0, session = 0, reaper = 0;

        snprintf(skip, sizeof(skip), "%zu", offsetof(struct dj_sessions, entry[3]));
        add_word(&run, "od");
        add_word(&run, "-An");
        add_word(&run, "-tu4");
        add_word(&run, "-N16");
        add_word(&run, "-j");
        add_word(&run, skip);
        add_word(&run, path);
        ok(run_order(&run) && exited_with(DJ_EXIT_CODE, 0), "a task reads it");
        ok(file_of(3, "out") != NULL &&
               sscanf(text_read, "%llu %*u %llu %llu", &number, &session, &reaper) == 3,
           "its entry is there");
        is_int((intmax_t)number, (intmax_t)ended.instance, "before exec: the run");
        is_int((intmax_t)session, (intmax_t)started.pid, "the session");
        ok(reaper > 1 && reaper != session, "the reaper");
    }
    is_int((intmax_t)sessions->entry[3].run, 0, "the entry is cleared at the end");
    is_int((intmax_t)sessions->used, 4, "entries in use");
    ok(sessions->changes >= 1, "changes are counted");
    take();
    send_shell(3, "read x < /proc/self/stat; set -- $x; echo $1 $6; exec sleep 100");
    /* STARTED first: until then the slot still has the output of the run before. */
    ok(hear(DJ_MSG_STARTED) && appears(3, "out"), "a task that tells its pid and session");
    {
        int pid = 0, sid = 0;

        ok(file_of(3, "out") != NULL && sscanf(text_read, "%d %d", &pid, &sid) == 2 && pid == sid,
           "leads its session");
        is_int(pid, (intmax_t)started.pid, "and is the one of STARTED");
        is_int((intmax_t)sessions->entry[3].reaper, parent_of(pid), "its parent is the reaper");
        ok(getsid(parent_of(pid)) == parent_of(pid), "the reaper has a session of its own");
    }
    send_kill(ended.instance + 1, 3);
    hear_end(ended.instance + 1);
    munmap((void *)(uintptr_t)sessions, sizeof(*sessions));
    end();
}

int main(void)
{
    harness_begin();
    test_result();
    test_world();
    test_not_started();
    test_busy();
    test_large();
    test_folders();
    test_stubborn();
    test_args();
    test_sessions();
    harness_end();
    return tap_done();
}
