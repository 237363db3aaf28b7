#include "daemon/store_batch.h"

#include <assert.h>
#include <stdlib.h>

#include "lib/util/mem.h"

enum { HEADER_SIZE = 12, COUNT_OFFSET = 8, TAG_DELETE = 0, TAG_PUT = 1 };

struct dj_store_batch {
    struct dj_buf image;
    uint32_t count;
    size_t size; /* of keys and values */
};

static void add_header(struct dj_store_batch *batch)
{
    static const uint8_t empty[HEADER_SIZE];

    dj_buf_add(&batch->image, empty, sizeof(empty));
}

struct dj_store_batch *dj_store_batch_new(void)
{
    struct dj_store_batch *batch = dj_xcalloc(1, sizeof(*batch));

    add_header(batch);
    return batch;
}

void dj_store_batch_free(struct dj_store_batch *batch)
{
    if (batch == NULL)
        return;
    dj_buf_release(&batch->image);
    free(batch);
}

void dj_store_batch_clear(struct dj_store_batch *batch)
{
    dj_buf_clear(&batch->image);
    batch->count = 0;
    batch->size = 0;
    add_header(batch);
}

static void add_item(struct dj_store_batch *batch, struct dj_bytes item)
{
    size_t left = item.len;

    assert(item.len < DJ_STORE_ITEM_MAX);
    for (; left >= 0x80; left >>= 7)
        dj_buf_addc(&batch->image, (int)(left & 0x7f) | 0x80);
    dj_buf_addc(&batch->image, (int)left);
    dj_buf_add_bytes(&batch->image, item);
    batch->size += item.len;
}

static void raise_count(struct dj_store_batch *batch, uint32_t steps)
{
    batch->count += steps;
    for (int i = 0; i < 4; i++)
        batch->image.data[COUNT_OFFSET + i] = (uint8_t)(batch->count >> (8 * i));
}

static void begin_step(struct dj_store_batch *batch, int tag)
{
    raise_count(batch, 1);
    dj_buf_addc(&batch->image, tag);
}

void dj_store_batch_put(struct dj_store_batch *batch, struct dj_bytes key, struct dj_bytes value)
{
    begin_step(batch, TAG_PUT);
    add_item(batch, key);
    add_item(batch, value);
}

void dj_store_batch_delete(struct dj_store_batch *batch, struct dj_bytes key)
{
    begin_step(batch, TAG_DELETE);
    add_item(batch, key);
}

void dj_store_batch_add_all(struct dj_store_batch *batch, const struct dj_store_batch *from)
{
    dj_buf_add_bytes(&batch->image, dj_store_batch_steps(from));
    raise_count(batch, from->count);
    batch->size += from->size;
}

size_t dj_store_batch_size(const struct dj_store_batch *batch)
{
    return batch->size;
}

bool dj_store_batch_empty(const struct dj_store_batch *batch)
{
    return batch->count == 0;
}

struct dj_bytes dj_store_batch_image(const struct dj_store_batch *batch)
{
    return dj_buf_bytes(&batch->image);
}

struct dj_bytes dj_store_batch_steps(const struct dj_store_batch *batch)
{
    return dj_bytes_from(dj_buf_bytes(&batch->image), HEADER_SIZE);
}

/* Only ever reads what add_item() wrote, so lengths need no check against the end. */
static struct dj_bytes next_item(struct dj_bytes *rest)
{
    size_t len = 0;
    size_t used = 0;
    struct dj_bytes item;

    do {
        len |= (size_t)(rest->data[used] & 0x7f) << (7 * used);
    } while ((rest->data[used++] & 0x80) != 0);
    item = dj_bytes(rest->data + used, len);
    *rest = dj_bytes_from(*rest, used + len);
    return item;
}

bool dj_store_batch_next(struct dj_bytes *rest, struct dj_store_step *ret)
{
    if (rest->len == 0)
        return false;
    ret->put = rest->data[0] == TAG_PUT;
    *rest = dj_bytes_from(*rest, 1);
    ret->key = next_item(rest);
    ret->value = ret->put ? next_item(rest) : dj_bytes(NULL, 0);
    return true;
}

/* ---- in order ---------------------------------------------------------------------------- */

struct place {
    struct dj_bytes key;
    struct dj_bytes step; /* as it stands in the image */
};

static int by_key(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    int order = dj_bytes_cmp(left->key, right->key);

    return order != 0 ? order : left->step.data < right->step.data ? -1 : 1;
}

void dj_store_batch_sort(struct dj_store_batch *batch)
{
    struct dj_bytes rest = dj_store_batch_steps(batch);
    struct place *places = dj_xcalloc(batch->count + 1, sizeof(*places));
    struct dj_buf image = DJ_BUF_INIT;
    struct dj_store_step step;
    size_t n = 0;

    for (const uint8_t *begin = rest.data; dj_store_batch_next(&rest, &step); begin = rest.data)
        places[n++] = (struct place){step.key, dj_bytes(begin, (size_t)(rest.data - begin))};
    qsort(places, n, sizeof(*places), by_key);
    dj_buf_room(&image, batch->image.len);
    dj_buf_add(&image, batch->image.data, HEADER_SIZE);
    for (size_t i = 0; i < n; i++)
        dj_buf_add_bytes(&image, places[i].step);
    dj_buf_release(&batch->image);
    batch->image = image;
    free(places);
}
