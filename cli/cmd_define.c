/* dj define, undefine, bump: definitions. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/library_tasks.h"
#include "cli/progress_bar.h"
#include "lib/model/taskfile.h"
#include "lib/model/template.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

static void add_env(struct dj_msg_define *define)
{
    static const char *const names[] = {"HOME", "USER", "LANG", "TZ", "PATH"};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        const char *value = getenv(names[i]);
        struct dj_part_pair *pair;

        if (value == NULL)
            continue;
        pair = dj_list_add(&define->env, sizeof(*pair));
        pair->name = dj_xstrdup(names[i]);
        dj_buf_adds(&pair->value, value);
    }
}

int dj_define_text(struct dj_cli *cli, struct dj_bytes text, const char *file, const char *here,
                   struct dj_err *err)
{
    struct dj_msg_define define = {0};
    struct dj_message_in answer;
    struct dj_bar *bar;
    int rc = dj_connect(cli, true, err);

    dj_buf_add_bytes(&define.text, text);
    define.file = dj_xstrdup(file);
    define.here = dj_xstrdup(here);
    add_env(&define);
    bar = dj_bar_begin(cli, "defining", 0);
    if (rc == 0)
        rc = dj_connection_call(cli->connection, DJ_MSG_DEFINE, &define, DJ_MSG_OK, &answer, err);
    dj_bar_end(bar);
    dj_codec_release(dj_message_layout(DJ_MSG_DEFINE), &define);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ((struct dj_msg_ok *)answer.fields)->notes.n; i++)
        fprintf(stderr, "dj: %s\n",
                dj_buf_str(&DJ_LIST_AT(&((struct dj_msg_ok *)answer.fields)->notes,
                                       struct dj_part_word, i)->bytes));
    dj_message_release(&answer);
    return 0;
}

static int send(struct dj_cli *cli, struct dj_bytes text, const char *file, const char *here)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_define_text(cli, text, file, here, &err);

    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

static int send_definitions(struct dj_cli *cli, struct dj_list *definitions, const char *file,
                            const char *here)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int code;

    for (size_t i = 0; i < definitions->n; i++) {
        dj_definition_print(&text, DJ_LIST_AT(definitions, struct dj_definition, i));
        dj_buf_addc(&text, '\n');
    }
    code = send(cli, dj_buf_bytes(&text), file, here);
    dj_definitions_release(definitions);
    return code;
}

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

static bool is_library(const char *path)
{
    size_t len = strlen(path);

    return len > 3 && strcmp(path + len - 3, ".so") == 0;
}

static int define_library(struct dj_cli *cli, const char *path, const char *real, char **names,
                          int n)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *here = dj_xstrdup(real);
    struct dj_list definitions = {0};
    int rc = dj_library_tasks(real, names, n, &definitions, &err);

    if (rc < 0)
        return dj_fail(rc, &err);
    *strrchr(here, '/') = '\0';
    return send_definitions(cli, &definitions, path, here[0] == '\0' ? "/" : here);
}

static int define_file(struct dj_cli *cli, const char *path, char **names, int n)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    dj_cleanup_free char *real = realpath(path, NULL);
    dj_cleanup_free struct dj_bytes *functions = dj_xcalloc((size_t)n, sizeof(*functions));
    struct dj_list definitions = {0};
    char *slash;
    int rc;

    if (real == NULL) {
        rc = -errno;
        dj_err_sys(&err, -rc, n > 0 ? "%s (a definition in one line has -- before its command)"
                                    : "%s", path);
        return dj_fail(rc, &err);
    }
    if (is_library(real))
        return define_library(cli, path, real, names, n);
    rc = dj_read_file(AT_FDCWD, real, DJ_TASKFILE_MAX, &text);
    if (rc < 0) {
        dj_err_sys(&err, -rc, "%s", path);
        return dj_fail(rc, &err);
    }
    slash = strrchr(real, '/');
    *slash = '\0';
    for (int i = 0; i < n; i++)
        functions[i] = dj_bytes_of(names[i]);
    if (n == 0 && has_section(dj_buf_bytes(&text)))
        return send(cli, dj_buf_bytes(&text), path, real[0] == '\0' ? "/" : real);
    rc = n > 0 ? dj_shell_functions(slash + 1, real, dj_buf_bytes(&text), functions, (size_t)n,
                                    &definitions, &err)
               : dj_script_head(slash + 1, real, dj_buf_bytes(&text), &definitions, &err);
    if (rc == -ENOENT && n == 0)
        rc = dj_err_set(&err, EINVAL,
                        "%s has neither a [section] nor a #DJ line at its head", path);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (n == 0) {
        dj_cleanup_buf struct dj_buf whole = DJ_BUF_INIT;

        dj_buf_addf(&whole, "%s/%s", real, slash + 1);
        if (access(dj_buf_str(&whole), X_OK) < 0)
            add_interpreter(DJ_LIST_AT(&definitions, struct dj_definition, 0), slash + 1,
                            dj_buf_bytes(&text));
    }
    return send_definitions(cli, &definitions, path, real);
}

static int define_line(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *cwd = getcwd(NULL, 0);
    dj_cleanup_free struct dj_bytes *words = dj_xcalloc((size_t)argc, sizeof(*words));
    struct dj_list definitions = {0};
    struct dj_definition definition;
    int rc;

    for (int i = 0; i < argc; i++)
        words[i] = dj_bytes_of(argv[i]);
    rc = dj_define_words(words, (size_t)argc, cwd == NULL ? "/" : cwd, &definition, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    *(struct dj_definition *)dj_list_add(&definitions, sizeof(definition)) = definition;
    return send_definitions(cli, &definitions, "the command line", cwd == NULL ? "/" : cwd);
}

int dj_cmd_define(struct dj_cli *cli, int argc, char **argv)
{
    if (argc < 2)
        return dj_usage("define");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0)
            return define_line(cli, argc - 1, argv + 1);
    }
    return define_file(cli, argv[1], argv + 2, argc - 2);
}

static int change(struct dj_cli *cli, const char *what, enum dj_message number,
                  const void *fields, bool say)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_message_in answer;
    struct dj_bar *bar = dj_bar_begin(cli, what, 0);
    int rc = dj_connect(cli, false, &err);

    if (rc == 0)
        rc = dj_connection_call(cli->connection, number, fields, DJ_MSG_OK, &answer, &err);
    dj_bar_end(bar);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (say && ((struct dj_msg_ok *)answer.fields)->text != NULL)
        puts(((struct dj_msg_ok *)answer.fields)->text);
    dj_message_release(&answer);
    return DJ_EX_OK;
}

int dj_cmd_undefine(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_msg_undefine undefine = {.task = argc == 2 ? argv[1] : NULL};

    return argc != 2 ? dj_usage("undefine")
                     : change(cli, "forgetting", DJ_MSG_UNDEFINE, &undefine, false);
}

int dj_cmd_bump(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_msg_bump bump = {.task = argc == 2 ? argv[1] : NULL};

    return argc != 2 ? dj_usage("bump") : change(cli, "raising the version", DJ_MSG_BUMP, &bump,
                                                    !cli->quiet);
}

int dj_cmd_undelete(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_msg_undelete undelete = {.task = argc > 1 ? argv[1] : NULL};
    int code;

    if (argc > 3)
        return dj_usage("undelete");
    if (argc == 3)
        dj_buf_adds(&undelete.name, argv[2]);
    code = change(cli, "undeleting", DJ_MSG_UNDELETE, &undelete, false);
    dj_buf_release(&undelete.name);
    return code;
}
