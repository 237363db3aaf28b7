/* Your own daemon, started when none runs. (programs.h) */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/client/connection.h"
#include "lib/client/programs.h"
#include "lib/util/fdio.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"

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
    return dj_start_program(argv, log, -1, err);
}

void dj_daemon_options_release(struct dj_daemon_options *options)
{
    free(options->store);
    free(options->workers);
    free(options->quota);
    dj_bytes_list_release(&options->resources);
    *options = (struct dj_daemon_options){0};
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
