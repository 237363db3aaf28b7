#include "lib/client/listed_tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/model/taskfile.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { NOT_FOUND = 127, SAID_MAX = 4096 };

static void become(char **argv, int out, int log, pid_t asker) DJ_NORETURN;

/* It ends with who asks: loading a file may take for ever. */
static void become(char **argv, int out, int log, pid_t asker)
{
    int null = open("/dev/null", O_RDONLY);

    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != asker)
        _exit(NOT_FOUND);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execvp(argv[0], argv);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(NOT_FOUND);
}

/* exec takes words that could be changed. */
static char **copy_of(const char *const *argv)
{
    size_t n = 0;
    char **copy;

    while (argv[n] != NULL)
        n++;
    copy = dj_xcalloc(n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = dj_xstrdup(argv[i]);
    return copy;
}

static void free_words(char **argv)
{
    for (size_t i = 0; argv[i] != NULL; i++)
        free(argv[i]);
    free(argv);
}

/* Its sentence, when it has one. */
static int refusal(const char *file, const struct dj_buf *text, int log, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf said = DJ_BUF_INIT;
    struct dj_bytes sentence = dj_buf_bytes(text);

    if (sentence.len > 1 && sentence.data[0] == '!')
        sentence = dj_bytes_from(sentence, 1);
    else if (lseek(log, 0, SEEK_SET) == 0 && dj_read_fd(log, SAID_MAX, &said) == 0)
        sentence = dj_buf_bytes(&said);
    sentence = dj_strip(sentence);
    if (sentence.len == 0)
        return dj_err_set(err, EINVAL, "%s: loading it ended the process that tried", file);
    return dj_err_set(err, EINVAL, "%.*s", (int)sentence.len, (const char *)sentence.data);
}

/* What it says goes to a file of its own: with two pipes one of the two might fill up. */
int dj_list_by(const char *const *argv, const char *file, struct dj_buf *ret, struct dj_err *err)
{
    dj_cleanup_close int log = memfd_create("log", MFD_CLOEXEC);
    int pipes[2], status = 0, rc;
    pid_t asker = getpid(), pid;
    char **words;

    if (log < 0 || pipe2(pipes, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "cannot start %s", argv[0]);
    words = copy_of(argv);
    pid = fork();
    if (pid == 0)
        become(words, pipes[1], log, asker);
    free_words(words);
    dj_close(pipes[1]);
    rc = pid < 0 ? -errno : dj_read_fd(pipes[0], DJ_TASKFILE_MAX, ret);
    dj_close(pipes[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc < 0)
        return dj_err_sys(err, -rc, "%s", file);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return refusal(file, ret, log, err);
}

static bool is_wanted(const char *name, const char *const *names, int n, bool *found)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0) {
            found[i] = true;
            return true;
        }
    }
    return n == 0;
}

/* "FILE:5: …" is of no use to people: it is not the file that they wrote. The line itself is. */
static int name_line(int code, const char *file, struct dj_bytes text, struct dj_err *err)
{
    size_t len = strlen(file);
    const char *said = err == NULL ? "" : dj_err_text(err, code), *rest;
    dj_cleanup_free char *sentence = NULL;
    struct dj_bytes line = {0};
    unsigned long number;
    char *end;

    if (strncmp(said, file, len) != 0 || said[len] != ':')
        return code;
    number = strtoul(said + len + 1, &end, 10);
    for (unsigned long i = 0; i < number; i++) {
        if (!dj_next_line(&text, &line))
            return code;
    }
    rest = end[0] == ':' && end[1] == ' ' ? end + 2 : end;
    sentence = dj_xstrdup(rest);
    dj_err_release(err);
    return dj_err_set(err, -code, "%s: `%.*s`: %s", file, (int)line.len, (const char *)line.data,
                      sentence);
}

int dj_list_read(const char *file, struct dj_bytes text, const char *const *names, int n,
                 struct dj_list *ret, struct dj_err *err)
{
    dj_cleanup_free bool *found = dj_xcalloc((size_t)n + 1, sizeof(*found));
    dj_cleanup_free char *here = dj_xstrdup(file);
    struct dj_list all = {0};
    int rc;

    *strrchr(here, '/') = '\0';
    rc = dj_taskfile_parse(file, here[0] == '\0' ? "/" : here, text, &all, err);
    rc = rc < 0 ? name_line(rc, file, text, err) : rc;
    for (size_t i = 0; rc == 0 && i < all.n; i++) {
        struct dj_definition *definition = DJ_LIST_AT(&all, struct dj_definition, i);

        if (is_wanted(definition->name, names, n, found))
            dj_definition_copy(dj_list_add(ret, sizeof(*definition)), definition);
    }
    dj_definitions_release(&all);
    for (int i = 0; rc == 0 && i < n; i++) {
        if (!found[i])
            rc = dj_err_set(err, ENOENT, "%s has no task %s", file, names[i]);
    }
    if (rc < 0)
        dj_definitions_release(ret);
    return rc;
}
