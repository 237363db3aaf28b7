#include "cli/outgoing.h"

#include <errno.h>

#include "cli/command.h"
#include "lib/util/mem.h"

static int read_files(struct dj_outgoing *outgoing, struct dj_err *err)
{
    int64_t n = 1;

    if (outgoing->carried.instance.manifest.size == 0)
        return 0;
    (void)dj_export_next(outgoing->run);
    while (n > 0) {
        n = dj_export_read(outgoing->run, dj_buf_room(&outgoing->files, DJ_PIECE_MAX),
                           DJ_PIECE_MAX);
        outgoing->files.len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        return dj_said_by(outgoing->dj, (int)n, err);
    return dj_codec_decode(&dj_layout_manifest, dj_buf_bytes(&outgoing->files),
                           &outgoing->manifest, err);
}

struct dj_bytes dj_outgoing_text(const struct dj_outgoing *outgoing, const char *name)
{
    const void *bytes = NULL;
    size_t len = 0;

    (void)dj_export_text(outgoing->run, name, &bytes, &len);
    return dj_bytes(bytes, len);
}

int dj_outgoing_open(struct dj *dj, uint64_t instance, struct dj_outgoing *ret,
                     struct dj_err *err)
{
    int rc;

    *ret = (struct dj_outgoing){.dj = dj};
    ret->run = dj_export_open(dj, instance, DJ_TEXTS);
    if (ret->run == NULL)
        return dj_said_by(dj, -dj_error_code(dj), err);
    rc = dj_codec_decode(&dj_layout_carried, dj_outgoing_text(ret, "record"), &ret->carried, err);
    if (rc == 0)
        rc = read_files(ret, err);
    if (rc < 0)
        dj_outgoing_release(ret);
    return rc;
}

void dj_outgoing_release(struct dj_outgoing *outgoing)
{
    dj_export_close(outgoing->run);
    dj_codec_release(&dj_layout_carried, &outgoing->carried);
    dj_codec_release(&dj_layout_manifest, &outgoing->manifest);
    dj_buf_release(&outgoing->files);
    *outgoing = (struct dj_outgoing){0};
}

uint64_t dj_outgoing_bytes(const struct dj_outgoing *outgoing)
{
    const struct dj_rec_instance *rec = &outgoing->carried.instance;

    return rec->result.size + rec->log.size + rec->file_bytes + rec->manifest.size;
}
