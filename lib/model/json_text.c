#include "lib/model/json_text.h"

#include <errno.h>

#include "lib/model/json.h"
#include "lib/util/str.h"
#include "lib/util/utf8.h"

enum { LEVELS_MAX = 512 };

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    const char *wrong; /* what was found, when it is refused */
};

static void blanks(struct scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n' || *scan->at == '\r'))
        scan->at++;
}

static bool wrong(struct scan *scan, const char *what)
{
    scan->wrong = what;
    return false;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static int hex_digit(int c)
{
    if (is_digit(c))
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits, -1 when they are none. */
static long unit(const uint8_t *at, const uint8_t *end)
{
    long value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Behind the backslash and the u; a half of a pair must have its other half. */
static bool escape_unicode(struct scan *scan)
{
    long first = unit(scan->at, scan->end);

    if (first < 0)
        return wrong(scan, "a \\u without four hex digits");
    scan->at += 4;
    if (first >= 0xdc00 && first <= 0xdfff)
        return wrong(scan, "half of a surrogate pair");
    if (first < 0xd800 || first > 0xdbff)
        return true;
    if (scan->end - scan->at < 6 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return wrong(scan, "half of a surrogate pair");
    first = unit(scan->at + 2, scan->end);
    if (first < 0xdc00 || first > 0xdfff)
        return wrong(scan, "half of a surrogate pair");
    scan->at += 6;
    return true;
}

static bool string(struct scan *scan)
{
    scan->at++;
    while (scan->at < scan->end) {
        uint8_t c = *scan->at;

        if (c == '"') {
            scan->at++;
            return true;
        }
        if (c < 0x20)
            return wrong(scan, "a control byte in a string");
        if (c >= 0x80) {
            size_t len = dj_utf8_char(dj_bytes(scan->at, (size_t)(scan->end - scan->at)));

            if (len == 0)
                return wrong(scan, "bytes that are not UTF-8");
            scan->at += len;
            continue;
        }
        scan->at++;
        if (c != '\\')
            continue;
        if (scan->at == scan->end)
            break;
        c = *scan->at++;
        if (c == 'u') {
            if (!escape_unicode(scan))
                return false;
        } else if (strchr("\"\\/bfnrt", c) == NULL || c == '\0') {
            return wrong(scan, "an unknown escape in a string");
        }
    }
    return wrong(scan, "a string without its end");
}

static bool digits(struct scan *scan)
{
    const uint8_t *begin = scan->at;

    while (scan->at < scan->end && is_digit(*scan->at))
        scan->at++;
    return scan->at != begin;
}

static bool number(struct scan *scan)
{
    if (*scan->at == '-')
        scan->at++;
    if (scan->at < scan->end && *scan->at == '0')
        scan->at++;
    else if (!digits(scan))
        return wrong(scan, "a number without digits");
    if (scan->at < scan->end && is_digit(*scan->at))
        return wrong(scan, "a number with a leading zero");
    if (scan->at < scan->end && *scan->at == '.') {
        scan->at++;
        if (!digits(scan))
            return wrong(scan, "a number that ends in its point");
    }
    if (scan->at < scan->end && (*scan->at | 0x20) == 'e') {
        scan->at++;
        if (scan->at < scan->end && (*scan->at == '+' || *scan->at == '-'))
            scan->at++;
        if (!digits(scan))
            return wrong(scan, "a number without its exponent");
    }
    return true;
}

static bool literal(struct scan *scan, const char *text)
{
    size_t len = strlen(text);

    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, text, len) != 0)
        return wrong(scan, "a word that is no value");
    scan->at += len;
    return true;
}

static bool scalar(struct scan *scan)
{
    switch (*scan->at) {
    case '"':
        return string(scan);
    case 't':
        return literal(scan, "true");
    case 'f':
        return literal(scan, "false");
    case 'n':
        return literal(scan, "null");
    default:
        return is_digit(*scan->at) || *scan->at == '-' ? number(scan)
                                                       : wrong(scan, "no value");
    }
}

/* The name of a member and its colon. */
static bool member_name(struct scan *scan)
{
    blanks(scan);
    if (scan->at == scan->end || *scan->at != '"')
        return wrong(scan, "a member without a name");
    if (!string(scan))
        return false;
    blanks(scan);
    if (scan->at == scan->end || *scan->at != ':')
        return wrong(scan, "a name without its colon");
    scan->at++;
    return true;
}

/* One bit a level instead of recursion: what comes from outside must not use up the stack. */
static bool value(struct scan *scan)
{
    uint8_t objects[LEVELS_MAX] = {0};
    size_t level = 0;

    for (;;) {
        bool opened = false;

        blanks(scan);
        if (scan->at == scan->end)
            return wrong(scan, "the end where a value should be");
        if (*scan->at == '{' || *scan->at == '[') {
            if (level == LEVELS_MAX)
                return wrong(scan, "more than 512 levels");
            objects[level++] = *scan->at == '{';
            scan->at++;
            blanks(scan);
            opened = scan->at == scan->end ||
                     *scan->at != (objects[level - 1] ? '}' : ']');
        } else if (!scalar(scan)) {
            return false;
        }
        while (level > 0 && !opened) {
            blanks(scan);
            if (scan->at < scan->end && *scan->at == (objects[level - 1] ? '}' : ']')) {
                scan->at++;
                level--;
                continue;
            }
            if (scan->at == scan->end || *scan->at != ',')
                return wrong(scan, "neither a comma nor an end");
            scan->at++;
            break;
        }
        if (level == 0)
            return true;
        if (objects[level - 1] && !member_name(scan))
            return false;
    }
}

static bool span(struct dj_bytes text, struct dj_bytes *ret, struct scan *scan)
{
    const uint8_t *begin;

    *scan = (struct scan){.at = text.data, .end = text.data + text.len};
    blanks(scan);
    begin = scan->at;
    if (begin == scan->end)
        return wrong(scan, "nothing");
    if (!value(scan))
        return false;
    *ret = dj_bytes(begin, (size_t)(scan->at - begin));
    return true;
}

int dj_json_span(struct dj_bytes text, struct dj_bytes *ret, struct dj_err *err)
{
    struct scan scan;

    if (text.len != 0 && span(text, ret, &scan))
        return 0;
    if (text.len == 0)
        return dj_err_set(err, EINVAL, "this is not JSON: nothing");
    return dj_err_set(err, EINVAL, "this is not JSON: %s at byte %zu", scan.wrong,
                      (size_t)(scan.at - text.data) + 1);
}

bool dj_json_is_whole(struct dj_bytes text, struct dj_bytes *ret)
{
    struct scan scan;

    if (text.len == 0 || !span(text, ret, &scan))
        return false;
    blanks(&scan);
    return scan.at == scan.end;
}

/* ---- strings --------------------------------------------------------------------------------- */

static void add_utf8(struct dj_buf *buf, long c)
{
    if (c < 0x80) {
        dj_buf_addc(buf, (int)c);
    } else if (c < 0x800) {
        dj_buf_addc(buf, (int)(0xc0 | c >> 6));
        dj_buf_addc(buf, (int)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        dj_buf_addc(buf, (int)(0xe0 | c >> 12));
        dj_buf_addc(buf, (int)(0x80 | (c >> 6 & 0x3f)));
        dj_buf_addc(buf, (int)(0x80 | (c & 0x3f)));
    } else {
        dj_buf_addc(buf, (int)(0xf0 | c >> 18));
        dj_buf_addc(buf, (int)(0x80 | (c >> 12 & 0x3f)));
        dj_buf_addc(buf, (int)(0x80 | (c >> 6 & 0x3f)));
        dj_buf_addc(buf, (int)(0x80 | (c & 0x3f)));
    }
}

static const uint8_t *unescape(struct dj_buf *buf, const uint8_t *at, const uint8_t *end)
{
    static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *letter;
    long c;

    if (*at != 'u') {
        letter = strchr(letters, *at);
        dj_buf_addc(buf, letter == NULL ? *at : meant[letter - letters]);
        return at + 1;
    }
    c = unit(at + 1, end);
    at += 5;
    if (c >= 0xd800 && c <= 0xdbff) {
        c = 0x10000 + ((c - 0xd800) << 10) + (unit(at + 2, end) - 0xdc00);
        at += 6;
    }
    add_utf8(buf, c);
    return at;
}

void dj_json_unquote(struct dj_buf *buf, struct dj_bytes text)
{
    const uint8_t *at = text.data + 1, *end = text.data + text.len - 1;

    while (at < end) {
        const uint8_t *slash = memchr(at, '\\', (size_t)(end - at));

        dj_buf_add(buf, at, (size_t)((slash == NULL ? end : slash) - at));
        at = slash == NULL ? end : unescape(buf, slash + 1, end);
    }
}

bool dj_json_name_is(struct dj_bytes text, struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf plain = DJ_BUF_INIT;

    if (memchr(text.data, '\\', text.len) == NULL)
        return dj_bytes_equal(dj_bytes(text.data + 1, text.len - 2), name);
    dj_json_unquote(&plain, text);
    return dj_bytes_equal(dj_buf_bytes(&plain), name);
}

/* ---- inside of values ------------------------------------------------------------------------ */

struct dj_json_walk dj_json_walk(struct dj_bytes container)
{
    return (struct dj_json_walk){.rest = container};
}

bool dj_json_next(struct dj_json_walk *walk)
{
    struct scan scan = {.at = walk->rest.data, .end = walk->rest.data + walk->rest.len};
    bool named = walk->name.len != 0;
    const uint8_t *begin;

    if (walk->rest.len == 0)
        return false;
    if (walk->value.data == NULL)
        named = *scan.at == '{';
    scan.at++; /* the bracket or the comma */
    blanks(&scan);
    if (scan.at == scan.end || *scan.at == '}' || *scan.at == ']')
        return false;
    if (named) {
        begin = scan.at;
        (void)string(&scan);
        walk->name = dj_bytes(begin, (size_t)(scan.at - begin));
        blanks(&scan);
        scan.at++;
        blanks(&scan);
    }
    begin = scan.at;
    (void)value(&scan);
    walk->value = dj_bytes(begin, (size_t)(scan.at - begin));
    blanks(&scan);
    walk->rest = dj_bytes(scan.at, (size_t)(scan.end - scan.at));
    return true;
}

static int set_one(struct dj_buf *buf, struct dj_bytes old, struct dj_bytes path,
                   struct dj_bytes leaf, struct dj_err *err)
{
    return path.len == 0 ? (dj_buf_add_bytes(buf, leaf), 0)
                         : dj_json_set_path(buf, old, path, leaf, err);
}

int dj_json_set_path(struct dj_buf *buf, struct dj_bytes whole, struct dj_bytes path,
                     struct dj_bytes leaf, struct dj_err *err)
{
    const uint8_t *dot = memchr(path.data, '.', path.len);
    struct dj_bytes name = dj_bytes(path.data, dot == NULL ? path.len : (size_t)(dot - path.data));
    struct dj_bytes below = dj_bytes_from(path, name.len + (dot != NULL));
    struct dj_json_walk walk;
    bool found = false, first = true;
    int rc = 0;

    if (whole.len == 0 || dj_bytes_is(whole, "null"))
        whole = DJ_BYTES_LIT("{}");
    if (whole.data[0] != '{') {
        dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

        dj_add_printable(&shown, name);
        return dj_err_set(err, EINVAL, "%s has no place in what is no object", dj_buf_str(&shown));
    }
    walk = dj_json_walk(whole);
    dj_buf_addc(buf, '{');
    while (rc == 0 && dj_json_next(&walk)) {
        if (!first)
            dj_buf_addc(buf, ',');
        first = false;
        dj_buf_add_bytes(buf, walk.name);
        dj_buf_addc(buf, ':');
        if (found || !dj_json_name_is(walk.name, name)) {
            dj_buf_add_bytes(buf, walk.value);
            continue;
        }
        found = true;
        rc = set_one(buf, walk.value, below, leaf, err);
    }
    if (rc == 0 && !found) {
        if (!first)
            dj_buf_addc(buf, ',');
        dj_json_string(buf, name);
        dj_buf_addc(buf, ':');
        rc = set_one(buf, DJ_BYTES_LIT("{}"), below, leaf, err);
    }
    dj_buf_addc(buf, '}');
    return rc;
}

/* Within strings there is none. */
void dj_json_one_line(struct dj_buf *buf, struct dj_bytes text)
{
    size_t at = buf->len;

    dj_buf_add_bytes(buf, text);
    for (; at < buf->len; at++) {
        if (buf->data[at] == '\n' || buf->data[at] == '\r')
            buf->data[at] = ' ';
    }
}
