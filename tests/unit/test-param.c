#include "lib/model/param.h"

#include <errno.h>

#include "lib/util/cbor.h"
#include "tests/unit/model.h"

enum { WORDS_MAX = 8 };

/* words: a NULL-terminated array of literals. */
static int bind(const struct dj_params *params, const char *const *words, struct dj_args *ret,
                struct dj_err *err)
{
    struct dj_bytes bytes[WORDS_MAX];
    size_t n = 0;

    for (; words[n] != NULL; n++)
        bytes[n] = dj_bytes_of(words[n]);
    return dj_args_bind("f", params, bytes, n, ret, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(,) NULL})

/* binds(params, words, json): json NULL: refused. */
static void binds(const struct dj_params *params, const char *const *words, const char *want)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_buf json dj_cleanup_buf = DJ_BUF_INIT;
    int r = bind(params, words, &args, &err);

    if (r == 0)
        dj_args_json(&json, &args);
    is_str(r == 0 ? dj_buf_str(&json) : err.text, want, "words %s %s", words[0],
           words[0] == NULL || words[1] == NULL ? "" : words[1]);
    ok((r == 0) == (want[0] == '{') && (r == 0 || r == -EINVAL), "bound or -EINVAL");
}

static void parses(const char *text, const char *want)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    int r = dj_params_parse(dj_bytes_of(text), &params, &err);

    if (r == 0)
        dj_params_print(&buf, &params);
    is_str(r == 0 ? dj_buf_str(&buf) : err.text, want, "parameters \"%s\"", text);
    ok(r == 0 || r == -EINVAL, "parsed or -EINVAL");
}

static void test_parse(void)
{
    parses("", "");
    parses(" , ,", "");
    parses("n:int", "n:int");
    parses("n:int, texts:file*, mode", "n:int, texts:file*, mode");
    parses("n:int texts:file*\tmode:str", "n:int, texts:file*, mode");
    parses("_a1,B:str*", "_a1, B:str*");
    parses("n:integer", "\"integer\" is not a type: str int float bool json file path run, or one "
                        "of them with * for a list");
    parses("n:", "\"\" is not a type: str int float bool json file path run, or one of them with * "
                 "for a list");
    parses("1n", "\"1n\" is not a parameter name: letters, digits and _, no digit first, 100 at "
                 "the most");
    parses(":int", "\"\" is not a parameter name: letters, digits and _, no digit first, 100 at "
                   "the most");
    parses("a-b", "\"a-b\" is not a parameter name: letters, digits and _, no digit first, 100 at "
                  "the most");
    parses("n, m, n:int", "the parameter n is named twice");
    parses("here", "no parameter can be called here: {here} is the folder of the definition");
}

static void test_bind(void)
{
    struct dj_params params dj_cleanup_params;

    params_of(&params, "a:int, b:int, mode");
    set_default(&params, "b", "7");
    set_default(&params, "mode", "fast");
    binds(&params, WORDS("1"), "{\"a\":1,\"b\":7,\"mode\":\"fast\"}\n");
    binds(&params, WORDS("1", "2"), "{\"a\":1,\"b\":2,\"mode\":\"fast\"}\n");
    binds(&params, WORDS("b=2", "1"), "{\"a\":1,\"b\":2,\"mode\":\"fast\"}\n");
    binds(&params, WORDS("mode=x=y", "1"), "{\"a\":1,\"b\":7,\"mode\":\"x=y\"}\n");
    binds(&params, WORDS("1", "2", "c=3"), "{\"a\":1,\"b\":2,\"mode\":\"c=3\"}\n");
    binds(&params, WORDS("1", "2", ""), "{\"a\":1,\"b\":2,\"mode\":\"\"}\n");
    binds(&params, WORDS("1", "mode="), "{\"a\":1,\"b\":7,\"mode\":\"\"}\n");
    binds(&params, WORDS("1", "2", "_"), "{\"a\":1,\"b\":2,\"mode\":\"_\"}\n");
    binds(&params, WORDS(), "f: a:int is not given and has no default");
    binds(&params, WORDS("1", "2", "3", "4"),
          "f takes 3 arguments (a, b, mode), and more are given");
    binds(&params, WORDS("1", "a=2"), "f: a is given twice");
    binds(&params, WORDS("a=1", "a=2"), "f: a is given twice");
    binds(&params, WORDS("x"), "f: a: \"x\" is not an int");
    binds(&params, WORDS("a="), "f: a: \"\" is not an int");
}

static void test_lists(void)
{
    struct dj_params params dj_cleanup_params, middle dj_cleanup_params, none dj_cleanup_params;

    params_of(&params, "n:int, texts:str*");
    binds(&params, WORDS("1"), "{\"n\":1,\"texts\":[]}\n");
    binds(&params, WORDS("1", "a", "b", "", "a"), "{\"n\":1,\"texts\":[\"a\",\"b\",\"\",\"a\"]}\n");
    binds(&params, WORDS("texts=a", "1", "texts=b"), "{\"n\":1,\"texts\":[\"a\",\"b\"]}\n");
    binds(&params, WORDS("texts=a", "1", "b"), "{\"n\":1,\"texts\":[\"a\",\"b\"]}\n");
    set_default(&params, "texts", "d");
    binds(&params, WORDS("1"), "{\"n\":1,\"texts\":[\"d\"]}\n");
    params_of(&middle, "xs:int*, n:int");
    binds(&middle, WORDS("1", "2"), "{\"xs\":[1],\"n\":2}\n");
    binds(&middle, WORDS("xs=1", "xs=3", "2"), "{\"xs\":[1,3],\"n\":2}\n");
    binds(&middle, WORDS("1", "2", "3"), "f takes 2 arguments (xs, n), and more are given");
    binds(&middle, WORDS("n=2"), "f: xs:int* is not given and has no default");
    params_of(&none, "");
    binds(&none, WORDS(), "{}\n");
    binds(&none, WORDS("x"), "f takes no arguments");
}

static void test_ignored(void)
{
    struct dj_params params dj_cleanup_params;

    params_of(&params, "n:int, verbose:bool");
    set_ignored(&params, "verbose");
    binds(&params, WORDS("5", "true"), "{\"n\":5,\"verbose\":true}\n");
    binds(&params, WORDS("5"), "f: verbose:bool is not given and has no default");
}

static void test_json(void)
{
    struct dj_params params dj_cleanup_params;

    params_of(&params, "s, i:int, x:float, b:bool, j:json, f:file, r:run, l:float*");
    binds(&params,
          WORDS("a\"\n\xff", "18446744073709551616", "1e3", "false", "{\"b\": [1.50], \"a\": null}",
                "/data/a.txt", "wc/a", "nan"),
          "{\"s\":\"a\\\"\\n\xef\xbf\xbd\",\"i\":18446744073709551616,\"x\":1000.0,\"b\":false,"
          "\"j\":{\"a\":null,\"b\":[1.5]},\"f\":\"/data/a.txt\",\"r\":\"wc/a\",\"l\":[\"nan\"]}\n");
}

static void test_store(void)
{
    struct dj_params params dj_cleanup_params, changed dj_cleanup_params;
    struct dj_args args dj_cleanup_args, back dj_cleanup_args = DJ_ARGS_INIT,
                        copy dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, json dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_param *added;

    params_of(&params, "a:int, b, c:file*");
    if (bind(&params, WORDS("1", "two", "/x/three", "four@0123456789"), &args, NULL) != 0)
        bail_out("no arguments");
    dj_args_store(&buf, &args);
    is_int(dj_args_load(dj_buf_bytes(&buf), &params, &back, NULL), 0,
           "stored arguments are loaded");
    dj_args_json(&json, &back);
    is_str(dj_buf_str(&json), "{\"a\":1,\"b\":\"two\",\"c\":[\"/x/three\",\"four@0123456789\"]}\n",
           "the same");
    ok(!dj_args_resolved(&back), "unresolved as they were");
    is_str(dj_buf_str(&dj_args_get(&back, "b")->scalars[0].text), "two", "found by name");
    ok(dj_args_get(&back, "z") == NULL, "or not");
    dj_args_copy(&copy, &back);
    ok(dj_value_equal(dj_args_get(&copy, "c"), dj_args_get(&back, "c")), "copied");
    dj_args_release(&back);
    params_of(&changed, "b:int, d:int, e:int, a:int, g:int");
    added = dj_params_find(&changed, DJ_BYTES_LIT("d"));
    set_default(&changed, "d", "8");
    added->has_absent = true;
    dj_value_copy(&added->absent, &added->default_value);
    dj_value_release(&added->default_value);
    set_default(&changed, "d", "9");
    set_default(&changed, "e", "10");
    is_int(dj_args_load(dj_buf_bytes(&buf), &changed, &back, NULL), 0, "with other parameters");
    dj_buf_clear(&json);
    dj_args_json(&json, &back);
    is_str(dj_buf_str(&json), "{\"d\":8,\"e\":10,\"a\":1}\n",
           "what is gone or of another type is dropped, what is new takes its absent value or its "
           "default");
    is_int(dj_args_complete("f", &back, NULL), -EINVAL, "what has neither is missing");
}

static void test_damaged(void)
{
    struct dj_params params dj_cleanup_params;
    struct dj_args args dj_cleanup_args, back;
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    size_t refused = 0;

    params_of(&params, "a:int, b");
    if (bind(&params, WORDS("1", "two"), &args, NULL) != 0)
        bail_out("no arguments");
    dj_args_store(&buf, &args);
    for (size_t len = 0; len < buf.len; len++)
        refused += dj_args_load(dj_bytes(buf.data, len), &params, &back, NULL) == -EBADMSG;
    is_int((intmax_t)refused, (intmax_t)buf.len, "what is cut off is refused");
    dj_buf_addc(&buf, 0);
    is_int(dj_args_load(dj_buf_bytes(&buf), &params, &back, NULL), -EBADMSG, "so is a byte more");
}

int main(void)
{
    test_parse();
    test_bind();
    test_lists();
    test_ignored();
    test_json();
    test_store();
    test_damaged();
    return tap_done();
}
