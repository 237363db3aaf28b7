#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/archive/archive.h"
#include "cli/command.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"
#include "lib/util/user.h"

/* An archive's members in their order: head, runs, end. (archive.h) */

static int put_text(struct dj_archive_writer *writer, const char *name, uint64_t mtime_ns,
                    struct dj_bytes bytes, struct dj_err *err)
{
    int rc = dj_archive_begin(writer, name, S_IFREG | 0644, mtime_ns, bytes.len, err);

    return rc == 0 ? dj_archive_piece(writer, bytes, err) : rc;
}

/* Whole seconds: a member with a fraction takes another kilobyte. */
static uint64_t whole_seconds(uint64_t ns)
{
    return ns - ns % DJ_NS_PER_S;
}

int dj_archive_put_head(struct dj_archive_writer *writer, const char *store, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t now = whole_seconds(dj_clock_now_ns());
    time_t seconds = (time_t)(now / DJ_NS_PER_S);
    char host[256] = "", when[32];
    struct tm tm = {0};

    gethostname(host, sizeof(host) - 1);
    gmtime_r(&seconds, &tm);
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
    dj_buf_addf(&text, "djfs archive %d\nwritten %s\nhost %s\nuser %s\nstore %s\n",
                DJ_ARCHIVE_FORMAT, when, host, dj_user_name(geteuid()), store);
    return put_text(writer, "djfs-archive", now, dj_buf_bytes(&text), err);
}

int dj_archive_put_end(struct dj_archive_writer *writer, uint64_t runs, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "runs %llu\n", (unsigned long long)runs);
    return put_text(writer, "djfs-archive-end", whole_seconds(dj_clock_now_ns()),
                    dj_buf_bytes(&text), err);
}

/* ---- a run ---- */

struct text {
    const char *name;
    struct dj_bytes bytes;
};

enum { TEXTS_MAX = 8 };

struct putting {
    struct dj_archive_writer *writer;
    struct dj_outgoing *run;
    struct dj_buf folder; /* with a slash */
    struct dj_buf name;
    struct text texts[TEXTS_MAX];
    size_t n;
    struct dj_buf path;   /* the text of `name` */
    uint64_t mtime_ns;
};

static const char *member(struct putting *putting, struct dj_bytes name)
{
    dj_buf_set(&putting->name, dj_buf_bytes(&putting->folder));
    dj_buf_add_bytes(&putting->name, name);
    return dj_buf_str(&putting->name);
}

static void add(struct putting *putting, const char *name, struct dj_bytes text)
{
    putting->texts[putting->n++] = (struct text){name, text};
}

/* One of the tree, or nothing. */
static void add_text(struct putting *putting, const char *name)
{
    struct dj_bytes text = dj_outgoing_text(putting->run, name);

    if (text.len != 0)
        add(putting, name, text);
}

static void add_texts(struct putting *putting)
{
    const struct dj_outgoing *run = putting->run;

    add(putting, "record.cbor", dj_outgoing_text(run, "record"));
    if (run->files.len != 0)
        add(putting, "files.cbor", dj_buf_bytes(&run->files));
    dj_buf_addf(&putting->path, "%s\n", dj_export_path(run->run));
    add(putting, "name", dj_buf_bytes(&putting->path));
    add(putting, "key", dj_outgoing_text(run, "key"));
    add(putting, "args", dj_outgoing_text(run, "args"));
    add(putting, "meta", dj_outgoing_text(run, "meta"));
    add_text(putting, "deps");
    add_text(putting, "definition");
}

static void list_content(struct dj_buf *text, const char *name,
                         const struct dj_rec_content *content)
{
    struct dj_digest empty;

    dj_digest_bytes(dj_bytes(NULL, 0), &empty);
    dj_manifest_add(text, content->size == 0 ? &empty : &content->digest, dj_bytes_of(name));
}

static int put_manifest(struct putting *putting, struct dj_err *err)
{
    const struct dj_rec_instance *rec = &putting->run->carried.instance;
    const struct dj_list *entries = &putting->run->manifest.entries;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT, name = DJ_BUF_INIT;

    for (size_t i = 0; i < putting->n; i++) {
        struct dj_digest digest;

        dj_digest_bytes(putting->texts[i].bytes, &digest);
        dj_manifest_add(&text, &digest, dj_bytes_of(putting->texts[i].name));
    }
    list_content(&text, "result", &rec->result);
    list_content(&text, "log", &rec->log);
    for (size_t i = 0; i < entries->n; i++) {
        const struct dj_rec_entry *entry = DJ_LIST_AT(entries, struct dj_rec_entry, i);

        if (!S_ISREG(entry->mode))
            continue;
        dj_buf_clear(&name);
        dj_buf_adds(&name, "files/");
        dj_buf_add_bytes(&name, dj_buf_bytes(&entry->path));
        dj_manifest_add(&text, &entry->content.digest, dj_buf_bytes(&name));
    }
    return put_text(putting->writer, member(putting, DJ_BYTES_LIT("manifest")), putting->mtime_ns,
                    dj_buf_bytes(&text), err);
}

/* The next content of the run; it is the one that is due. */
static int put_pieces(struct putting *putting, struct dj_err *err)
{
    dj_cleanup_free uint8_t *piece = NULL;
    int64_t n = 0;
    int rc = 0;

    (void)dj_export_next(putting->run->run);
    if (dj_export_size(putting->run->run) != 0)
        piece = dj_xmalloc(DJ_PIECE_MAX);
    while (piece != NULL && rc == 0 &&
           (n = dj_export_read(putting->run->run, piece, DJ_PIECE_MAX)) > 0)
        rc = dj_archive_piece(putting->writer, dj_bytes(piece, (size_t)n), err);
    return n < 0 ? dj_said_by(putting->run->dj, (int)n, err) : rc;
}

static int put_content(struct putting *putting, struct dj_bytes name, mode_t mode,
                       uint64_t mtime_ns, const struct dj_rec_content *content,
                       struct dj_err *err)
{
    int rc = dj_archive_begin(putting->writer, member(putting, name), mode, mtime_ns,
                              content->size, err);

    return rc == 0 ? put_pieces(putting, err) : rc;
}

static int put_entry(struct putting *putting, const struct dj_rec_entry *entry,
                     struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;

    dj_buf_adds(&name, "files/");
    dj_buf_add_bytes(&name, dj_buf_bytes(&entry->path));
    if (S_ISLNK(entry->mode))
        return dj_archive_link(putting->writer, member(putting, dj_buf_bytes(&name)),
                               dj_buf_str(&entry->target), entry->mtime_ns, err);
    if (S_ISDIR(entry->mode))
        return dj_archive_begin(putting->writer, member(putting, dj_buf_bytes(&name)),
                                (mode_t)entry->mode, entry->mtime_ns, 0, err);
    return put_content(putting, dj_buf_bytes(&name), (mode_t)entry->mode, entry->mtime_ns,
                       &entry->content, err);
}

static int put_all(struct putting *putting, struct dj_err *err)
{
    const struct dj_rec_instance *rec = &putting->run->carried.instance;
    const struct dj_list *entries = &putting->run->manifest.entries;
    int rc = put_manifest(putting, err);

    for (size_t i = 0; rc == 0 && i < putting->n; i++)
        rc = put_text(putting->writer, member(putting, dj_bytes_of(putting->texts[i].name)),
                      putting->mtime_ns, putting->texts[i].bytes, err);
    if (rc == 0)
        rc = put_content(putting, DJ_BYTES_LIT("result"), S_IFREG | 0644, putting->mtime_ns,
                         &rec->result, err);
    if (rc == 0)
        rc = put_content(putting, DJ_BYTES_LIT("log"), S_IFREG | 0644, putting->mtime_ns,
                         &rec->log, err);
    for (size_t i = 0; rc == 0 && i < entries->n; i++)
        rc = put_entry(putting, DJ_LIST_AT(entries, struct dj_rec_entry, i), err);
    return rc;
}

int dj_archive_put_run(struct dj_archive_writer *writer, struct dj_outgoing *run,
                       struct dj_err *err)
{
    struct putting putting = {.writer = writer, .run = run,
                              .mtime_ns = whole_seconds(run->carried.instance.end_ns)};
    char hex[DJ_DIGEST_HEX_SIZE];
    int rc;

    dj_digest_hex(&run->carried.id, hex);
    dj_buf_addf(&putting.folder, "runs/%s/%s/", run->carried.task, hex);
    add_texts(&putting);
    rc = put_all(&putting, err);
    dj_buf_release(&putting.folder);
    dj_buf_release(&putting.name);
    dj_buf_release(&putting.path);
    return rc;
}
