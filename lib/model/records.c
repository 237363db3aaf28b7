#include "lib/model/records.h"

#define FIELD(owner, field, kind, sub) \
    {#field, kind, offsetof(struct dj_rec_##owner, field), sub},
#define UINT(owner, field) FIELD(owner, field, DJ_FIELD_UINT, NULL)
#define BOOL(owner, field) FIELD(owner, field, DJ_FIELD_BOOL, NULL)
#define DIGEST(owner, field) FIELD(owner, field, DJ_FIELD_DIGEST, NULL)
#define BYTES(owner, field) FIELD(owner, field, DJ_FIELD_BYTES, NULL)
#define TEXT(owner, field) FIELD(owner, field, DJ_FIELD_TEXT, NULL)
#define LIST(owner, field, part) FIELD(owner, field, DJ_FIELD_LIST, &dj_layout_##part)
#define PARTOF(owner, field, part) FIELD(owner, field, DJ_FIELD_STRUCT, &dj_layout_##part)
#define RECORD(name) static const struct dj_field name##_fields[] = {
#define END(name) \
    };            \
    const struct dj_layout dj_layout_##name = {#name, sizeof(struct dj_rec_##name), \
                                               name##_fields, DJ_ARRAY_SIZE(name##_fields)};
#include "lib/model/records.def"
