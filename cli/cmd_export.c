/* dj export: runs as an archive. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/archive/archive.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "cli/swept.h"
#include "lib/model/json.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct exporting {
    struct dj_cli *cli;
    const char *list;  /* of -f, or NULL */
    const char *out;   /* NULL: stdout */
    bool all, history, no_deps, json;
    struct dj_runs *runs;
    uint64_t written, bytes, left_out;
};

/* ---- which ---- */

static int add(struct exporting *exporting, const char *what, struct dj_err *err)
{
    return dj_said(exporting->cli, dj_runs_add(exporting->runs, what), err);
}

static int add_each(struct exporting *exporting, const struct dj_list *runs, struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < runs->n; i++)
        rc = add(exporting, dj_buf_str(DJ_LIST_AT(runs, struct dj_buf, i)), err);
    return rc;
}

static int select_word(struct exporting *exporting, char *word, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf folder = DJ_BUF_INIT;
    struct dj_list runs = {0};
    int rc;

    if (strchr(word, '/') == NULL)
        return add(exporting, word, err);
    rc = dj_swept_runs(exporting->cli, true, 1, &word, &runs, err);
    if (rc == 1)
        rc = add_each(exporting, &runs, err);
    else if (rc == 0 && (rc = dj_run_folder(exporting->cli, 1, &word, &folder, err)) == 0)
        rc = add(exporting, dj_buf_str(&folder), err);
    dj_bytes_list_release(&runs);
    return rc;
}

static int select_list(struct exporting *exporting, struct dj_err *err)
{
    bool is_stdin = strcmp(exporting->list, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(exporting->list, "re");
    dj_cleanup_free char *line = NULL;
    size_t size = 0;
    ssize_t n;
    int rc = 0;

    if (file == NULL)
        return dj_err_sys(err, errno, "%s", exporting->list);
    while (rc == 0 && (n = getline(&line, &size, file)) >= 0) {
        while (n > 0 && line[n - 1] == '\n')
            line[--n] = '\0';
        if (n != 0 && line[0] != '#')
            rc = select_word(exporting, line, err);
    }
    if (!is_stdin)
        fclose(file);
    return rc;
}

static int show_count(void *cookie, uint64_t count)
{
    dj_bar_set(cookie, count, 0);
    return 0;
}

static int select_all(struct exporting *exporting, int argc, char **argv, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(exporting->cli, "looking for runs", 0);
    int rc = 0;

    exporting->runs = dj_runs_new(exporting->cli->dj,
                                  (exporting->no_deps ? 0U : (unsigned)DJ_WITH_CALLED) |
                                      (exporting->history ? (unsigned)DJ_HISTORY : 0U));
    (void)dj_runs_on_progress(exporting->runs, show_count, bar);
    if (exporting->all)
        rc = add(exporting, NULL, err);
    if (rc == 0 && exporting->list != NULL)
        rc = select_list(exporting, err);
    for (int i = 0; rc == 0 && i < argc; i++)
        rc = select_word(exporting, argv[i], err);
    if (rc == 0)
        rc = dj_said(exporting->cli, dj_runs_next(exporting->runs), err);
    dj_runs_rewind(exporting->runs);
    (void)dj_runs_on_progress(exporting->runs, NULL, NULL);
    return rc < 0 ? rc : rc == 1 ? 0
                                 : dj_err_set(err, ENOENT, "there is no valid result to export");
}

/* ---- written ---- */

/* One that went away meanwhile, or that nobody could take in, is left out with a word. */
static int put_one(struct exporting *exporting, struct dj_archive_writer *writer,
                   uint64_t instance, struct dj_bar *bar, struct dj_err *err)
{
    dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
    struct dj_outgoing run;
    int rc = dj_outgoing_open(exporting->cli->dj, instance, &run, &why);

    if (rc == -EBADMSG || rc == -ENOENT || rc == -EUCLEAN || rc == -EMSGSIZE) {
        dj_bar_hide(bar);
        fprintf(stderr, "dj: left out: %s\n", dj_err_text(&why, rc));
        dj_bar_show(bar, false);
        exporting->left_out++;
        return 0;
    }
    if (rc < 0)
        return dj_err_set(err, -rc, "%s", dj_err_text(&why, rc));
    rc = dj_archive_put_run(writer, &run, err);
    if (rc == 0) {
        exporting->written++;
        exporting->bytes += dj_outgoing_bytes(&run);
    }
    dj_outgoing_release(&run);
    return rc;
}

static int put_all(struct exporting *exporting, struct dj_archive_writer *writer,
                   struct dj_err *err)
{
    uint64_t n = dj_runs_count(exporting->runs, NULL), done = 0;
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(exporting->cli, "exporting", n);
    int rc = dj_archive_put_head(writer, dj_daemon_store(exporting->cli->dj), err);

    while (rc == 0 && dj_runs_next(exporting->runs) == 1) {
        rc = dj_interrupt_code() != 0
                 ? -EINTR
                 : put_one(exporting, writer, dj_runs_instance(exporting->runs), bar, err);
        dj_bar_set(bar, ++done, n);
    }
    return rc == 0 ? dj_archive_put_end(writer, exporting->written, err) : rc;
}

/* A file takes its name when it is whole. */
static int open_out(const char *out, struct dj_buf *part, struct dj_err *err)
{
    int fd;

    if (out == NULL)
        return isatty(STDOUT_FILENO)
                   ? dj_err_set(err, EINVAL, "an archive is no text for a terminal; name a file "
                                "with -o")
                   : STDOUT_FILENO;
    dj_buf_addf(part, "%s.%ld.part", out, (long)getpid());
    fd = dj_open(AT_FDCWD, dj_buf_str(part), O_WRONLY | O_CREAT | O_EXCL, 0666);
    return fd < 0 ? dj_err_sys(err, -fd, "%s", out) : fd;
}

static int close_out(const char *out, const struct dj_buf *part, int fd, int code,
                     struct dj_err *err)
{
    if (out == NULL)
        return code;
    if (code == 0 && fsync(fd) < 0)
        code = dj_err_sys(err, errno, "%s", out);
    if (code == 0 && rename(dj_buf_str(part), out) < 0)
        code = dj_err_sys(err, errno, "%s", out);
    if (code < 0)
        unlink(dj_buf_str(part));
    dj_close(fd);
    return code;
}

static int write_out(struct exporting *exporting, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf part = DJ_BUF_INIT;
    struct dj_archive_writer *writer;
    int fd = open_out(exporting->out, &part, err), rc;

    if (fd < 0)
        return fd;
    rc = dj_archive_create(exporting->out, fd, &writer, err);
    if (rc == 0)
        rc = dj_archive_close(writer, put_all(exporting, writer, err), err);
    return close_out(exporting->out, &part, fd, rc, err);
}

/* ---- told ---- */

static void tell(const struct exporting *exporting)
{
    dj_cleanup_buf struct dj_buf size = DJ_BUF_INIT;
    FILE *to = exporting->out == NULL ? stderr : stdout;

    if (exporting->json) {
        fprintf(to, "{\"runs\": %llu, \"bytes\": %llu, \"left_out\": %llu}\n",
                (unsigned long long)exporting->written, (unsigned long long)exporting->bytes,
                (unsigned long long)exporting->left_out);
        return;
    }
    if (exporting->cli->quiet)
        return;
    dj_people_size(&size, exporting->bytes);
    fprintf(to, "%llu run%s, %s", (unsigned long long)exporting->written,
            exporting->written == 1 ? "" : "s", dj_buf_str(&size));
    if (exporting->left_out != 0)
        fprintf(to, "; %llu left out", (unsigned long long)exporting->left_out);
    fputc('\n', to);
}

static int export(struct exporting *exporting, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_connect(exporting->cli, true, &err);

    if (rc == 0) {
        dj_interruptible(exporting->cli, 0);
        rc = select_all(exporting, argc, argv, &err);
    }
    if (rc == 0)
        rc = write_out(exporting, &err);
    dj_runs_free(exporting->runs);
    if (rc < 0)
        return dj_fail(rc, &err);
    tell(exporting);
    return exporting->left_out == 0 ? DJ_EX_OK : DJ_EX_FAILED;
}

int dj_cmd_export(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"all", no_argument, NULL, 'a'},     {"history", no_argument, NULL, 'h'},
        {"no-deps", no_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    struct exporting exporting = {.cli = cli};
    int option;

    while ((option = getopt_long(argc, argv, "+:f:o:", longs, NULL)) != -1) {
        if (option == 'a')
            exporting.all = true;
        else if (option == 'h')
            exporting.history = true;
        else if (option == 'n')
            exporting.no_deps = true;
        else if (option == 'j')
            exporting.json = true;
        else if (option == 'f')
            exporting.list = optarg;
        else if (option == 'o')
            exporting.out = strcmp(optarg, "-") == 0 ? NULL : optarg;
        else
            return dj_bad_option(argv, option);
    }
    if (optind == argc && !exporting.all && exporting.list == NULL) {
        fputs("dj: export: say which runs: RUN, TASK, -f LIST or --all\n", stderr);
        return dj_usage("export");
    }
    return export(&exporting, argc - optind, argv + optind);
}
