#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/archive/archive.h"
#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/model/carried.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * The runs of an archive, read in one pass. What has to come next is known from what was read
 * before: the manifest lists the first members of a run, its record says what its content is, and
 * its list of files which files there are. (archive.h)
 */

enum {
    TEXT_MAX = 64 << 10,
    RECORD_MAX = 7 << 20,     /* it travels in one message */
};
#define LIST_MAX (UINT64_C(256) << 20)

struct reading {
    struct dj_archive_input *input;
    struct dj_archive_reader *reader;
    struct dj_member member;
    struct dj_buf folder;          /* of the run that is read; empty: between two */
    struct dj_buf name;            /* scratch */
    struct dj_list listed;         /* struct dj_listed */
    struct dj_buf record, files, definition;
    struct dj_rec_carried carried;
    struct dj_rec_manifest manifest;
    bool wanted;
    uint8_t *piece;
};

static void forget_run(struct reading *reading)
{
    dj_manifest_release(&reading->listed);
    dj_buf_clear(&reading->folder);
    dj_buf_release(&reading->record);
    dj_buf_release(&reading->files);
    dj_buf_release(&reading->definition);
    dj_codec_release(&dj_layout_carried, &reading->carried);
    dj_codec_release(&dj_layout_manifest, &reading->manifest);
}

/* ---- members ---- */

static int next(struct reading *reading, struct dj_err *err)
{
    int rc = dj_interrupt_code() != 0 ? -EINTR
                                      : dj_archive_next(reading->reader, &reading->member, err);

    if (rc == 0)
        return dj_err_set(err, EBADMSG, "it is cut: its end is missing");
    return rc < 0 ? rc : 0;
}

static int blame(struct reading *reading, struct dj_err *err, const char *what)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, dj_bytes_of(reading->member.name));
    return dj_err_set(err, EBADMSG, "its member %s %s", dj_buf_str(&shown), what);
}

static bool is_named(const struct reading *reading, struct dj_bytes name, bool folder)
{
    struct dj_bytes is = dj_bytes_of(reading->member.name);

    if (folder && is.len > 0 && is.data[is.len - 1] == '/')
        is.len--;
    return dj_bytes_equal(is, name);
}

static const char *word_of(mode_t type)
{
    return type == S_IFDIR ? "is no folder" : type == S_IFLNK ? "is no link" : "is no plain file";
}

/* The next member is this one of the run, and of this type. */
static int expect(struct reading *reading, struct dj_bytes name, mode_t type, struct dj_err *err)
{
    int rc = next(reading, err);

    if (rc < 0)
        return rc;
    dj_buf_set(&reading->name, dj_buf_bytes(&reading->folder));
    dj_buf_add_bytes(&reading->name, name);
    if (!is_named(reading, dj_buf_bytes(&reading->name), type == S_IFDIR)) {
        dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT, due = DJ_BUF_INIT;

        dj_add_printable(&shown, dj_bytes_of(reading->member.name));
        dj_add_printable(&due, dj_buf_bytes(&reading->name));
        return dj_err_set(err, EBADMSG, "its member %s is not the one that has to come next, %s",
                          dj_buf_str(&shown), dj_buf_str(&due));
    }
    if (reading->member.type != type)
        return blame(reading, err, word_of(type));
    return 0;
}

/* All of the member that is small by its nature. */
static int read_whole(struct reading *reading, uint64_t max, struct dj_buf *ret,
                      struct dj_err *err)
{
    ssize_t n = 1;

    dj_buf_clear(ret);
    if (reading->member.type != S_IFREG)
        return blame(reading, err, word_of(S_IFREG));
    if (reading->member.size > max)
        return blame(reading, err, "is larger than it can be");
    while (n > 0) {
        n = dj_archive_read(reading->reader, dj_buf_room(ret, DJ_PIECE_MAX), DJ_PIECE_MAX, err);
        if (n > 0)
            ret->len += (size_t)n;
        if (ret->len > reading->member.size)
            return blame(reading, err, "is longer than it says");
    }
    if (n == 0 && ret->len != reading->member.size)
        return blame(reading, err, "is shorter than it says");
    return n < 0 ? (int)n : 0;
}

static int wrong_digest(struct reading *reading, struct dj_err *err)
{
    return blame(reading, err, "does not have the digest that it has to have");
}

/* ---- content ---- */

static int hash_rest(struct reading *reading, uint64_t size, struct dj_digest *ret,
                     struct dj_err *err)
{
    struct dj_hasher hasher;
    uint64_t done = 0;
    ssize_t n;

    dj_hasher_init(&hasher);
    while ((n = dj_archive_read(reading->reader, reading->piece, DJ_PIECE_MAX, err)) > 0) {
        dj_hasher_update(&hasher, reading->piece, (size_t)n);
        done += (uint64_t)n;
        if (dj_interrupt_code() != 0)
            return -EINTR;
    }
    dj_hasher_final(&hasher, ret);
    return n < 0 ? (int)n : done != size ? blame(reading, err, "is not as long as it says") : 0;
}

static int said(struct reading *reading, int rc, struct dj_err *err)
{
    return dj_said_by(reading->input->dj, rc, err);
}

/* Its digest is compared there. */
static int send_content(struct reading *reading, uint64_t size, struct dj_err *err)
{
    uint64_t done = 0;
    ssize_t n = 0;
    int rc = dj_import_next(reading->input->import);

    while (rc >= 0 && done < size) {
        n = dj_archive_read(reading->reader, reading->piece, DJ_PIECE_MAX, err);
        if (n <= 0)
            return n < 0 ? (int)n : blame(reading, err, "is shorter than it says");
        rc = dj_import_write(reading->input->import, reading->piece, (size_t)n);
        done += (uint64_t)n;
    }
    return rc == -EBADMSG ? wrong_digest(reading, err) : DJ_MIN(said(reading, rc, err), 0);
}

static int take_content(struct reading *reading, const struct dj_rec_content *content,
                        struct dj_err *err)
{
    struct dj_digest is;
    int rc;

    if (reading->member.size != content->size)
        return blame(reading, err, "has not the size that its run says");
    if (content->size == 0)
        return 0;
    if (reading->wanted)
        return send_content(reading, content->size, err);
    rc = hash_rest(reading, content->size, &is, err);
    return rc < 0 ? rc : dj_digest_equal(&is, &content->digest) ? 0 : wrong_digest(reading, err);
}

static int read_entry(struct reading *reading, const struct dj_rec_entry *entry,
                      struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;
    mode_t type = (mode_t)(entry->mode & S_IFMT);
    int rc;

    dj_buf_adds(&name, "files/");
    dj_buf_add_bytes(&name, dj_buf_bytes(&entry->path));
    rc = expect(reading, dj_buf_bytes(&name), type, err);
    if (rc == 0 && type == S_IFLNK &&
        !dj_bytes_equal(dj_bytes_of(reading->member.target), dj_buf_bytes(&entry->target)))
        rc = blame(reading, err, "leads somewhere else than its run says");
    return rc == 0 && type == S_IFREG ? take_content(reading, &entry->content, err) : rc;
}

/* ---- the texts before it ---- */

static int parse_record(struct reading *reading, struct dj_err *err)
{
    char hex[DJ_DIGEST_HEX_SIZE];
    dj_cleanup_buf struct dj_buf folder = DJ_BUF_INIT;
    int rc = dj_codec_decode(&dj_layout_carried, dj_buf_bytes(&reading->record), &reading->carried,
                             err);

    if (rc == 0)
        rc = dj_carried_check(&reading->carried, err);
    if (rc < 0)
        return rc;
    dj_digest_hex(&reading->carried.id, hex);
    dj_buf_addf(&folder, "runs/%s/%s/", reading->carried.task, hex);
    if (!dj_bytes_equal(dj_buf_bytes(&folder), dj_buf_bytes(&reading->folder)))
        return dj_err_set(err, EBADMSG, "it claims to be another run than it is");
    if (reading->input->only != NULL && strcmp(reading->input->only, hex) != 0)
        return dj_err_set(err, EBADMSG, "it is not the run that the archive is named by");
    return 0;
}

static int parse_files(struct reading *reading, struct dj_err *err)
{
    const struct dj_rec_content *content = &reading->carried.instance.manifest;
    struct dj_digest is;
    int rc;

    dj_digest_bytes(dj_buf_bytes(&reading->files), &is);
    if (reading->files.len != content->size ||
        (content->size != 0 && !dj_digest_equal(&is, &content->digest)))
        return dj_err_set(err, EBADMSG, "its list of files is not that of its record");
    if (content->size == 0)
        return 0;
    rc = dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&reading->files), &reading->manifest,
                         err);
    return rc == 0 ? dj_carried_files_check(&reading->manifest, &reading->carried.instance, err)
                   : rc;
}

static struct dj_buf *place_of(struct reading *reading, const char *name)
{
    return strcmp(name, "record.cbor") == 0  ? &reading->record
           : strcmp(name, "files.cbor") == 0 ? &reading->files
           : strcmp(name, "definition") == 0 ? &reading->definition
                                             : NULL;
}

static bool is_content(const char *name)
{
    return strcmp(name, "result") == 0 || strcmp(name, "log") == 0;
}

/* One that the manifest lists and that is no content. */
static int read_text(struct reading *reading, const struct dj_listed *listed, struct dj_err *err)
{
    struct dj_buf *place = place_of(reading, listed->name);
    dj_cleanup_buf struct dj_buf other = DJ_BUF_INIT;
    struct dj_digest is;
    int rc = expect(reading, dj_bytes_of(listed->name), S_IFREG, err);

    if (rc < 0)
        return rc;
    if (place == NULL) {
        rc = hash_rest(reading, reading->member.size, &is, err);
    } else {
        rc = read_whole(reading, place == &reading->record ? RECORD_MAX : LIST_MAX, place, err);
        dj_digest_bytes(dj_buf_bytes(place), &is);
    }
    if (rc == 0 && !dj_digest_equal(&is, &listed->digest))
        rc = wrong_digest(reading, err);
    return rc;
}

static int read_texts(struct reading *reading, struct dj_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < reading->listed.n; i++) {
        const struct dj_listed *listed = DJ_LIST_AT(&reading->listed, struct dj_listed, i);

        if (!is_content(listed->name))
            rc = read_text(reading, listed, err);
        if (rc == 0 && i == 0)
            rc = strcmp(listed->name, "record.cbor") != 0
                     ? dj_err_set(err, EBADMSG, "its manifest does not begin with its record")
                     : parse_record(reading, err);
    }
    if (rc == 0 && reading->listed.n == 0)
        rc = dj_err_set(err, EBADMSG, "its manifest is empty");
    return rc == 0 ? parse_files(reading, err) : rc;
}

/* ---- a run ---- */

static void keep_definition(struct reading *reading)
{
    struct dj_list *brought = &reading->input->brought;
    struct dj_brought *one;

    if (reading->definition.len == 0)
        return;
    for (size_t i = 0; i < brought->n; i++) {
        one = DJ_LIST_AT(brought, struct dj_brought, i);
        if (strcmp(one->task, reading->carried.task) == 0) {
            dj_buf_set(&one->definition, dj_buf_bytes(&reading->definition));
            return;
        }
    }
    one = dj_list_add(brought, sizeof(*one));
    one->task = dj_xstrdup(reading->carried.task);
    dj_buf_set(&one->definition, dj_buf_bytes(&reading->definition));
}

void dj_brought_release(struct dj_list *brought)
{
    for (size_t i = 0; i < brought->n; i++) {
        free(DJ_LIST_AT(brought, struct dj_brought, i)->task);
        dj_buf_release(&DJ_LIST_AT(brought, struct dj_brought, i)->definition);
    }
    free(brought->items);
    *brought = (struct dj_list){0};
}

/* Whether its content is read for the daemon; a list of files goes before the files. */
static int begin_run(struct reading *reading, struct dj_err *err)
{
    struct dj_import *import = reading->input->import;
    int rc;

    reading->wanted = false;
    if (import == NULL)
        return 0;
    rc = dj_import_begin(import, reading->record.data, reading->record.len);
    reading->wanted = rc == 1;
    if (rc == 1 && reading->files.len != 0) {
        rc = dj_import_next(import);
        if (rc == 1)
            rc = dj_import_write(import, reading->files.data, reading->files.len);
    }
    return DJ_MIN(said(reading, rc, err), 0);
}

static int read_run(struct reading *reading, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc = read_whole(reading, LIST_MAX, &text, err);

    if (rc == 0)
        rc = dj_manifest_parse(dj_buf_bytes(&text), &reading->listed, err);
    if (rc == 0)
        rc = read_texts(reading, err);
    if (rc == 0)
        rc = begin_run(reading, err);
    if (rc == 0)
        rc = expect(reading, DJ_BYTES_LIT("result"), S_IFREG, err);
    if (rc == 0)
        rc = take_content(reading, &reading->carried.instance.result, err);
    if (rc == 0)
        rc = expect(reading, DJ_BYTES_LIT("log"), S_IFREG, err);
    if (rc == 0)
        rc = take_content(reading, &reading->carried.instance.log, err);
    for (size_t i = 0; rc == 0 && i < reading->manifest.entries.n; i++)
        rc = read_entry(reading, DJ_LIST_AT(&reading->manifest.entries, struct dj_rec_entry, i),
                        err);
    if (rc == 0 && reading->wanted)
        rc = said(reading, dj_import_next(reading->input->import), err);
    if (rc == 0)
        keep_definition(reading);
    return rc;
}

/* ---- all of it ---- */

static int read_head(struct reading *reading, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc = dj_archive_next(reading->reader, &reading->member, err);

    if (rc == 0)
        return dj_err_set(err, EBADMSG, "it is empty");
    if (rc > 0 && strcmp(reading->member.name, "djfs-archive") != 0)
        return dj_err_set(err, EBADMSG, "it is not an archive of djfs");
    if (rc > 0)
        rc = read_whole(reading, TEXT_MAX, &text, err);
    return rc == 0 ? dj_head_parse(dj_buf_bytes(&text), err) : rc;
}

static int read_end(struct reading *reading, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t runs;
    int rc = read_whole(reading, TEXT_MAX, &text, err);

    if (rc == 0)
        rc = dj_end_parse(dj_buf_bytes(&text), &runs, err);
    if (rc == 0 && runs != reading->input->runs)
        rc = dj_err_set(err, EBADMSG, "it has %llu of its %llu runs",
                        (unsigned long long)reading->input->runs, (unsigned long long)runs);
    if (rc < 0)
        return rc;
    rc = dj_archive_next(reading->reader, &reading->member, err);
    return rc > 0 ? blame(reading, err, "lies behind its end") : rc;
}

static int read_runs(struct reading *reading, struct dj_err *err)
{
    int rc = read_head(reading, err);

    while (rc == 0) {
        rc = next(reading, err);
        if (rc < 0)
            break;
        if (strcmp(reading->member.name, "djfs-archive-end") == 0)
            return read_end(reading, err);
        rc = dj_run_folder_parse(reading->member.name, &reading->folder, err);
        if (rc < 0)
            return dj_err_prefix(err, rc, "its member %s", reading->member.name);
        rc = read_run(reading, err);
        if (rc < 0) {
            dj_buf_truncate(&reading->folder, reading->folder.len - 1);
            rc = dj_err_prefix(err, rc, "%s", dj_buf_str(&reading->folder));
        } else {
            reading->input->runs++;
            dj_bar_set(reading->input->bar, reading->input->runs, 0);
        }
        forget_run(reading);
    }
    return rc;
}

int dj_archive_runs(struct dj_archive_input *input, struct dj_err *err)
{
    struct reading reading = {.input = input};
    int rc = dj_archive_open(input->path, &reading.reader, err), drained;

    if (rc < 0)
        return rc;
    reading.piece = dj_xmalloc(DJ_PIECE_MAX);
    rc = read_runs(&reading, err);
    forget_run(&reading);
    drained = input->import == NULL ? 0 : dj_import_drain(input->import);
    if (rc == 0)
        drained = dj_said_by(input->dj, drained, err);
    dj_archive_free(reading.reader);
    dj_buf_release(&reading.folder);
    dj_buf_release(&reading.name);
    free(reading.piece);
    return rc < 0 ? rc : drained;
}
