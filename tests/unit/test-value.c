#include "lib/model/value.h"

#include <errno.h>

#include "tests/unit/model.h"

static void test_types(void)
{
    enum dj_type type;
    bool list, right = true;

    for (int i = DJ_STR; i <= DJ_RUN; i++) {
        const char *name = dj_type_name((enum dj_type)i);

        right = right && dj_type_parse(dj_bytes_of(name), &type, &list) == 0 && (int)type == i &&
                !list;
    }
    ok(right, "every type is read by its name");
    ok(dj_type_parse(DJ_BYTES_LIT("file*"), &type, &list) == 0 && type == DJ_FILE && list,
       "a star makes a list");
    is_int(dj_type_parse(DJ_BYTES_LIT("integer"), &type, &list), -EINVAL, "no such type");
    is_int(dj_type_parse(DJ_BYTES_LIT("*"), &type, &list), -EINVAL, "a star alone");
    is_int(dj_type_parse(DJ_BYTES_LIT("int**"), &type, &list), -EINVAL, "two stars");
    is_int(dj_type_parse(DJ_BYTES_LIT(""), &type, &list), -EINVAL, "no type");
}

static void canonical(enum dj_type type, const char *text, const char *want)
{
    struct dj_scalar scalar dj_cleanup_scalar;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    int r = dj_scalar_parse(type, dj_bytes_of(text), &scalar, &err);

    if (!is_str(r == 0 ? dj_buf_str(&scalar.text) : NULL, want, "%s %s", dj_type_name(type), text))
        diag("%s", dj_err_text(&err, r));
}

static void refused(enum dj_type type, struct dj_bytes text, const char *sentence)
{
    struct dj_scalar scalar dj_cleanup_scalar;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    is_int(dj_scalar_parse(type, text, &scalar, &err), -EINVAL, "%s is refused",
           dj_type_name(type));
    is_str(err.text, sentence, "with a sentence");
}

static void test_scalars(void)
{
    canonical(DJ_STR, "", "");
    canonical(DJ_STR, " a 'b' \"c\"\n\xff", " a 'b' \"c\"\n\xff");
    canonical(DJ_INT, "+007", "7");
    canonical(DJ_FLOAT, "1e3", "1000.0");
    canonical(DJ_BOOL, "true", "true");
    canonical(DJ_BOOL, "false", "false");
    canonical(DJ_JSON, "{\"b\":1, \"a\":[1.0]}", "{\"a\":[1.0],\"b\":1}");
    refused(DJ_STR, DJ_BYTES_LIT("a\0b"),
            "\"a\\u0000b\" holds a NUL byte, which no argument of a program can");
    refused(DJ_INT, DJ_BYTES_LIT("x"), "\"x\" is not an int");
    refused(DJ_INT, DJ_BYTES_LIT("1.0"), "\"1.0\" is not an int");
    refused(DJ_FLOAT, DJ_BYTES_LIT("x\n"), "\"x\\n\" is not a float");
    refused(DJ_FLOAT, DJ_BYTES_LIT("1e400"), "\"1e400\" is too large for a float");
    refused(DJ_BOOL, DJ_BYTES_LIT("1"), "\"1\" is not a bool: true or false");
    refused(DJ_BOOL, DJ_BYTES_LIT("True"), "\"True\" is not a bool: true or false");
    refused(DJ_FILE, DJ_BYTES_LIT(""), "the empty string is not a file");
    refused(DJ_RUN, DJ_BYTES_LIT(""), "the empty string is not a run");
}

static void test_long_int(void)
{
    struct dj_scalar scalar dj_cleanup_scalar;
    char digits[1002];

    memset(digits, '1', sizeof(digits));
    is_int(dj_scalar_parse(DJ_INT, dj_bytes(digits, 1000), &scalar, NULL), 0, "1000 digits");
    dj_scalar_release(&scalar);
    is_int(dj_scalar_parse(DJ_INT, dj_bytes(digits, 1001), &scalar, NULL), -EINVAL,
           "1001 digits are too many");
}

static void born(enum dj_type type, const char *text, enum dj_resolution resolution,
                 const char *name, const char *prefix)
{
    struct dj_scalar scalar dj_cleanup_scalar;

    is_int(dj_scalar_parse(type, dj_bytes_of(text), &scalar, NULL), 0, "%s %s",
           dj_type_name(type), text);
    is_int(scalar.resolution, resolution, "is born as it should be");
    is_str(dj_buf_str(&scalar.text), name, "with its name");
    is_str(dj_buf_str(&scalar.prefix), prefix, "and its digits");
}

static void test_references(void)
{
    born(DJ_FILE, "a.txt", DJ_SPELLED, "a.txt", "");
    born(DJ_FILE, "a.txt@1f3a9c07d2", DJ_REFERENCED, "a.txt", "1f3a9c07d2");
    born(DJ_PATH, "a@b@1F3A9C07D2", DJ_REFERENCED, "a@b", "1f3a9c07d2");
    born(DJ_FILE, "a.txt@1f3a9c07d", DJ_SPELLED, "a.txt@1f3a9c07d", "");
    born(DJ_FILE, "a.txt@1f3a9c07dx", DJ_SPELLED, "a.txt@1f3a9c07dx", "");
    born(DJ_FILE, "./a.txt@1f3a9c07d2", DJ_SPELLED, "./a.txt@1f3a9c07d2", "");
    born(DJ_FILE, "@1f3a9c07d2", DJ_SPELLED, "@1f3a9c07d2", "");
    born(DJ_RUN, "wc/a.txt@1f3a9c07d2", DJ_SPELLED, "wc/a.txt@1f3a9c07d2", "");
}

static void test_resolve(void)
{
    struct dj_scalar scalar dj_cleanup_scalar;
    struct dj_digest digest;

    memset(&digest, 0xab, sizeof(digest));
    is_int(dj_scalar_parse(DJ_FILE, DJ_BYTES_LIT("/data/a.txt"), &scalar, NULL), 0, "a path");
    dj_scalar_resolve(&scalar, dj_bytes_from(dj_buf_bytes(&scalar.text), 6), &digest,
                      dj_buf_bytes(&scalar.text));
    is_int(scalar.resolution, DJ_RESOLVED, "is resolved");
    is_str(dj_buf_str(&scalar.text), "a.txt", "its name may lie inside it");
    is_str(dj_buf_str(&scalar.source), "/data/a.txt", "and so may its source");
    is_str(dj_buf_str(&scalar.prefix), "ababababab", "ten digits are shown");
    dj_scalar_show(&scalar, 12);
    is_str(dj_buf_str(&scalar.prefix), "abababababab", "or more");
}

static void value_of(struct dj_value *ret, enum dj_type type, bool list, const char *const *texts,
                     size_t n)
{
    struct dj_bytes words[8];

    for (size_t i = 0; i < n; i++)
        words[i] = dj_bytes_of(texts[i]);
    if (dj_value_parse(type, list, words, n, ret, NULL) != 0)
        bail_out("no value");
}

static void cbor_is(enum dj_type type, const char *text, const char *want)
{
    struct dj_value value dj_cleanup_value;
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, hex dj_cleanup_buf = DJ_BUF_INIT;

    value_of(&value, type, false, &text, 1);
    dj_value_cbor(&buf, &value);
    is_str(hex_of(dj_buf_bytes(&buf), &hex), want, "CBOR of %s %s", dj_type_name(type), text);
}

static void test_cbor(void)
{
    cbor_is(DJ_STR, "1", "4131");
    cbor_is(DJ_STR, "\xff", "41ff");
    cbor_is(DJ_INT, "1", "01");
    cbor_is(DJ_INT, "18446744073709551616", "c249010000000000000000");
    cbor_is(DJ_FLOAT, "1", "f93c00");
    cbor_is(DJ_FLOAT, "nan", "f97e00");
    cbor_is(DJ_BOOL, "true", "f5");
    cbor_is(DJ_JSON, "1", "da646a000101");
    cbor_is(DJ_JSON, "[]", "da646a000180");
}

static void test_lists(void)
{
    static const char *const texts[] = {"1", "2"};
    struct dj_value none dj_cleanup_value, one dj_cleanup_value, two dj_cleanup_value,
        scalar dj_cleanup_value;
    struct dj_value bad;
    struct dj_bytes words[2] = {DJ_BYTES_LIT("1"), DJ_BYTES_LIT("x")};

    value_of(&none, DJ_INT, true, texts, 0);
    value_of(&one, DJ_INT, true, texts, 1);
    value_of(&two, DJ_INT, true, texts, 2);
    value_of(&scalar, DJ_INT, false, texts, 1);
    is_int((intmax_t)none.n, 0, "an empty list");
    is_int((intmax_t)two.n, 2, "a list of two");
    ok(!dj_value_equal(&one, &scalar), "[1] is not 1");
    ok(!dj_value_equal(&one, &two) && !dj_value_equal(&none, &one), "lists of different lengths");
    is_int(dj_value_parse(DJ_INT, true, words, 2, &bad, NULL), -EINVAL, "one bad element");
    is_int(dj_value_parse(DJ_INT, false, words, 2, &bad, NULL), -EINVAL, "two values for one");
    is_int(dj_value_parse(DJ_INT, false, words, 0, &bad, NULL), -EINVAL, "no value for one");
}

static void stored_is_loaded(struct dj_value *value, const char *name)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT, again dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_value back dj_cleanup_value = DJ_VALUE_INIT;
    size_t cut = 0;

    dj_value_store(&buf, value);
    is_int(dj_value_load(dj_buf_bytes(&buf), &back, NULL), 0, "%s is loaded", name);
    ok(dj_value_equal(value, &back), "as an equal value");
    dj_value_store(&again, &back);
    is_bytes(again.data, again.len, buf.data, buf.len, "with all that belongs to it");
    for (size_t len = 0; len < buf.len; len++) {
        struct dj_value bad;

        cut += dj_value_load(dj_bytes(buf.data, len), &bad, NULL) == -EBADMSG;
    }
    is_int((intmax_t)cut, (intmax_t)buf.len, "and refused when cut off");
}

static void test_store(void)
{
    static const char *const texts[] = {"-0.0", "nan", "1e22"};
    static const char *const files[] = {"/data/a.txt", "b@0123456789"};
    struct dj_value floats dj_cleanup_value, paths dj_cleanup_value, missing dj_cleanup_value,
        bad = DJ_VALUE_INIT;
    struct dj_digest digest;

    value_of(&floats, DJ_FLOAT, true, texts, 3);
    stored_is_loaded(&floats, "a list of floats");
    value_of(&paths, DJ_FILE, true, files, 2);
    stored_is_loaded(&paths, "an unresolved list of files");
    memset(&digest, 0xcd, sizeof(digest));
    dj_scalar_resolve(&paths.scalars[0], DJ_BYTES_LIT("a.txt"), &digest,
                      DJ_BYTES_LIT("/data/a.txt"));
    stored_is_loaded(&paths, "a partly resolved one");
    dj_value_init(&missing, DJ_INT, false, 0);
    stored_is_loaded(&missing, "a missing value");
    is_int(dj_value_load(DJ_BYTES_LIT("\x83\x01\xf4\x81\x42\x30\x35"), &bad, NULL), -EBADMSG,
           "an int 05 is not canonical and not loaded");
    is_int(dj_value_load(DJ_BYTES_LIT("\x83\x08\xf4\x80"), &bad, NULL), -EBADMSG, "nor a type 8");
    is_int(dj_value_load(DJ_BYTES_LIT("\x83\x01\xf4\x82\x41\x30\x41\x30"), &bad, NULL), -EBADMSG,
           "nor two values for one");
}

static void test_equal(void)
{
    static const char *const text[] = {"/x/a.txt"};
    struct dj_value a dj_cleanup_value, b dj_cleanup_value, copy dj_cleanup_value;
    struct dj_digest digest;

    value_of(&a, DJ_FILE, false, text, 1);
    value_of(&b, DJ_FILE, false, text, 1);
    ok(!dj_value_resolved(&a), "a path is not resolved");
    ok(dj_value_equal(&a, &b), "two equal spellings");
    memset(&digest, 1, sizeof(digest));
    dj_scalar_resolve(a.scalars, DJ_BYTES_LIT("a.txt"), &digest, DJ_BYTES_LIT("/x/a.txt"));
    ok(!dj_value_equal(&a, &b), "a spelling does not equal what is resolved");
    dj_scalar_resolve(b.scalars, DJ_BYTES_LIT("b.txt"), &digest, DJ_BYTES_LIT("/y/b.txt"));
    ok(dj_value_resolved(&a) && dj_value_equal(&a, &b), "a file is its content");
    dj_value_copy(&copy, &a);
    is_str(dj_buf_str(&copy.scalars[0].source), "/x/a.txt", "a copy has the source, too");
    digest.b[31] = 2;
    dj_scalar_resolve(b.scalars, DJ_BYTES_LIT("a.txt"), &digest, DJ_BYTES_LIT("/x/a.txt"));
    ok(!dj_value_equal(&a, &b), "another content is another file");
}

static void test_path_digest(void)
{
    struct dj_digest a, b, c, d;

    dj_path_digest(DJ_BYTES_LIT("/x"), 1, 2, &a);
    dj_path_digest(DJ_BYTES_LIT("/x"), 1, 3, &b);
    dj_path_digest(DJ_BYTES_LIT("/x"), 2, 2, &c);
    dj_path_digest(DJ_BYTES_LIT("/y"), 1, 2, &d);
    ok(!dj_digest_equal(&a, &b) && !dj_digest_equal(&a, &c) && !dj_digest_equal(&a, &d),
       "path, size and time all count");
}

int main(void)
{
    test_types();
    test_scalars();
    test_long_int();
    test_references();
    test_resolve();
    test_cbor();
    test_lists();
    test_store();
    test_equal();
    test_path_digest();
    return tap_done();
}
