#include "cli/rows.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { READ_SIZE = 64 << 10, OUT_SIZE = 64 << 10 };

void dj_rows_release(struct dj_rows *rows)
{
    if (rows->fd > STDIN_FILENO)
        dj_close(rows->fd);
    dj_buf_release(&rows->in);
    dj_buf_release(&rows->out);
    dj_row_reader_release(&rows->reader);
    dj_row_writer_release(&rows->writer);
}

static int choose(struct dj_rows *rows, enum dj_row_format format, struct dj_err *err)
{
    if (rows->reader.format != DJ_ROWS_JSON && rows->reader.format != format)
        return dj_err_set(err, EINVAL, "the rows that come in have one format: --csv, --tsv or -R");
    rows->reader.format = format;
    return 1;
}

int dj_rows_option(struct dj_rows *rows, int option, const char *value, struct dj_err *err)
{
    switch (option) {
    case 'i':
        rows->file = value;
        return 1;
    case 'R':
        return choose(rows, DJ_ROWS_LINES, err);
    case DJ_ROWS_CSV_OPTION:
        return choose(rows, DJ_ROWS_CSV, err);
    case DJ_ROWS_TSV_OPTION:
        return choose(rows, DJ_ROWS_TSV, err);
    case DJ_ROWS_TO_OPTION:
        return dj_row_format_parse(dj_bytes_of(value), &rows->writer.format, err) < 0 ? -EINVAL : 1;
    default:
        return 0;
    }
}

int dj_rows_open(struct dj_rows *rows, struct dj_err *err)
{
    bool standard = rows->file == NULL || strcmp(rows->file, "-") == 0;

    rows->reader.file = standard ? "stdin" : rows->file;
    rows->fd = standard ? STDIN_FILENO : dj_open(AT_FDCWD, rows->file, O_RDONLY, 0);
    return rows->fd < 0 ? dj_err_sys(err, -rows->fd, "%s", rows->file) : 0;
}

int dj_rows_take(struct dj_rows *rows, struct dj_row *ret, struct dj_err *err)
{
    struct dj_bytes rest = dj_bytes_from(dj_buf_bytes(&rows->in), rows->in_used);
    size_t used;
    int rc = dj_row_read(&rows->reader, rest, rows->at_end, ret, &used, err);

    rows->in_used += used;
    return rc;
}

int dj_rows_fill(struct dj_rows *rows, struct dj_err *err)
{
    ssize_t n;

    dj_buf_consume(&rows->in, rows->in_used);
    rows->in_used = 0;
    n = read(rows->fd, dj_buf_room(&rows->in, READ_SIZE), READ_SIZE);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0
                                                 : dj_err_sys(err, errno, "%s", rows->reader.file);
    rows->at_end = n == 0;
    rows->in.len += (size_t)n;
    return 0;
}

bool dj_rows_over(const struct dj_rows *rows)
{
    return rows->at_end && rows->in_used == rows->in.len;
}

int dj_rows_next(struct dj_rows *rows, struct dj_row *ret, struct dj_err *err)
{
    for (;;) {
        int rc = dj_rows_take(rows, ret, err);

        if (rc != 0 || rows->at_end)
            return rc;
        rc = dj_rows_flush(rows, err);
        if (rc == 0)
            rc = dj_rows_fill(rows, err);
        if (rc < 0)
            return rc;
    }
}

int dj_rows_put(struct dj_rows *rows, const struct dj_row *row, struct dj_err *err)
{
    int rc = dj_row_write(&rows->writer, row, &rows->out, err);

    return rc == 0 && rows->out.len >= OUT_SIZE ? dj_rows_flush(rows, err) : rc;
}

int dj_rows_flush(struct dj_rows *rows, struct dj_err *err)
{
    int rc = rows->out.len == 0 ? 0 : dj_write_out(dj_buf_bytes(&rows->out));

    dj_buf_clear(&rows->out);
    if (rc == -EPIPE)
        return dj_err_set(err, EPIPE, "nobody reads the rows any more");
    return rc < 0 ? dj_cannot_write(rc, err) : 0;
}

int dj_rows_blame(const struct dj_rows *rows, int code, struct dj_err *err)
{
    return dj_err_prefix(err, code, "%s:%zu", rows->reader.file, rows->reader.line);
}

int dj_rows_fail(int code, const struct dj_err *err)
{
    return code == -EPIPE ? DJ_EX_FAILED : dj_fail(code, err);
}
