/* An answer is taken or refused with a sentence; the members of an object are parts of its text. */
#include "lib/model/answer.h"
#include "lib/model/json.h"
#include "tests/fuzz/fuzz.h"

struct seen {
    struct dj_bytes text;
    const uint8_t *behind;
    size_t n;
};

/* In order, inside of the text, and each a JSON value by itself. */
static void look(void *cookie, struct dj_bytes name, struct dj_bytes value)
{
    struct seen *seen = cookie;
    struct dj_buf object dj_cleanup_buf = DJ_BUF_INIT;

    (void)name;
    must(value.len > 0 && value.data >= seen->behind &&
         value.data + value.len < seen->text.data + seen->text.len);
    seen->behind = value.data + value.len;
    dj_buf_adds(&object, "{\"v\":");
    dj_buf_add_bytes(&object, value);
    dj_buf_addc(&object, '}');
    if (seen->n++ < 8) {
        struct seen inner = {.text = dj_buf_bytes(&object), .behind = object.data, .n = 8};

        must(dj_json_raw(dj_buf_bytes(&object), look, &inner, NULL) == 0);
        must(inner.n == 9);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_bytes text = dj_bytes(data, size);
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct seen seen = {.text = text, .behind = data};
    struct dj_answer answer;
    bool object = dj_json_raw(text, look, &seen, NULL) == 0;

    if (dj_answer_parse(text, &answer, &err) < 0)
        must(err.text != NULL);
    else
        must(object && answer.exit >= 1 && answer.exit <= 255);
    dj_answer_release(&answer);
    return 0;
}
