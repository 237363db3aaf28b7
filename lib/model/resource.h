/*
 * Named resources: amounts of something that a session has a total of and that runs take parts of
 * (memory, graphics cards, licences). The names and numbers mean nothing to djfs.
 *
 * A list is written as "ram=1.5, gpu=1"; `:` does for `=`, blanks do for commas. Names are
 * [A-Za-z_][A-Za-z0-9_.-]* of at most 64 bytes, and not `workers`, which a session counts by
 * itself. Amounts are decimals without an exponent, of at most six places and at most 10^12, and
 * are kept as millionths: 0.1 + 0.2 is 0.3.
 *
 * Lists hold struct dj_resource, each name once. Pure; owned by whoever initialised them.
 */
#ifndef DJ_MODEL_RESOURCE_H
#define DJ_MODEL_RESOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"
#include "lib/util/buf.h"
#include "lib/util/err.h"

#define DJ_AMOUNT_ONE UINT64_C(1000000)
#define DJ_AMOUNT_MAX (UINT64_C(1000000000000) * DJ_AMOUNT_ONE)

struct dj_resource {
    char *name;
    uint64_t amount; /* millionths */
};

/* dj_amount_parse(text, ret, err): 0 is an amount, too. */
int dj_amount_parse(struct dj_bytes text, uint64_t *ret, struct dj_err *err) DJ_MUST_CHECK;
/* dj_amount_print(buf, amount): the shortest that reads back the same. */
void dj_amount_print(struct dj_buf *buf, uint64_t amount);

/* dj_resource_name_ok(name, err): 0 or -EINVAL with a sentence. */
int dj_resource_name_ok(struct dj_bytes name, struct dj_err *err) DJ_MUST_CHECK;

/* dj_resource_parse(item, ret, err): one NAME=N, N above zero. */
int dj_resource_parse(struct dj_bytes item, struct dj_resource *ret,
                      struct dj_err *err) DJ_MUST_CHECK;
/* dj_resources_parse(text, ret, err): a list of one or more; ret is empty on failure. */
int dj_resources_parse(struct dj_bytes text, struct dj_list *ret,
                       struct dj_err *err) DJ_MUST_CHECK;
/* dj_resources_print(buf, list): "gpu=1, ram=1.5", in the list's order. */
void dj_resources_print(struct dj_buf *buf, const struct dj_list *list);

void dj_resources_release(struct dj_list *list);
void dj_resources_copy(struct dj_list *ret, const struct dj_list *list);

/* dj_resources_amount(list, name): 0 when it is not in the list. */
uint64_t dj_resources_amount(const struct dj_list *list, const char *name);
/* dj_resources_add(list, name, amount): to what the list has of it. */
void dj_resources_add(struct dj_list *list, const char *name, uint64_t amount);
/* dj_resources_subtract(list, name, amount): -ERANGE, and nothing is changed, when it has less. */
int dj_resources_subtract(struct dj_list *list, const char *name, uint64_t amount) DJ_MUST_CHECK;

#endif
