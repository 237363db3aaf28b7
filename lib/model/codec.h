/*
 * Structs to CBOR and back, driven by a table: the one codec for messages and stored records.
 *
 * A layout names the fields of a struct in order. A struct is encoded as a CBOR array of its
 * fields, which are only ever appended: a decoder ignores elements behind those it knows and leaves
 * those that are missing zero, so an old record and an old peer stay readable.
 *
 * Layouts are declared with the DEF files' macros (see lib/proto/messages.h for the pattern).
 *
 * Ownership: decode fills a zeroed struct with memory of its own, encode only reads, release frees
 * everything that the struct owns and zeroes it. A failed decode leaves a zeroed struct. Lists take
 * 32 bytes of memory for a byte of input at the most, so that a short frame cannot fill the memory.
 */
#ifndef DJ_MODEL_CODEC_H
#define DJ_MODEL_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/digest.h"
#include "lib/util/err.h"

enum dj_field_kind {
    DJ_FIELD_UINT,      /* uint64_t */
    DJ_FIELD_INT,       /* int64_t */
    DJ_FIELD_BOOL,      /* bool */
    DJ_FIELD_DOUBLE,    /* double */
    DJ_FIELD_DIGEST,    /* struct dj_digest */
    DJ_FIELD_BYTES,     /* struct dj_buf: any bytes, owned */
    DJ_FIELD_TEXT,      /* char *: owned, any bytes but NUL; the empty string is always NULL */
    DJ_FIELD_STRUCT,    /* a struct embedded by value, with a layout of its own */
    DJ_FIELD_LIST,      /* struct dj_list of such structs */
    DJ_FIELD_BYTES_LIST /* struct dj_list of struct dj_buf */
};

/* An owned array; items is cast by the user to the element type that the layout names. */
struct dj_list {
    void *items;
    size_t n;
    size_t cap;
};

struct dj_layout;

struct dj_field {
    const char *name;
    enum dj_field_kind kind;
    size_t offset;
    const struct dj_layout *sub; /* for STRUCT and LIST */
};

struct dj_layout {
    const char *name;
    size_t size; /* sizeof the struct */
    const struct dj_field *fields;
    size_t n;
};

void dj_codec_encode(struct dj_buf *buf, const struct dj_layout *layout, const void *object);

/* dj_codec_decode(layout, bytes, ret_object, err): the whole input must be one object; -EBADMSG. */
int dj_codec_decode(const struct dj_layout *layout, struct dj_bytes bytes, void *ret_object,
                    struct dj_err *err) DJ_MUST_CHECK;

void dj_codec_release(const struct dj_layout *layout, void *object);

/* dj_list_add(list, size): a zeroed element of size bytes at the end; valid until the next add. */
void *dj_list_add(struct dj_list *list, size_t size);

/* For lists of struct dj_buf. */
void dj_list_add_bytes(struct dj_list *list, struct dj_bytes bytes);
struct dj_bytes dj_list_bytes(const struct dj_list *list, size_t index);
void dj_bytes_list_release(struct dj_list *list);

#define DJ_LIST_AT(list, type, index) (&((type *)(list)->items)[index])

#endif
