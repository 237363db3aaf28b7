/* Definitions given and taken back. (dj.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/client/client.h"
#include "lib/client/library_tasks.h"
#include "lib/client/python_tasks.h"
#include "lib/model/taskfile.h"
#include "lib/model/template.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/* What a run gets of the environment of whoever defined its task. */
static void add_environment(struct dj_msg_define *define, const char *python_path)
{
    static const char *const names[] = {"HOME", "USER", "LANG", "TZ", "PATH", "PYTHONPATH"};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        bool is_python = strcmp(names[i], "PYTHONPATH") == 0;
        const char *value = is_python && python_path != NULL ? python_path : getenv(names[i]);
        struct dj_part_pair *pair;

        if (value == NULL || (is_python && value[0] == '\0'))
            continue;
        pair = dj_list_add(&define->env, sizeof(*pair));
        pair->name = dj_xstrdup(names[i]);
        dj_buf_adds(&pair->value, value);
    }
}

/* python_path: $PYTHONPATH of its runs; NULL: ours. */
static int define(struct dj *dj, const char *text, size_t len, const char *file, const char *here,
                  const char *python_path)
{
    dj_cleanup_free char *cwd = here == NULL ? getcwd(NULL, 0) : NULL;
    struct dj_msg_define define = {0};
    int rc;

    if (text == NULL)
        return dj_null(dj, "the text");
    dj_buf_add(&define.text, text, len);
    define.file = dj_xstrdup(file == NULL ? "the definition" : file);
    define.here = dj_xstrdup(here != NULL ? here : cwd != NULL ? cwd : "/");
    add_environment(&define, python_path);
    rc = dj_call_ok(dj, DJ_MSG_DEFINE, &define, NULL, NULL);
    dj_codec_release(dj_message_layout(DJ_MSG_DEFINE), &define);
    return rc;
}

int dj_define(struct dj *dj, const char *text, size_t len, const char *file, const char *here)
{
    return define(dj, text, len, file, here, NULL);
}

static int define_all(struct dj *dj, struct dj_list *definitions, const char *file,
                      const char *here, const char *python_path)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    for (size_t i = 0; i < definitions->n; i++) {
        dj_definition_print(&text, DJ_LIST_AT(definitions, struct dj_definition, i));
        dj_buf_addc(&text, '\n');
    }
    dj_definitions_release(definitions);
    return define(dj, dj_buf_str(&text), text.len, file, here, python_path);
}

/* ---- a file ---------------------------------------------------------------------------------- */

static bool has_section(struct dj_bytes text)
{
    bool line_start = true;

    for (size_t i = 0; i < text.len; i++) {
        if (line_start && text.data[i] == '[')
            return true;
        if (line_start && text.data[i] != '#' && text.data[i] != ';' && text.data[i] != '\n' &&
            text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\r')
            return false;
        line_start = text.data[i] == '\n';
        while (!line_start && i + 1 < text.len && text.data[i + 1] != '\n')
            i++;
    }
    return false;
}

/* The kernel runs only what is executable; any other script goes to its interpreter. */
static void add_interpreter(struct dj_definition *definition, const char *file,
                            struct dj_bytes text)
{
    dj_cleanup_buf struct dj_buf itself = DJ_BUF_INIT;
    struct dj_list words = {0};

    dj_buf_adds(&itself, "{here}/");
    dj_template_escape(&itself, dj_bytes_of(file));
    if (definition->command.n == 0 ||
        !dj_bytes_equal(dj_list_bytes(&definition->command, 0), dj_buf_bytes(&itself)))
        return; /* the head names a command of its own */
    dj_script_interpreter(file, text, &words);
    for (size_t i = 0; i < definition->command.n; i++)
        dj_list_add_bytes(&words, dj_list_bytes(&definition->command, i));
    dj_bytes_list_release(&definition->command);
    definition->command = words;
}

/* A script of its own, or functions of one. */
static int define_script(struct dj *dj, const char *path, char *real, char *name,
                         const struct dj_buf *text, const struct dj_bytes *functions, size_t n)
{
    struct dj_list definitions = {0};
    int rc = n > 0 ? dj_shell_functions(name, real, dj_buf_bytes(text), functions, n,
                                        &definitions, &dj->err)
                   : dj_script_head(name, real, dj_buf_bytes(text), &definitions, &dj->err);

    if (rc == -ENOENT && n == 0)
        rc = dj_err_set(&dj->err, EINVAL,
                        "%s has neither a [section] nor a #DJ line at its head", path);
    if (rc < 0)
        return rc;
    if (n == 0) {
        dj_cleanup_buf struct dj_buf whole = DJ_BUF_INIT;

        dj_buf_addf(&whole, "%s/%s", real, name);
        if (access(dj_buf_str(&whole), X_OK) < 0)
            add_interpreter(DJ_LIST_AT(&definitions, struct dj_definition, 0), name,
                            dj_buf_bytes(text));
    }
    return define_all(dj, &definitions, path, real, NULL);
}

static bool ends_in(const char *path, const char *extension)
{
    size_t len = strlen(path), end = strlen(extension);

    return len > end && strcmp(path + len - end, extension) == 0;
}

/* A shared object or a Python file, which is asked what its tasks are. */
static int define_listed(struct dj *dj, const char *path, const char *real, int n,
                         const char *const *functions)
{
    dj_cleanup_free char *here = dj_xstrdup(real), *python_path = NULL;
    struct dj_list definitions = {0};
    int rc = ends_in(real, ".so")
                 ? dj_library_tasks(real, functions, n, &definitions, &dj->err)
                 : dj_python_tasks(real, functions, n, &definitions, &python_path, &dj->err);

    *strrchr(here, '/') = '\0';
    return rc < 0 ? rc : define_all(dj, &definitions, path, here[0] == '\0' ? "/" : here,
                                    python_path);
}

/* One with #DJ lines at its head is a script, and what begins with a section a task file. */
static bool is_python(const char *real, struct dj_buf *text, int n)
{
    struct dj_list definitions = {0};
    int rc;

    if (!ends_in(real, ".py"))
        return false;
    if (n > 0)
        return true;
    rc = dj_script_head(strrchr(real, '/') + 1, "/", dj_buf_bytes(text), &definitions, NULL);
    dj_definitions_release(&definitions);
    return rc == -ENOENT && !has_section(dj_buf_bytes(text));
}

int dj_define_file(struct dj *dj, const char *path, int n, const char *const *functions)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    dj_cleanup_free char *real = NULL;
    dj_cleanup_free struct dj_bytes *names = NULL;
    char *slash;
    int rc;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (path == NULL || n < 0 || (n > 0 && functions == NULL))
        return dj_null(dj, "the path or the list of functions");
    real = realpath(path, NULL);
    if (real == NULL)
        return dj_err_sys(&dj->err, errno, "%s", path);
    for (int i = 0; i < n; i++) {
        if (functions[i] == NULL)
            return dj_null(dj, "the name of a function");
    }
    if (ends_in(real, ".so"))
        return define_listed(dj, path, real, n, functions);
    rc = dj_read_file(AT_FDCWD, real, DJ_TASKFILE_MAX, &text);
    if (rc < 0)
        return dj_err_sys(&dj->err, -rc, "%s", path);
    if (is_python(real, &text, n))
        return define_listed(dj, path, real, n, functions);
    slash = strrchr(real, '/');
    *slash = '\0';
    names = dj_xcalloc((size_t)n + 1, sizeof(*names));
    for (int i = 0; i < n; i++)
        names[i] = dj_bytes_of(functions[i]);
    if (n == 0 && has_section(dj_buf_bytes(&text)))
        return dj_define(dj, dj_buf_str(&text), text.len, path, real[0] == '\0' ? "/" : real);
    return define_script(dj, path, real, slash + 1, &text, names, (size_t)n);
}

/* ---- a line ---------------------------------------------------------------------------------- */

int dj_define_line(struct dj *dj, int n, const char *const *words)
{
    dj_cleanup_free char *cwd = getcwd(NULL, 0);
    dj_cleanup_free struct dj_bytes *line = NULL;
    const char *here = cwd == NULL ? "/" : cwd;
    struct dj_list definitions = {0};
    struct dj_definition definition;
    int rc;

    if (dj_fresh(dj) < 0)
        return -EINVAL;
    if (n <= 0 || words == NULL)
        return dj_null(dj, "the list of words");
    line = dj_xcalloc((size_t)n, sizeof(*line));
    for (int i = 0; i < n; i++) {
        if (words[i] == NULL)
            return dj_null(dj, "a word");
        line[i] = dj_bytes_of(words[i]);
    }
    rc = dj_define_words(line, (size_t)n, here, &definition, &dj->err);
    if (rc < 0)
        return rc;
    *(struct dj_definition *)dj_list_add(&definitions, sizeof(definition)) = definition;
    return define_all(dj, &definitions, "the command line", here, NULL);
}

/* ---- changes --------------------------------------------------------------------------------- */

int dj_undefine(struct dj *dj, const char *task)
{
    struct dj_msg_undefine message = {.task = task == NULL ? NULL : dj_xstrdup(task)};
    int rc = task == NULL ? dj_null(dj, "the task")
                          : dj_call_ok(dj, DJ_MSG_UNDEFINE, &message, NULL, NULL);

    free(message.task);
    return rc;
}

int dj_bump(struct dj *dj, const char *task, char **ret_version)
{
    struct dj_msg_bump message = {.task = task == NULL ? NULL : dj_xstrdup(task)};
    int rc = task == NULL ? dj_null(dj, "the task")
                          : dj_call_ok(dj, DJ_MSG_BUMP, &message, ret_version, NULL);

    free(message.task);
    return rc;
}

int dj_undelete(struct dj *dj, const char *task, const char *name, uint64_t *ret_count)
{
    struct dj_msg_undelete message = {0};
    int rc;

    if (name != NULL && task == NULL)
        return dj_null(dj, "the task of the name");
    message.task = task == NULL ? NULL : dj_xstrdup(task);
    dj_buf_adds(&message.name, name == NULL ? "" : name);
    rc = dj_call_ok(dj, DJ_MSG_UNDELETE, &message, NULL, ret_count);
    dj_codec_release(dj_message_layout(DJ_MSG_UNDELETE), &message);
    return rc;
}
