/* A string as JSON has it, without jansson: who prints JSON need not load it. (json.h) */
#include <string.h>

#include "lib/model/json.h"
#include "lib/util/utf8.h"

static void add_character(struct dj_buf *buf, struct dj_bytes character)
{
    static const char plain[] = "\"\\\b\f\n\r\t", escaped[] = "\"\\bfnrt";
    const uint8_t first = character.data[0];
    const char *found = first == '\0' ? NULL : strchr(plain, first);

    if (found != NULL)
        dj_buf_addf(buf, "\\%c", escaped[found - plain]);
    else if (first < 0x20)
        dj_buf_addf(buf, "\\u%04x", (unsigned)first);
    else
        dj_buf_add_bytes(buf, character);
}

/* How many of the first bytes stand for themselves. */
static size_t as_they_are(struct dj_bytes bytes)
{
    size_t at = 0;

    while (at < bytes.len && bytes.data[at] >= 0x20 && bytes.data[at] < 0x80 &&
           bytes.data[at] != '"' && bytes.data[at] != '\\')
        at++;
    return at;
}

void dj_json_string(struct dj_buf *buf, struct dj_bytes bytes)
{
    dj_buf_addc(buf, '"');
    while (bytes.len > 0) {
        size_t len = as_they_are(bytes);

        dj_buf_add(buf, bytes.data, len);
        bytes = dj_bytes_from(bytes, len);
        if (bytes.len == 0)
            break;
        len = dj_utf8_char(bytes);
        if (len == 0)
            dj_buf_adds(buf, "\xef\xbf\xbd");
        else
            add_character(buf, dj_bytes(bytes.data, len));
        bytes = dj_bytes_from(bytes, len == 0 ? 1 : len);
    }
    dj_buf_addc(buf, '"');
}
