/* What a program that stays answers, and the members of an object as they are written. */
#include <errno.h>

#include "lib/model/answer.h"
#include "lib/model/json.h"
#include "tests/unit/tap.h"

static void taken(const char *line, const char *result, bool failed, unsigned code)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_answer answer;
    int rc = dj_answer_parse(dj_bytes_of(line), &answer, &err);

    is_int(rc, 0, "%s: %s", line, dj_err_text(&err, rc));
    is_str(dj_buf_str(&answer.result), result, "its text");
    ok(answer.failed == failed && answer.exit == code, "how it ended");
    dj_answer_release(&answer);
}

static void refused(const char *line, const char *sentence)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_answer answer;
    int rc = dj_answer_parse(dj_bytes_of(line), &answer, &err);

    is_int(rc, -EINVAL, "%s is refused", line);
    ok(strstr(dj_err_text(&err, rc), sentence) != NULL, "with: %s", dj_err_text(&err, rc));
    dj_answer_release(&answer);
}

static void add(void *cookie, struct dj_bytes name, struct dj_bytes value)
{
    struct dj_buf *buf = cookie;

    dj_buf_add_bytes(buf, name);
    dj_buf_adds(buf, "=");
    dj_buf_add_bytes(buf, value);
    dj_buf_adds(buf, ";");
}

static void raw(const char *text, const char *want)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;

    is_int(dj_json_raw(dj_bytes_of(text), add, &buf, NULL), 0, "%s", text);
    is_str(dj_buf_str(&buf), want, "its members");
}

static void bytes(void)
{
    struct dj_answer answer;

    int rc = dj_answer_parse(DJ_BYTES_LIT("{\"result_base64\":\"AAH/\"}"), &answer, NULL);

    is_int(rc, 0, "bytes");
    ok(dj_bytes_equal(dj_buf_bytes(&answer.result), dj_bytes((const uint8_t *)"\0\1\xff", 3)),
       "those three");
    dj_answer_release(&answer);
}

int main(void)
{
    raw("{}", "");
    raw(" { \"a\" : 1.0 , \"b\\\"c\":[1, {\"x\":\"}\"}],\"d\":\"\\\\\"} ",
        "a=1.0;b\"c=[1, {\"x\":\"}\"}];d=\"\\\\\";");
    raw("{\"n\":123456789012345678901234567890}", "n=123456789012345678901234567890;");
    is_int(dj_json_raw(DJ_BYTES_LIT("[1]"), add, NULL, NULL), -EINVAL, "an array is no object");
    is_int(dj_json_raw(DJ_BYTES_LIT("{\"a\":1"), add, NULL, NULL), -EINVAL, "nor is half of one");
    is_int(dj_json_raw(DJ_BYTES_LIT("{\"a\":1,\"a\":2}"), add, NULL, NULL), -EINVAL,
           "a key stands there once");

    taken("{\"result\": 25}", "25\n", false, 1);
    taken("{\"result\": [1.0, \"a\"]}", "[1.0, \"a\"]\n", false, 1);
    taken("{\"result\": \"a\\n\"}", "a\n", false, 1);
    taken("{\"result\": null}", "null\n", false, 1);
    taken("{\"result_file\": \"x/y\"}", "x/y", false, 1);
    taken("{\"error\": \"no\", \"exit\": 255}", "no", true, 255);
    taken("{\"error\": \"no\"}", "no", true, 1);
    bytes();
    refused("", "JSON");
    refused("5", "JSON");
    refused("{}", "one of \"result\"");
    refused("{\"result\":1,\"error\":\"x\"}", "one of \"result\"");
    refused("{\"error\":\"x\",\"exit\":256}", "from 1 to 255");
    refused("{\"error\":\"x\",\"exit\":0}", "from 1 to 255");
    refused("{\"error\":5}", "one of \"result\"");
    refused("{\"result_base64\":\"%%\"}", "one of \"result\"");
    refused("{\"answer\":5}", "one of \"result\"");
    return tap_done();
}
