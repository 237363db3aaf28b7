/*
 * Typed values: what an argument is once its parameter's type is known.
 *
 * A parameter is declared NAME[:TYPE[*]] with the types str (the default), int, float, bool, json,
 * file, path and run; a star makes it a list. A value is one scalar, or for a list any number of
 * them. Each scalar has exactly one canonical text, so two spellings of one value are equal byte
 * for byte:
 *
 *   str    any bytes without NUL, as they are
 *   int    decimal digits of any length up to 1000, "-" before a negative one, no leading zeros, no
 *          "-0"
 *   float  the shortest decimal text that reads back as the same double, always with ".0" or an
 *          exponent, so that it never looks like an int; "nan", "inf", "-inf"; -0.0 is kept apart
 *          from 0.0, since a program can tell them apart; a literal too large for a double (1e400)
 *          is refused
 *   bool   true or false
 *   json   sorted keys, no white space, numbers as int or float above; duplicate keys are refused
 *   file   keyed by content: NAME@DIGEST, where NAME is the last component of its path
 *   path   keyed by absolute path, size and mtime: NAME@DIGEST of these three
 *   run    another run, TASK/NAME, keyed by its key: shown as TASK%2FNAME@DIGEST
 *
 * The last three cannot be made canonical by reading text alone: somebody has to look at the file
 * or know the run. Such a scalar is born unresolved, with the spelling in `text`; the daemon looks
 * and calls dj_scalar_resolve(). A file or path spelled NAME@DIGEST (no slash, ten hex digits or
 * more behind the last @) is born as a reference, which the daemon completes from what it
 * remembers; ./NAME@DIGEST is a path. A run is always born spelled, since the name of a run may
 * itself end in a digest; only the name of a run that has it as an argument refers to it
 * (lib/model/name.h).
 *
 * Everything here is pure and has no state.
 */
#ifndef DJ_MODEL_VALUE_H
#define DJ_MODEL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/util/buf.h"
#include "lib/util/bytes.h"
#include "lib/util/digest.h"
#include "lib/util/err.h"

enum dj_type { DJ_STR, DJ_INT, DJ_FLOAT, DJ_BOOL, DJ_JSON, DJ_FILE, DJ_PATH, DJ_RUN };

enum dj_resolution {
    DJ_RESOLVED,   /* canonical; str, int, float, bool and json always are */
    DJ_SPELLED,    /* file, path: a path; run: TASK/NAME; `text` holds it as it was written */
    DJ_REFERENCED, /* file, path, run: NAME@PREFIX; `text` holds NAME, `prefix` the hex digits */
};

struct dj_scalar {
    struct dj_buf text;         /* canonical text (file, path, run: NAME without its digest) */
    enum dj_resolution resolution;
    struct dj_digest digest;    /* file, path, run once resolved */
    struct dj_buf prefix;       /* DJ_REFERENCED: hex digits as written; resolved: digits shown */
    struct dj_buf source;       /* file, path: the absolute path to read it from; run: TASK/NAME */
};

struct dj_value {
    enum dj_type type;
    bool list;
    size_t n; /* 1 unless list; 0 for an ignored parameter without a default that was not given */
    struct dj_scalar *scalars; /* there is always a first one to look at, empty when n is 0 */
};

#define DJ_VALUE_INIT {DJ_STR, false, 0, NULL}
#define DJ_SHOWN_DIGITS 10 /* of a digest in a name */
#define dj_cleanup_scalar DJ_CLEANUP(dj_scalar_release)
#define dj_cleanup_value DJ_CLEANUP(dj_value_release)

const char *dj_type_name(enum dj_type type);

/* dj_type_parse(text, ret, ret_list): "int", "file*" … ; -EINVAL for anything else. */
int dj_type_parse(struct dj_bytes text, enum dj_type *ret, bool *ret_list);

/*
 * dj_scalar_parse(type, text, ret, err): one spelling. -EINVAL with a sentence ("x is not an int").
 * ret is set up by the call and released by the caller.
 */
int dj_scalar_parse(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                    struct dj_err *err) DJ_MUST_CHECK;

/* For file, path and run: a spelled one, and one that is NAME@PREFIX, whatever it looks like. */
int dj_scalar_spell(enum dj_type type, struct dj_bytes text, struct dj_scalar *ret,
                    struct dj_err *err) DJ_MUST_CHECK;
void dj_scalar_refer(struct dj_bytes name, struct dj_bytes prefix, struct dj_scalar *ret);

/* dj_scalar_split(text, ret_name, ret_prefix): it has the form NAME@DIGITS; false when not. */
bool dj_scalar_split(struct dj_bytes text, struct dj_bytes *ret_name, struct dj_bytes *ret_prefix);

/*
 * dj_scalar_resolve(scalar, name, digest, source): makes a spelled or referenced one canonical;
 * name and source may lie inside the scalar. It shows DJ_SHOWN_DIGITS digits of its digest; a
 * caller that knows another one of that name with the same digits calls dj_scalar_show().
 */
void dj_scalar_resolve(struct dj_scalar *scalar, struct dj_bytes name,
                       const struct dj_digest *digest, struct dj_bytes source);
void dj_scalar_show(struct dj_scalar *scalar, size_t digits);

void dj_scalar_copy(struct dj_scalar *ret, const struct dj_scalar *scalar);

void dj_scalar_release(struct dj_scalar *scalar);

/* dj_value_parse(type, list, texts, n, ret, err): a value from words; n must be 1 unless list. */
int dj_value_parse(enum dj_type type, bool list, const struct dj_bytes *texts, size_t n,
                   struct dj_value *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_value_init(ret, type, list, n): n empty scalars for the caller to fill. */
void dj_value_init(struct dj_value *ret, enum dj_type type, bool list, size_t n);

bool dj_value_resolved(const struct dj_value *value);

/* dj_value_equal(a, b): they would make the same key. */
bool dj_value_equal(const struct dj_value *a, const struct dj_value *b);
void dj_value_copy(struct dj_value *ret, const struct dj_value *value);
void dj_value_release(struct dj_value *value);

/* dj_value_cbor(buf, value): the part of a key; the value must be resolved. See PROTOCOL.md. */
void dj_value_cbor(struct dj_buf *buf, const struct dj_value *value);

/* dj_path_digest(path, size, mtime_ns, ret): what identifies a path value: BLAKE2b-256 of the CBOR
 * of [path, size, mtime_ns]; the path is absolute and a byte string. */
void dj_path_digest(struct dj_bytes path, uint64_t size, int64_t mtime_ns, struct dj_digest *ret);

/*
 * dj_value_store(buf, value) and dj_value_load(): everything about a value as CBOR, unresolved
 * ones, prefixes and sources included: how definitions' defaults and runs' arguments are stored.
 */
void dj_value_store(struct dj_buf *buf, const struct dj_value *value);
int dj_value_load(struct dj_bytes bytes, struct dj_value *ret, struct dj_err *err) DJ_MUST_CHECK;

#endif
