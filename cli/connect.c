/* The connection of a command, and its exit codes. (command.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

static int exit_code(int code)
{
    switch (-code) {
    case EINVAL:
        return DJ_EX_USAGE;
    case EAGAIN:
        return DJ_EX_NOT_CACHED;
    case EACCES:
    case EPERM:
        return DJ_EX_NOT_ALLOWED;
    case ENOENT:
        return DJ_EX_UNKNOWN;
    case ENOTCONN:
        return DJ_EX_NO_DAEMON;
    case ETIME:
    case ECANCELED:
    case ENOSPC:
    case EDQUOT:
    case EBUSY:
    case EOWNERDEAD: /* lost with its worker */
        return DJ_EX_AGAIN;
    case ETIMEDOUT:
        return DJ_EX_TIMEOUT;
    case EINTR:
        return DJ_EX_INTERRUPTED;
    default:
        return DJ_EX_FAILED;
    }
}

/* The daemon says what becomes of a run that nobody waits for any more. */
static const char *what_goes_on(int code, const struct dj_err *err)
{
    bool said = code == -EINTR && err != NULL && err->text != NULL &&
                strncmp(err->text, "interrupted", strlen("interrupted")) != 0;

    return said ? err->text : "what was started goes on";
}

int dj_fail(int code, const struct dj_err *err)
{
    int interrupted = dj_interrupt_code();
    const char *goes_on = what_goes_on(code, err);

    if (interrupted == DJ_EX_INTERRUPTED)
        fprintf(stderr, "dj: interrupted; %s\n", goes_on);
    else if (interrupted == DJ_EX_TIMEOUT)
        fprintf(stderr, "dj: the time is over; %s\n", goes_on);
    else
        fprintf(stderr, "dj: %s\n", dj_err_text(err, code));
    return interrupted != 0 ? interrupted : exit_code(code);
}

static const struct dj_greeting greeting = {.role = DJ_ROLE_CLIENT,
                                            .program = "dj " PACKAGE_VERSION};

/* The folder of the socket, made when it is not there, with a slash behind it. */
static int socket_folder(const char *socket, struct dj_buf *ret, struct dj_err *err)
{
    const char *slash = strrchr(socket, '/');
    int rc;

    if (slash == NULL)
        return dj_err_set(err, EINVAL, "%s is not the path of a socket", socket);
    dj_buf_add(ret, socket, (size_t)(slash - socket) + 1);
    rc = dj_mkdir_p(dj_buf_str(ret), 0700);
    return rc < 0 ? dj_err_sys(err, -rc, "%s", dj_buf_str(ret)) : 0;
}

/* The lock is the folder itself, and only one of our own: another's could be held for ever. */
static int lock_folder(const char *folder)
{
    int fd = dj_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == geteuid()) {
        while (flock(fd, LOCK_EX) < 0 && errno == EINTR)
            continue;
    }
    return fd;
}

static bool answers(const char *socket)
{
    struct dj_connection *connection;

    if (dj_connection_open(socket, &greeting, &connection, NULL) < 0)
        return false;
    dj_connection_free(connection);
    return true;
}

static void add_word(struct dj_list *argv, const char *word)
{
    dj_buf_adds(dj_list_add(argv, sizeof(struct dj_buf)), word);
}

static void add_option(struct dj_list *argv, const char *option, const char *value)
{
    if (value == NULL)
        return;
    add_word(argv, option);
    add_word(argv, value);
}

static int start_with(const struct dj_list *words, const char *log, struct dj_err *err)
{
    dj_cleanup_free char **argv = dj_xcalloc(words->n + 1, sizeof(*argv));

    for (size_t i = 0; i < words->n; i++)
        argv[i] = (char *)DJ_LIST_AT(words, struct dj_buf, i)->data;
    return dj_start_program(argv, log, err);
}

int dj_start_daemon(const char *named_socket, const struct dj_daemon_options *options,
                    struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf log = DJ_BUF_INIT;
    dj_cleanup_free char *program = dj_program("djd"), *socket = dj_absolute(named_socket);
    struct dj_list argv = {0};
    dj_cleanup_close int lock = -1;
    int rc = socket_folder(socket, &log, err);

    if (rc < 0)
        return rc;
    lock = lock_folder(dj_buf_str(&log));
    if (answers(socket))
        return 0;
    add_word(&argv, program);
    add_option(&argv, "--socket", socket);
    add_option(&argv, "--store", options->store);
    add_option(&argv, "--workers", options->workers);
    add_option(&argv, "--quota", options->quota);
    for (size_t i = 0; i < options->resources.n; i++)
        add_option(&argv, "--resource",
                   dj_buf_str(DJ_LIST_AT(&options->resources, struct dj_buf, i)));
    dj_buf_adds(&log, "djd.log");
    rc = start_with(&argv, dj_buf_str(&log), err);
    dj_bytes_list_release(&argv);
    return rc;
}

int dj_connect(struct dj_cli *cli, bool start, struct dj_err *err)
{
    dj_cleanup_free char *named = NULL, *socket = NULL;
    struct dj_bar *bar;
    int rc;

    if (cli->connection != NULL)
        return 0;
    rc = dj_socket_named(cli->connect, &named, err);
    if (rc == 0 && named == NULL)
        rc = dj_socket_path(NULL, &socket, err);
    if (rc == 0)
        rc = dj_connection_open(named != NULL ? named : socket, &greeting, &cli->connection, err);
    if (rc != -ENOTCONN || !start || named != NULL)
        return rc;
    dj_err_release(err);
    free(dj_steal(socket));
    rc = dj_own_socket_path(true, &socket, err);
    bar = dj_bar_begin(cli, "starting the daemon", 0);
    if (rc == 0)
        rc = dj_start_daemon(socket, &(struct dj_daemon_options){0}, err);
    dj_bar_end(bar);
    if (rc == 0)
        rc = dj_connection_open(socket, &greeting, &cli->connection, err);
    return rc;
}

int dj_connect_to(const char *socket, struct dj_connection **ret, struct dj_err *err)
{
    return dj_connection_open(socket, &greeting, ret, err);
}
