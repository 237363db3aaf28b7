#include "lib/proto/dirnames.h"

#include <errno.h>
#include <string.h>

enum { COOKIE = 0, INO = 8, MODE = 16, NAME = 20 };

static void put(uint8_t *place, uint64_t number, size_t size)
{
    for (size_t i = 0; i < size; i++)
        place[i] = (uint8_t)(number >> 8 * (size - 1 - i));
}

static uint64_t get(const uint8_t *place, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number = number << 8 | place[i];
    return number;
}

void dj_dirnames_add(struct dj_buf *packed, const struct dj_dirname *one)
{
    uint8_t *place = dj_buf_room(packed, NAME + one->name.len + 1);

    put(place + COOKIE, one->cookie, 8);
    put(place + INO, one->ino, 8);
    put(place + MODE, one->mode, 4);
    memcpy(place + NAME, one->name.data, one->name.len);
    place[NAME + one->name.len] = 0;
    packed->len += NAME + one->name.len + 1;
}

int dj_dirnames_next(struct dj_bytes *rest, struct dj_dirname *ret)
{
    const uint8_t *end;

    if (rest->len == 0)
        return 0;
    end = rest->len > NAME ? memchr(rest->data + NAME, 0, rest->len - NAME) : NULL;
    if (end == NULL)
        return -EBADMSG;
    *ret = (struct dj_dirname){.name = dj_bytes(rest->data + NAME,
                                                (size_t)(end - rest->data) - NAME),
                               .cookie = get(rest->data + COOKIE, 8),
                               .ino = get(rest->data + INO, 8),
                               .mode = (uint32_t)get(rest->data + MODE, 4)};
    if (ret->name.len == 0 || memchr(ret->name.data, '/', ret->name.len) != NULL)
        return -EBADMSG;
    *rest = dj_bytes_from(*rest, NAME + ret->name.len + 1);
    return 1;
}
