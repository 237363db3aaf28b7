#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/archive/archive.h"
#include "lib/model/definition.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* The texts of an archive that are read back. (archive.h) */

enum { NAME_MAX_BYTES = 64 };

/* As b2sum -l 256 writes it: a name with a newline or a backslash is escaped. */
void dj_manifest_add(struct dj_buf *buf, const struct dj_digest *digest, struct dj_bytes name)
{
    char hex[DJ_DIGEST_HEX_SIZE];
    bool escaped = memchr(name.data, '\n', name.len) != NULL ||
                   memchr(name.data, '\\', name.len) != NULL ||
                   memchr(name.data, '\r', name.len) != NULL;

    dj_digest_hex(digest, hex);
    dj_buf_addf(buf, "%s%s  ", escaped ? "\\" : "", hex);
    for (size_t i = 0; i < name.len; i++) {
        switch (name.data[i]) {
        case '\n':
            dj_buf_adds(buf, "\\n");
            break;
        case '\r':
            dj_buf_adds(buf, "\\r");
            break;
        case '\\':
            dj_buf_adds(buf, "\\\\");
            break;
        default:
            dj_buf_addc(buf, name.data[i]);
        }
    }
    dj_buf_addc(buf, '\n');
}

static bool next_line(struct dj_bytes *rest, struct dj_bytes *ret)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);

    if (end == NULL)
        return false;
    *ret = dj_bytes(rest->data, (size_t)(end - rest->data));
    *rest = dj_bytes_from(*rest, ret->len + 1);
    return true;
}

static bool name_ok(struct dj_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!((name.data[i] >= 'a' && name.data[i] <= 'z') || name.data[i] == '.'))
            return false;
    }
    return name.len != 0 && name.len <= NAME_MAX_BYTES && name.data[0] != '.';
}

static bool has_name(const struct dj_list *listed, struct dj_bytes name)
{
    for (size_t i = 0; i < listed->n; i++) {
        if (dj_bytes_is(name, DJ_LIST_AT(listed, struct dj_listed, i)->name))
            return true;
    }
    return false;
}

static int parse_line(struct dj_bytes line, struct dj_list *ret, struct dj_err *err)
{
    enum { HEX = 2 * DJ_DIGEST_SIZE };
    struct dj_bytes at = line, name;
    struct dj_digest digest;
    struct dj_listed *listed;

    if (at.len > 0 && at.data[0] == '\\')
        at = dj_bytes_from(at, 1);
    if (at.len < HEX + 3 || at.data[HEX] != ' ' || at.data[HEX + 1] != ' ' ||
        dj_digest_parse(dj_bytes(at.data, HEX), &digest) < 0)
        return dj_err_set(err, EBADMSG, "its manifest has a line that is no digest with a name");
    name = dj_bytes_from(at, HEX + 2);
    if (dj_bytes_starts(name, DJ_BYTES_LIT("files/")))
        return 0;
    if (!name_ok(name))
        return dj_err_set(err, EBADMSG, "its manifest has a name that cannot be");
    if (has_name(ret, name) || ret->n >= NAME_MAX_BYTES)
        return dj_err_set(err, EBADMSG, "its manifest names a member twice, or too many");
    listed = dj_list_add(ret, sizeof(*listed));
    listed->digest = digest;
    listed->name = dj_xmemdup0(name.data, name.len);
    return 0;
}

int dj_manifest_parse(struct dj_bytes text, struct dj_list *ret, struct dj_err *err)
{
    struct dj_bytes rest = text, line;
    int rc = 0;

    *ret = (struct dj_list){0};
    while (rc == 0 && next_line(&rest, &line))
        rc = parse_line(line, ret, err);
    if (rc == 0 && rest.len != 0)
        rc = dj_err_set(err, EBADMSG, "the last line of its manifest is cut");
    if (rc < 0)
        dj_manifest_release(ret);
    return rc;
}

void dj_manifest_release(struct dj_list *listed)
{
    for (size_t i = 0; i < listed->n; i++)
        free(DJ_LIST_AT(listed, struct dj_listed, i)->name);
    free(listed->items);
    *listed = (struct dj_list){0};
}

static bool number_behind(struct dj_bytes line, const char *words, uint64_t *ret)
{
    size_t len = strlen(words);

    return dj_bytes_starts(line, dj_bytes_of(words)) &&
           dj_parse_uint(dj_bytes_from(line, len), ret, NULL) == 0;
}

int dj_head_parse(struct dj_bytes text, struct dj_err *err)
{
    struct dj_bytes rest = text, line;
    uint64_t format;

    if (!next_line(&rest, &line) || !number_behind(line, "djfs archive ", &format))
        return dj_err_set(err, EBADMSG, "it is not an archive of djfs");
    if (format != DJ_ARCHIVE_FORMAT)
        return dj_err_set(err, EPROTONOSUPPORT,
                          "it is an archive of format %llu, and this djfs knows format %d; a newer "
                          "djfs can read it",
                          (unsigned long long)format, DJ_ARCHIVE_FORMAT);
    return 0;
}

int dj_end_parse(struct dj_bytes text, uint64_t *ret_runs, struct dj_err *err)
{
    struct dj_bytes rest = text, line;

    if (!next_line(&rest, &line) || !number_behind(line, "runs ", ret_runs) || rest.len != 0)
        return dj_err_set(err, EBADMSG, "its end is damaged");
    return 0;
}

int dj_run_folder_parse(const char *name, struct dj_buf *ret_folder, struct dj_err *err)
{
    struct dj_bytes rest = dj_bytes_of(name), task, id;
    struct dj_digest digest;
    const uint8_t *slash;

    if (!dj_bytes_starts(rest, DJ_BYTES_LIT("runs/")))
        goto bad;
    rest = dj_bytes_from(rest, strlen("runs/"));
    slash = rest.len == 0 ? NULL : memchr(rest.data, '/', rest.len);
    if (slash == NULL)
        goto bad;
    task = dj_bytes(rest.data, (size_t)(slash - rest.data));
    rest = dj_bytes_from(rest, task.len + 1);
    id = dj_bytes(rest.data, DJ_MIN(rest.len, (size_t)(2 * DJ_DIGEST_SIZE)));
    if (!dj_task_name_ok(task) || dj_digest_parse(id, &digest) < 0 ||
        !dj_bytes_is(dj_bytes_from(rest, id.len), "/manifest"))
        goto bad;
    dj_buf_clear(ret_folder);
    dj_buf_add(ret_folder, name, strlen(name) - strlen("manifest"));
    return 0;
bad:
    return dj_err_set(err, EBADMSG, "here a run has to begin, with runs/TASK/ID/manifest");
}
