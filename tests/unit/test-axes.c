/* Words that make rows: values, series, expressions, and their order. */
#include <errno.h>

#include "lib/model/axes.h"
#include "lib/model/expression.h"
#include "tests/unit/tap.h"

static int add(void *cookie, const struct dj_row *row, struct dj_err *err)
{
    (void)err;
    dj_row_print(cookie, row);
    return 0;
}

/* The rows that the words, separated by blanks, make of a row; a sentence when they are refused. */
static const char *spread(const char *line, bool zip, const char *text)
{
    static struct dj_buf shown;
    struct dj_axes *axes = dj_axes_new();
    dj_cleanup_buf struct dj_buf file = DJ_BUF_INIT;
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_row_parse(&row, dj_bytes_of(line), &err);

    dj_buf_clear(&shown);
    dj_buf_adds(&shown, "");
    while (rc == 0 && *text != '\0') {
        size_t len = strcspn(text, " ");

        rc = dj_axes_word(axes, dj_bytes(text, len), &file, &err);
        if (rc == 1) /* the file's name is what is in it, with _ for newlines */
            rc = dj_axes_lines(axes, dj_buf_bytes(&file), &err);
        text += len + (text[len] != '\0');
    }
    if (rc == 0)
        rc = dj_axes_ready(axes, zip, &err);
    if (rc == 0)
        rc = dj_axes_apply(axes, &row, add, &shown, &err);
    if (rc < 0) {
        dj_buf_clear(&shown);
        dj_buf_adds(&shown, dj_err_text(&err, rc));
    }
    dj_axes_free(axes);
    return dj_buf_str(&shown);
}

static void values(void)
{
    is_str(spread("{}", false, ""), "{}\n", "no words: one empty row");
    is_str(spread("{}", false, "a=1.0 b=x c=true d= e=[1, f=\"1\""),
           "e: [1,: this is not JSON: the end where a value should be at byte 4; text that begins "
           "so is written as a JSON string", "what begins as JSON must be some");
    is_str(spread("{}", false, "a=1.0 b=x c=true d= e=[1,2.50] f=\"1\" g=007 h=@@x i=a=b"),
           "{\"a\":1.0,\"b\":\"x\",\"c\":true,\"d\":\"\",\"e\":[1,2.50],\"f\":\"1\",\"g\":\"007\","
           "\"h\":\"@x\",\"i\":\"a=b\"}\n", "typed by their looks");
    is_str(spread("{}", false, "a.x=1 a.y.z=2 a.x=3"),
           "{\"a\":{\"x\":1,\"y\":{\"z\":2}}}\n{\"a\":{\"x\":3,\"y\":{\"z\":2}}}\n",
           "inside of columns");
    is_str(spread("{\"n\":9007199254740993,\"b\":1.0}", false, "c=1"),
           "{\"n\":9007199254740993,\"b\":1.0,\"c\":1}\n", "the others as they were");
}

static void varies(void)
{
    is_str(spread("{}", false, "a=0..1 b={x;y}"),
           "{\"a\":0,\"b\":\"x\"}\n{\"a\":0,\"b\":\"y\"}\n"
           "{\"a\":1,\"b\":\"x\"}\n{\"a\":1,\"b\":\"y\"}\n",
           "the last goes fastest");
    is_str(spread("{}", false, "b=1 a=0..1 b=2"),
           "{\"b\":1,\"a\":0}\n{\"b\":1,\"a\":1}\n{\"b\":2,\"a\":0}\n{\"b\":2,\"a\":1}\n",
           "a column named again has its place from before");
    is_str(spread("{}", false, "a=1 a=5..9..2 a=-1"),
           "{\"a\":1}\n{\"a\":5}\n{\"a\":7}\n{\"a\":9}\n{\"a\":-1}\n",
           "values and ranges together");
    is_str(spread("{}", false, "a=2..0..-1"), "{\"a\":2}\n{\"a\":1}\n{\"a\":0}\n", "down");
    is_str(spread("{}", false, "a=9223372036854775806..9223372036854775807"),
           "{\"a\":9223372036854775806}\n{\"a\":9223372036854775807}\n", "to the end of 64 bits");
    is_str(spread("{}", false, "a=@1\nx b=0..1"),
           "{\"a\":1,\"b\":0}\n{\"a\":1,\"b\":1}\n{\"a\":\"x\",\"b\":0}\n{\"a\":\"x\",\"b\":1}\n",
           "the lines of a file");
    is_str(spread("{}", false, "a={} b=../x c=a..b d={\"x\":\";\"}"),
           "{\"a\":{},\"b\":\"../x\",\"c\":\"a..b\",\"d\":{\"x\":\";\"}}\n", "what is no series");
    is_str(spread("{}", true, "a=0..2 k=1 b={x;y;z}"),
           "{\"a\":0,\"k\":1,\"b\":\"x\"}\n{\"a\":1,\"k\":1,\"b\":\"y\"}\n"
           "{\"a\":2,\"k\":1,\"b\":\"z\"}\n",
           "zipped");
}

static void expressions(void)
{
    is_str(spread("{\"a\":2,\"b\":1}", false, "b:=range(.a)"),
           "{\"a\":2,\"b\":0}\n{\"a\":2,\"b\":1}\n",
           "several vary");
    is_str(spread("{\"a\":0,\"b\":1}", false, "b:=range(.a)"), "", "none, and the row is gone");
    is_str(spread("{\"a\":1}", false, "a=1..2 c:=.c b:=.a*10 c:=.b"),
           "c: an expression gives all values of a column; it stands alone", "twice");
    is_str(spread("{}", false, "a=1..2 b:=.a*10 c:=.b+1"),
           "{\"a\":1,\"b\":10,\"c\":11}\n{\"a\":2,\"b\":20,\"c\":21}\n",
           "it sees what is before it");
    is_str(spread("{\"n\":9007199254740993,\"x\":1.0,\"o\":{\"p\":1e5}}", false,
                  "a:=.n b:=.x c:=.o.p d:=.n|. e:=.none f:=.x|."),
           "{\"n\":9007199254740993,\"x\":1.0,\"o\":{\"p\":1e5},\"a\":9007199254740993,\"b\":1.0,"
           "\"c\":1e5,\"d\":9007199254740993,\"e\":null,\"f\":1}\n",
           "what is passed through, as far as jq lets it");
    is_str(spread("{\"n\":9007199254740993,\"m\":9007199254740992}", false, "a:=.n|."),
           "{\"n\":9007199254740993,\"m\":9007199254740992,\"a\":9007199254740992}\n",
           "in doubt it is jq's");
}

static void refused(void)
{
    static const struct {
        const char *words, *sentence;
        bool zip;
    } cases[] = {
        {"a", "a is neither COL=VALUE nor COL:=EXPRESSION", false},
        {"=1", "=1: a column needs a name", false},
        {":=1", ":=1: a column needs a name", false},
        {"a..b=1", "a..b=1: a..b: a column needs a name", false},
        {".a=1", ".a=1: .a: a column needs a name", false},
        {"a=9..0", "a: 9..0: it begins above its end; a range that goes down has a step below 0, "
                   "as in 9..0..-1", false},
        {"a=0..9..-1", "a: 0..9..-1: it goes down from below its end", false},
        {"a=0..9..0", "a: 0..9..0: a step of 0 never gets there", false},
        {"a=0.5..2", "a: 0.5..2: a range is LO..HI or LO..HI..STEP of whole numbers", false},
        {"a=0..99999999999999999999", "a: 0..99999999999999999999: the numbers of a range lie "
                                      "between -2^63 and 2^63-1", false},
        {"a=-9223372036854775808..9223372036854775807",
         "a: -9223372036854775808..9223372036854775807: these are too many values", false},
        {"a=0..4000000000 b=0..4000000000", "these are too many rows", false},
        {"a=0..2 b=0..1", "--zip: a has 3 values, and b has 2", true},
        {"a:=", "a: an expression of jq is missing", false},
        {"a=1 a.b=2", "a.b: b has no place in what is no object", false},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++)
        is_str(spread("{}", cases[i].zip, cases[i].words), cases[i].sentence, "%s", cases[i].words);
    ok(strncmp(spread("{}", false, "a:=(.b"), "a: (.b: syntax error", 20) == 0,
       "what jq does not take: %s", spread("{}", false, "a:=(.b"));
    is_str(spread("{\"b\":1}", false, "a:=.b.c"), ".b.c: Cannot index number with string \"c\"",
           "what fails for a row");
    is_str(spread("{\"b\":1}", false, "a:=halt"), "halt: it halts, and there are more rows",
           "halt");
    is_str(spread("{\"b\":1}", false, "a:=error(\"no\")"), "error(\"no\"): no", "error");
}

/* 0, 1 or a sentence. */
static const char *holds(const char *text, const char *line)
{
    static struct dj_buf shown;
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_expression *expression = dj_expression_new(text, &err);
    bool result = false;
    int rc = dj_row_parse(&row, dj_bytes_of(line), &err);

    if (rc == 0)
        rc = dj_expression_holds(expression, &row, &result, &err);
    dj_buf_clear(&shown);
    dj_buf_adds(&shown, rc < 0 ? dj_err_text(&err, rc) : result ? "1" : "0");
    dj_expression_free(expression);
    return dj_buf_str(&shown);
}

static void masks(void)
{
    is_str(holds(".a == 2", "{\"a\":2}"), "1", "equal");
    is_str(holds(".a == 2", "{\"a\":3}"), "0", "not equal");
    is_str(holds(".a", "{\"a\":0}"), "1", "0 holds, as in jq");
    is_str(holds(".b", "{\"a\":0}"), "0", "null does not");
    is_str(holds("empty", "{}"), "0", "nothing does not");
    is_str(holds("true, true", "{}"), "true, true: it gives several, and one value is wanted",
           "several are refused");
}

int main(void)
{
    values();
    varies();
    expressions();
    refused();
    masks();
    return tap_done();
}
