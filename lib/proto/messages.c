#include "lib/proto/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/cbor.h"
#include "lib/util/mem.h"

/* A field names its owner without "part" or "msg": a struct around each settles which. */
#define UINT(owner, field)
#define INT(owner, field)
#define BOOL(owner, field)
#define BYTES(owner, field)
#define TEXT(owner, field)
#define LIST(owner, field, part)
#define PARTOF(owner, field, part)
#define PART(name)               \
    struct owner_##name {        \
        struct dj_part_##name s; \
    };                           \
    static const struct dj_layout layout_##name;
#define MESSAGE(number, NAME, name) \
    struct owner_##name {           \
        struct dj_msg_##name s;     \
    };                              \
    static const struct dj_layout layout_##name;
#define END(name)
#include "lib/proto/messages.def"
#undef UINT
#undef INT
#undef BOOL
#undef BYTES
#undef TEXT
#undef LIST
#undef PARTOF
#undef PART
#undef MESSAGE
#undef END

/* The last element ends the table, so that a message without fields is no empty array. */
#define FIELD(owner, field, kind, sub) {#field, kind, offsetof(struct owner_##owner, s.field), sub},
#define UINT(owner, field) FIELD(owner, field, DJ_FIELD_UINT, NULL)
#define INT(owner, field) FIELD(owner, field, DJ_FIELD_INT, NULL)
#define BOOL(owner, field) FIELD(owner, field, DJ_FIELD_BOOL, NULL)
#define BYTES(owner, field) FIELD(owner, field, DJ_FIELD_BYTES, NULL)
#define TEXT(owner, field) FIELD(owner, field, DJ_FIELD_TEXT, NULL)
#define LIST(owner, field, part) FIELD(owner, field, DJ_FIELD_LIST, &layout_##part)
#define PARTOF(owner, field, part) FIELD(owner, field, DJ_FIELD_STRUCT, &layout_##part)
#define PART(name) static const struct dj_field fields_##name[] = {
#define MESSAGE(number, NAME, name) static const struct dj_field fields_##name[] = {
#define END(name)                                                   \
    {NULL, DJ_FIELD_UINT, 0, NULL}                                  \
    }                                                               \
    ;                                                               \
    static const struct dj_layout layout_##name = {                 \
        #name, sizeof(struct owner_##name), fields_##name, DJ_ARRAY_SIZE(fields_##name) - 1};
#include "lib/proto/messages.def"
#undef FIELD
#undef UINT
#undef INT
#undef BOOL
#undef BYTES
#undef TEXT
#undef LIST
#undef PARTOF
#undef PART
#undef MESSAGE
#undef END

struct named_layout {
    uint64_t number;
    const char *name;
    const struct dj_layout *layout;
};

static const struct named_layout messages[] = {
#define UINT(owner, field)
#define INT(owner, field)
#define BOOL(owner, field)
#define BYTES(owner, field)
#define TEXT(owner, field)
#define LIST(owner, field, part)
#define PARTOF(owner, field, part)
#define PART(name)
#define MESSAGE(number, NAME, name) {number, #NAME, &layout_##name},
#define END(name)
#include "lib/proto/messages.def"
};

static const struct named_layout *find(uint64_t number)
{
    for (size_t i = 0; i < DJ_ARRAY_SIZE(messages); i++) {
        if (messages[i].number == number)
            return &messages[i];
    }
    return NULL;
}

const struct dj_layout *dj_message_layout(uint64_t number)
{
    const struct named_layout *found = find(number);

    return found == NULL ? NULL : found->layout;
}

const char *dj_message_name(uint64_t number)
{
    const struct named_layout *found = find(number);

    return found == NULL ? "unknown" : found->name;
}

void dj_message_encode(struct dj_buf *buf, enum dj_message number, uint64_t id, const void *fields)
{
    dj_cbor_array(buf, 3);
    dj_cbor_uint(buf, number);
    dj_cbor_uint(buf, id);
    dj_codec_encode(buf, dj_message_layout(number), fields);
}

int dj_message_decode(struct dj_bytes bytes, struct dj_message_in *ret, struct dj_err *err)
{
    struct dj_cbor_reader reader = {bytes};
    const struct dj_layout *layout;
    uint64_t items;
    int rc;

    *ret = (struct dj_message_in){0};
    if (dj_cbor_get_array(&reader, &items) < 0 || items != 3 ||
        dj_cbor_get_uint(&reader, &ret->number) < 0 || dj_cbor_get_uint(&reader, &ret->id) < 0)
        return dj_err_set(err, EBADMSG, "what arrived is not a message");
    layout = dj_message_layout(ret->number);
    if (layout == NULL)
        return dj_err_set(err, EBADMSG, "message %llu is unknown to this version",
                          (unsigned long long)ret->number);
    ret->fields = dj_xcalloc(1, layout->size);
    rc = dj_codec_decode(layout, reader.rest, ret->fields, err);
    if (rc < 0) {
        free(ret->fields);
        ret->fields = NULL;
    }
    return rc;
}

void dj_message_release(struct dj_message_in *message)
{
    if (message->fields != NULL)
        dj_codec_release(dj_message_layout(message->number), message->fields);
    free(message->fields);
    message->fields = NULL;
}
