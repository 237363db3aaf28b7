/*
 * The key of a call: what makes two calls the same.
 *
 * BLAKE2b-256 over the deterministic CBOR of [task name, {parameter: value …}], where the map has
 * the counted parameters only (not ignored ones, nor those equal to their `absent` value) in the
 * order of RFC 8949 section 4.2.1. Values are typed, so 1, 1.0, "1" and true never meet. Where only
 * parts of a value count, it is the rules for that and what they leave. Pure.
 */
#ifndef DJ_MODEL_KEY_H
#define DJ_MODEL_KEY_H

#include "lib/model/param.h"

#define DJ_KEY_TAG_PARTS 0x646a0005 /* [rules, value]; the other tags are in value_cbor.c */

/* dj_key_cbor(buf, task, args): the hashed bytes; they are stored and compared, too. */
void dj_key_cbor(struct dj_buf *buf, const char *task, const struct dj_args *args);

/* dj_key_counts(param, value): the argument is in the key: neither ignored nor its absent value. */
bool dj_key_counts(const struct dj_param *param, const struct dj_value *value);

void dj_key_digest(const char *task, const struct dj_args *args, struct dj_digest *ret);

#endif
