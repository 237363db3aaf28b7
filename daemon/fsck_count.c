#include <errno.h>
#include <stdlib.h>

#include "daemon/fsck_impl.h"
#include "daemon/quota.h"
#include "lib/model/json.h"
#include "lib/util/fdio.h"
#include "lib/util/str.h"

/* What can be judged as a whole only: the sums of all runs, and the log of events. */

/*
 * One walk sees the store as it was at one moment: runs, and behind them the counters, so that
 * what is stored meanwhile does not count.
 */
enum dj_fsck_next fsck_count(struct dj_fsck *fsck)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    if (!fsck->job_done) {
        fsck->iter = dj_store_iter_new(fsck->store, DJ_BYTES_LIT("I"), DJ_BYTES_LIT("N"));
        return DJ_FSCK_JOB;
    }
    fsck->job_done = false;
    fsck_check_above(fsck, "instances");
    fsck_check_above(fsck, "calls");
    if (fsck->code < 0)
        return DJ_FSCK_END; /* a finding of the walk through the runs */
    if (fsck->told_runs != fsck->counted_runs) {
        fsck_found(fsck, "counter", "counter of runs", "it stands at %llu, and there are %llu",
                   (unsigned long long)fsck->told_runs, (unsigned long long)fsck->counted_runs);
        dj_key_counter(&key, "runs");
        dj_put64(&value, fsck->counted_runs);
        fsck_put_alone(fsck, &key, dj_buf_bytes(&value));
    }
    /* A store of an earlier version has none. */
    if (fsck->has_bytes && fsck->told_bytes != fsck->counted_bytes) {
        fsck_found(fsck, "counter", "counter of bytes", "it stands at %llu, and runs have %llu",
                   (unsigned long long)fsck->told_bytes, (unsigned long long)fsck->counted_bytes);
        dj_key_counter(&key, "bytes");
        dj_buf_clear(&value);
        dj_put64(&value, fsck->counted_bytes);
        fsck_put_alone(fsck, &key, dj_buf_bytes(&value));
    }
    return DJ_FSCK_END;
}

static void count_run(struct dj_fsck *fsck, struct dj_bytes value)
{
    struct dj_rec_instance rec;

    if (dj_codec_decode(&dj_layout_instance, value, &rec, NULL) < 0) {
        fsck->code = -EBADMSG;
        return;
    }
    fsck->counted_runs++;
    fsck->counted_bytes += dj_quota_bytes(&rec);
    dj_codec_release(&dj_layout_instance, &rec);
}

void fsck_count_work(struct dj_fsck *fsck)
{
    fsck->code = 0;
    while (!atomic_load(&fsck->stopped) && dj_store_iter_next(fsck->iter)) {
        struct dj_bytes key = dj_store_iter_key(fsck->iter);
        struct dj_bytes value = dj_store_iter_value(fsck->iter);

        if (key.data[0] == 'I') {
            count_run(fsck, value);
        } else if (dj_bytes_is(key, "Mruns")) {
            fsck->told_runs = dj_get64(value, 0);
        } else if (dj_bytes_is(key, "Mbytes")) {
            fsck->told_bytes = dj_get64(value, 0);
            fsck->has_bytes = true;
        }
    }
    if (dj_store_iter_error(fsck->iter) < 0 || atomic_load(&fsck->stopped))
        fsck->code = -EIO;
    dj_store_iter_free(fsck->iter);
    fsck->iter = NULL;
}

/* ---- events ---- */

static void judge_lines(struct dj_fsck *fsck, struct dj_bytes rest)
{
    struct dj_bytes line;
    unsigned long long number = 1;

    /* Half a line at the end is what a kill leaves. */
    while (rest.len > 0 && rest.data[rest.len - 1] != '\n')
        rest.len--;
    while (dj_next_line(&rest, &line)) {
        dj_cleanup_buf struct dj_buf canonical = DJ_BUF_INIT;

        number++;
        if (line.len == 0 || line.data[0] != '{' || dj_json_canonical(line, &canonical, NULL) < 0)
            fsck_found(fsck, "bad-event", fsck_where(fsck, "events, line %llu", number),
                       "it is no JSON object");
    }
}

enum dj_fsck_next fsck_events(struct dj_fsck *fsck)
{
    enum { MAX = 8 << 20 };
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, text = DJ_BUF_INIT, head = DJ_BUF_INIT;
    struct dj_bytes rest, line;
    int rc;

    dj_buf_addf(&path, "%s/events", dj_store_dir(fsck->store));
    rc = dj_read_file(AT_FDCWD, dj_buf_str(&path), MAX, &text);
    if (rc == -ENOENT || (rc == 0 && text.len == 0))
        return DJ_FSCK_END;
    dj_buf_addf(&head, "djfs events 1 %s ", dj_store_id(fsck->store));
    rest = dj_buf_bytes(&text);
    if (rc < 0)
        fsck_found(fsck, "bad-event", "events", "the file cannot be read: %s", strerror(-rc));
    else if (!dj_next_line(&rest, &line) || !dj_bytes_starts(line, dj_buf_bytes(&head)))
        fsck_found(fsck, "bad-event", "events, line 1",
                   "it does not say that the file belongs to this store");
    else
        judge_lines(fsck, rest);
    return DJ_FSCK_END;
}
