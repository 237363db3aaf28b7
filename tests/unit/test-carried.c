/* Records of runs on their way: what fits, and each thing that does not, with its sentence. */
#include "lib/model/carried.h"

#include <errno.h>
#include <sys/stat.h>

#include "lib/model/definition.h"
#include "lib/model/status.h"
#include "lib/util/mem.h"
#include "tests/unit/model.h"

/* f(n=5, m=ignored), with a key that leaves m out. */
static void make_call(struct dj_buf *key, struct dj_buf *args, const char *n)
{
    dj_cleanup_params struct dj_params params = DJ_PARAMS_INIT;
    dj_cleanup_args struct dj_args bound = DJ_ARGS_INIT;
    struct dj_bytes words[2] = {dj_bytes_of(n), dj_bytes_of("x")};

    params_of(&params, "n:int m");
    set_ignored(&params, "m");
    if (dj_args_bind("f", &params, words, 2, &bound, NULL) != 0)
        bail_out("arguments");
    dj_buf_clear(key);
    dj_buf_clear(args);
    dj_key_cbor(key, "f", &bound);
    dj_args_store(args, &bound);
}

static void make(struct dj_rec_carried *ret)
{
    struct dj_definition definition;
    struct dj_digest key;

    *ret = (struct dj_rec_carried){.format = DJ_CARRIED_FORMAT, .task = dj_xstrdup("f")};
    make_call(&ret->key, &ret->args, "5");
    dj_definition_init(&definition);
    definition.name = dj_xstrdup("f");
    definition.here = dj_xstrdup("/");
    dj_definition_store(&ret->definition, &definition);
    dj_definition_release(&definition);
    ret->instance.state = DJ_DONE;
    ret->instance.queued_ns = 1;
    ret->instance.start_ns = 2;
    ret->instance.end_ns = 3;
    ret->instance.host = dj_xstrdup("here");
    ret->instance.result.size = 3;
    dj_digest_bytes(DJ_BYTES_LIT("120"), &ret->instance.result.digest);
    dj_digest_bytes(dj_buf_bytes(&ret->key), &key);
    dj_carried_id(&key, &ret->instance, &ret->id);
}

typedef void change_fn(struct dj_rec_carried *carried);

static void refused(change_fn *change, int code, const char *sentence)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_rec_carried carried;

    make(&carried);
    change(&carried);
    is_int(dj_carried_check(&carried, &err), -code, "refused: %s", sentence);
    ok(strstr(dj_err_text(&err, -code), sentence) != NULL, "it says so: %s",
       dj_err_text(&err, -code));
    dj_codec_release(&dj_layout_carried, &carried);
}

static void newer(struct dj_rec_carried *carried)
{
    carried->format = 2;
}

static void other_args(struct dj_rec_carried *carried)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;

    make_call(&key, &carried->args, "6");
}

static void other_result(struct dj_rec_carried *carried)
{
    dj_digest_bytes(DJ_BYTES_LIT("121"), &carried->instance.result.digest);
}

static void other_task(struct dj_rec_carried *carried)
{
    free(carried->task);
    carried->task = dj_xstrdup("g");
}

static void bad_task(struct dj_rec_carried *carried)
{
    free(carried->task);
    carried->task = dj_xstrdup("../f");
}

static void failed(struct dj_rec_carried *carried)
{
    carried->instance.state = DJ_FAILED;
}

static void huge(struct dj_rec_carried *carried)
{
    carried->instance.result.size = UINT64_MAX;
}

static void no_digest(struct dj_rec_carried *carried)
{
    carried->instance.log.size = 1;
}

static void no_list(struct dj_rec_carried *carried)
{
    carried->instance.file_count = 1;
}

static void two_lines(struct dj_rec_carried *carried)
{
    free(carried->instance.host);
    carried->instance.host = dj_xstrdup("a\nb");
}

static void no_definition(struct dj_rec_carried *carried)
{
    dj_buf_clear(&carried->definition);
}

static struct dj_rec_carried_premise *premise(struct dj_rec_carried *carried)
{
    return dj_list_add(&carried->premises, sizeof(struct dj_rec_carried_premise));
}

static void relative_premise(struct dj_rec_carried *carried)
{
    dj_buf_adds(&premise(carried)->path, "etc/passwd");
}

static void never_premise(struct dj_rec_carried *carried)
{
    dj_buf_add(&premise(carried)->path, "\0refused", 8);
}

static void nameless_premise(struct dj_rec_carried *carried)
{
    premise(carried)->task = dj_xstrdup("a/b");
}

static void bad_edge(struct dj_rec_carried *carried)
{
    struct dj_rec_carried_edge *edge =
        dj_list_add(&carried->edges, sizeof(struct dj_rec_carried_edge));

    edge->task = dj_xstrdup("f");
    make_call(&edge->key, &edge->args, "4");
    dj_buf_addc(&edge->key, 0);
}

static void test_records(void)
{
    struct dj_rec_carried carried;

    make(&carried);
    is_int(dj_carried_check(&carried, NULL), 0, "a good one");
    dj_codec_release(&dj_layout_carried, &carried);
    refused(newer, EPROTONOSUPPORT, "format 2");
    refused(other_args, EBADMSG, "its key is not that of its arguments");
    refused(other_task, EBADMSG, "its key is not that of its arguments");
    refused(bad_task, EBADMSG, "its task has a name that cannot be");
    refused(other_result, EBADMSG, "it claims to be another run than it is");
    refused(failed, EBADMSG, "it has no result");
    refused(huge, EBADMSG, "its result has a size that cannot be");
    refused(no_digest, EBADMSG, "its log has a digest that cannot be");
    refused(no_list, EBADMSG, "it has files, and no list of them");
    refused(two_lines, EBADMSG, "is more than a line");
    refused(no_definition, EBADMSG, "its definition");
    refused(relative_premise, EBADMSG, "a file whose path is not absolute");
    refused(never_premise, EBADMSG, "a file whose path is not absolute");
    refused(nameless_premise, EBADMSG, "a task that cannot be");
    refused(bad_edge, EBADMSG, "a call of f that it made: its key is not that of its arguments");
}

/* ---- files ---- */

static struct dj_rec_entry *entry(struct dj_rec_manifest *manifest, const char *path, mode_t mode)
{
    struct dj_rec_entry *entry = dj_list_add(&manifest->entries, sizeof(*entry));

    dj_buf_adds(&entry->path, path);
    entry->mode = mode;
    if (S_ISREG(mode))
        dj_digest_bytes(dj_bytes(NULL, 0), &entry->content.digest);
    return entry;
}

static void files(const char *sentence, struct dj_rec_manifest *manifest)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_rec_instance instance = {0};
    int rc;

    for (size_t i = 0; i < manifest->entries.n; i++)
        instance.file_count +=
            S_ISREG(DJ_LIST_AT(&manifest->entries, struct dj_rec_entry, i)->mode);
    rc = dj_carried_files_check(manifest, &instance, &err);
    if (sentence == NULL)
        is_int(rc, 0, "good files");
    else
        ok(rc == -EBADMSG && strstr(err.text, sentence) != NULL, "files: %s: %s", sentence,
           dj_err_text(&err, rc));
    dj_codec_release(&dj_layout_manifest, manifest);
    *manifest = (struct dj_rec_manifest){{0}};
}

static void one(const char *sentence, const char *path, mode_t mode)
{
    struct dj_rec_manifest manifest = {{0}};

    entry(&manifest, path, mode);
    files(sentence, &manifest);
}

static void link_to(const char *sentence, const char *path, const char *target)
{
    struct dj_rec_manifest manifest = {{0}};

    if (strchr(path, '/') != NULL)
        entry(&manifest, "d", S_IFDIR | 0755);
    dj_buf_adds(&entry(&manifest, path, S_IFLNK | 0777)->target, target);
    files(sentence, &manifest);
}

static void test_files(void)
{
    static const char out[] = "has a name that leads out of the run, or is none";
    static const char leads[] = "is a link that leads out of the run's files";
    struct dj_rec_manifest manifest = {{0}};

    one(NULL, "a", S_IFREG | 0644);
    one(out, "../a", S_IFREG | 0644);
    one(out, "/a", S_IFREG | 0644);
    one(out, "a/..", S_IFREG | 0644);
    one(out, "./a", S_IFREG | 0644);
    one(out, "a//b", S_IFREG | 0644);
    one(out, "a/", S_IFREG | 0644);
    one(out, "", S_IFREG | 0644);
    one("is neither a file nor a folder nor a link", "a", S_IFCHR | 0644);
    one("is neither a file nor a folder nor a link", "a", S_IFIFO | 0644);
    one("lies in a folder that is not there", "d/a", S_IFREG | 0644);
    link_to(NULL, "a", "b");
    link_to(NULL, "d/a", "../b");
    link_to(NULL, "d/a", ".././d/../b");
    link_to(leads, "a", "/etc/passwd");
    link_to(leads, "a", "../b");
    link_to(leads, "d/a", "../../b");
    link_to(leads, "d/a", "../b/../../c");
    link_to(leads, "a", "");
    entry(&manifest, "a", S_IFREG | 0644);
    entry(&manifest, "a", S_IFREG | 0644);
    files("is named twice, or in the wrong place", &manifest);
    entry(&manifest, "b", S_IFREG | 0644);
    entry(&manifest, "a", S_IFREG | 0644);
    files("is named twice, or in the wrong place", &manifest);
    entry(&manifest, "a", S_IFREG | 0644);
    entry(&manifest, "a/b", S_IFREG | 0644);
    files("lies in a folder that is not there", &manifest);
    entry(&manifest, "d", S_IFDIR | 0755);
    entry(&manifest, "d/a", S_IFREG | 0644);
    entry(&manifest, "d.b", S_IFREG | 0644);
    files(NULL, &manifest);
    entry(&manifest, "d", S_IFDIR | 0755)->content.size = 1;
    files("is no file, and has content", &manifest);
    entry(&manifest, "a", S_IFREG | 0644)->content.size = UINT64_MAX;
    files("has a size or digest that cannot be", &manifest);
    dj_buf_adds(&entry(&manifest, "a", S_IFREG | 0644)->target, "b");
    files("is no link, and leads somewhere", &manifest);
}

static void test_digest(void)
{
    struct dj_rec_manifest a = {{0}}, b = {{0}};
    struct dj_digest first, second;

    entry(&a, "a", S_IFREG | 0644)->mtime_ns = 1;
    entry(&b, "a", S_IFREG | 0644)->mtime_ns = 2;
    dj_carried_files_digest(&a, &first);
    dj_carried_files_digest(&b, &second);
    ok(dj_digest_equal(&first, &second), "the time of a file is not what was left");
    DJ_LIST_AT(&b.entries, struct dj_rec_entry, 0)->mode = S_IFREG | 0600;
    dj_carried_files_digest(&b, &second);
    ok(!dj_digest_equal(&first, &second), "its mode is");
    dj_codec_release(&dj_layout_manifest, &a);
    dj_codec_release(&dj_layout_manifest, &b);
}

int main(void)
{
    test_records();
    test_files();
    test_digest();
    return tap_done();
}
