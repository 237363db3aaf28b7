/* dj frame, set, compare: rows made from words, changed, compared. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/rows.h"
#include "lib/model/axes.h"
#include "lib/model/expression.h"
#include "lib/util/fdio.h"
#include "lib/util/str.h"

enum { ZIP = 400, WHERE, FILE_MAX = 64 << 20 };

struct making {
    struct dj_rows rows;
    struct dj_axes *axes;
    struct dj_expression *where;
    bool zip;
};

static void making_release(struct making *making)
{
    dj_rows_release(&making->rows);
    dj_axes_free(making->axes);
    dj_expression_free(making->where);
}

/* The values of COL=@FILE. */
static int take_file(struct dj_axes *axes, const char *file, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    bool standard = strcmp(file, "-") == 0;
    int rc = standard ? dj_read_fd(STDIN_FILENO, FILE_MAX, &text)
                      : dj_read_file(AT_FDCWD, file, FILE_MAX, &text);

    if (rc == -EFBIG)
        return dj_err_set(err, EFBIG, "%s: a file of values has at most %d MiB", file,
                          FILE_MAX >> 20);
    if (rc < 0)
        return dj_err_sys(err, -rc, "%s", file);
    return dj_axes_lines(axes, dj_buf_bytes(&text), err);
}

static int take_words(struct making *making, int argc, char **argv, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf file = DJ_BUF_INIT;
    int rc = 0;

    making->axes = dj_axes_new();
    for (int i = 0; rc == 0 && i < argc; i++) {
        rc = dj_axes_word(making->axes, dj_bytes_of(argv[i]), &file, err);
        if (rc == 1)
            rc = take_file(making->axes, dj_buf_str(&file), err);
    }
    return rc < 0 ? rc : dj_axes_ready(making->axes, making->zip, err);
}

static int put(void *cookie, const struct dj_row *row, struct dj_err *err)
{
    struct making *making = cookie;

    return dj_rows_put(&making->rows, row, err);
}

/* What is wrong with a word is a matter of usage; of a row, a failure. */
static int end(struct making *making, int rc, bool usage, struct dj_err *err)
{
    if (rc == 0)
        rc = dj_rows_flush(&making->rows, err);
    else
        (void)!dj_rows_flush(&making->rows, NULL); /* what stands before the bad row is good */
    making_release(making);
    if (rc == 0)
        return DJ_EX_OK;
    (void)dj_rows_fail(rc, err);
    return usage ? DJ_EX_USAGE : DJ_EX_FAILED;
}

int dj_cmd_frame(struct dj_cli *cli DJ_UNUSED, int argc, char **argv)
{
    static const struct option longs[] = {
        {"zip", no_argument, NULL, ZIP},
        {"to", required_argument, NULL, DJ_ROWS_TO_OPTION},
        {NULL, 0, NULL, 0},
    };
    struct making making = {.rows = DJ_ROWS_INIT};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_row struct dj_row empty = DJ_ROW_INIT;
    int option, rc = 0;

    while (rc >= 0 && (option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == ZIP)
            making.zip = true;
        else if ((rc = dj_rows_option(&making.rows, option, optarg, &err)) == 0)
            return dj_bad_option(argv, option);
    }
    if (rc >= 0)
        rc = take_words(&making, argc - optind, argv + optind, &err);
    if (rc < 0)
        return end(&making, rc, true, &err);
    rc = dj_axes_apply(making.axes, &empty, put, &making, &err);
    return end(&making, rc, false, &err);
}

/* ---- set ------------------------------------------------------------------------------------- */

static int set_row(struct making *making, const struct dj_row *row, struct dj_err *err)
{
    bool chosen = true;
    int rc = making->where == NULL ? 0 : dj_expression_holds(making->where, row, &chosen, err);

    if (rc == 0)
        rc = chosen ? dj_axes_apply(making->axes, row, put, making, err) : put(making, row, err);
    return rc < 0 && rc != -EPIPE && rc != -EIO ? dj_rows_blame(&making->rows, rc, err) : rc;
}

static int set_rows(struct making *making, struct dj_err *err)
{
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    int rc = dj_rows_open(&making->rows, err);

    while (rc == 0 && (rc = dj_rows_next(&making->rows, &row, err)) == 1)
        rc = set_row(making, &row, err);
    return rc;
}

int dj_cmd_set(struct dj_cli *cli DJ_UNUSED, int argc, char **argv)
{
    static const struct option longs[] = {
        {"zip", no_argument, NULL, ZIP},
        {"where", required_argument, NULL, WHERE},
        DJ_ROWS_LONGS,
        {NULL, 0, NULL, 0},
    };
    struct making making = {.rows = DJ_ROWS_INIT};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    const char *where = NULL;
    int option, rc = 0;

    while (rc >= 0 && (option = getopt_long(argc, argv, "+:" DJ_ROWS_SHORTS, longs, NULL)) != -1) {
        if (option == ZIP)
            making.zip = true;
        else if (option == WHERE && where != NULL)
            rc = dj_err_set(&err, EINVAL, "one --where is enough: join expressions by `and`");
        else if (option == WHERE)
            where = optarg;
        else if ((rc = dj_rows_option(&making.rows, option, optarg, &err)) == 0)
            return dj_bad_option(argv, option);
    }
    if (rc >= 0 && where != NULL) {
        making.where = dj_expression_new(where, &err);
        rc = making.where == NULL ? dj_err_prefix(&err, -EINVAL, "--where") : 0;
    }
    if (rc >= 0)
        rc = take_words(&making, argc - optind, argv + optind, &err);
    if (rc < 0)
        return end(&making, rc, true, &err);
    return end(&making, set_rows(&making, &err), false, &err);
}

/* ---- compare --------------------------------------------------------------------------------- */

static void add_shown(struct dj_buf *buf, struct dj_bytes value)
{
    if (value.len == 0)
        dj_buf_adds(buf, "not there");
    else
        dj_add_printable(buf, value);
}

/* The first column in which they differ. */
static void tell_column(struct dj_buf *ret, struct dj_bytes name, struct dj_bytes a,
                        struct dj_bytes b)
{
    dj_buf_adds(ret, "column ");
    dj_add_printable(ret, name);
    dj_buf_adds(ret, ": ");
    add_shown(ret, a);
    dj_buf_adds(ret, " and ");
    add_shown(ret, b);
}

static void tell_difference(struct dj_buf *ret, const struct dj_row *a, const struct dj_row *b)
{
    for (size_t i = 0; i < a->n + b->n; i++) {
        const struct dj_cell *cell = i < a->n ? &a->cells[i] : &b->cells[i - a->n];
        struct dj_bytes name = dj_buf_bytes(&cell->name);
        struct dj_bytes left = dj_row_get(a, name), right = dj_row_get(b, name);

        if (!dj_cells_equal(left, right)) {
            tell_column(ret, name, left, right);
            return;
        }
    }
}

struct compared {
    struct dj_rows rows;
    struct dj_row row;
    int got;
};

static void compared_release(struct compared *compared)
{
    dj_rows_release(&compared->rows);
    dj_row_release(&compared->row);
}

/* 1: they differ, and it has been said where. */
static int compare(struct compared *both, const char *const *files, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t number = 0;
    int rc = 0;

    do {
        number++;
        for (int i = 0; i < 2; i++) {
            rc = both[i].got = dj_rows_next(&both[i].rows, &both[i].row, err);
            if (rc < 0)
                return rc;
        }
    } while (both[0].got == 1 && both[1].got == 1 && dj_rows_equal(&both[0].row, &both[1].row));
    if (both[0].got == 0 && both[1].got == 0)
        return 0;
    if (both[0].got != both[1].got) {
        printf("%s ends before row %" PRIu64 "\n", files[both[0].got], number);
        return 1;
    }
    tell_difference(&text, &both[0].row, &both[1].row);
    printf("row %" PRIu64 ": %s\n", number, dj_buf_str(&text));
    return 1;
}

int dj_cmd_compare(struct dj_cli *cli DJ_UNUSED, int argc, char **argv)
{
    static const struct option longs[] = {
        {"csv", no_argument, NULL, DJ_ROWS_CSV_OPTION},
        {"tsv", no_argument, NULL, DJ_ROWS_TSV_OPTION},
        {NULL, 0, NULL, 0},
    };
    struct compared both[2] = {{.rows = DJ_ROWS_INIT}, {.rows = DJ_ROWS_INIT}};
    const char *files[2] = {"-", "-"};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int option, rc = 0;

    while (rc >= 0 && (option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        for (int i = 0; i < 2; i++)
            rc = dj_rows_option(&both[i].rows, option, optarg, &err);
        if (rc == 0)
            return dj_bad_option(argv, option);
    }
    if (rc >= 0 && (argc - optind < 1 || argc - optind > 2))
        return dj_usage("compare");
    for (int i = 0; rc >= 0 && i < argc - optind; i++)
        files[i] = argv[optind + i];
    for (int i = 0; rc >= 0 && i < 2; i++) {
        both[i].rows.file = files[i];
        rc = dj_rows_open(&both[i].rows, &err);
    }
    if (rc >= 0 && both[0].rows.fd == both[1].rows.fd)
        rc = dj_err_set(&err, EINVAL, "stdin can be one of the two frames only");
    if (rc >= 0)
        rc = compare(both, files, &err);
    compared_release(&both[0]);
    compared_release(&both[1]);
    if (rc >= 0)
        return rc == 1 ? DJ_EX_FAILED : DJ_EX_OK;
    (void)dj_fail(rc, &err);
    return DJ_EX_USAGE; /* as with cmp and diff: 2, they could not be compared */
}
