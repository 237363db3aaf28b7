/* What is read as a row is written and read back as the same row, however it comes in. */
#include "lib/model/row_text.h"

#include "lib/model/json.h"
#include "lib/model/json_text.h"
#include "tests/fuzz/fuzz.h"

static void check_again(enum dj_row_format format, const struct dj_row *row)
{
    struct dj_row_writer writer = {.format = format};
    struct dj_row_reader reader = {.format = format, .file = "f"};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT, first = DJ_BUF_INIT, second = DJ_BUF_INIT;
    dj_cleanup_row struct dj_row back = DJ_ROW_INIT;
    size_t used;

    must(dj_row_write(&writer, row, &text, NULL) == 0);
    must(dj_row_read(&reader, dj_buf_bytes(&text), true, &back, &used, NULL) == 1);
    must(used == text.len);
    dj_row_print(&first, row);
    dj_row_print(&second, &back);
    if (format != DJ_ROWS_TSV)
        must(dj_bytes_equal(dj_buf_bytes(&first), dj_buf_bytes(&second)));
    dj_row_writer_release(&writer);
    dj_row_reader_release(&reader);
}

/* In two pieces it is what it is in one. */
static void read_rows(enum dj_row_format format, struct dj_bytes text, size_t cut)
{
    struct dj_row_reader reader = {.format = format, .file = "f", .column = "c"};
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    size_t begin = 0, end = cut, used;
    int rc = 0;

    while (rc >= 0) {
        rc = dj_row_read(&reader, dj_bytes(text.data + begin, end - begin), end == text.len, &row,
                         &used, &err);
        must(used <= end - begin);
        begin += used;
        if (rc == 1 && row.n != 0 && format != DJ_ROWS_LINES)
            check_again(format, &row);
        if (rc == 0 && end == text.len)
            break;
        if (rc == 0)
            end = text.len;
    }
    must(rc == 0 || err.text != NULL);
    dj_row_reader_release(&reader);
}

static void check_json(struct dj_bytes text)
{
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT, changed = DJ_BUF_INIT;
    struct dj_bytes value;
    bool whole = dj_json_is_whole(text, &value);

    /* What jansson takes is JSON; it refuses more (names twice, large numbers). */
    if (dj_json_canonical(text, &canonical, NULL) == 0)
        must(whole);
    if (!whole)
        return;
    must(dj_json_is_whole(value, &value));
    if (dj_json_set_path(&changed, value, DJ_BYTES_LIT("a.b"), DJ_BYTES_LIT("1.0"), NULL) == 0)
        must(dj_json_is_whole(dj_buf_bytes(&changed), &value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_bytes text;

    if (size < 2)
        return 0;
    text = dj_bytes(data + 2, size - 2);
    read_rows((enum dj_row_format)(data[0] % 4), text, text.len == 0 ? 0 : data[1] % text.len);
    check_json(text);
    return 0;
}
