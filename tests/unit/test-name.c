#include "lib/model/name.h"

#include <errno.h>

#include "tests/unit/model.h"

static void encodes(struct dj_bytes bytes, const char *want)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, back dj_cleanup_buf = DJ_BUF_INIT;

    dj_name_encode(&buf, bytes);
    is_str(dj_buf_str(&buf), want, "encoded: %s", want);
    is_int(dj_name_decode(&back, dj_buf_bytes(&buf), NULL), 0, "decoded");
    is_bytes(back.data, back.len, bytes.data, bytes.len, "to the same bytes");
}

static void test_encode(void)
{
    encodes(DJ_BYTES_LIT("abc"), "abc");
    encodes(DJ_BYTES_LIT(""), "%e");
    encodes(DJ_BYTES_LIT("/,=%@{};*"), "%2F%2C%3D%25%40%7B%7D%3B%2A");
    encodes(DJ_BYTES_LIT("\n\x1f\x7f \\'\""), "%0A%1F%7F \\'\"");
    encodes(DJ_BYTES_LIT(".git"), "%2Egit");
    encodes(DJ_BYTES_LIT("."), "%2E");
    encodes(DJ_BYTES_LIT(".."), "%2E%2E");
    encodes(DJ_BYTES_LIT("a..b...c.d"), "a.%2Eb.%2E%2Ec.d");
    encodes(DJ_BYTES_LIT("\xff\xc3\xbc"), "\xff\xc3\xbc");
    encodes(DJ_BYTES_LIT("%e"), "%25e");
}

static void test_every_byte(void)
{
    struct dj_buf bytes dj_cleanup_buf = DJ_BUF_INIT, name dj_cleanup_buf = DJ_BUF_INIT,
                  back dj_cleanup_buf = DJ_BUF_INIT;

    for (int first = 1; first < 256; first++) {
        for (int second = 1; second < 256; second++) {
            dj_buf_addc(&bytes, first);
            dj_buf_addc(&bytes, second);
        }
    }
    dj_name_encode(&name, dj_buf_bytes(&bytes));
    ok(strstr(dj_buf_str(&name), "..") == NULL && strchr(dj_buf_str(&name), '/') == NULL,
       "no .. and no / is left of all pairs of bytes");
    is_int(dj_name_decode(&back, dj_buf_bytes(&name), NULL), 0, "the name is decoded");
    ok(dj_bytes_equal(dj_buf_bytes(&back), dj_buf_bytes(&bytes)), "to the same bytes");
}

static void test_decode(void)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;

    is_int(dj_name_decode(&buf, DJ_BYTES_LIT("%61%2f%2F,="), NULL), 0, "needless and lower-case");
    is_str(dj_buf_str(&buf), "a//,=", "are decoded");
    is_int(dj_name_decode(&buf, DJ_BYTES_LIT("x%"), NULL), -EINVAL, "a lone %%");
    is_int(dj_name_decode(&buf, DJ_BYTES_LIT("x%4"), NULL), -EINVAL, "one digit");
    is_int(dj_name_decode(&buf, DJ_BYTES_LIT("x%4g"), NULL), -EINVAL, "not a digit");
    is_int(dj_name_decode(&buf, DJ_BYTES_LIT("x%00"), NULL), -EINVAL, "NUL");
    is_str(dj_buf_str(&buf), "a//,=", "and nothing is added then");
}

static const char *task = "f";

/* named(params, name, canonical): canonical "!…": refused with that sentence. */
static void named(const struct dj_params *params, const char *name, const char *want)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT, again dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_digest a, b;
    int r = dj_name_parse(task, params, dj_bytes_of(name), &args, &err);

    if (r != 0) {
        dj_buf_addf(&buf, "!%s", err.text);
        is_str(dj_buf_str(&buf), want, "%s is refused", name);
        return;
    }
    resolve(&args);
    dj_name_canonical(&buf, &args);
    if (!is_str(dj_buf_str(&buf), want, "the name of %s", name))
        return;
    r = dj_name_parse(task, params, dj_buf_bytes(&buf), &again, &err);
    if (dj_name_is_hashed(dj_buf_bytes(&buf))) {
        is_int(r, -ENOKEY, "only a table knows it");
        return;
    }
    is_int(r, 0, "it is read");
    if (r == 0) {
        dj_name_canonical(&second, &again);
        is_str(dj_buf_str(&second), want, "as itself");
    }
    if (r == 0 && dj_args_resolved(&again)) {
        dj_key_digest(task, &args, &a);
        dj_key_digest(task, &again, &b);
        ok(dj_digest_equal(&a, &b), "with the same key");
    }
}

static void test_one(void)
{
    struct dj_params n dj_cleanup_params, s dj_cleanup_params, x dj_cleanup_params;

    params_of(&n, "n:int");
    named(&n, "5", "5");
    named(&n, "n=5", "5");
    named(&n, "+05", "5");
    named(&n, "%35", "5");
    named(&n, "-5", "-5");
    named(&n, "5,", "!f takes 1 argument (n), and more are given");
    named(&n, "5,6", "!f takes 1 argument (n), and more are given");
    named(&n, "5,n=6", "!f: n is given twice");
    named(&n, "m=5", "!f: n: \"m=5\" is not an int");
    named(&n, "x", "!f: n: \"x\" is not an int");
    named(&n, "1.0", "!f: n: \"1.0\" is not an int");
    named(&n, "0..4", "!f: n: \"0..4\" is not an int");
    named(&n, "_", "!f: n:int is not given and has no default");
    named(&n, "%5", "!f: n: % is followed by two hex digits; % itself is written %25");
    params_of(&s, "s");
    named(&s, "result", "result");
    named(&s, "status", "status");
    named(&s, "s=_", "%5F");
    named(&s, "%5F", "%5F");
    named(&s, "__", "__");
    named(&s, "%e", "%e");
    named(&s, "s=", "%e");
    named(&s, "a=b", "a%3Db");
    named(&s, "%2Egit", "%2Egit");
    named(&s, "s=.git", "%2Egit");
    named(&s, "s=..", "%2E%2E");
    named(&s, "a..b", "a.%2Eb");
    named(&s, "a@b", "a%40b");
    named(&s, "a;b", "a%3Bb");
    named(&s, "it's \"x\"\n\xff", "it's \"x\"%0A\xff");
    named(&s, "_", "!f: s:str is not given and has no default");
    named(&s, "a,b", "!f takes 1 argument (s), and more are given");
    params_of(&x, "x:float");
    named(&x, "1e3", "1000.0");
    named(&x, "1", "1.0");
    named(&x, "-0.0", "-0.0");
    named(&x, "NaN", "nan");
    named(&x, "9223372036854775808", "9.223372036854776e+18");
    named(&x, "1e400", "!f: x: \"1e400\" is too large for a float");
}

static void test_raw(void)
{
    struct dj_params s dj_cleanup_params;
    struct dj_args args;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    params_of(&s, "s");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT(".git"), &args, &err), -ENOENT, "a leading dot");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT("."), &args, &err), -ENOENT, "a dot");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT(".."), &args, &err), -ENOENT, "two dots");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT(""), &args, &err), -ENOENT, "nothing");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT("*"), &args, &err), -ENOENT,
           "a pattern that matched nothing");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT("{a;b}"), &args, &err), -EINVAL, "a sweep");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT("a\0b"), &args, &err), -EINVAL, "a NUL byte");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT("a/b"), &args, &err), -EINVAL, "a slash");
    is_int(dj_name_parse(task, &s, DJ_BYTES_LIT("%hab"), &args, &err), -EINVAL, "a short %%h");
}

static void test_several(void)
{
    struct dj_params params dj_cleanup_params;

    params_of(&params, "a:int, b:int, mode");
    set_default(&params, "b", "7");
    set_default(&params, "mode", "_");
    named(&params, "3,4", "a=3,b=4,mode=_");
    named(&params, "b=4,a=3", "a=3,b=4,mode=_");
    named(&params, "b=4,3", "a=3,b=4,mode=_");
    named(&params, "3", "a=3,b=7,mode=_");
    named(&params, "a=3", "a=3,b=7,mode=_");
    named(&params, "3,4,.x", "a=3,b=4,mode=%2Ex");
    named(&params, "3,4,", "a=3,b=4,mode=%e");
    named(&params, "3,,x", "!f: b: \"\" is not an int");
    named(&params, "3,4,x,y", "!f takes 3 arguments (a, b, mode), and more are given");
    named(&params, "3,a=3", "!f: a is given twice");
    named(&params, "b=4", "!f: a:int is not given and has no default");
    named(&params, "3,4,c=5", "a=3,b=4,mode=c%3D5");
}

static void test_none_and_ignored(void)
{
    struct dj_params none dj_cleanup_params, only dj_cleanup_params, one dj_cleanup_params,
        bare dj_cleanup_params;
    struct dj_args args dj_cleanup_args;

    params_of(&none, "");
    named(&none, "_", "_");
    named(&none, "x", "!f takes no arguments");
    named(&none, "_,x", "!f takes no arguments");
    params_of(&only, "verbose:int");
    set_default(&only, "verbose", "0");
    set_ignored(&only, "verbose");
    named(&only, "_", "_");
    named(&only, "verbose=1", "_");
    named(&only, "_,verbose=1", "_");
    named(&only, "1", "!f takes no arguments");
    params_of(&one, "verbose:int, n:int");
    set_default(&one, "verbose", "0");
    set_ignored(&one, "verbose");
    named(&one, "5", "5");
    named(&one, "5,verbose=1", "5");
    named(&one, "n=5,verbose=1", "5");
    named(&one, "verbose=1,5", "5");
    named(&one, "5,1", "!f takes 1 argument (n), and more are given");
    params_of(&bare, "verbose:int, n:int");
    set_ignored(&bare, "verbose");
    named(&bare, "5", "5");
    if (dj_name_parse(task, &bare, DJ_BYTES_LIT("5"), &args, NULL) != 0)
        bail_out("no arguments");
    is_int(dj_args_complete(task, &args, NULL), -EINVAL, "what has no default is missing");
    dj_args_release(&args);
    if (dj_name_parse(task, &bare, DJ_BYTES_LIT("5,verbose=1"), &args, NULL) != 0)
        bail_out("no arguments");
    is_int(dj_args_complete(task, &args, NULL), 0, "or given");
    is_str(dj_buf_str(&dj_args_get(&args, "verbose")->scalars[0].text), "1", "with its value");
}

static void test_lists(void)
{
    struct dj_params one dj_cleanup_params, two dj_cleanup_params;

    params_of(&one, "xs:str*");
    named(&one, ";", ";");
    named(&one, "xs=;", ";");
    named(&one, "_", ";");
    named(&one, "a;", "a;");
    named(&one, "a", "a;");
    named(&one, "a;b", "a;b;");
    named(&one, "a,b", "a;b;");
    named(&one, "xs=a,xs=b;c", "a;b;c;");
    named(&one, "_;", "_;");
    named(&one, "%e;", "%e;");
    named(&one, "%e;%e", "%e;%e;");
    named(&one, "%3B", "%3B;");
    named(&one, "a;;b", "!f: xs: an empty element of a list is written %e");
    named(&one, ";a", "!f: xs: an empty element of a list is written %e");
    named(&one, "xs=", "!f: xs: an empty list is written ; and an empty string %e");
    params_of(&two, "n:int, xs:int*");
    named(&two, "1,2;3;", "n=1,xs=2;3;");
    named(&two, "1,2,3", "n=1,xs=2;3;");
    named(&two, "1", "n=1,xs=;");
    named(&two, "xs=;,n=1", "n=1,xs=;");
    named(&two, "1,x;", "!f: xs: \"x\" is not an int");
}

static void referred(const struct dj_params *params, const char *name,
                     enum dj_resolution resolution, const char *text, const char *prefix)
{
    struct dj_args args dj_cleanup_args;
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    const struct dj_scalar *scalar;

    if (dj_name_parse(task, params, dj_bytes_of(name), &args, NULL) != 0)
        bail_out("%s is no name", name);
    scalar = &args.values[0].scalars[0];
    is_int(scalar->resolution, resolution, "%s is born as it should be", name);
    is_str(dj_buf_str(&scalar->text), text, "with its name");
    is_str(dj_buf_str(&scalar->prefix), prefix, "and its digits");
    dj_name_canonical(&buf, &args);
    if (resolution == DJ_REFERENCED)
        is_str(dj_buf_str(&buf), name, "and is written as it was read");
}

static void test_references(void)
{
    struct dj_params file dj_cleanup_params, files dj_cleanup_params, run dj_cleanup_params;

    params_of(&file, "text:file");
    referred(&file, "a.txt@1f3a9c07d2", DJ_REFERENCED, "a.txt", "1f3a9c07d2");
    referred(&file, "a%401f3a9c07d2@1f3a9c07d2", DJ_REFERENCED, "a@1f3a9c07d2", "1f3a9c07d2");
    referred(&file, "a.txt%401f3a9c07d2", DJ_SPELLED, "a.txt@1f3a9c07d2", "");
    referred(&file, "%2Fdata%2Fa.txt", DJ_SPELLED, "/data/a.txt", "");
    referred(&file, "%2Fdata%2Fa.txt@1f3a9c07d2", DJ_SPELLED, "/data/a.txt@1f3a9c07d2", "");
    referred(&file, "a.txt@1f3a9c", DJ_SPELLED, "a.txt@1f3a9c", "");
    named(&file, "%e@1f3a9c07d2", "!f: text: the empty string is not a file");
    named(&file, "%e", "!f: text: the empty string is not a file");
    named(&file, "%2Fdata%2Fx", "x@d161d71145");
    params_of(&files, "texts:file*");
    referred(&files, "a@1f3a9c07d2;b@1f3a9c07d2;", DJ_REFERENCED, "a", "1f3a9c07d2");
    params_of(&run, "r:run");
    referred(&run, "wc%2Fa.txt%401f3a9c07d2@beef012345", DJ_REFERENCED, "wc/a.txt@1f3a9c07d2",
             "beef012345");
    referred(&run, "factorial%2F5", DJ_SPELLED, "factorial/5", "");
}

static void name_of_length(const struct dj_params *params, size_t len, bool want_hashed)
{
    struct dj_args args dj_cleanup_args, none;
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT, name dj_cleanup_buf = DJ_BUF_INIT,
                  whole dj_cleanup_buf = DJ_BUF_INIT;
    char hex[DJ_DIGEST_HEX_SIZE];
    struct dj_digest digest;

    for (size_t i = 0; i < len; i++)
        dj_buf_addc(&text, 'x');
    if (dj_name_parse(task, params, dj_buf_bytes(&text), &args, NULL) != 0)
        bail_out("a long spelling is not read");
    dj_name_canonical(&name, &args);
    dj_name_long(&whole, &args);
    is_int(dj_name_is_hashed(dj_buf_bytes(&name)), want_hashed, "a name of %zu bytes", len);
    ok(dj_bytes_equal(dj_buf_bytes(&whole), dj_buf_bytes(&text)), "has its long form");
    if (!want_hashed)
        return;
    dj_digest_bytes(dj_buf_bytes(&whole), &digest);
    dj_digest_hex(&digest, hex);
    ok(name.len == 66 && strcmp(dj_buf_str(&name) + 2, hex) == 0, "whose digest is its name");
    is_int(dj_name_parse(task, params, dj_buf_bytes(&name), &none, NULL), -ENOKEY,
           "which only a table knows");
}

static void test_long(void)
{
    struct dj_params s dj_cleanup_params;

    params_of(&s, "s");
    name_of_length(&s, 255, false);
    name_of_length(&s, 256, true);
    name_of_length(&s, 100000, true);
    ok(!dj_name_is_hashed(DJ_BYTES_LIT("%h12")), "%%h with two digits is not hashed");
}

int main(void)
{
    test_encode();
    test_every_byte();
    test_decode();
    test_one();
    test_raw();
    test_several();
    test_none_and_ignored();
    test_lists();
    test_references();
    test_long();
    return tap_done();
}
