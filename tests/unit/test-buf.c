#include "lib/util/buf.h"

#include <stdlib.h>

#include "tests/unit/tap.h"

static bool terminated(const struct dj_buf *buf)
{
    return buf->len <= buf->cap && (buf->cap == 0 || buf->data[buf->len] == '\0');
}

static void test_growth(void)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    bool right = true;

    is_str(dj_buf_str(&buf), "", "an empty buffer is the empty string");
    is_int((intmax_t)dj_buf_bytes(&buf).len, 0, "and has no bytes");
    for (int i = 0; i < 10000; i++) {
        dj_buf_addc(&buf, i & 0xff);
        right = right && terminated(&buf);
    }
    ok(right, "a NUL byte follows the content after each of 10000 bytes");
    is_int((intmax_t)buf.len, 10000, "all bytes are there");
    ok(buf.data[0] == 0 && buf.data[255] == 255 && buf.data[9999] == (9999 & 0xff), "as added");
    dj_buf_release(&buf);
    ok(buf.data == NULL && buf.len == 0 && buf.cap == 0, "a released buffer is empty");
    dj_buf_release(&buf);
    dj_buf_adds(&buf, "again");
    is_str(dj_buf_str(&buf), "again", "and usable");
}

static void test_editing(void)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    size_t cap;

    dj_buf_addf(&buf, "%s/%d", "factorial", 5);
    is_str(dj_buf_str(&buf), "factorial/5", "formatted text");
    dj_buf_consume(&buf, 10);
    is_str(dj_buf_str(&buf), "5", "the front is consumed");
    dj_buf_consume(&buf, 0);
    dj_buf_consume(&buf, 1);
    is_str(dj_buf_str(&buf), "", "to the end");
    dj_buf_set(&buf, DJ_BYTES_LIT("a\0b"));
    is_bytes(buf.data, buf.len, "a\0b", 3, "NUL bytes are content");
    dj_buf_truncate(&buf, 1);
    is_str(dj_buf_str(&buf), "a", "truncated");
    cap = buf.cap;
    dj_buf_clear(&buf);
    ok(buf.len == 0 && buf.cap == cap, "clear keeps the memory");
    memset(dj_buf_room(&buf, 3), 'x', 3);
    is_int((intmax_t)buf.len, 0, "room does not change the length");
    dj_buf_add(&buf, NULL, 0);
    is_str(dj_buf_str(&buf), "", "nothing can be added from nowhere");
}

static void test_steal(void)
{
    struct dj_buf buf dj_cleanup_buf = DJ_BUF_INIT;
    char *text = dj_buf_steal(&buf);

    is_str(text, "", "an empty buffer gives an empty string");
    free(text);
    dj_buf_adds(&buf, "mine");
    text = dj_buf_steal(&buf);
    is_str(text, "mine", "the text is given away");
    ok(buf.data == NULL, "and the buffer is empty");
    free(text);
}

static void test_bytes(void)
{
    struct dj_bytes none = {NULL, 0}, ab = DJ_BYTES_LIT("ab"), abc = DJ_BYTES_LIT("abc");

    ok(dj_bytes_equal(none, dj_bytes_of("")), "no bytes equal no bytes");
    ok(!dj_bytes_equal(ab, abc), "a prefix is not equal");
    ok(dj_bytes_cmp(ab, abc) < 0 && dj_bytes_cmp(abc, ab) > 0, "a prefix sorts first");
    ok(dj_bytes_cmp(DJ_BYTES_LIT("\xff"), ab) > 0, "bytes are unsigned");
    ok(dj_bytes_starts(abc, ab) && !dj_bytes_starts(ab, abc) && dj_bytes_starts(none, none),
       "starts with");
    ok(dj_bytes_is(dj_bytes_from(abc, 1), "bc"), "from the second byte");
    is_int((intmax_t)dj_bytes_of(NULL).len, 0, "NULL is the empty run of bytes");
}

int main(void)
{
    test_growth();
    test_editing();
    test_steal();
    test_bytes();
    return tap_done();
}
