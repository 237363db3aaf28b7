#include "lib/model/resource.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { NAME_MAX_BYTES = 64, PLACES = 6, DIGITS_MAX = 13 };

/* ---- amounts ---- */

static size_t digits(struct dj_bytes *text, uint64_t *number)
{
    size_t n = 0;

    while (n < text->len && text->data[n] >= '0' && text->data[n] <= '9') {
        if (n < DIGITS_MAX)
            *number = *number * 10 + (text->data[n] - '0');
        n++;
    }
    *text = dj_bytes_from(*text, n);
    return n;
}

static bool amount_of(struct dj_bytes text, uint64_t *ret)
{
    uint64_t whole = 0, part = 0;
    size_t before, places = 0;

    while (text.len > 1 && text.data[0] == '0' && text.data[1] == '0')
        text = dj_bytes_from(text, 1);
    before = digits(&text, &whole);
    if (before > DIGITS_MAX)
        return false;
    if (text.len > 0 && text.data[0] == '.') {
        text = dj_bytes_from(text, 1);
        places = digits(&text, &part);
        if (places == 0 || places > PLACES)
            return false;
    }
    for (size_t i = places; i < PLACES; i++)
        part *= 10;
    if (before + places == 0 || text.len != 0 || whole > DJ_AMOUNT_MAX / DJ_AMOUNT_ONE)
        return false;
    *ret = whole * DJ_AMOUNT_ONE + part;
    return *ret <= DJ_AMOUNT_MAX;
}

int dj_amount_parse(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    if (amount_of(text, ret))
        return 0;
    dj_add_printable(&shown, text);
    return dj_err_set(err, EINVAL,
                      "\"%s\" is not an amount: a number such as 2 or 1.5, of at most six places "
                      "and at most 1000000000000", dj_buf_str(&shown));
}

void dj_amount_print(struct dj_buf *buf, uint64_t amount)
{
    uint64_t part = amount % DJ_AMOUNT_ONE;
    int places = PLACES;

    dj_buf_addf(buf, "%" PRIu64, amount / DJ_AMOUNT_ONE);
    if (part == 0)
        return;
    for (; part % 10 == 0; part /= 10)
        places--;
    dj_buf_addf(buf, ".%0*" PRIu64, places, part);
}

/* ---- one ---- */

static bool name_right(struct dj_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_';

        if (!letter && (i == 0 || ((byte < '0' || byte > '9') && byte != '.' && byte != '-')))
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

int dj_resource_name_ok(struct dj_bytes name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    if (dj_bytes_is(name, "workers"))
        return dj_err_set(err, EINVAL, "workers are no resource: a session has max_workers");
    if (name_right(name))
        return 0;
    dj_add_printable(&shown, name);
    return dj_err_set(err, EINVAL,
                      "\"%s\" is not the name of a resource: letters, digits and _.-, at most %d, "
                      "a letter first", dj_buf_str(&shown), NAME_MAX_BYTES);
}

static size_t name_end(struct dj_bytes item)
{
    size_t i = 0;

    while (i < item.len && item.data[i] != '=' && item.data[i] != ':')
        i++;
    return i;
}

int dj_resource_parse(struct dj_bytes item, struct dj_resource *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    size_t end = name_end(item);
    struct dj_bytes name = dj_bytes(item.data, end);
    uint64_t amount;
    int rc;

    *ret = (struct dj_resource){0};
    dj_add_printable(&shown, item);
    if (end == item.len)
        return dj_err_set(err, EINVAL, "\"%s\" has no amount; write NAME=N, such as ram=1.5",
                          dj_buf_str(&shown));
    rc = dj_resource_name_ok(name, err);
    if (rc == 0)
        rc = dj_amount_parse(dj_bytes_from(item, end + 1), &amount, err);
    if (rc < 0)
        return rc;
    if (amount == 0)
        return dj_err_set(err, EINVAL, "\"%s\" asks for nothing", dj_buf_str(&shown));
    *ret = (struct dj_resource){dj_xmemdup0(name.data, name.len), amount};
    return 0;
}

/* ---- lists ---- */

static struct dj_resource *find(const struct dj_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        struct dj_resource *resource = DJ_LIST_AT(list, struct dj_resource, i);

        if (strcmp(resource->name, name) == 0)
            return resource;
    }
    return NULL;
}

static int parse_item(struct dj_bytes item, struct dj_list *ret, struct dj_err *err)
{
    struct dj_resource resource;
    int rc = dj_resource_parse(item, &resource, err);

    if (rc == 0 && find(ret, resource.name) != NULL)
        rc = dj_err_set(err, EINVAL, "%s is named twice", resource.name);
    if (rc == 0)
        *(struct dj_resource *)dj_list_add(ret, sizeof(resource)) = resource;
    else
        free(resource.name);
    return rc;
}

int dj_resources_parse(struct dj_bytes text, struct dj_list *ret, struct dj_err *err)
{
    struct dj_bytes item;
    int rc = 0;

    *ret = (struct dj_list){0};
    while (rc == 0 && dj_next_item(&text, &item))
        rc = parse_item(item, ret, err);
    if (rc == 0 && ret->n == 0)
        rc = dj_err_set(err, EINVAL, "no resource is named; write NAME=N, such as ram=1.5");
    if (rc < 0)
        dj_resources_release(ret);
    return rc;
}

void dj_resources_print(struct dj_buf *buf, const struct dj_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(list, struct dj_resource, i);

        dj_buf_addf(buf, "%s%s=", i == 0 ? "" : ", ", resource->name);
        dj_amount_print(buf, resource->amount);
    }
}

void dj_resources_release(struct dj_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(DJ_LIST_AT(list, struct dj_resource, i)->name);
    free(list->items);
    *list = (struct dj_list){0};
}

void dj_resources_copy(struct dj_list *ret, const struct dj_list *list)
{
    *ret = (struct dj_list){0};
    for (size_t i = 0; i < list->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(list, struct dj_resource, i);

        dj_resources_add(ret, resource->name, resource->amount);
    }
}

uint64_t dj_resources_amount(const struct dj_list *list, const char *name)
{
    const struct dj_resource *resource = find(list, name);

    return resource == NULL ? 0 : resource->amount;
}

void dj_resources_add(struct dj_list *list, const char *name, uint64_t amount)
{
    struct dj_resource *resource = find(list, name);

    if (resource == NULL) {
        resource = dj_list_add(list, sizeof(*resource));
        *resource = (struct dj_resource){.name = dj_xstrdup(name)};
    }
    resource->amount += amount;
}

int dj_resources_subtract(struct dj_list *list, const char *name, uint64_t amount)
{
    struct dj_resource *resource = find(list, name), *last;

    if (resource == NULL || resource->amount < amount)
        return -ERANGE;
    resource->amount -= amount;
    if (resource->amount != 0)
        return 0;
    free(resource->name);
    last = DJ_LIST_AT(list, struct dj_resource, --list->n);
    memmove(resource, resource + 1, (size_t)(last - resource) * sizeof(*last));
    return 0;
}
