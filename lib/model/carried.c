#include "lib/model/carried.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/model/definition.h"
#include "lib/model/key.h"
#include "lib/model/status.h"
#include "lib/util/cbor.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { PATH_BYTES = 4096, ARGS_MAX = 10000 };

/* ---- what it is called ---- */

static void hash_content(struct dj_hasher *hasher, const struct dj_rec_content *content)
{
    dj_hasher_update(hasher, content->digest.b, sizeof(content->digest.b));
}

void dj_carried_id(const struct dj_digest *key, const struct dj_rec_instance *instance,
                   struct dj_digest *ret)
{
    dj_cleanup_buf struct dj_buf numbers = DJ_BUF_INIT;
    struct dj_hasher hasher;

    dj_hasher_init(&hasher);
    dj_hasher_update(&hasher, key->b, sizeof(key->b));
    dj_cbor_array(&numbers, 5);
    dj_cbor_uint(&numbers, instance->state);
    dj_cbor_uint(&numbers, instance->queued_ns);
    dj_cbor_uint(&numbers, instance->start_ns);
    dj_cbor_uint(&numbers, instance->end_ns);
    dj_cbor_bytes(&numbers, dj_bytes_of(instance->host));
    dj_hasher_update(&hasher, numbers.data, numbers.len);
    hash_content(&hasher, &instance->result);
    hash_content(&hasher, &instance->log);
    hash_content(&hasher, &instance->manifest);
    dj_hasher_final(&hasher, ret);
}

/* ---- key and arguments ---- */

/* The value of a key says by what rules it became what it is. */
static int read_rules(struct dj_cbor_reader reader, struct dj_param *param)
{
    struct dj_bytes rules;
    uint64_t tag, n;

    if (param->type != DJ_JSON || dj_cbor_get_tag(&reader, &tag) != 0 || tag != DJ_KEY_TAG_PARTS)
        return 0;
    if (dj_cbor_get_array(&reader, &n) != 0 || n != 2 || dj_cbor_get_text(&reader, &rules) != 0)
        return -EBADMSG;
    return dj_parts_parse(rules, &param->parts, NULL) == 0 ? 0 : -EBADMSG;
}

static int read_key(const char *task, struct dj_bytes key, struct dj_params *params)
{
    struct dj_cbor_reader reader = {key};
    struct dj_bytes name;
    uint64_t n;

    if (dj_cbor_get_array(&reader, &n) != 0 || n != 2 || dj_cbor_get_text(&reader, &name) != 0 ||
        !dj_bytes_is(name, task) || dj_cbor_get_map(&reader, &n) != 0)
        return -EBADMSG;
    for (size_t i = 0; i < params->n; i++)
        params->items[i].ignored = true;
    while (n-- > 0) {
        struct dj_param *param;

        if (dj_cbor_get_text(&reader, &name) != 0)
            return -EBADMSG;
        param = dj_params_find(params, name);
        if (param == NULL || param->parts != NULL || read_rules(reader, param) != 0 ||
            dj_cbor_skip(&reader) != 0)
            return -EBADMSG;
        param->ignored = false;
    }
    return reader.rest.len == 0 ? 0 : -EBADMSG;
}

static bool all_given(const struct dj_args *args)
{
    for (size_t i = 0; i < args->params->n; i++) {
        const struct dj_value *value = &args->values[i];

        if (args->params->items[i].ignored)
            continue;
        if (!dj_value_resolved(value) || (value->n == 0 && !value->list))
            return false;
    }
    return true;
}

/* What the key leaves out is ignored, or has the value that it had before there was a parameter. */
int dj_key_fits(const char *task, struct dj_bytes key, struct dj_bytes args, struct dj_err *err)
{
    dj_cleanup_params struct dj_params params = DJ_PARAMS_INIT;
    dj_cleanup_args struct dj_args loaded = DJ_ARGS_INIT;
    dj_cleanup_buf struct dj_buf made = DJ_BUF_INIT;
    int rc = dj_args_load_own(args, &params, &loaded, err);

    if (rc < 0)
        return rc;
    if (params.n > ARGS_MAX)
        return dj_err_set(err, EBADMSG, "it has more than %d arguments", ARGS_MAX);
    loaded.params = &params;
    if (read_key(task, key, &params) == 0 && all_given(&loaded))
        dj_key_cbor(&made, task, &loaded);
    if (made.len == 0 || !dj_bytes_equal(dj_buf_bytes(&made), key))
        return dj_err_set(err, EBADMSG, "its key is not that of its arguments");
    return 0;
}

/* ---- the record ---- */

static bool is_line(const char *text)
{
    for (const char *at = text; at != NULL && *at != '\0'; at++) {
        if ((unsigned char)*at < ' ')
            return false;
    }
    return true;
}

static int check_premises(const struct dj_list *premises, struct dj_err *err)
{
    for (size_t i = 0; i < premises->n; i++) {
        const struct dj_rec_carried_premise *premise =
            DJ_LIST_AT(premises, struct dj_rec_carried_premise, i);
        struct dj_bytes path = dj_buf_bytes(&premise->path);

        if (premise->task != NULL) {
            if (!dj_task_name_ok(dj_bytes_of(premise->task)) || path.len != 0 ||
                dj_digest_is_zero(&premise->digest))
                return dj_err_set(err, EBADMSG, "it rests on a task that cannot be");
        } else if (path.len == 0 || path.len >= PATH_BYTES || path.data[0] != '/' ||
                   memchr(path.data, 0, path.len) != NULL) {
            return dj_err_set(err, EBADMSG, "it rests on a file whose path is not absolute");
        }
    }
    return 0;
}

static int check_edges(const struct dj_list *edges, struct dj_err *err)
{
    for (size_t i = 0; i < edges->n; i++) {
        const struct dj_rec_carried_edge *edge = DJ_LIST_AT(edges, struct dj_rec_carried_edge, i);
        int rc;

        if (!dj_task_name_ok(dj_bytes_of(edge->task)))
            return dj_err_set(err, EBADMSG, "it called a task that cannot be");
        rc = dj_key_fits(edge->task, dj_buf_bytes(&edge->key), dj_buf_bytes(&edge->args), err);
        if (rc < 0)
            return dj_err_prefix(err, rc, "a call of %s that it made", edge->task);
    }
    return 0;
}

static int check_content(const char *what, const struct dj_rec_content *content,
                         struct dj_err *err)
{
    struct dj_digest empty;

    dj_digest_bytes(dj_bytes(NULL, 0), &empty);
    if (content->bytes.len != 0 || content->size > INT64_MAX / 4)
        return dj_err_set(err, EBADMSG, "its %s has a size that cannot be", what);
    if (content->size != 0 ? dj_digest_is_zero(&content->digest)
                           : !dj_digest_is_zero(&content->digest) &&
                                 !dj_digest_equal(&content->digest, &empty))
        return dj_err_set(err, EBADMSG, "its %s has a digest that cannot be", what);
    return 0;
}

static int check_instance(const struct dj_rec_instance *instance, struct dj_err *err)
{
    int rc = check_content("result", &instance->result, err);

    if (rc == 0)
        rc = check_content("log", &instance->log, err);
    if (rc == 0)
        rc = check_content("list of files", &instance->manifest, err);
    if (rc < 0)
        return rc;
    if (instance->state != DJ_DONE)
        return dj_err_set(err, EBADMSG, "it has no result");
    if (instance->manifest.size == 0 && (instance->file_count != 0 || instance->file_bytes != 0))
        return dj_err_set(err, EBADMSG, "it has files, and no list of them");
    if (instance->file_bytes > INT64_MAX / 4)
        return dj_err_set(err, EBADMSG, "its files have a size that cannot be");
    if (!is_line(instance->host) || !is_line(instance->user) || !is_line(instance->version) ||
        !is_line(instance->session) || !is_line(instance->resources))
        return dj_err_set(err, EBADMSG, "its host, user or version is more than a line");
    return 0;
}

static int check_definition(const struct dj_rec_carried *carried, struct dj_err *err)
{
    struct dj_definition definition;
    int rc = dj_definition_load(dj_buf_bytes(&carried->definition), &definition, err);

    if (rc < 0)
        return dj_err_prefix(err, rc, "its definition");
    if (strcmp(definition.name, carried->task) != 0)
        rc = dj_err_set(err, EBADMSG, "its definition is that of another task, %s",
                        definition.name);
    dj_definition_release(&definition);
    return rc;
}

int dj_carried_check(const struct dj_rec_carried *carried, struct dj_err *err)
{
    struct dj_digest key, id;
    int rc;

    if (carried->format != DJ_CARRIED_FORMAT)
        return dj_err_set(err, EPROTONOSUPPORT,
                          "it has format %llu, and this djfs knows format %d; the djfs that wrote "
                          "it, or a newer one, can read it",
                          (unsigned long long)carried->format, DJ_CARRIED_FORMAT);
    if (!dj_task_name_ok(dj_bytes_of(carried->task)))
        return dj_err_set(err, EBADMSG, "its task has a name that cannot be");
    rc = dj_key_fits(carried->task, dj_buf_bytes(&carried->key), dj_buf_bytes(&carried->args), err);
    if (rc == 0)
        rc = check_instance(&carried->instance, err);
    if (rc == 0)
        rc = check_definition(carried, err);
    if (rc == 0)
        rc = check_premises(&carried->premises, err);
    if (rc == 0)
        rc = check_edges(&carried->edges, err);
    for (size_t i = 0; rc == 0 && i < carried->accepted.n; i++)
        rc = check_premises(
            &DJ_LIST_AT(&carried->accepted, struct dj_rec_carried_acceptance, i)->premises, err);
    if (rc < 0)
        return rc;
    dj_digest_bytes(dj_buf_bytes(&carried->key), &key);
    dj_carried_id(&key, &carried->instance, &id);
    if (!dj_digest_equal(&id, &carried->id))
        return dj_err_set(err, EBADMSG, "it claims to be another run than it is");
    return 0;
}

/* ---- its files ---- */

/* No component is empty, "." or "..". */
static bool path_ok(struct dj_bytes path)
{
    struct dj_bytes rest = path, component;
    size_t used = 0;

    if (path.len == 0 || path.len >= PATH_BYTES || memchr(path.data, 0, path.len) != NULL)
        return false;
    while (dj_next_component(&rest, &component)) {
        if (dj_bytes_is(component, ".") || dj_bytes_is(component, "..") || component.len > 255)
            return false;
        used += component.len + 1;
    }
    return used == path.len + 1;
}

static size_t depth_of(struct dj_bytes path)
{
    size_t depth = 0;

    for (size_t i = 0; i < path.len; i++)
        depth += path.data[i] == '/';
    return depth;
}

/* As it is written, from the folder that the link is in. */
static bool target_ok(struct dj_bytes path, struct dj_bytes target)
{
    struct dj_bytes rest = target, component;
    size_t depth = depth_of(path);

    if (target.len == 0 || target.len >= PATH_BYTES || target.data[0] == '/' ||
        memchr(target.data, 0, target.len) != NULL)
        return false;
    while (dj_next_component(&rest, &component)) {
        if (dj_bytes_is(component, "..")) {
            if (depth-- == 0)
                return false;
        } else if (!dj_bytes_is(component, ".")) {
            depth++;
        }
    }
    return true;
}

/* By components; a folder comes before what is in it. */
static int compare(struct dj_bytes a, struct dj_bytes b)
{
    size_t common = a.len < b.len ? a.len : b.len;

    for (size_t i = 0; i < common; i++) {
        int left = a.data[i] == '/' ? 0 : a.data[i], right = b.data[i] == '/' ? 0 : b.data[i];

        if (left != right)
            return left - right;
    }
    return a.len < b.len ? -1 : a.len > b.len;
}

static int blame(struct dj_err *err, struct dj_bytes path, const char *what)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, path);
    return dj_err_set(err, EBADMSG, "its file %s %s", dj_buf_str(&shown), what);
}

static int check_entry(const struct dj_rec_entry *entry, struct dj_err *err)
{
    struct dj_bytes path = dj_buf_bytes(&entry->path), target = dj_buf_bytes(&entry->target);
    const struct dj_rec_content *content = &entry->content;
    struct dj_digest empty;

    dj_digest_bytes(dj_bytes(NULL, 0), &empty);
    if (!path_ok(path))
        return blame(err, path, "has a name that leads out of the run, or is none");
    if (entry->mode > 0xffff ||
        (!S_ISREG(entry->mode) && !S_ISDIR(entry->mode) && !S_ISLNK(entry->mode)))
        return blame(err, path, "is neither a file nor a folder nor a link");
    if (S_ISLNK(entry->mode) && !target_ok(path, target))
        return blame(err, path, "is a link that leads out of the run's files");
    if (!S_ISLNK(entry->mode) && target.len != 0)
        return blame(err, path, "is no link, and leads somewhere");
    if (!S_ISREG(entry->mode) && content->size != 0)
        return blame(err, path, "is no file, and has content");
    if (content->bytes.len != 0 || content->size > INT64_MAX / 4 ||
        (S_ISREG(entry->mode) && content->size == 0 &&
         !dj_digest_equal(&content->digest, &empty)) ||
        (content->size != 0 && dj_digest_is_zero(&content->digest)))
        return blame(err, path, "has a size or digest that cannot be");
    return 0;
}

/* Of two in order: the second lies in a folder that was there, no file is a folder. */
struct walk {
    const struct dj_rec_manifest *manifest;
    struct dj_list folders; /* size_t: the entries that are open folders, outermost first */
};

static const struct dj_rec_entry *entry_at(const struct walk *walk, size_t i)
{
    return DJ_LIST_AT(&walk->manifest->entries, struct dj_rec_entry, i);
}

static bool lies_in(struct dj_bytes path, struct dj_bytes folder)
{
    return path.len > folder.len && path.data[folder.len] == '/' &&
           memcmp(path.data, folder.data, folder.len) == 0;
}

static bool has_folder(struct walk *walk, size_t i)
{
    struct dj_bytes path = dj_buf_bytes(&entry_at(walk, i)->path);

    while (walk->folders.n > 0 &&
           !lies_in(path, dj_buf_bytes(&entry_at(walk, *DJ_LIST_AT(&walk->folders, size_t,
                                                                   walk->folders.n - 1))
                                            ->path)))
        walk->folders.n--;
    if (depth_of(path) != walk->folders.n)
        return false;
    if (S_ISDIR(entry_at(walk, i)->mode))
        *(size_t *)dj_list_add(&walk->folders, sizeof(i)) = i;
    return true;
}

int dj_carried_files_check(const struct dj_rec_manifest *manifest,
                           const struct dj_rec_instance *instance, struct dj_err *err)
{
    struct walk walk = {.manifest = manifest};
    uint64_t count = 0, bytes = 0;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < manifest->entries.n; i++) {
        const struct dj_rec_entry *entry = entry_at(&walk, i);

        rc = check_entry(entry, err);
        if (rc == 0 && i > 0 &&
            compare(dj_buf_bytes(&entry_at(&walk, i - 1)->path), dj_buf_bytes(&entry->path)) >= 0)
            rc = blame(err, dj_buf_bytes(&entry->path), "is named twice, or in the wrong place");
        if (rc == 0 && !has_folder(&walk, i))
            rc = blame(err, dj_buf_bytes(&entry->path), "lies in a folder that is not there");
        count += S_ISREG(entry->mode);
        bytes += entry->content.size;
        if (rc == 0 && bytes > INT64_MAX / 2)
            rc = blame(err, dj_buf_bytes(&entry->path), "has a size that cannot be");
    }
    dj_freep(&walk.folders.items);
    if (rc == 0 && (count != instance->file_count || bytes != instance->file_bytes))
        rc = dj_err_set(err, EBADMSG, "its list of files is not as long as it says");
    return rc;
}

void dj_carried_files_digest(const struct dj_rec_manifest *manifest, struct dj_digest *ret)
{
    dj_cleanup_buf struct dj_buf item = DJ_BUF_INIT;
    struct dj_hasher hasher;

    dj_hasher_init(&hasher);
    for (size_t i = 0; i < manifest->entries.n; i++) {
        const struct dj_rec_entry *entry =
            DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, i);

        dj_buf_clear(&item);
        dj_cbor_array(&item, 4);
        dj_cbor_bytes(&item, dj_buf_bytes(&entry->path));
        dj_cbor_uint(&item, entry->mode);
        dj_cbor_bytes(&item, dj_buf_bytes(&entry->target));
        dj_cbor_bytes(&item, dj_bytes(entry->content.digest.b, DJ_DIGEST_SIZE));
        dj_hasher_update(&hasher, item.data, item.len);
    }
    dj_hasher_final(&hasher, ret);
}
