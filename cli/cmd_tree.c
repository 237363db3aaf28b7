/* dj ls, cat, write, and verbs written to a run's ctl: the tree without a mount. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/swept.h"
#include "lib/util/mem.h"

static void print_mode(char *text, uint64_t mode)
{
    static const char letters[] = "rwxrwxrwx";

    text[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : '-';
    for (int i = 0; i < 9; i++)
        text[i + 1] = mode & (0400U >> i) ? letters[i] : '-';
    text[10] = '\0';
}

static void print_entry(const char *name, const struct dj_stat *st, bool full)
{
    char mode[11];

    if (full) {
        print_mode(mode, st->mode);
        printf("%s %10llu ", mode, (unsigned long long)st->size);
    }
    puts(name);
}

static int list(struct dj_cli *cli, const char *path, bool full, struct dj_err *err)
{
    struct dj_dir *dir = dj_dir_open(cli->dj, path);
    struct dj_stat st;
    int rc;

    if (dir == NULL)
        return dj_said(cli, dj_refused(cli), err);
    while ((rc = dj_dir_next(dir, &st)) == 1)
        print_entry(dj_dir_name(dir), &st, full);
    dj_dir_close(dir);
    return dj_said(cli, rc, err);
}

int dj_cmd_ls(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{NULL, 0, NULL, 0}};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    bool full = false;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:l", longs, NULL)) != -1) {
        if (option != 'l')
            return dj_bad_option(argv, option);
        full = true;
    }
    if (argc - optind > 1)
        return dj_usage("ls");
    rc = dj_connect(cli, false, &err);
    if (rc == 0)
        rc = list(cli, optind < argc ? argv[optind] : "", full, &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

/* As it comes: it may be longer than memory, or be waited for. */
int dj_print_file(struct dj_cli *cli, const char *path, struct dj_err *err)
{
    enum { PIECE = 128 * 1024 };
    dj_cleanup_free char *piece = dj_xmalloc(PIECE);
    struct dj_file *file = dj_file_open(cli->dj, path, 0);
    int64_t n;
    int rc = 0;

    if (file == NULL)
        return dj_said(cli, dj_refused(cli), err);
    while (rc == 0 && (n = dj_file_read(file, piece, PIECE)) != 0)
        rc = n < 0 ? dj_said(cli, (int)n, err) : dj_write_out(dj_bytes(piece, (size_t)n));
    dj_file_close(file);
    return rc;
}

static int print_file(struct dj_cli *cli, const char *path, struct dj_err *err)
{
    int rc = dj_connect(cli, false, err);

    if (rc < 0)
        return rc;
    dj_interruptible(cli, 0);
    return dj_print_file(cli, path, err);
}

static int cat(struct dj_cli *cli, const char *path)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = print_file(cli, path, &err);

    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

int dj_cmd_cat(struct dj_cli *cli, int argc, char **argv)
{
    int code = DJ_EX_OK;

    if (argc < 2)
        return dj_usage("cat");
    for (int i = 1; i < argc && code == DJ_EX_OK; i++)
        code = cat(cli, argv[i]);
    return code;
}

int dj_cmd_write(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (argc != 3)
        return dj_usage("write");
    rc = dj_connect(cli, false, &err);
    if (rc == 0)
        rc = dj_write_line(cli, argv[1], argv[2], &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

/* The path of a run without the mount before it, and with tasks/ before it. */
static void run_path(struct dj_cli *cli, const char *word, struct dj_buf *ret)
{
    const char *mount = dj_daemon_mount(cli->dj);
    size_t len = strlen(mount);

    if (len != 0 && strncmp(word, mount, len) == 0 && word[len] == '/')
        word += len + 1;
    if (strncmp(word, "tasks/", strlen("tasks/")) != 0)
        dj_buf_adds(ret, "tasks/");
    dj_buf_adds(ret, word);
    while (ret->len > 0 && ret->data[ret->len - 1] == '/')
        dj_buf_truncate(ret, ret->len - 1);
}

int dj_run_folder(struct dj_cli *cli, int argc, char **argv, struct dj_buf *ret,
                  struct dj_err *err)
{
    dj_cleanup_free char *path = NULL;
    int rc = dj_connect(cli, false, err);

    if (rc < 0)
        return rc;
    if (argc == 1 && strchr(argv[0], '/') != NULL) {
        run_path(cli, argv[0], ret);
        return 0;
    }
    rc = dj_said(cli, dj_path(cli->dj, argv[0], argc - 1, (const char *const *)argv + 1, &path),
                 err);
    dj_buf_adds(ret, path == NULL ? "" : path);
    return rc;
}

/* ---- one run or several ---- */

/* What is done with a run, below the folder that is given. */
typedef int one_run_fn(struct dj_cli *cli, struct dj_buf *folder, const void *cookie,
                       struct dj_err *err);

int dj_fail_of(int code, const char *run, const struct dj_err *err)
{
    dj_cleanup_err struct dj_err named = DJ_ERR_INIT;
    const char *text = dj_err_text(err, code);

    if (run == NULL || strstr(text, run) != NULL)
        return dj_fail(code, err);
    (void)dj_err_set(&named, -code, "%s: %s", run, text);
    return dj_fail(code, &named);
}

static int each_run(struct dj_cli *cli, int argc, char **argv, const char *named, one_run_fn *one,
                    const void *cookie, struct dj_bar *bar)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf folder = DJ_BUF_INIT;
    int rc = dj_run_folder(cli, argc, argv, &folder, &err), code;

    if (rc == 0)
        rc = one(cli, &folder, cookie, &err);
    if (rc == 0)
        return DJ_EX_OK;
    dj_bar_hide(bar);
    code = dj_fail_of(rc, named, &err);
    dj_bar_show(bar, false);
    return code;
}

/* Each word is a run's path, or stands for many; the exit code. */
static int add_paths(struct dj_cli *cli, int argc, char **argv, struct dj_list *runs)
{
    int worst = DJ_EX_OK;

    for (int i = 0; i < argc; i++) {
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int rc = dj_swept_runs(cli, false, 1, argv + i, runs, &err);

        if (rc == 0)
            dj_list_add_bytes(runs, dj_bytes_of(argv[i]));
        else if (rc < 0)
            worst = DJ_MAX(worst, dj_fail_of(rc, argc > 1 ? argv[i] : NULL, &err));
    }
    return worst;
}

static int all_of(struct dj_cli *cli, const char *command, const struct dj_list *runs,
                  one_run_fn *one, const void *cookie)
{
    dj_cleanup_bar struct dj_bar *bar = NULL;
    int worst = DJ_EX_OK;

    if (cookie != NULL) /* a wait prints a line a run itself */
        bar = dj_bar_begin(cli, command, runs->n);
    for (size_t i = 0; i < runs->n; i++) {
        char *run = (char *)DJ_LIST_AT(runs, struct dj_buf, i)->data;
        int code = each_run(cli, 1, &run, runs->n > 1 ? run : NULL, one, cookie, bar);

        worst = DJ_MAX(worst, code);
        dj_bar_set(bar, i + 1, runs->n);
        if (code == DJ_EX_NO_DAEMON || dj_interrupt_code() != 0)
            break;
    }
    return worst;
}

/*
 * Words of which the first is a run's path are a run each, else they are a task with its arguments;
 * either may be a sweep. What is refused of one run does not keep the others from their turn; the
 * code is the highest.
 */
static int all_runs(struct dj_cli *cli, int argc, char **argv, one_run_fn *one, const void *cookie)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list runs = {0};
    int code = DJ_EX_OK, rc, worst;

    if (argc < 2)
        return dj_usage(argv[0]);
    for (int i = 2; i < argc && strchr(argv[1], '/') != NULL; i++) {
        if (strchr(argv[i], '/') == NULL) {
            fprintf(stderr, "dj: %s: %s is no run's path, as TASK/NAME is\n", argv[0], argv[i]);
            return dj_usage(argv[0]);
        }
    }
    if (strchr(argv[1], '/') != NULL) {
        code = add_paths(cli, argc - 1, argv + 1, &runs);
    } else {
        rc = dj_swept_runs(cli, false, argc - 1, argv + 1, &runs, &err);
        if (rc == 0)
            return each_run(cli, argc - 1, argv + 1, NULL, one, cookie, NULL);
        code = rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
    }
    worst = code == DJ_EX_NO_DAEMON ? code : all_of(cli, argv[0], &runs, one, cookie);
    dj_bytes_list_release(&runs);
    return DJ_MAX(code, worst);
}

static int write_verb(struct dj_cli *cli, struct dj_buf *folder, const void *verb,
                      struct dj_err *err)
{
    dj_buf_adds(folder, "/ctl");
    return dj_write_line(cli, dj_buf_str(folder), verb, err);
}

int dj_cmd_verb(struct dj_cli *cli, int argc, char **argv)
{
    return all_runs(cli, argc, argv, write_verb, strcmp(argv[0], "rm") == 0 ? "delete" : argv[0]);
}

static int wait_for(struct dj_cli *cli, struct dj_buf *folder, const void *cookie DJ_UNUSED,
                    struct dj_err *err)
{
    dj_buf_adds(folder, "/wait");
    return print_file(cli, dj_buf_str(folder), err);
}

/* The daemon knows the run by DJ_RUN, so this works without a mount, too. */
int dj_cmd_progress(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    if (argc != 2)
        return dj_usage("progress");
    rc = dj_connect(cli, false, &err);
    if (rc == 0)
        rc = dj_said(cli, dj_progress(cli->dj, argv[1]), &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

int dj_cmd_wait(struct dj_cli *cli, int argc, char **argv)
{
    return all_runs(cli, argc, argv, wait_for, NULL);
}
