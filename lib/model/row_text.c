#include "lib/model/row_text.h"

#include <errno.h>

#include "lib/model/json.h"
#include "lib/model/json_text.h"
#include "lib/util/str.h"
#include "lib/util/utf8.h"

void dj_row_reader_release(struct dj_row_reader *reader)
{
    dj_row_release(&reader->header);
    dj_buf_release(&reader->field);
}

void dj_row_writer_release(struct dj_row_writer *writer)
{
    dj_row_release(&writer->header);
}

int dj_row_format_parse(struct dj_bytes text, enum dj_row_format *ret, struct dj_err *err)
{
    static const char *const names[] = {"jsonl", "csv", "tsv"};
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        if (dj_bytes_is(text, names[i])) {
            *ret = (enum dj_row_format)i;
            return 0;
        }
    }
    dj_add_printable(&shown, text);
    return dj_err_set(err, EINVAL, "%s is no format of rows, which are jsonl, csv and tsv",
                      dj_buf_str(&shown));
}

/* Whether a bare word is one of JSON's own. */
static bool looks_typed(struct dj_bytes text)
{
    struct dj_bytes value;

    if (text.len == 0 || text.data[0] == '"' || text.data[0] == '[' || text.data[0] == '{')
        return false;
    return dj_json_is_whole(text, &value) && value.len == text.len;
}

void dj_cell_typed(struct dj_buf *buf, struct dj_bytes text)
{
    if (looks_typed(text))
        dj_buf_add_bytes(buf, text);
    else
        dj_json_string(buf, text);
}

/* ---- reading: records ------------------------------------------------------------------------ */

/*
 * The end of the record at the start of text, its newline included; 0: it is not all there. What
 * was looked through without finding it is not looked through again.
 */
static size_t record_end(struct dj_row_reader *reader, struct dj_bytes text, bool at_end)
{
    size_t i = reader->seen;

    if (reader->format != DJ_ROWS_CSV) {
        const uint8_t *newline =
            i >= text.len ? NULL : memchr(text.data + i, '\n', text.len - i);

        reader->seen = newline == NULL ? text.len : 0;
        if (newline != NULL)
            return (size_t)(newline - text.data) + 1;
    } else {
        for (; i < text.len; i++) {
            if (text.data[i] == '"')
                reader->quoted = !reader->quoted;
            else if (text.data[i] == '\n' && !reader->quoted) {
                reader->seen = 0;
                return i + 1;
            }
        }
        reader->seen = text.len;
    }
    return at_end ? text.len : 0;
}

static size_t count_lines(struct dj_bytes text)
{
    size_t lines = 0;

    for (size_t i = 0; i < text.len; i++)
        lines += text.data[i] == '\n';
    return lines;
}

static int blame(const struct dj_row_reader *reader, int rc, struct dj_err *err)
{
    return dj_err_prefix(err, rc, "%s:%zu", reader->file, reader->line);
}

/* ---- reading: fields ------------------------------------------------------------------------- */

enum { FIELD_KEPT = 16 << 10 }; /* bytes of memory */

struct field {
    struct dj_buf bytes;
    bool quoted;
};

/* One field of a CSV record, what follows it in *rest, and whether it was the last. */
static int csv_field(struct dj_bytes *rest, struct field *ret, bool *ret_last, struct dj_err *err)
{
    const uint8_t *at = rest->data, *end = rest->data + rest->len;

    dj_buf_clear(&ret->bytes);
    ret->quoted = at < end && *at == '"';
    if (!ret->quoted) {
        const uint8_t *comma = at == end ? NULL : memchr(at, ',', (size_t)(end - at));
        const uint8_t *stop = comma == NULL ? end : comma;

        if (at != stop && memchr(at, '"', (size_t)(stop - at)) != NULL)
            return dj_err_set(err, EINVAL, "a quote stands inside of a field without quotes");
        dj_buf_add(&ret->bytes, at, (size_t)(stop - at));
        at = stop;
    } else {
        for (at++;; at++) {
            if (at == end)
                return dj_err_set(err, EINVAL, "a field in quotes has no end");
            if (*at == '"' && (++at == end || *at != '"'))
                break;
            dj_buf_addc(&ret->bytes, *at);
        }
        if (at < end && *at != ',')
            return dj_err_set(err, EINVAL,
                              "something stands between a closing quote and the comma");
    }
    *ret_last = at == end;
    *rest = *ret_last ? DJ_BYTES_LIT("") : dj_bytes(at + 1, (size_t)(end - at - 1));
    return 0;
}

static int tsv_field(struct dj_bytes *rest, struct field *ret, bool *ret_last, struct dj_err *err)
{
    static const char letters[] = "tnr\\", meant[] = "\t\n\r\\";
    const uint8_t *tab = rest->len == 0 ? NULL : memchr(rest->data, '\t', rest->len);
    size_t len = tab == NULL ? rest->len : (size_t)(tab - rest->data);

    dj_buf_clear(&ret->bytes);
    ret->quoted = false;
    for (size_t i = 0; i < len; i++) {
        const char *letter;

        if (rest->data[i] != '\\') {
            dj_buf_addc(&ret->bytes, rest->data[i]);
            continue;
        }
        letter = ++i < len && rest->data[i] != '\0' ? strchr(letters, rest->data[i]) : NULL;
        if (letter == NULL)
            return dj_err_set(err, EINVAL, "a backslash stands before t, n, r or a backslash");
        dj_buf_addc(&ret->bytes, meant[letter - letters]);
    }
    *ret_last = tab == NULL;
    *rest = *ret_last ? DJ_BYTES_LIT("") : dj_bytes_from(*rest, len + 1);
    return 0;
}

static int next_field(const struct dj_row_reader *reader, struct dj_bytes *rest, struct field *ret,
                      bool *ret_last, struct dj_err *err)
{
    int rc = reader->format == DJ_ROWS_CSV ? csv_field(rest, ret, ret_last, err)
                                           : tsv_field(rest, ret, ret_last, err);

    if (rc == 0 && !dj_utf8_ok(dj_buf_bytes(&ret->bytes)))
        return dj_err_set(err, EINVAL, "a field is not UTF-8");
    return rc;
}

static int read_header(struct dj_row_reader *reader, struct dj_bytes record, struct dj_err *err)
{
    struct field field = {0};
    bool last = false;
    int rc = 0;

    reader->headed = true;
    if (dj_bytes_starts(record, DJ_BYTES_LIT("\xef\xbb\xbf"))) /* as spreadsheets write it */
        record = dj_bytes_from(record, 3);
    while (rc == 0 && !last) {
        struct dj_bytes name;

        rc = next_field(reader, &record, &field, &last, err);
        name = dj_buf_bytes(&field.bytes);
        if (rc == 0 && name.len == 0)
            rc = dj_err_set(err, EINVAL, "a column has no name");
        else if (rc == 0 && dj_row_find(&reader->header, name) >= 0)
            rc = dj_err_set(err, EINVAL, "the column %s is there twice", dj_buf_str(&field.bytes));
        else if (rc == 0 && reader->header.n == DJ_ROW_COLUMNS_MAX)
            rc = dj_err_set(err, EINVAL, "a row has at most %d columns", DJ_ROW_COLUMNS_MAX);
        else if (rc == 0)
            dj_row_set(&reader->header, name);
    }
    dj_buf_release(&field.bytes);
    return rc;
}

static int read_fields(struct dj_row_reader *reader, struct dj_bytes record, struct dj_row *row,
                       struct dj_err *err)
{
    struct field field = {.bytes = reader->field};
    bool last = false;
    size_t n = 0;
    int rc = 0;

    dj_row_clear(row);
    for (; rc == 0 && !last; n++) {
        struct dj_buf *value;

        rc = next_field(reader, &record, &field, &last, err);
        if (rc < 0 || n >= reader->header.n)
            continue;
        value = dj_row_set(row, dj_buf_bytes(&reader->header.cells[n].name));
        if (field.quoted)
            dj_json_string(value, dj_buf_bytes(&field.bytes));
        else if (field.bytes.len == 0)
            dj_buf_adds(value, "null");
        else
            dj_cell_typed(value, dj_buf_bytes(&field.bytes));
    }
    reader->field = field.bytes;
    if (reader->field.cap > FIELD_KEPT)
        dj_buf_release(&reader->field);
    if (rc == 0 && n != reader->header.n)
        rc = dj_err_set(err, EINVAL, "there are %zu fields, and the header has %zu", n,
                        reader->header.n);
    return rc;
}

static int read_line(const struct dj_row_reader *reader, struct dj_bytes line, struct dj_row *row,
                     struct dj_err *err)
{
    if (!dj_utf8_ok(line))
        return dj_err_set(err, EINVAL, "the line is not UTF-8");
    dj_row_clear(row);
    dj_json_string(dj_row_set(row, dj_bytes_of(reader->column)), line);
    return 0;
}

/* 1: a row; 0: nothing but a header or an empty line. */
static int take(struct dj_row_reader *reader, struct dj_bytes record, struct dj_row *row,
                struct dj_err *err)
{
    int rc;

    if (record.len > 0 && record.data[record.len - 1] == '\n')
        record.len--;
    if (record.len > 0 && record.data[record.len - 1] == '\r' && reader->format != DJ_ROWS_LINES)
        record.len--;
    if (reader->format == DJ_ROWS_LINES)
        rc = read_line(reader, record, row, err);
    else if (reader->format == DJ_ROWS_JSON && dj_strip(record).len == 0)
        return 0;
    else if (reader->format == DJ_ROWS_JSON)
        rc = dj_row_parse(row, record, err);
    else if (record.len == 0 && (!reader->headed || reader->header.n > 1))
        return 0;
    else if (!reader->headed) {
        rc = read_header(reader, record, err);
        return rc < 0 ? blame(reader, rc, err) : 0;
    } else {
        rc = read_fields(reader, record, row, err);
    }
    return rc < 0 ? blame(reader, rc, err) : 1;
}

int dj_row_read(struct dj_row_reader *reader, struct dj_bytes text, bool at_end,
                struct dj_row *ret_row, size_t *ret_used, struct dj_err *err)
{
    *ret_used = 0;
    if (reader->next_line == 0)
        reader->next_line = 1;
    for (;;) {
        struct dj_bytes rest = dj_bytes_from(text, *ret_used);
        size_t len = rest.len == 0 ? 0 : record_end(reader, rest, at_end);
        int rc;

        if (rest.len == 0)
            return 0;
        reader->line = reader->next_line;
        if ((len == 0 ? rest.len : len) > DJ_ROW_BYTES_MAX) {
            dj_err_set(err, EINVAL, "a row has at most %u MiB", DJ_ROW_BYTES_MAX >> 20);
            return blame(reader, -EINVAL, err);
        }
        if (len == 0)
            return 0;
        reader->next_line += count_lines(dj_bytes(rest.data, len));
        reader->quoted = false;
        reader->seen = 0;
        *ret_used += len;
        rc = take(reader, dj_bytes(rest.data, len), ret_row, err);
        if (rc != 0)
            return rc;
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void csv_quoted(struct dj_buf *buf, struct dj_bytes text)
{
    dj_buf_addc(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            dj_buf_addc(buf, '"');
        dj_buf_addc(buf, text.data[i]);
    }
    dj_buf_addc(buf, '"');
}

static bool needs_quotes(struct dj_bytes text)
{
    bool needs = text.len == 0;

    for (size_t i = 0; !needs && i < text.len; i++)
        needs = text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\n' ||
                text.data[i] == '\r';
    return needs;
}

static void tsv_escaped(struct dj_buf *buf, struct dj_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        switch (text.data[i]) {
        case '\t':
            dj_buf_adds(buf, "\\t");
            break;
        case '\n':
            dj_buf_adds(buf, "\\n");
            break;
        case '\r':
            dj_buf_adds(buf, "\\r");
            break;
        case '\\':
            dj_buf_adds(buf, "\\\\");
            break;
        default:
            dj_buf_addc(buf, text.data[i]);
        }
    }
}

/* A string that would be read as something else is quoted. */
static void write_cell(const struct dj_row_writer *writer, struct dj_bytes value,
                       struct dj_buf *buf)
{
    dj_cleanup_buf struct dj_buf plain = DJ_BUF_INIT;
    struct dj_bytes text = value;

    if (value.len == 0 || dj_bytes_is(value, "null"))
        return;
    if (value.data[0] == '"' && memchr(value.data, '\\', value.len) == NULL) {
        text = dj_bytes(value.data + 1, value.len - 2);
    } else if (value.data[0] == '"') {
        dj_json_unquote(&plain, value);
        text = dj_buf_bytes(&plain);
    } else if (value.data[0] == '{' || value.data[0] == '[') {
        dj_json_one_line(&plain, value);
        text = dj_buf_bytes(&plain);
    }
    if (writer->format == DJ_ROWS_TSV)
        tsv_escaped(buf, text);
    else if (needs_quotes(text) || (value.data[0] == '"' && looks_typed(text)))
        csv_quoted(buf, text);
    else
        dj_buf_add_bytes(buf, text);
}

static void write_name(const struct dj_row_writer *writer, struct dj_bytes name,
                       struct dj_buf *buf)
{
    if (writer->format == DJ_ROWS_TSV)
        tsv_escaped(buf, name);
    else if (needs_quotes(name))
        csv_quoted(buf, name);
    else
        dj_buf_add_bytes(buf, name);
}

void dj_row_write_header(struct dj_row_writer *writer, const struct dj_row *row,
                         struct dj_buf *buf)
{
    writer->headed = true;
    if (writer->format == DJ_ROWS_JSON)
        return;
    for (size_t i = 0; i < row->n; i++) {
        dj_row_set(&writer->header, dj_buf_bytes(&row->cells[i].name));
        if (i != 0)
            dj_buf_addc(buf, writer->format == DJ_ROWS_CSV ? ',' : '\t');
        write_name(writer, dj_buf_bytes(&row->cells[i].name), buf);
    }
    dj_buf_addc(buf, '\n');
}

static int check_columns(const struct dj_row_writer *writer, const struct dj_row *row,
                         struct dj_err *err)
{
    for (size_t i = 0; i < row->n; i++) {
        dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

        if (dj_row_find(&writer->header, dj_buf_bytes(&row->cells[i].name)) >= 0)
            continue;
        dj_add_printable(&shown, dj_buf_bytes(&row->cells[i].name));
        return dj_err_set(err, EINVAL, "row %zu has a column %s, which the first row has not; "
                          "JSON Lines can hold such rows", writer->rows, dj_buf_str(&shown));
    }
    return 0;
}

/* As most rows do: their columns need not be looked for. */
static bool fits(const struct dj_row *header, const struct dj_row *row)
{
    bool same = header->n == row->n;

    for (size_t i = 0; same && i < row->n; i++)
        same = dj_bytes_equal(dj_buf_bytes(&header->cells[i].name),
                              dj_buf_bytes(&row->cells[i].name));
    return same;
}

int dj_row_write(struct dj_row_writer *writer, const struct dj_row *row, struct dj_buf *buf,
                 struct dj_err *err)
{
    bool same;
    int rc;

    writer->rows++;
    if (writer->format == DJ_ROWS_JSON) {
        dj_row_print(buf, row);
        return 0;
    }
    if (!writer->headed)
        dj_row_write_header(writer, row, buf);
    same = fits(&writer->header, row);
    rc = same ? 0 : check_columns(writer, row, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < writer->header.n; i++) {
        if (i != 0)
            dj_buf_addc(buf, writer->format == DJ_ROWS_CSV ? ',' : '\t');
        write_cell(writer,
                   same ? dj_buf_bytes(&row->cells[i].value)
                        : dj_row_get(row, dj_buf_bytes(&writer->header.cells[i].name)),
                   buf);
    }
    dj_buf_addc(buf, '\n');
    return 0;
}
