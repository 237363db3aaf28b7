#include "daemon/host/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DJFS_NO_TASKS
#include "lib/djfs/task.h"
#include "lib/model/template.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"

struct dj_library {
    char *path;
    const struct djfs_task *const *tasks;
    size_t n;
};

typedef const struct djfs_task *const *tasks_fn(size_t *ret_n);

static int refuse(struct dj_err *err, const char *path, const char *text)
{
    return dj_err_set(err, ENOEXEC, "%s: %s", path, text);
}

static int check(const struct dj_library *library, struct dj_err *err)
{
    for (size_t i = 0; i < library->n; i++) {
        if (library->tasks[i]->abi != DJFS_TASK_ABI)
            return dj_err_set(err, ENOEXEC,
                              "%s was built with a djfs/task.h of another djfs (%u, and this one "
                              "has %u): build it anew",
                              library->path, library->tasks[i]->abi, DJFS_TASK_ABI);
    }
    return 0;
}

int dj_library_open(const char *path, struct dj_library **ret, struct dj_err *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    struct dj_library *library;
    union {
        void *symbol;
        tasks_fn *function;
    } tasks;
    int rc;

    if (handle == NULL) {
        const char *text = dlerror();

        /* dlopen names the file itself, most often. */
        if (text != NULL && strncmp(text, path, strlen(path)) == 0)
            return dj_err_set(err, ENOEXEC, "%s", text);
        return refuse(err, path, text == NULL ? "cannot be loaded" : text);
    }
    tasks.symbol = dlsym(handle, "djfs_all_tasks");
    if (tasks.symbol == NULL)
        return refuse(err, path, "it has no task; DJ_TASK of djfs/task.h makes one");
    library = dj_xcalloc(1, sizeof(*library));
    library->path = dj_xstrdup(path);
    library->tasks = tasks.function(&library->n);
    rc = library->n == 0 ? refuse(err, path, "it has no task; DJ_TASK of djfs/task.h makes one")
                         : check(library, err);
    if (rc < 0) {
        dj_library_close(library);
        return rc;
    }
    *ret = library;
    return 0;
}

void dj_library_close(struct dj_library *library)
{
    if (library == NULL)
        return;
    free(library->path);
    free(library);
}

dj_task_fn *dj_library_find(const struct dj_library *library, const char *name)
{
    for (size_t i = 0; i < library->n; i++) {
        if (strcmp(library->tasks[i]->name, name) == 0)
            return library->tasks[i]->function;
    }
    return NULL;
}

/* What would end the section, or begin another, is no option. */
static bool is_options(const char *text)
{
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (*line == '[')
            return false;
    }
    return true;
}

/* It lies beside the definition, so it is found when both are moved. */
static void add_command(struct dj_buf *buf, const char *path)
{
    dj_cleanup_buf struct dj_buf word = DJ_BUF_INIT;
    const char *slash = strrchr(path, '/');

    dj_buf_adds(&word, "./");
    dj_template_escape(&word, dj_bytes_of(slash == NULL ? path : slash + 1));
    dj_buf_adds(buf, "command = ");
    dj_word_print(buf, dj_buf_bytes(&word));
    dj_buf_addc(buf, '\n');
}

int dj_library_list(const struct dj_library *library, struct dj_buf *buf, struct dj_err *err)
{
    for (size_t i = 0; i < library->n; i++) {
        const struct djfs_task *task = library->tasks[i];
        const char *options = task->options == NULL ? "" : task->options;

        if (!is_options(options))
            return dj_err_set(err, EINVAL, "%s: task %s: an option cannot begin with [",
                              library->path, task->name);
        dj_buf_addf(buf, "[%s]\nlaunch = thread\n", task->name);
        add_command(buf, library->path);
        dj_buf_addf(buf, "%s\n", options);
    }
    return 0;
}
