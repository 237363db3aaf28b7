/* djfs: shows the runs of a djd as files. See djfs(8). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/device.h"
#include "fs/fs.h"
#include "fs/handle.h"
#include "fs/guard.h"
#include "fs/loop.h"
#include "fs/mount.h"
#include "lib/model/config.h"
#include "lib/util/fdio.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

#define USAGE 2

/* The pipe to the process that was started, which waits there until the mount can be used. */
static int parent_fd = -1;

/* The kernel and the daemon open descriptors at will; none of them must become 0, 1 or 2. */
static void reserve_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

static void fuse_log_line(enum fuse_log_level level, const char *format, va_list args)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;

    dj_buf_addv(&line, format, args);
    while (line.len > 0 && line.data[line.len - 1] == '\n')
        dj_buf_truncate(&line, line.len - 1);
    if (level <= FUSE_LOG_ERR)
        dj_log_error("%s", dj_buf_str(&line));
    else
        dj_log_info("%s", dj_buf_str(&line));
}

/* One descriptor for each large result that is open. */
static void raise_limits(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* ---- into the background ----------------------------------------------------------------- */

/* Goes on in a child; the process that was started ends when the child says that it is ready. */
static int fork_off(struct dj_err *err)
{
    int pipe_fds[2];
    int status = 1 << 8;
    char byte = 0;
    pid_t pid;

    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "cannot make a pipe");
    pid = fork();
    if (pid < 0)
        return dj_err_sys(err, errno, "cannot fork");
    if (pid == 0) {
        close(pipe_fds[0]);
        parent_fd = pipe_fds[1];
        setsid();
        return 0;
    }
    close(pipe_fds[1]);
    while (read(pipe_fds[0], &byte, 1) < 0 && errno == EINTR)
        ;
    if (byte == '\n')
        _exit(0);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

static void leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    struct stat st;

    if (chdir("/") < 0 || null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    if (fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode)) /* a log file may stay */
        dup2(null, STDERR_FILENO);
    close(null);
}

static void say_ready(int fd)
{
    if (fd < 0)
        return;
    if (write(fd, "\n", 1) != 1)
        dj_log_warning("nobody heard that the mount is ready");
    close(fd);
}

/* The kernel has agreed on a protocol: from now on the tree can be used. */
static void on_init(struct dj_fs *fs)
{
    say_ready(fs->options.ready_fd);
    fs->options.ready_fd = -1;
    if (parent_fd >= 0)
        leave_terminal();
    say_ready(parent_fd);
    parent_fd = -1;
}

/* ---- the mount --------------------------------------------------------------------------- */

static void add_args(const struct dj_options *options, struct fuse_args *args)
{
    dj_cleanup_buf struct dj_buf words = DJ_BUF_INIT;

    dj_buf_adds(&words, "fsname=dj,subtype=djfs,nosuid,nodev,default_permissions");
    if (options->allow_other)
        dj_buf_adds(&words, ",allow_other");
    if (options->readonly)
        dj_buf_adds(&words, ",ro");
    dj_buf_add_bytes(&words, dj_buf_bytes(&options->kernel));
    fuse_opt_add_arg(args, "djfs");
    if (options->debug)
        fuse_opt_add_arg(args, "-d");
    fuse_opt_add_arg(args, "-o");
    fuse_opt_add_arg(args, dj_buf_str(&words));
}

static int mount_it(struct dj_fs *fs, struct dj_err *err)
{
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);

    if (access("/dev/fuse", F_OK) < 0)
        return dj_err_set(err, ENODEV, "there is no /dev/fuse here, so nothing can be mounted; "
                          "dj get, dj ls and dj cat work without");
    add_args(&fs->options, &args);
    fs->session = fuse_session_new(&args, &dj_fs_ops, sizeof(dj_fs_ops), fs);
    fuse_opt_free_args(&args);
    if (fs->session == NULL)
        return dj_err_set(err, EINVAL, "libfuse refuses the mount options");
    if (fuse_session_mount(fs->session, fs->mount) < 0)
        return dj_err_set(err, EIO, "cannot mount on %s", fs->mount);
    (void)dj_device_take(fs->session);
    return 0;
}

static int connect_daemon(struct dj_fs *fs, struct dj_err *err)
{
    struct dj_backend *backend = &fs->backend;
    dj_cleanup_free char *socket = NULL;
    int code = dj_socket_path(fs->options.connect, &socket, err);

    if (code < 0)
        return code;
    backend->socket = dj_absolute(socket); /* in the background our folder is another one */
    backend->greeting = (struct dj_greeting){
        .role = DJ_ROLE_MOUNT,
        .program = "djfs " PACKAGE_VERSION,
        .place = fs->mount,
        .flags = fs->options.readonly ? DJ_HELLO_READONLY : 0,
    };
    backend->events = &dj_fs_backend_events;
    backend->cookie = fs;
    backend->wait_ms = fs->options.wait_ms;
    return dj_backend_start(backend, err);
}

static void guess_root(struct dj_fs *fs)
{
    fs->root = (struct dj_part_attr){
        .node = DJ_NODE_ROOT, .ino = DJ_NODE_ROOT, .mode = S_IFDIR | 0555, .nlink = 2,
        .uid = getuid(), .gid = getgid(), .mtime_ns = (uint64_t)time(NULL) * 1000000000U};
}

static int start(struct dj_fs *fs, int *ret_signal_fd, struct dj_err *err)
{
    int code = dj_mount_prepare(fs->options.mount, &fs->mount, err);

    if (code == 0 && !fs->options.foreground)
        code = fork_off(err);
    if (code < 0)
        return code;
    *ret_signal_fd = dj_loop_signals(err);
    if (*ret_signal_fd < 0)
        return *ret_signal_fd;
    guess_root(fs);
    code = connect_daemon(fs, err);
    if (code == 0)
        code = mount_it(fs, err);
    if (code < 0)
        return code;
    dj_guard_start(fs->session);
    code = dj_notifier_start(&fs->notifier, fs->session);
    return code < 0 ? dj_err_sys(err, -code, "cannot start a thread") : 0;
}

static void release(struct dj_fs *fs)
{
    while (fs->handles != NULL)
        dj_handle_free(fs, fs->handles);
    dj_backend_end(&fs->backend);
    free(fs->backend.socket);
    dj_aheads_release(&fs->aheads);
    dj_answers_release(&fs->answers);
    dj_callers_release(&fs->callers);
    dj_names_release(&fs->names);
    dj_holds_release(&fs->holds);
    dj_links_release(&fs->links);
    dj_removed_release(&fs->removed);
    dj_stale_release(&fs->stale);
    dj_codec_release(dj_message_layout(DJ_MSG_FORGET), &fs->forgotten);
    dj_options_release(&fs->options);
    free(fs->mount);
}

/*
 * The loop ends when the file system is unmounted, and something else may be mounted there by now.
 * libfuse would unmount that, unless its descriptor says that the connection is over: so it gets
 * one that does, a pipe without a reader. That also ends the connection for those who still use a
 * mount that went lazily.
 */
static void cut_off(struct fuse_session *session)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return;
    close(fds[0]);
    dup2(fds[1], fuse_session_fd(session));
    close(fds[1]);
}

static int run(struct dj_fs *fs, struct dj_err *err)
{
    int signal_fd = -1;
    int code;

    raise_limits();
    fuse_set_log_func(fuse_log_line);
    fs->on_init = on_init;
    dj_answers_init(&fs->answers);
    code = start(fs, &signal_fd, err);
    if (code == 0) {
        code = dj_loop_run(fs, signal_fd, err);
        if (fs->pendings.count != 0)
            dj_log_error("%zu requests were never answered", fs->pendings.count);
    }
    if (fs->session != NULL) {
        if (code == 0 && !fs->broken)
            cut_off(fs->session);
        fuse_session_unmount(fs->session);
        fuse_session_destroy(fs->session);
    }
    if (signal_fd >= 0)
        close(signal_fd);
    return code;
}

/* How long to wait, when no option says it. */
static int take_config(struct dj_options *options, struct dj_err *err)
{
    dj_cleanup_config struct dj_config config = {0};
    int rc = options->wait_given ? 0 : dj_config_load(&config, err);

    if (rc == 0 && !options->wait_given)
        options->wait_ms = (int64_t)config.values[DJ_SET_WAIT].number;
    return rc;
}

int main(int argc, char **argv)
{
    static struct dj_fs fs;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    enum dj_options_verdict verdict;
    int code;

    reserve_standard_fds();
    dj_log_setup("djfs");
    code = dj_options_parse(argc, argv, &fs.options, &verdict, &err);
    if (code < 0) {
        dj_log_error("%s", dj_err_text(&err, code));
        dj_options_release(&fs.options);
        return USAGE;
    }
    if (verdict == DJ_OPTIONS_RUN)
        code = take_config(&fs.options, &err);
    if (code == 0 && verdict == DJ_OPTIONS_RUN)
        code = run(&fs, &err);
    else if (code == 0)
        fputs(verdict == DJ_OPTIONS_HELP ? dj_options_usage : "djfs " PACKAGE_VERSION "\n", stdout);
    if (code < 0)
        dj_log_error("%s", dj_err_text(&err, code));
    release(&fs);
    return code < 0 ? 1 : 0;
}
