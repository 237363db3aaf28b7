#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * Paths below our own mounts. The loop must not so much as stat(2) there, since the mount would ask
 * this very loop; what such a path means is found in the daemon's own tables.
 */

enum { LINKS_MAX = 40 };

/* ---- paths taken apart ----------------------------------------------------------------------- */

/* "a//b/./c/../d" to "a/b/d"; false when it leads above its top. */
static bool normalise(struct dj_bytes path, struct dj_buf *ret)
{
    struct dj_bytes component;

    dj_buf_clear(ret);
    while (dj_next_component(&path, &component)) {
        size_t end = ret->len;

        if (!dj_bytes_is(component, "..")) {
            if (ret->len > 0)
                dj_buf_addc(ret, '/');
            dj_buf_add_bytes(ret, component);
            continue;
        }
        if (ret->len == 0)
            return false;
        while (end > 0 && ret->data[end - 1] != '/')
            end--;
        dj_buf_truncate(ret, end == 0 ? 0 : end - 1);
    }
    return true;
}

/* ---- files of an instance -------------------------------------------------------------------- */

static const struct dj_rec_entry *entry_at(const struct dj_rec_manifest *manifest,
                                           struct dj_bytes path)
{
    for (size_t i = 0; i < manifest->entries.n; i++) {
        const struct dj_rec_entry *entry = DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, i);

        if (dj_bytes_equal(dj_buf_bytes(&entry->path), path))
            return entry;
    }
    return NULL;
}

/* The first link on the way; *ret_len is how much of the path it is. */
static const struct dj_rec_entry *first_link(const struct dj_rec_manifest *manifest,
                                             struct dj_bytes path, size_t *ret_len)
{
    for (size_t len = 1; len <= path.len; len++) {
        const struct dj_rec_entry *entry;

        if (len < path.len && path.data[len] != '/')
            continue;
        entry = entry_at(manifest, dj_bytes(path.data, len));
        *ret_len = len;
        if (entry != NULL && S_ISLNK(entry->mode))
            return entry;
    }
    return NULL;
}

/* A link's target in the place of the link; false when it leads out of files/. */
static bool follow(const struct dj_rec_entry *link, size_t len, struct dj_buf *path)
{
    dj_cleanup_buf struct dj_buf next = DJ_BUF_INIT;
    struct dj_bytes target = dj_buf_bytes(&link->target);
    size_t folder = len;

    if (target.len > 0 && target.data[0] == '/')
        return false;
    while (folder > 0 && path->data[folder - 1] != '/')
        folder--;
    dj_buf_add(&next, path->data, folder);
    dj_buf_add_bytes(&next, target);
    dj_buf_add_bytes(&next, dj_bytes_from(dj_buf_bytes(path), len));
    return normalise(dj_buf_bytes(&next), path);
}

static const struct dj_rec_entry *file_of(struct dj_engine *engine, uint64_t instance,
                                          struct dj_bytes file, struct dj_err *err)
{
    const struct dj_rec_manifest *manifest = dj_manifest(engine, instance);
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    const struct dj_rec_entry *entry;
    size_t len;

    dj_buf_add_bytes(&path, file);
    for (int i = 0; (entry = first_link(manifest, dj_buf_bytes(&path), &len)) != NULL; i++) {
        if (i < LINKS_MAX && follow(entry, len, &path))
            continue;
        (void)dj_err_set(err, i < LINKS_MAX ? EINVAL : ELOOP, "it is a link that leads %s",
                         i < LINKS_MAX ? "out of the run's files" : "in a circle");
        return NULL;
    }
    entry = entry_at(manifest, dj_buf_bytes(&path));
    if (entry != NULL && S_ISREG(entry->mode))
        return entry;
    (void)dj_err_set(err, entry == NULL ? ENOENT : EINVAL, "%s",
                     entry == NULL ? "the run left no such file" : "it is not a regular file");
    return NULL;
}

/* ---- what a path names ----------------------------------------------------------------------- */

void place_release(struct place *place)
{
    dj_call_unref(place->call);
    dj_buf_release(&place->path);
    dj_buf_release(&place->file);
    *place = (struct place){0};
}

static int find_call(struct dj_engine *engine, struct dj_bytes task_name, struct dj_bytes name,
                     struct dj_call **ret, struct dj_err *err)
{
    struct dj_task *task = dj_task_by_name(engine, task_name);
    dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT, ignored = DJ_BUF_INIT;
    int rc;

    if (task == NULL)
        return dj_err_set(err, ENOENT, "its task is not known");
    rc = dj_call_by_name(engine, task, name, ret, &canonical, err);
    if (rc == 1)
        rc = dj_call_by_name(engine, task, dj_buf_bytes(&canonical), ret, &ignored, err);
    if (rc > 0)
        rc = dj_err_set(err, EINVAL, "name the run by its canonical name");
    return rc;
}

/* Behind the name of the run: result, files/…, or one of these in history/N. */
static bool parse_leaf(struct dj_bytes rest, struct place *ret, uint64_t *ret_n)
{
    struct dj_bytes component;

    *ret_n = 0;
    if (!dj_next_component(&rest, &component))
        return false;
    if (dj_bytes_is(component, "history")) {
        if (!dj_next_component(&rest, &component) ||
            dj_parse_uint(component, ret_n, NULL) < 0 || *ret_n == 0 ||
            !dj_next_component(&rest, &component))
            return false;
    }
    if (dj_bytes_is(component, "result"))
        return rest.len == 0;
    dj_buf_set(&ret->file, rest);
    return dj_bytes_is(component, "files") && rest.len > 0;
}

static int find_place(struct dj_engine *engine, struct dj_bytes below, struct place *ret,
                      struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct dj_bytes rest, top, task, name;
    uint64_t n;
    int rc;

    if (!normalise(below, &path))
        return dj_err_set(err, EINVAL, "it leads out of the mount and back");
    rest = dj_buf_bytes(&path);
    if (!dj_next_component(&rest, &top) || !dj_bytes_is(top, "tasks") ||
        !dj_next_component(&rest, &task) || !dj_next_component(&rest, &name) ||
        !parse_leaf(rest, ret, &n))
        return dj_err_set(err, EINVAL, "of a mount only the result of a run or one of its files can"
                          " be an argument");
    rc = find_call(engine, task, name, &ret->call, err);
    if (rc < 0)
        return rc;
    dj_buf_addf(&ret->path, "tasks/%s/", dj_call_task(ret->call)->name);
    dj_buf_add_bytes(&ret->path, dj_call_name(ret->call));
    dj_buf_addc(&ret->path, '/');
    dj_buf_add_bytes(&ret->path, rest);
    if (n == 0)
        return 0;
    ret->instance = dj_call_ended(engine, ret->call, n);
    return ret->instance != 0 ? 0 : dj_err_set(err, ENOENT, "the run has no such earlier instance");
}

int place_find(struct dj_engine *engine, struct dj_bytes path, struct place *ret,
               struct dj_err *err)
{
    dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    size_t mount = path_mount(path);
    int rc;

    *ret = (struct place){0};
    rc = find_place(engine, dj_bytes_from(path, mount), ret, &why);
    if (rc == 0)
        return 0;
    place_release(ret);
    dj_add_printable(&shown, path);
    return dj_err_set(err, -rc, "%s: %s", dj_buf_str(&shown), dj_err_text(&why, rc));
}

int place_digest(struct dj_engine *engine, const struct place *place, uint64_t instance,
                 enum dj_type type, struct dj_bytes path, struct dj_digest *ret,
                 struct dj_err *err)
{
    const struct dj_rec_instance *rec = dj_instance(engine, instance);
    const struct dj_rec_entry *entry = NULL;
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
    const struct dj_rec_content *content;

    dj_add_printable(&shown, path);
    if (rec == NULL || rec->state != DJ_DONE)
        return dj_err_set(err, ENOENT, "%s: that instance has no result", dj_buf_str(&shown));
    if (place->file.len != 0) {
        entry = file_of(engine, instance, dj_buf_bytes(&place->file), &why);
        if (entry == NULL)
            return dj_err_set(err, why.code, "%s: %s", dj_buf_str(&shown), dj_err_text(&why, 0));
    }
    content = entry == NULL ? &rec->result : &entry->content;
    if (type == DJ_PATH)
        dj_path_digest(path, content->size,
                       (int64_t)(entry == NULL ? rec->end_ns : entry->mtime_ns), ret);
    else
        *ret = content->digest;
    return 0;
}
