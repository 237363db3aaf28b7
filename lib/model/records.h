/*
 * Stored records: structs and layouts generated from records.def.
 *
 * struct dj_rec_instance and so on; dj_layout_instance and so on for dj_codec_encode, _decode and
 * _release. Lists hold records (DJ_LIST_AT(&instance.edges, struct dj_rec_edge, i)).
 */
#ifndef DJ_MODEL_RECORDS_H
#define DJ_MODEL_RECORDS_H

#include "lib/model/codec.h"

#define UINT(owner, field) uint64_t field;
#define BOOL(owner, field) bool field;
#define DIGEST(owner, field) struct dj_digest field;
#define BYTES(owner, field) struct dj_buf field;
#define TEXT(owner, field) char *field;
#define LIST(owner, field, part) struct dj_list field; /* of struct dj_rec_<part> */
#define PARTOF(owner, field, part) struct dj_rec_##part field;
#define RECORD(name) struct dj_rec_##name {
#define END(name) };
#include "lib/model/records.def"
#undef UINT
#undef BOOL
#undef DIGEST
#undef BYTES
#undef TEXT
#undef LIST
#undef PARTOF
#undef RECORD
#undef END

#define UINT(owner, field)
#define BOOL(owner, field)
#define DIGEST(owner, field)
#define BYTES(owner, field)
#define TEXT(owner, field)
#define LIST(owner, field, part)
#define PARTOF(owner, field, part)
#define RECORD(name) extern const struct dj_layout dj_layout_##name;
#define END(name)
#include "lib/model/records.def"
#undef UINT
#undef BOOL
#undef DIGEST
#undef BYTES
#undef TEXT
#undef LIST
#undef PARTOF
#undef RECORD
#undef END

#endif
