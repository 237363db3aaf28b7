/* Messages and frames: what goes in comes out, and what is broken is refused. */
#include <errno.h>

#include "lib/proto/messages.h"
#include "lib/util/mem.h"
#include "lib/wire/frame.h"
#include "tests/unit/tap.h"

static void round_trip(void)
{
    struct dj_msg_get get = {.flags = DJ_GET_FORCE, .timeout_ms = 7};
    struct dj_buf buf = DJ_BUF_INIT;
    struct dj_message_in in;
    const struct dj_msg_get *back;
    struct dj_part_word *word;
    size_t begin, used;
    struct dj_bytes body;

    get.task = dj_xstrdup("factorial");
    word = dj_list_add(&get.words, sizeof(*word));
    dj_buf_add(&word->bytes, "a\0b", 3);
    begin = dj_frame_begin(&buf);
    dj_message_encode(&buf, DJ_MSG_GET, 42, &get);
    is_int(dj_frame_end(&buf, begin), 0, "the frame is closed");
    is_int(dj_frame_next(dj_bytes(buf.data, buf.len - 1), &body, &used), 0,
           "a frame that is cut off is not complete");
    is_int(dj_frame_next(dj_buf_bytes(&buf), &body, &used), 1, "the whole one is");
    is_int((long)used, (long)buf.len, "and it is all that there is");
    is_int(dj_message_decode(body, &in, NULL), 0, "the message is read");
    back = in.fields;
    is_int((long)in.number, DJ_MSG_GET, "its number");
    is_int((long)in.id, 42, "its id");
    is_str(back->task, "factorial", "a text");
    is_int((long)back->words.n, 1, "a list");
    is_int((long)DJ_LIST_AT(&back->words, struct dj_part_word, 0)->bytes.len, 3,
           "bytes with a NUL inside");
    dj_message_release(&in);
    dj_codec_release(dj_message_layout(DJ_MSG_GET), &get);
    dj_buf_release(&buf);
}

static void broken(void)
{
    static const uint8_t unknown[] = {0x83, 0x19, 0x03, 0xe7, 0x05, 0x80};
    static const uint8_t long_frame[] = {0xff, 0xff, 0xff, 0x7f, 0};
    struct dj_message_in in;
    struct dj_bytes body;
    size_t used;

    is_int(dj_message_decode(dj_bytes(unknown, sizeof(unknown)), &in, NULL), -EBADMSG,
           "an unknown number is refused");
    is_int((long)in.id, 5, "but its id is told");
    is_int(dj_message_decode(dj_bytes("x", 1), &in, NULL), -EBADMSG, "rubbish is refused");
    is_int(dj_frame_next(dj_bytes(long_frame, sizeof(long_frame)), &body, &used), -EMSGSIZE,
           "a frame above the limit is refused before anybody waits for it");
}

int main(void)
{
    round_trip();
    broken();
    return tap_done();
}
