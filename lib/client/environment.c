#include "lib/client/environment.h"

#include <stdlib.h>
#include <string.h>

#include "lib/util/mem.h"

static void clear(struct dj_list *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        struct dj_part_pair *pair = DJ_LIST_AT(pairs, struct dj_part_pair, i);

        free(pair->name);
        dj_buf_release(&pair->value);
    }
    pairs->n = 0;
}

static struct dj_part_pair *add(struct dj_list *pairs, struct dj_bytes name)
{
    struct dj_part_pair *pair = dj_list_add(pairs, sizeof(*pair));

    pair->name = dj_xmemdup0(name.data, name.len);
    pair->unset = true;
    return pair;
}

static void set(struct dj_part_pair *pair, struct dj_bytes value)
{
    dj_buf_add_bytes(&pair->value, value);
    pair->unset = false;
}

/* The first of two of one name counts, as for getenv(3). */
static bool find(struct dj_bytes block, struct dj_bytes name, struct dj_bytes *ret)
{
    while (block.len > 0) {
        const uint8_t *end = memchr(block.data, '\0', block.len);
        size_t len = end == NULL ? block.len : (size_t)(end - block.data);

        if (len > name.len && block.data[name.len] == '=' &&
            memcmp(block.data, name.data, name.len) == 0) {
            *ret = dj_bytes(block.data + name.len + 1, len - name.len - 1);
            return true;
        }
        block = dj_bytes_from(block, end == NULL ? len : len + 1);
    }
    return false;
}

void dj_environment_pick(const struct dj_msg_wants *wants, struct dj_bytes block,
                         struct dj_list *ret)
{
    clear(ret);
    for (size_t i = 0; i < wants->names.n; i++) {
        struct dj_bytes name = dj_list_bytes(&wants->names, i), value;
        struct dj_part_pair *pair = add(ret, name);

        if (find(block, name, &value))
            set(pair, value);
    }
}

void dj_environment_own(const struct dj_msg_wants *wants, struct dj_list *ret)
{
    clear(ret);
    for (size_t i = 0; i < wants->names.n; i++) {
        struct dj_part_pair *pair = add(ret, dj_list_bytes(&wants->names, i));
        const char *value = getenv(pair->name);

        if (value != NULL)
            set(pair, dj_bytes_of(value));
    }
}
