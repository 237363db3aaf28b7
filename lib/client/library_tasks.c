#include "lib/client/library_tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/model/taskfile.h"
#include "lib/util/fdio.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"

static void become_host(const char *program, const char *library, int out, int log) DJ_NORETURN;

static void become_host(const char *program, const char *library, int out, int log)
{
    dup2(out, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execl(program, program, "--list", library, (char *)NULL);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", program, strerror(errno));
    _exit(127);
}

/* Its constructors are not to run here. What it says goes to a file of its own: with two pipes one
 * of the two might fill up. */
static int list(const char *library, struct dj_buf *ret, struct dj_err *err)
{
    dj_cleanup_free char *program = dj_helper_program("dj-host");
    dj_cleanup_close int log = memfd_create("log", MFD_CLOEXEC);
    dj_cleanup_buf struct dj_buf said = DJ_BUF_INIT;
    int pipes[2], status = 0, rc;
    pid_t pid;

    if (log < 0 || pipe2(pipes, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "cannot start %s", program);
    pid = fork();
    if (pid == 0)
        become_host(program, library, pipes[1], log);
    dj_close(pipes[1]);
    rc = pid < 0 ? -errno : dj_read_fd(pipes[0], DJ_TASKFILE_MAX, ret);
    dj_close(pipes[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (rc < 0)
        return dj_err_sys(err, -rc, "%s", library);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (lseek(log, 0, SEEK_SET) < 0 || dj_read_fd(log, 4096, &said) < 0 || said.len == 0)
        return dj_err_set(err, EINVAL, "%s: loading it ended the process that tried", library);
    dj_buf_truncate(&said, said.len - 1); /* of its newline */
    return dj_err_set(err, EINVAL, "%s", dj_buf_str(&said));
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

int dj_library_tasks(const char *library, const char *const *names, int n, struct dj_list *ret,
                     struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    dj_cleanup_free bool *found = dj_xcalloc((size_t)n + 1, sizeof(*found));
    dj_cleanup_free char *here = dj_xstrdup(library);
    struct dj_list all = {0};
    int rc = list(library, &text, err);

    *strrchr(here, '/') = '\0';
    rc = rc < 0 ? rc : dj_taskfile_parse(library, here, dj_buf_bytes(&text), &all, err);
    for (size_t i = 0; rc == 0 && i < all.n; i++) {
        struct dj_definition *definition = DJ_LIST_AT(&all, struct dj_definition, i);

        if (is_wanted(definition->name, names, n, found))
            dj_definition_copy(dj_list_add(ret, sizeof(*definition)), definition);
    }
    dj_definitions_release(&all);
    for (int i = 0; rc == 0 && i < n; i++) {
        if (!found[i])
            rc = dj_err_set(err, ENOENT, "%s has no task %s", library, names[i]);
    }
    if (rc < 0)
        dj_definitions_release(ret);
    return rc;
}
