/*
 * Messages between dj, djfs, djd and workers: structs, numbers and the codec's entry points.
 *
 * Every message is a frame (lib/wire/frame.h) that holds a CBOR array [number, id, fields…]. A
 * request has an id that its sender chose and that is not in use; its answer carries the same id.
 * Every request gets exactly one answer, except those that messages.def says have none. id 0 is a
 * message that expects no answer. Messages of one connection are handled in their order, but
 * answers come when they are ready.
 *
 * The structs are generated from messages.def: struct dj_msg_open, DJ_MSG_OPEN and so on; parts
 * are struct dj_part_attr and so on; lists hold parts (use DJ_LIST_AT and dj_list_add).
 */
#ifndef DJ_PROTO_MESSAGES_H
#define DJ_PROTO_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"
#include "lib/model/exit.h"

#define DJ_PROTOCOL_VERSION 1

enum dj_role { DJ_ROLE_CLIENT, DJ_ROLE_MOUNT, DJ_ROLE_WORKER, DJ_ROLE_HOST };

enum dj_hello_flags { DJ_HELLO_READONLY = 1 << 0 };

enum dj_open_flags {
    DJ_OPEN_READ = 1 << 0,
    DJ_OPEN_WRITE = 1 << 1,
    DJ_OPEN_NONBLOCK = 1 << 2, /* bytes or EAGAIN: never computes, never waits */
    DJ_OPEN_CURRENT = 1 << 3,  /* the node is known to be stale: serve the current instance */
    DJ_OPEN_FOLDER = 1 << 4,   /* opendir */
    DJ_OPEN_NODE = 1 << 5,     /* the node's own bytes, whether it is current or not: for a mount
                                  that hears of no open, only of reads (-o ro) */
};

enum dj_readdir_flags {
    DJ_READDIR_NAMES = 1 << 0, /* `names` will do instead of `entries` */
};

enum dj_opened_flags {
    DJ_OPENED_IMMUTABLE = 1 << 0, /* true size, may be kept in the page cache for ever */
    DJ_OPENED_DIRECT = 1 << 1,    /* no page cache: every read asks */
    DJ_OPENED_STREAM = 1 << 2,    /* no seeking */
    DJ_OPENED_CACHED = 1 << 3,    /* the answer may be given again without asking while the bucket's
                                     generation stands and the caller is not inside a run */
};

enum dj_get_flags {
    DJ_GET_FORCE = 1 << 0,
    DJ_GET_INCOGNITO = 1 << 1,
    DJ_GET_CACHED = 1 << 2,   /* bytes or -EAGAIN */
    DJ_GET_START = 1 << 3,    /* answer OK as soon as it is queued or there */
    DJ_GET_FOLLOW = 1 << 4,   /* the log is shown: the answer has what FOLLOW did not tell */
};

enum dj_lock_flags {
    DJ_LOCK_SHARED = 1 << 0, /* together with other shared ones */
    DJ_LOCK_NOW = 1 << 1,    /* EBUSY instead of waiting */
};

enum dj_fsck_flags {
    DJ_FSCK_READ_DATA = 1 << 0, /* all content is read and hashed */
    DJ_FSCK_REPAIR = 1 << 1,    /* what can be mended safely is */
};

enum dj_runs_flags {
    DJ_RUNS_ALL = 1 << 0,   /* all that are done, and not only what answers now */
    DJ_RUNS_CALLS = 1 << 1, /* with the instances that they called */
};

enum dj_import_flags {
    DJ_IMPORT_PROBE = 1 << 0, /* nothing is taken in: only the verdict */
};

enum dj_verdict {
    DJ_VERDICT_NEW,
    DJ_VERDICT_THERE, /* this very run is there */
    DJ_VERDICT_SAME,  /* what is there answers with the same result */
};

/*
 * Node ids. The top four bits are the kind; everything else is a pure function of stored numbers,
 * except for named nodes, which the daemon makes up for names that have no record yet.
 */
#define DJ_NODE_ROOT 1
#define DJ_NODE_KIND(node) ((unsigned)((node) >> 60))
#define DJ_NODE_IS_NAMED(node) (DJ_NODE_KIND(node) == 3)
#define DJ_NODE_IS_INSTANCE(node) (DJ_NODE_KIND(node) == 4 || DJ_NODE_KIND(node) == 5)

#define UINT(owner, field) uint64_t field;
#define INT(owner, field) int64_t field;
#define BOOL(owner, field) bool field;
#define BYTES(owner, field) struct dj_buf field;
#define TEXT(owner, field) char *field;
#define LIST(owner, field, part) struct dj_list field; /* of struct dj_part_<part> */
#define PARTOF(owner, field, part) struct dj_part_##part field;
#define PART(name) struct dj_part_##name {
#define MESSAGE(number, NAME, name) struct dj_msg_##name {
#define END(name) };
#include "lib/proto/messages.def"
#undef PART
#undef MESSAGE
#undef END
#undef UINT
#undef INT
#undef BOOL
#undef BYTES
#undef TEXT
#undef LIST
#undef PARTOF

enum dj_message {
#define UINT(owner, field)
#define INT(owner, field)
#define BOOL(owner, field)
#define BYTES(owner, field)
#define TEXT(owner, field)
#define LIST(owner, field, part)
#define PARTOF(owner, field, part)
#define PART(name)
#define MESSAGE(number, NAME, name) DJ_MSG_##NAME = number,
#define END(name)
#include "lib/proto/messages.def"
#undef PART
#undef MESSAGE
#undef END
#undef UINT
#undef INT
#undef BOOL
#undef BYTES
#undef TEXT
#undef LIST
#undef PARTOF
};

/* dj_message_layout(number): how a message is encoded; NULL for a number that is not in use. */
const struct dj_layout *dj_message_layout(uint64_t number);
const char *dj_message_name(uint64_t number);

/* dj_message_encode(buf, number, id, fields): one message without frame; fields fits number. */
void dj_message_encode(struct dj_buf *buf, enum dj_message number, uint64_t id,
                       const void *fields);

/* A decoded message; fields points to the struct of its number, zeroed where nothing was sent. */
struct dj_message_in {
    uint64_t number;
    uint64_t id;
    void *fields;
};

/* dj_message_decode(bytes, ret, err): -EBADMSG for malformed or unknown; then ret->id is still
 * set when it could be read, so that the sender can be told. Release what it gave. */
int dj_message_decode(struct dj_bytes bytes, struct dj_message_in *ret,
                      struct dj_err *err) DJ_MUST_CHECK;
void dj_message_release(struct dj_message_in *message);

#endif
