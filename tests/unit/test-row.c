/* Rows: carried byte for byte, read and written as JSON Lines, CSV and TSV. */
#include <errno.h>

#include "lib/model/json_text.h"
#include "lib/model/row_call.h"
#include "lib/model/row_text.h"
#include "tests/unit/tap.h"

/* What is wrong with it, or NULL. */
static const char *json_wrong(const char *text)
{
    static struct dj_buf shown;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bytes value;
    int rc = dj_json_span(dj_bytes_of(text), &value, &err);

    dj_buf_clear(&shown);
    dj_buf_adds(&shown, dj_err_text(&err, rc));
    return rc == 0 ? NULL : dj_buf_str(&shown);
}

static void json(void)
{
    static const char *const good[] = {
        "0", "-0", "1.0", "9007199254740993", "1e5", "-1.5E-7", "true", "false", "null", "\"\"",
        "\"a\\u00e9\\ud83d\\ude00\\n\"", "[]", "{}", "[1,[2,{\"a\":[]}],3]",
        " { \"a\" : 1 , \"b\" : [ ] } ", "\"\xc3\xa9\"",
    };
    static const struct {
        const char *text, *wrong;
    } bad[] = {
        {"", "nothing"}, {"   ", "nothing"}, {"01", "a leading zero"}, {"1.", "ends in its point"},
        {"1e", "without its exponent"}, {"-", "without digits"}, {"tru", "no value"},
        {"x", "no value"}, {"\"a", "without its end"}, {"\"\\x\"", "unknown escape"},
        {"\"\\u12\"", "four hex digits"}, {"\"\\ud800\"", "surrogate"},
        {"\"\\udc00\"", "surrogate"}, {"\"a\nb\"", "control byte"}, {"\"\xff\"", "not UTF-8"},
        {"[1", "neither a comma"}, {"[1,]", "no value"}, {"{\"a\" 1}", "colon"},
        {"{1:2}", "without a name"}, {"{\"a\":1,}", "without a name"}, {"[1}", "neither"},
    };
    struct dj_buf deep = DJ_BUF_INIT;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(good); i++)
        ok(json_wrong(good[i]) == NULL, "JSON: %s", good[i]);
    for (size_t i = 0; i < DJ_ARRAY_SIZE(bad); i++) {
        const char *wrong = json_wrong(bad[i].text);

        ok(wrong != NULL && strstr(wrong, bad[i].wrong) != NULL, "refused: %s: %s", bad[i].wrong,
           wrong == NULL ? "not at all" : wrong);
    }
    for (int i = 0; i < 600; i++)
        dj_buf_addc(&deep, '[');
    ok(strstr(json_wrong(dj_buf_str(&deep)), "512 levels") != NULL, "too deep");
    dj_buf_release(&deep);
}

/* A row through one format and back. */
static void round_trip(enum dj_row_format format, const char *line, const char *text,
                       const char *back)
{
    struct dj_row_writer writer = {.format = format};
    struct dj_row_reader reader = {.format = format, .file = "t"};
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT, again = DJ_BUF_INIT;
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    size_t used;

    is_int(dj_row_parse(&row, dj_bytes_of(line), &err), 0, "a row: %s", line);
    is_int(dj_row_write(&writer, &row, &out, &err), 0, "written");
    is_str(dj_buf_str(&out), text, "as it should be");
    is_int(dj_row_read(&reader, dj_buf_bytes(&out), true, &row, &used, &err), 1, "read back: %s",
           dj_err_text(&err, 0));
    is_int((long)used, (long)out.len, "all of it");
    dj_row_print(&again, &row);
    is_str(dj_buf_str(&again), back, "the same row");
    dj_row_reader_release(&reader);
    dj_row_writer_release(&writer);
}

static void formats(void)
{
    round_trip(DJ_ROWS_JSON, "{\"n\": 9007199254740993, \"x\":1.0,\"o\":{\"b\": 1,\"a\":[1.50]}}",
               "{\"n\":9007199254740993,\"x\":1.0,\"o\":{\"b\": 1,\"a\":[1.50]}}\n",
               "{\"n\":9007199254740993,\"x\":1.0,\"o\":{\"b\": 1,\"a\":[1.50]}}\n");
    round_trip(DJ_ROWS_CSV, "{\"n\":9007199254740993,\"x\":1.0,\"b\":true,\"z\":null}",
               "n,x,b,z\n9007199254740993,1.0,true,\n",
               "{\"n\":9007199254740993,\"x\":1.0,\"b\":true,\"z\":null}\n");
    round_trip(DJ_ROWS_CSV,
               "{\"s\":\"5\",\"e\":\"\",\"q\":\"a\\\"b,c\\nd\",\"p\":\"plain text\","
               "\"n,m\":\"null\"}",
               "s,e,q,p,\"n,m\"\n\"5\",\"\",\"a\"\"b,c\nd\",plain text,\"null\"\n",
               "{\"s\":\"5\",\"e\":\"\",\"q\":\"a\\\"b,c\\nd\",\"p\":\"plain text\","
               "\"n,m\":\"null\"}\n");
    round_trip(DJ_ROWS_TSV, "{\"n\":1.0,\"s\":\"a\\tb\\\\c\\nd\",\"e\":null}",
               "n\ts\te\n1.0\ta\\tb\\\\c\\nd\t\n",
               "{\"n\":1.0,\"s\":\"a\\tb\\\\c\\nd\",\"e\":null}\n");
}

/* All rows of a text, brought byte by byte, or the sentence. */
static const char *read_all(enum dj_row_format format, const char *text)
{
    static struct dj_buf shown;
    struct dj_row_reader reader = {.format = format, .file = "t", .column = "line"};
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    size_t begin = 0, end = 0, len = strlen(text), used;
    int rc = 0;

    dj_buf_clear(&shown);
    dj_buf_adds(&shown, "");
    while (rc >= 0) {
        rc = dj_row_read(&reader, dj_bytes(text + begin, end - begin), end == len, &row, &used,
                         &err);
        begin += used;
        if (rc == 1)
            dj_row_print(&shown, &row);
        else if (rc == 0 && end == len)
            break;
        else if (rc == 0)
            end++;
    }
    dj_row_reader_release(&reader);
    if (rc < 0) {
        ok(rc == -EINVAL, "refused with EINVAL");
        dj_buf_clear(&shown);
        dj_buf_adds(&shown, dj_err_text(&err, rc));
    }
    return dj_buf_str(&shown);
}

static void reading(void)
{
    is_str(read_all(DJ_ROWS_JSON, "{\"a\":1}\r\n\n  \n{\"a\":2}"), "{\"a\":1}\n{\"a\":2}\n",
           "JSON Lines: CR, empty lines, no newline at the end");
    is_str(read_all(DJ_ROWS_CSV, "\xef\xbb\xbf" "a,\"b\"\r\n1,\"x\r\ny\"\r\n2,z"),
           "{\"a\":1,\"b\":\"x\\r\\ny\"}\n{\"a\":2,\"b\":\"z\"}\n",
           "CSV: BOM, CRLF, newlines in quotes, no newline at the end");
    is_str(read_all(DJ_ROWS_LINES, "x y\n\n\"\n"),
           "{\"line\":\"x y\"}\n{\"line\":\"\"}\n{\"line\":\"\\\"\"}\n", "plain lines");
    is_str(read_all(DJ_ROWS_JSON, ""), "", "nothing");
    is_str(read_all(DJ_ROWS_JSON, "{\"a\":1}\n[1]\n"), "t:2: a row is a JSON object", "an array");
    is_str(read_all(DJ_ROWS_JSON, "{\"a\":1,\"a\":2}\n"), "t:1: the column a is there twice",
           "a column twice");
    is_str(read_all(DJ_ROWS_JSON, "{} {}\n"), "t:1: more than one JSON object stands in this line",
           "two objects");
    is_str(read_all(DJ_ROWS_JSON, "{\"a\":}\n"), "t:1: this is not JSON: no value at byte 6",
           "no JSON");
    is_str(read_all(DJ_ROWS_CSV, "a,a\n"), "t:1: the column a is there twice", "a header");
    is_str(read_all(DJ_ROWS_CSV, "a,\n"), "t:1: a column has no name", "no name");
    is_str(read_all(DJ_ROWS_CSV, "a,b\n1\n"), "t:2: there are 1 fields, and the header has 2",
           "a short record");
    is_str(read_all(DJ_ROWS_CSV, "a,b\n\"x\ny\",1\nz,1,2\n"),
           "t:4: there are 3 fields, and the header has 2", "a long one, told by its line");
    is_str(read_all(DJ_ROWS_CSV, "a\n\"x\"y\n"),
           "t:2: something stands between a closing quote and the comma", "behind a quote");
    is_str(read_all(DJ_ROWS_CSV, "a\nx\"y\"\n"),
           "t:2: a quote stands inside of a field without quotes", "a quote inside");
    is_str(read_all(DJ_ROWS_CSV, "a\n\"xy"), "t:2: a field in quotes has no end", "an open quote");
    is_str(read_all(DJ_ROWS_CSV, "a\n\xff\n"), "t:2: a field is not UTF-8", "no UTF-8");
    is_str(read_all(DJ_ROWS_TSV, "a\nx\\y\n"),
           "t:2: a backslash stands before t, n, r or a backslash", "a bad escape");
    is_str(read_all(DJ_ROWS_LINES, "\xff\n"), "t:1: the line is not UTF-8", "a bad line");
}

static void other_columns(void)
{
    struct dj_row_writer writer = {.format = DJ_ROWS_CSV};
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    ok(dj_row_parse(&row, dj_bytes_of("{\"a\":1,\"b\":2}"), &err) == 0 &&
       dj_row_write(&writer, &row, &out, &err) == 0, "the first row");
    ok(dj_row_parse(&row, dj_bytes_of("{\"b\":3}"), &err) == 0 &&
       dj_row_write(&writer, &row, &out, &err) == 0, "one with less");
    is_str(dj_buf_str(&out), "a,b\n1,2\n,3\n", "which has an empty field");
    ok(dj_row_parse(&row, dj_bytes_of("{\"c\":3}"), &err) == 0 &&
       dj_row_write(&writer, &row, &out, &err) == -EINVAL, "one with another column");
    is_str(err.text, "row 3 has a column c, which the first row has not; JSON Lines can hold such "
           "rows", "is refused");
    dj_row_writer_release(&writer);
}

/* The row with that path set, or the sentence. */
static const char *set_path(const char *line, const char *path, const char *value)
{
    static struct dj_buf shown;
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_row_parse(&row, dj_bytes_of(line), &err);

    dj_buf_clear(&shown);
    if (rc == 0)
        rc = dj_row_set_path(&row, dj_bytes_of(path), dj_bytes_of(value), &err);
    if (rc < 0)
        dj_buf_adds(&shown, dj_err_text(&err, rc));
    else
        dj_row_print(&shown, &row);
    return dj_buf_str(&shown);
}

static void paths(void)
{
    is_str(set_path("{\"a\":1}", "b.c.d", "1.0"), "{\"a\":1,\"b\":{\"c\":{\"d\":1.0}}}\n",
           "made on the way");
    is_str(set_path("{\"b\":{\"x\": 1.50,\"c\":2,\"y\":[ ]}}", "b.c", "7"),
           "{\"b\":{\"x\":1.50,\"c\":7,\"y\":[ ]}}\n", "replaced, the rest as it was");
    is_str(set_path("{\"b\":null}", "b.c", "7"), "{\"b\":{\"c\":7}}\n", "null counts as {}");
    is_str(set_path("{\"b.c\":1}", "b.c", "7"), "{\"b.c\":7}\n", "a column with a dot in its name");
    is_str(set_path("{\"b\":1}", "b.c", "7"), "b.c: c has no place in what is no object",
           "no object");
    is_str(set_path("{\"b\":{\"\\u0063\":1}}", "b.c", "7"), "{\"b\":{\"\\u0063\":7}}\n",
           "a name with an escape");
}

static void words(void)
{
    dj_cleanup_params struct dj_params params = DJ_PARAMS_INIT;
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list list = {0};
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    ok(dj_params_parse(DJ_BYTES_LIT("s n:int l:int* j:json d"), &params, &err) == 0,
       "parameters");
    ok(dj_row_parse(&row, dj_bytes_of("{\"n\":9007199254740993,\"s\":\"a\\nb\",\"x\":1,\"l\":[1,2],"
                                      "\"j\":\"t\",\"d\":null}"), &err) == 0, "a row");
    is_int(dj_row_words(&row, &params, &list, &err), 0, "its words");
    for (size_t i = 0; i < list.n; i++)
        dj_buf_addf(&shown, "<%s>", dj_buf_str(DJ_LIST_AT(&list, struct dj_buf, i)));
    is_str(dj_buf_str(&shown), "<s=a\nb><n=9007199254740993><l=1><l=2><j=\"t\">", "by type");
    dj_bytes_list_release(&list);
    list = (struct dj_list){0};
    ok(dj_row_parse(&row, dj_bytes_of("{\"s\":\"a\\u0000b\"}"), &err) == 0 &&
       dj_row_words(&row, &params, &list, &err) == -EINVAL, "a NUL byte");
    is_str(err.text, "s: an argument cannot hold a NUL byte", "is refused");
    dj_bytes_list_release(&list);
}

static void cell(const char *content, const char *want)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;

    ok(dj_result_cell(&buf, dj_bytes_of(content)) == (want != NULL), "a result");
    is_str(dj_buf_str(&buf), want == NULL ? "" : want, "as a cell");
}

static void results(void)
{
    cell("120\n", "120");
    cell("1.0", "1.0");
    cell("hello\n", "\"hello\"");
    cell("two\nlines\n", "\"two\\nlines\"");
    cell("{\n \"a\": 1\n}\n", "{  \"a\": 1 }");
    cell("007\n", "\"007\"");
    cell("", "\"\"");
    cell("\xff", NULL);
}

static void equality(void)
{
    ok(dj_cells_equal(DJ_BYTES_LIT("1e0"), DJ_BYTES_LIT("1.0")), "two spellings of a float");
    ok(!dj_cells_equal(DJ_BYTES_LIT("1"), DJ_BYTES_LIT("1.0")), "an int is no float");
    ok(!dj_cells_equal(DJ_BYTES_LIT("9007199254740993"), DJ_BYTES_LIT("9007199254740992")),
       "ints that a double cannot tell apart");
    ok(!dj_cells_equal(DJ_BYTES_LIT("99999999999999999999"), DJ_BYTES_LIT("99999999999999999998")),
       "and that 64 bits do not hold");
    ok(dj_cells_equal(DJ_BYTES_LIT("{\"a\":1,\"b\":2}"), DJ_BYTES_LIT("{\"b\": 2,\"a\":1}")),
       "the order of members");
    ok(!dj_cells_equal(DJ_BYTES_LIT(""), DJ_BYTES_LIT("null")), "what is not there is no null");
}

int main(void)
{
    json();
    formats();
    reading();
    other_columns();
    paths();
    words();
    results();
    equality();
    return tap_done();
}
