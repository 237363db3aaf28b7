/* The texts of an archive and the names of a shared folder: written, read back, refused. */
#include "cli/archive/archive.h"

#include <errno.h>

#include "cli/sync_folder.h"
#include "tests/unit/tap.h"

static void refused(int code, int expected, const struct dj_err *err, const char *sentence)
{
    is_int(code, -expected, "refused: %s", sentence);
    ok(strstr(dj_err_text(err, code), sentence) != NULL, "it says so: %s", dj_err_text(err, code));
}

static void test_manifest(void)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list listed;
    struct dj_digest digest;

    dj_digest_bytes(DJ_BYTES_LIT("a"), &digest);
    dj_manifest_add(&text, &digest, DJ_BYTES_LIT("record.cbor"));
    dj_manifest_add(&text, &digest, DJ_BYTES_LIT("files/a\nb\\c"));
    ok(strstr(dj_buf_str(&text), "\n\\") != NULL &&
           strstr(dj_buf_str(&text), "files/a\\nb\\\\c\n") != NULL,
       "odd names are escaped as b2sum does it");
    is_int(dj_manifest_parse(dj_buf_bytes(&text), &listed, &err), 0, "a manifest");
    is_int((int)listed.n, 1, "without its files");
    is_str(DJ_LIST_AT(&listed, struct dj_listed, 0)->name, "record.cbor", "its member");
    ok(dj_digest_equal(&DJ_LIST_AT(&listed, struct dj_listed, 0)->digest, &digest), "its digest");
    dj_manifest_release(&listed);
    dj_manifest_add(&text, &digest, DJ_BYTES_LIT("record.cbor"));
    refused(dj_manifest_parse(dj_buf_bytes(&text), &listed, &err), EBADMSG, &err,
            "names a member twice");
    dj_buf_truncate(&text, text.len - 1);
    dj_buf_consume(&text, text.len - 70);
    refused(dj_manifest_parse(DJ_BYTES_LIT("abc"), &listed, &err), EBADMSG, &err,
            "the last line of its manifest is cut");
    refused(dj_manifest_parse(DJ_BYTES_LIT("abc\n"), &listed, &err), EBADMSG, &err,
            "no digest with a name");
    dj_buf_clear(&text);
    dj_manifest_add(&text, &digest, DJ_BYTES_LIT("../key"));
    refused(dj_manifest_parse(dj_buf_bytes(&text), &listed, &err), EBADMSG, &err,
            "a name that cannot be");
}

static void test_head_and_end(void)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    uint64_t runs = 0;

    is_int(dj_head_parse(DJ_BYTES_LIT("djfs archive 1\nhost x\n"), &err), 0, "a head");
    refused(dj_head_parse(DJ_BYTES_LIT("djfs archive 2\n"), &err), EPROTONOSUPPORT, &err,
            "format 2");
    refused(dj_head_parse(DJ_BYTES_LIT("djfs archive x\n"), &err), EBADMSG, &err, "not an archive");
    refused(dj_head_parse(DJ_BYTES_LIT("djfs archive 1"), &err), EBADMSG, &err, "not an archive");
    ok(dj_end_parse(DJ_BYTES_LIT("runs 12\n"), &runs, &err) == 0 && runs == 12, "an end");
    refused(dj_end_parse(DJ_BYTES_LIT("runs 12\nx"), &runs, &err), EBADMSG, &err, "damaged");
    refused(dj_end_parse(DJ_BYTES_LIT("runs -1\n"), &runs, &err), EBADMSG, &err, "damaged");
}

#define ID "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_names(void)
{
    static const char *const bad[] = {
        "", "runs", "runs/f", "runs/f/" ID, "runs/f/" ID "/", "runs/f/" ID "/key",
        "runs/../" ID "/manifest", "runs//" ID "/manifest", "/runs/f/" ID "/manifest",
        "runs/f/" ID "0/manifest", "runs/f/x" ID "/manifest", "runs/f/" ID "/manifest/",
        "runs/f/g/" ID "/manifest",
    };
    dj_cleanup_buf struct dj_buf folder = DJ_BUF_INIT, name = DJ_BUF_INIT;
    struct dj_digest id, again;

    is_int(dj_run_folder_parse("runs/f.g/" ID "/manifest", &folder, NULL), 0, "a run's folder");
    is_str(dj_buf_str(&folder), "runs/f.g/" ID "/", "with its slash");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(bad); i++)
        is_int(dj_run_folder_parse(bad[i], &folder, NULL), -EBADMSG, "none: %s", bad[i]);
    dj_digest_bytes(DJ_BYTES_LIT("a"), &id);
    dj_folder_name(&name, 255, &id);
    ok(strncmp(dj_buf_str(&name), "00000000000000ff-", 17) == 0, "a name in a shared folder: %s",
       dj_buf_str(&name));
    ok(dj_folder_parse(dj_buf_str(&name), &again) == 0 && dj_digest_equal(&id, &again),
       "it reads back");
    dj_buf_addc(&name, 'x');
    is_int(dj_folder_parse(dj_buf_str(&name), &again), -EINVAL, "another suffix");
    is_int(dj_folder_parse(".host.12.part", &again), -EINVAL, "one that is being written");
}

int main(void)
{
    test_manifest();
    test_head_and_end();
    test_names();
    return tap_done();
}
