#include <errno.h>
#include <sys/stat.h>

#include "lib/client/export.h"
#include "lib/model/carried.h"

/* The contents of a run, in their order. (export.h) */

enum { FILES = 1, RESULT, LOG, FIRST_FILE };

int dj_contents_open(struct dj_contents *contents, struct dj_bytes record, struct dj_err *err)
{
    int rc = dj_codec_decode(&dj_layout_carried, record, &contents->carried, err);

    return rc == 0 ? dj_carried_check(&contents->carried, err) : rc;
}

int dj_contents_files(struct dj_contents *contents, struct dj_bytes bytes, struct dj_err *err)
{
    int rc = dj_codec_decode(&dj_layout_manifest, bytes, &contents->manifest, err);

    return rc == 0 ? dj_carried_files_check(&contents->manifest, &contents->carried.instance, err)
                   : rc;
}

static void point(struct dj_contents *contents, const struct dj_rec_content *content,
                  const char *name)
{
    contents->content = content;
    dj_buf_clear(&contents->name);
    dj_buf_adds(&contents->name, name);
}

/* The next of its files that is no folder and no link. */
static bool next_file(struct dj_contents *contents)
{
    for (; contents->at - FIRST_FILE < contents->manifest.entries.n; contents->at++) {
        const struct dj_rec_entry *entry = DJ_LIST_AT(
            &contents->manifest.entries, struct dj_rec_entry, contents->at - FIRST_FILE);

        if (!S_ISREG(entry->mode))
            continue;
        point(contents, &entry->content, "files/");
        dj_buf_add_bytes(&contents->name, dj_buf_bytes(&entry->path));
        return true;
    }
    return false;
}

bool dj_contents_next(struct dj_contents *contents)
{
    const struct dj_rec_instance *rec = &contents->carried.instance;

    if (contents->at < FIRST_FILE || contents->at - FIRST_FILE < contents->manifest.entries.n)
        contents->at++;
    contents->at += contents->at == FILES && rec->manifest.size == 0;
    if (contents->at == FILES)
        point(contents, &rec->manifest, "files.cbor");
    else if (contents->at == RESULT)
        point(contents, &rec->result, "result");
    else if (contents->at == LOG)
        point(contents, &rec->log, "log");
    else if (!next_file(contents))
        contents->content = NULL;
    return contents->content != NULL;
}

bool dj_contents_is_files(const struct dj_contents *contents)
{
    return contents->at == FILES;
}

void dj_contents_release(struct dj_contents *contents)
{
    dj_codec_release(&dj_layout_carried, &contents->carried);
    dj_codec_release(&dj_layout_manifest, &contents->manifest);
    dj_buf_release(&contents->name);
    *contents = (struct dj_contents){0};
}

uint64_t dj_carried_bytes(const struct dj_rec_instance *instance)
{
    return instance->result.size + instance->log.size + instance->file_bytes +
           instance->manifest.size;
}
