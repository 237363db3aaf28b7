#include "lib/model/session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "lib/model/resource.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { NAME_MAX_BYTES = 64 };

static bool name_right(struct dj_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || byte == '_';

        if (!plain && (i == 0 || (byte != '.' && byte != '-')))
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static int check_name(struct dj_bytes name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    if (name_right(name))
        return 0;
    dj_add_printable(&shown, name);
    return dj_err_set(err, EINVAL,
                      "\"%s\" is not the name of a session: letters, digits and _.-, at most %d",
                      dj_buf_str(&shown), NAME_MAX_BYTES);
}

int dj_session_name_ok(struct dj_bytes name, struct dj_err *err)
{
    int rc = check_name(name, err);

    if (rc == 0 && (dj_bytes_is(name, "new") || dj_bytes_is(name, "self") ||
                    dj_bytes_starts(name, DJ_BYTES_LIT("new-"))))
        rc = dj_err_set(err, EINVAL, "new, self and new-… are names of sessions that djfs gives");
    return rc;
}

int dj_session_workers(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    if (dj_parse_uint(text, ret, NULL) == 0 && *ret >= 1 && *ret <= DJ_SESSION_WORKERS_MAX)
        return 0;
    return dj_err_set(err, EINVAL, "the number of workers is one from 1 to %d",
                      DJ_SESSION_WORKERS_MAX);
}

static int parse_part(struct dj_bytes item, struct dj_session_spec *ret, struct dj_err *err)
{
    struct dj_resource resource;
    int rc;

    if (dj_bytes_starts(item, DJ_BYTES_LIT("workers=")) ||
        dj_bytes_starts(item, DJ_BYTES_LIT("workers:"))) {
        if (ret->workers != 0)
            return dj_err_set(err, EINVAL, "workers is named twice");
        return dj_session_workers(dj_bytes_from(item, sizeof("workers=") - 1), &ret->workers, err);
    }
    rc = dj_resource_parse(item, &resource, err);
    if (rc < 0)
        return rc;
    if (dj_resources_amount(&ret->resources, resource.name) != 0)
        rc = dj_err_set(err, EINVAL, "%s is named twice", resource.name);
    else
        dj_resources_add(&ret->resources, resource.name, resource.amount);
    free(resource.name);
    return rc;
}

static int parse(struct dj_bytes text, struct dj_session_spec *ret, struct dj_err *err)
{
    struct dj_bytes item;
    int rc = 0;

    if (!dj_next_item(&text, &item))
        return dj_err_set(err, EINVAL, "no session is named");
    if (!dj_bytes_is(item, "new")) {
        rc = check_name(item, err);
        if (rc == 0)
            ret->name = dj_xmemdup0(item.data, item.len);
        if (rc == 0 && dj_next_item(&text, &item))
            rc = dj_err_set(err, EINVAL, "%s is a session that there is: only a new one is given"
                            " workers and resources here", ret->name);
        return rc;
    }
    while (rc == 0 && dj_next_item(&text, &item))
        rc = parse_part(item, ret, err);
    return rc;
}

int dj_session_parse(struct dj_bytes text, struct dj_session_spec *ret, struct dj_err *err)
{
    int rc;

    *ret = (struct dj_session_spec){0};
    rc = parse(text, ret, err);
    if (rc < 0)
        dj_session_spec_release(ret);
    return rc;
}

void dj_session_print(struct dj_buf *buf, const struct dj_session_spec *spec)
{
    if (spec->name != NULL) {
        dj_buf_adds(buf, spec->name);
        return;
    }
    dj_buf_adds(buf, "new");
    if (spec->workers != 0)
        dj_buf_addf(buf, ", workers=%" PRIu64, spec->workers);
    if (spec->resources.n != 0)
        dj_buf_adds(buf, ", ");
    dj_resources_print(buf, &spec->resources);
}

void dj_session_spec_release(struct dj_session_spec *spec)
{
    free(spec->name);
    dj_resources_release(&spec->resources);
    free(spec->origin);
    *spec = (struct dj_session_spec){0};
}
