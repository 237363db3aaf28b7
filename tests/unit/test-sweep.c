/* Sweeps: names and words whose values vary, their rows and links. */
#include "lib/model/sweep.h"

#include <errno.h>

#include "tests/unit/model.h"

static struct dj_buf shown;

static void show_columns(const struct dj_sweep *sweep, uint64_t row)
{
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;
    dj_cleanup_row struct dj_row columns = DJ_ROW_INIT;

    dj_sweep_args(sweep, row, &args);
    dj_sweep_columns(sweep, &args, &columns);
    dj_row_print(&shown, &columns);
    dj_buf_truncate(&shown, shown.len - 1);
    dj_buf_addc(&shown, ' ');
}

static void show_links(const struct dj_sweep *sweep, uint64_t row)
{
    size_t begin = shown.len;
    uint64_t found;

    if (dj_sweep_first_from(sweep, row) != row)
        return;
    dj_sweep_link(sweep, row, &shown);
    if (!dj_sweep_find(sweep, dj_bytes_from(dj_buf_bytes(&shown), begin), &found) || found != row)
        dj_buf_adds(&shown, "(lost)");
    dj_buf_addc(&shown, ' ');
}

static const char *show(struct dj_sweep *sweep, int rc, struct dj_err *err,
                        void (*one)(const struct dj_sweep *sweep, uint64_t row))
{
    dj_buf_clear(&shown);
    dj_buf_adds(&shown, rc < 0 ? dj_err_text(err, rc) : rc == 0 ? "no sweep" : "");
    for (uint64_t i = 0; rc == 1 && i < dj_sweep_rows(sweep); i++)
        one(sweep, i);
    if (rc == 1 && shown.len > 0)
        dj_buf_truncate(&shown, shown.len - 1);
    dj_sweep_unref(sweep);
    return dj_buf_str(&shown);
}

static const char *of_name(const char *declared, const char *name,
                           void (*one)(const struct dj_sweep *sweep, uint64_t row))
{
    dj_cleanup_params struct dj_params params = DJ_PARAMS_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_sweep *sweep;
    int rc;

    params_of(&params, declared);
    rc = dj_sweep_of_name("t", &params, dj_bytes_of(name), &sweep, &err);
    return show(sweep, rc, &err, one);
}

/* Words are separated by blanks. */
static const char *of_words(const char *declared, const char *text)
{
    dj_cleanup_params struct dj_params params = DJ_PARAMS_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bytes words[8];
    struct dj_sweep *sweep;
    size_t n = 0;
    int rc;

    for (params_of(&params, declared); *text != '\0'; n++) {
        size_t len = strcspn(text, " ");

        words[n] = dj_bytes(text, len);
        text += len + (text[len] != '\0');
    }
    rc = dj_sweep_of_words("t", &params, words, n, &sweep, &err);
    return show(sweep, rc, &err, show_columns);
}

static void names(void)
{
    is_str(of_name("n:int", "0..3", show_columns), "{\"n\":0} {\"n\":1} {\"n\":2} {\"n\":3}",
           "a range");
    is_str(of_name("n:int", "n=0..10..5", show_links), "0 5 10", "with a step, and the links");
    is_str(of_name("n:int", "9..5..-2", show_links), "9 7 5", "downwards");
    is_str(of_name("a:int b:int", "a=0..1,b={1;2}", show_links),
           "a=0,b=1 a=0,b=2 a=1,b=1 a=1,b=2", "the last one goes fastest");
    is_str(of_name("a:int b:int", "b={1;2},a=0..1", show_columns),
           "{\"b\":1,\"a\":0} {\"b\":1,\"a\":1} {\"b\":2,\"a\":0} {\"b\":2,\"a\":1}",
           "in the order of the name");
    is_str(of_name("a:int b:int", "0..1,7", show_links), "a=0,b=7 a=1,b=7", "by position");
    is_str(of_name("n:int", "{1;01;2}", show_links), "1 2", "equal values have one link");
    is_str(of_name("n:int", "{1;01;2}", show_columns), "{\"n\":1} {\"n\":1} {\"n\":2}",
           "and a row each");
    is_str(of_name("n:int", "{}", show_links), "", "no values, no rows");
    is_str(of_name("a:int b:int", "0..3,{}", show_columns), "", "of several, too");
    is_str(of_name("n:int", "{5}", show_links), "5", "one value");
    is_str(of_name("n:int", "5", show_links), "no sweep", "a plain name");
    is_str(of_name("n:int", "0%2E%2E9", show_links), "no sweep", "what is encoded is a value");
}

static void types(void)
{
    is_str(of_name("s", "{a;b c;}", show_columns),
           "{\"s\":\"a\"} {\"s\":\"b c\"} {\"s\":\"\"}", "texts");
    is_str(of_name("s", "{a%3Bb;%7B%7D,x}", show_columns),
           "{\"s\":\"a;b\"} {\"s\":\"{},x\"}", "percent-encoded, commas as they are");
    is_str(of_name("s", "0..9", show_links), "no sweep", "a text has no ranges");
    is_str(of_name("s", "{0..9}", show_links), "0.%2E9", "in braces it is a value");
    is_str(of_name("x:float", "{1;1.0;nan}", show_columns),
           "{\"x\":1.0} {\"x\":1.0} {\"x\":\"nan\"}", "floats");
    is_str(of_name("b:bool", "{true;false}", show_links), "true false", "bools");
    is_str(of_name("j:json", "{{\"a;b\":1};[1,2];\"}\";7}", show_columns),
           "{\"j\":{\"a;b\":1}} {\"j\":[1,2]} {\"j\":\"}\"} {\"j\":7}", "JSON as JSON");
    is_str(of_name("f:file", "{a.txt;%2Fx%2Fb;c@0123456789}", show_links),
           "a.txt %2Fx%2Fb c@0123456789", "files by their paths and digests");
    is_str(of_name("f:file", "{a.txt;c@0123456789}", show_columns),
           "{\"f\":\"a.txt\"} {\"f\":\"c@0123456789\"}", "and their columns");
    is_str(of_name("l:int* n:int", "l=1;2;,n={3;4}", show_columns),
           "{\"l\":[1,2],\"n\":3} {\"l\":[1,2],\"n\":4}", "a list beside it");
    is_str(of_name("l:str*", "{a;b}", show_links), "a; b;", "of a list, an element each");
    is_str(of_name("s", "{results;table.csv;x}", show_links), "%r0 %r1 x",
           "names of files there become numbers");
}

static void refusals(void)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    is_str(of_name("x:float", "0..1", show_links),
           "t: x: 0..1: only an int has ranges; values of a float are written {A;B;C}",
           "of a float");
    is_str(of_name("n:int", "0..1e18", show_links),
           "t: n: 0..1e18: a range is LO..HI or LO..HI..STEP of whole numbers", "no whole number");
    is_str(of_name("n:int", "0..1000000000000", show_links),
           "t: these are more than 1000000000 runs", "too many");
    is_str(of_name("a:int b:int", "0..99999,0..99999", show_links),
           "t: these are more than 1000000000 runs", "too many together");
    is_str(of_name("s", "a{b;c}", show_links),
           "t: s: { and } stand around all values of a parameter, as in {a;b}; as part of a value "
           "write %7B and %7D", "braces in the middle");
    is_str(of_name("s", "{a;b", show_links),
           "t: s: { and } stand around all values of a parameter, as in {a;b}; as part of a value "
           "write %7B and %7D", "not closed");
    is_str(of_name("n:int", "{1;x}", show_links), "t: n: \"x\" is not an int", "a bad value");
    is_str(of_name("a:int b:int", "0..3", show_links),
           "t: b:int is not given and has no default", "too few");
    is_str(of_name("n:int", "{1;2},{3;4}", show_links),
           "t takes 1 argument (n), and more are given", "too many");
    is_str(of_name("n:int", "n={1;2},n=3", show_links), "t: n is given twice", "twice");
    for (int i = 0; i < 600; i++)
        dj_buf_adds(&text, i == 0 ? "{1" : ";1");
    dj_buf_adds(&text, "}");
    is_str(of_name("n:int", dj_buf_str(&text), show_links),
           "t: the name of a sweep has at most 1024 bytes; `dj get` and `dj frame` take more",
           "too long");
}

static void words(void)
{
    is_str(of_words("n:int", "0..2"), "{\"n\":0} {\"n\":1} {\"n\":2}", "a range");
    is_str(of_words("a:int s", "s={x;y} a=1"), "{\"s\":\"x\",\"a\":1} {\"s\":\"y\",\"a\":1}",
           "texts by name");
    is_str(of_words("n:int", "{5}"), "{\"n\":5}", "one int");
    is_str(of_words("n:int", "{}"), "", "no int");
    is_str(of_words("s", "{}"), "no sweep", "a text means itself");
    is_str(of_words("s", "{a}"), "no sweep", "without a semicolon, too");
    is_str(of_words("s", "{if(x){y;z}}"), "no sweep", "and with braces inside");
    is_str(of_words("s", "{\"a\":\"x;y\"}"), "no sweep", "and as JSON");
    is_str(of_words("j:json", "{}"), "no sweep", "JSON is JSON");
    is_str(of_words("j:json", "{\"a\":\"x;y\"}"), "no sweep", "with a semicolon inside, too");
    is_str(of_words("j:json", "{{\"a\":\";\"};2}"), "{\"j\":{\"a\":\";\"}} {\"j\":2}",
           "two of them are a sweep");
    is_str(of_words("s", "%7B"), "no sweep", "nothing is decoded outside of braces");
    is_str(of_words("s", "{a%3Bb;c}"), "{\"s\":\"a;b\"} {\"s\":\"c\"}", "inside it is");
    is_str(of_words("s", "{%7Ba%3Bb%7D}"), "{\"s\":\"{a;b}\"}", "so any text can be given");
    is_str(of_words("s", "{%7B%257B%7D}"), "{\"s\":\"{%7B}\"}", "any at all");
    is_str(of_words("l:int*", "1 2 3..4"), "{\"l\":[1,2,3]} {\"l\":[1,2,4]}",
           "an element of a list");
    is_str(of_words("x:float", "0..1"),
           "t: x: 0..1: only an int has ranges; values of a float are written {A;B;C}",
           "of a float");
}

static void long_names(void)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    for (int i = 0; i < 260; i++)
        dj_buf_adds(&name, i == 0 ? "{x" : "x");
    dj_buf_adds(&name, ";y}");
    is_str(of_name("s", dj_buf_str(&name), show_links), "%r0 y", "long ones become numbers");
}

int main(void)
{
    names();
    types();
    refusals();
    words();
    long_names();
    dj_buf_release(&shown);
    return tap_done();
}
