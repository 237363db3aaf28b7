/*
 * What an archive of runs brings: the first byte says which part of it the rest is. What is taken
 * for good encodes to bytes that are taken again; nothing that leads out of a run is.
 */
#include <string.h>

#include "cli/archive/archive.h"
#include "cli/sync_folder.h"
#include "lib/model/carried.h"
#include "tests/fuzz/fuzz.h"

static void check_record(struct dj_bytes bytes)
{
    dj_cleanup_buf struct dj_buf again = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_rec_carried carried;
    int rc;

    if (dj_codec_decode(&dj_layout_carried, bytes, &carried, NULL) < 0)
        return;
    rc = dj_carried_check(&carried, &err);
    must((rc == 0) == (err.text == NULL));
    dj_codec_encode(&again, &dj_layout_carried, &carried);
    dj_codec_release(&dj_layout_carried, &carried);
    must(dj_codec_decode(&dj_layout_carried, dj_buf_bytes(&again), &carried, NULL) == 0);
    must(dj_carried_check(&carried, NULL) == rc);
    dj_codec_release(&dj_layout_carried, &carried);
}

static void check_entry(const struct dj_rec_entry *entry)
{
    struct dj_bytes path = dj_buf_bytes(&entry->path);

    must(path.len > 0 && path.data[0] != '/' && path.data[path.len - 1] != '/');
    must(memchr(path.data, 0, path.len) == NULL);
    must(!dj_bytes_is(path, "..") && !dj_bytes_starts(path, DJ_BYTES_LIT("../")));
    must(entry->target.len == 0 || entry->target.data[0] != '/');
}

static void check_files(struct dj_bytes bytes)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_rec_instance instance = {0};
    struct dj_rec_manifest manifest;
    struct dj_digest digest;

    if (dj_codec_decode(&dj_layout_manifest, bytes, &manifest, NULL) < 0)
        return;
    for (size_t i = 0; i < manifest.entries.n; i++) {
        const struct dj_rec_entry *entry = DJ_LIST_AT(&manifest.entries, struct dj_rec_entry, i);

        instance.file_count += (entry->mode & 0170000) == 0100000;
        instance.file_bytes += entry->content.size;
    }
    if (dj_carried_files_check(&manifest, &instance, &err) == 0) {
        for (size_t i = 0; i < manifest.entries.n; i++)
            check_entry(DJ_LIST_AT(&manifest.entries, struct dj_rec_entry, i));
    } else {
        must(err.text != NULL);
    }
    dj_carried_files_digest(&manifest, &digest);
    dj_codec_release(&dj_layout_manifest, &manifest);
}

static void check_manifest(struct dj_bytes bytes)
{
    dj_cleanup_buf struct dj_buf again = DJ_BUF_INIT;
    struct dj_list listed, second;

    if (dj_manifest_parse(bytes, &listed, NULL) < 0)
        return;
    for (size_t i = 0; i < listed.n; i++) {
        const struct dj_listed *one = DJ_LIST_AT(&listed, struct dj_listed, i);

        must(strchr(one->name, '/') == NULL);
        dj_manifest_add(&again, &one->digest, dj_bytes_of(one->name));
    }
    must(dj_manifest_parse(dj_buf_bytes(&again), &second, NULL) == 0 && second.n == listed.n);
    dj_manifest_release(&listed);
    dj_manifest_release(&second);
}

static void check_names(const char *name)
{
    dj_cleanup_buf struct dj_buf folder = DJ_BUF_INIT;
    struct dj_digest id;

    if (dj_run_folder_parse(name, &folder, NULL) == 0)
        must(strstr(dj_buf_str(&folder), "..") == NULL && folder.data[folder.len - 1] == '/');
    if (dj_folder_parse(name, &id) == 0)
        must(strchr(name, '/') == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_bytes rest;
    uint64_t runs;

    if (size == 0)
        return 0;
    rest = dj_bytes_from(dj_bytes(data, size), 1);
    switch (data[0]) {
    case 'r':
        check_record(rest);
        break;
    case 'f':
        check_files(rest);
        break;
    case 'm':
        check_manifest(rest);
        break;
    case 'n':
        dj_buf_add_bytes(&text, rest);
        check_names(dj_buf_str(&text));
        break;
    default:
        (void)!dj_head_parse(rest, NULL);
        (void)!dj_end_parse(rest, &runs, NULL);
    }
    return 0;
}
