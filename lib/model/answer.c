#include "lib/model/answer.h"

#include <errno.h>

#include "lib/model/json.h"
#include "lib/util/digest.h"
#include "lib/util/str.h"

struct reading {
    struct dj_answer *answer;
    unsigned kinds;          /* of answers in it: one it must be */
    bool wrong;              /* a member that is not what it has to be */
    uint64_t exit;
};

static bool is_string(struct dj_bytes value)
{
    return value.len > 0 && value.data[0] == '"';
}

static void add_plain(struct dj_buf *buf, struct dj_bytes value)
{
    dj_cleanup_json struct dj_json *whole = NULL;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_adds(&text, "[");
    dj_buf_add_bytes(&text, value);
    dj_buf_adds(&text, "]");
    whole = dj_json_read(dj_buf_bytes(&text), NULL);
    dj_json_plain(buf, dj_json_at(whole, 0));
}

static void take_result(struct dj_answer *answer, struct dj_bytes value)
{
    if (is_string(value)) {
        add_plain(&answer->result, value);
        return;
    }
    dj_buf_add_bytes(&answer->result, value);
    dj_buf_addc(&answer->result, '\n');
}

static void take_member(void *cookie, struct dj_bytes name, struct dj_bytes value)
{
    struct reading *reading = cookie;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    if (dj_bytes_is(name, "run")) {
        reading->wrong |= !is_string(value);
        add_plain(&reading->answer->run, value);
        return;
    }
    if (dj_bytes_is(name, "exit")) {
        reading->wrong |= dj_parse_uint(value, &reading->exit, NULL) < 0 || reading->exit < 1 ||
                          reading->exit > 255;
        return;
    }
    reading->kinds++;
    if (dj_bytes_is(name, "result")) {
        take_result(reading->answer, value);
        return;
    }
    reading->wrong |= !is_string(value);
    add_plain(&text, value);
    if (dj_bytes_is(name, "result_base64")) {
        reading->wrong |= dj_base64_decode(dj_buf_bytes(&text), &reading->answer->result) < 0;
    } else if (dj_bytes_is(name, "result_file")) {
        reading->answer->is_file = true;
        dj_buf_set(&reading->answer->result, dj_buf_bytes(&text));
    } else if (dj_bytes_is(name, "error")) {
        reading->answer->failed = true;
        dj_buf_set(&reading->answer->result, dj_buf_bytes(&text));
    } else {
        reading->wrong = true;
    }
}

int dj_answer_parse(struct dj_bytes line, struct dj_answer *ret, struct dj_err *err)
{
    struct reading reading = {.answer = ret};
    int rc;

    *ret = (struct dj_answer){.exit = 1};
    rc = dj_json_raw(line, take_member, &reading, err);
    if (rc < 0)
        return rc;
    if (reading.kinds != 1 || reading.wrong)
        return dj_err_set(err, EINVAL,
                          "one of \"result\", \"result_base64\", \"result_file\" and \"error\" is "
                          "expected, and \"exit\" is a number from 1 to 255");
    if (reading.exit != 0)
        ret->exit = (unsigned)reading.exit;
    return 0;
}

void dj_answer_release(struct dj_answer *answer)
{
    dj_buf_release(&answer->result);
    dj_buf_release(&answer->run);
}
