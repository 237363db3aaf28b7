#include "lib/model/reason.h"

#include <inttypes.h>
#include <string.h>

#include "lib/util/str.h"

enum { PARTS_SHOWN = 5 };

void dj_reason_init(struct dj_reason *reason)
{
    *reason = (struct dj_reason){.now = DJ_NOW_NOTHING};
}

void dj_reason_release(struct dj_reason *reason)
{
    struct dj_buf *bufs[] = {&reason->task, &reason->user, &reason->from, &reason->to,
                             &reason->text, &reason->argument, &reason->before, &reason->called,
                             &reason->called_by, &reason->asked_by, &reason->launcher,
                             &reason->part, &reason->session, &reason->part_held, &reason->lock,
                             &reason->lock_holders, &reason->equal};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(bufs); i++)
        dj_buf_release(bufs[i]);
    dj_bytes_list_release(&reason->path);
    dj_bytes_list_release(&reason->holders);
    dj_bytes_list_release(&reason->part_holders);
    dj_bytes_list_release(&reason->notes);
    dj_bytes_list_release(&reason->left_out);
}

/* ---- causes ---- */

static void add_user(struct dj_buf *buf, const char *what, const struct dj_buf *user)
{
    dj_buf_adds(buf, what);
    if (user->len != 0) {
        dj_buf_adds(buf, " by ");
        dj_add_printable(buf, dj_buf_bytes(user));
    }
}

static void add_text(struct dj_buf *buf, const char *before, const struct dj_buf *text)
{
    if (text->len == 0)
        return;
    dj_buf_adds(buf, before);
    dj_add_printable(buf, dj_buf_bytes(text));
}

static void add_lost(struct dj_buf *buf, uint64_t count)
{
    dj_buf_adds(buf, "lost");
    if (count > 1)
        dj_buf_addf(buf, " %" PRIu64 " times", count);
}

static void add_attempt(struct dj_buf *buf, const struct dj_reason *reason)
{
    if (reason->attempts != 0)
        dj_buf_addf(buf, ", try %" PRIu64 " of %" PRIu64, reason->attempt, reason->attempts);
    if (reason->remembered)
        dj_buf_adds(buf, "; remembered, only force tries again");
}

static void add_path(struct dj_buf *buf, const struct dj_list *path)
{
    size_t skip = path->n > DJ_PATH_SHOWN ? path->n - DJ_PATH_SHOWN + 1 : 0;

    for (size_t i = 0; i < path->n; i++) {
        if (skip != 0 && i == DJ_PATH_SHOWN / 2) {
            dj_buf_addf(buf, "%zu more -> ", skip);
            i += skip;
        }
        dj_add_printable(buf, dj_list_bytes(path, i));
        dj_buf_adds(buf, i + 1 < path->n ? " -> " : ": ");
    }
}

static void add_never_run(struct dj_buf *buf, const struct dj_reason *reason)
{
    dj_buf_adds(buf, reason->now == DJ_NOW_NOTHING ? "never run" : "never run before");
    if (reason->argument.len == 0)
        return;
    dj_buf_adds(buf, "; ");
    dj_add_printable(buf, dj_buf_bytes(&reason->argument));
    dj_buf_adds(buf, " changed since ");
    dj_add_printable(buf, dj_buf_bytes(&reason->before));
}

/* What changed, below the path that leads there. */
static void add_stale(struct dj_buf *buf, const struct dj_reason *reason)
{
    add_path(buf, &reason->path);
    if (reason->path.n == 0 && reason->task.len != 0)
        dj_buf_addf(buf, "task %s: ", dj_buf_str(&reason->task));
    switch (reason->cause) {
    case DJ_CAUSE_VERSION:
        dj_buf_adds(buf, "version ");
        dj_add_printable(buf, dj_buf_bytes(&reason->from));
        dj_buf_adds(buf, " -> ");
        dj_add_printable(buf, dj_buf_bytes(&reason->to));
        break;
    case DJ_CAUSE_DEFINITION:
        dj_buf_adds(buf, "definition changed");
        if (reason->text.len != 0)
            dj_buf_addf(buf, " (%s)", dj_buf_str(&reason->text));
        break;
    case DJ_CAUSE_TRACKED:
    case DJ_CAUSE_INPUT:
        dj_buf_adds(buf, reason->cause == DJ_CAUSE_TRACKED ? "tracked file " : "input ");
        dj_add_printable(buf, dj_buf_bytes(&reason->text));
        dj_buf_adds(buf, reason->gone ? " is gone" : " changed");
        break;
    case DJ_CAUSE_EPOCH:
        add_user(buf, "its task was invalidated", &reason->user);
        break;
    case DJ_CAUSE_UNDEFINED:
        dj_buf_adds(buf, "its task is not defined any more");
        break;
    case DJ_CAUSE_EXPIRED:
        dj_buf_adds(buf, "its ttl was over on ");
        dj_people_time(buf, reason->expires_ns);
        break;
    case DJ_CAUSE_MARK:
        dj_add_printable(buf, dj_buf_bytes(&reason->text));
        break;
    default:
        dj_buf_adds(buf, "something that it rests on changed");
        break;
    }
}

void dj_reason_cause(struct dj_buf *buf, const struct dj_reason *reason)
{
    switch (reason->cause) {
    case DJ_CAUSE_NONE:
        break;
    case DJ_CAUSE_NEVER_RUN:
        add_never_run(buf, reason);
        break;
    case DJ_CAUSE_UNSTORED:
        dj_buf_adds(buf, "never stored, as its task has store = no");
        break;
    case DJ_CAUSE_FORCED:
        add_user(buf, "forced", &reason->user);
        break;
    case DJ_CAUSE_DELETED:
        add_user(buf, "deleted", &reason->user);
        break;
    case DJ_CAUSE_CANCELLED:
        add_user(buf, "cancelled", &reason->user);
        if (reason->user.len == 0)
            add_text(buf, ": ", &reason->text);
        break;
    case DJ_CAUSE_LOST:
        add_lost(buf, reason->lost);
        add_text(buf, ": ", &reason->text);
        break;
    case DJ_CAUSE_FAILED:
    case DJ_CAUSE_CORRUPT:
        dj_buf_adds(buf, reason->cause == DJ_CAUSE_FAILED ? "failed" : "corrupt");
        add_text(buf, ": ", &reason->text);
        add_attempt(buf, reason);
        break;
    default:
        add_stale(buf, reason);
        break;
    }
}

/* ---- what is under way ---- */

static void add_names(struct dj_buf *buf, const struct dj_list *names, uint64_t count)
{
    for (size_t i = 0; i < names->n; i++) {
        dj_buf_adds(buf, i == 0 ? "" : ", ");
        dj_add_printable(buf, dj_list_bytes(names, i));
    }
    if (names->n == 0)
        dj_buf_adds(buf, "nothing");
    if (count > names->n)
        dj_buf_addf(buf, " and %" PRIu64 " more", count - names->n);
}

/* Of a resource: who has the rest of it. */
static void add_part(struct dj_buf *buf, const struct dj_reason *reason)
{
    dj_buf_addf(buf, "%s of session %s, of which %s are taken", dj_buf_str(&reason->part),
                dj_buf_str(&reason->session), dj_buf_str(&reason->part_held));
    if (reason->part_holders.n == 0)
        return;
    dj_buf_adds(buf, " by ");
    add_names(buf, &reason->part_holders, reason->part_holder_count);
}

static void add_holders(struct dj_buf *buf, const struct dj_reason *reason)
{
    if (reason->no_worker) {
        dj_buf_adds(buf, "; no worker is there");
        return;
    }
    if (reason->paused) {
        dj_buf_adds(buf, "; the daemon is paused");
        return;
    }
    if (reason->workers == 1)
        dj_buf_adds(buf, "; the worker has ");
    else
        dj_buf_addf(buf, "; the %" PRIu64 " workers have ", reason->workers);
    add_names(buf, &reason->holders, reason->holder_count);
}

static void add_waiting(struct dj_buf *buf, const struct dj_reason *reason)
{
    dj_buf_adds(buf, "waiting for ");
    dj_add_printable(buf, dj_buf_bytes(&reason->called));
    dj_buf_addf(buf, " (%s", reason->called_status);
    add_text(buf, " for ", &reason->called_by);
    dj_buf_addc(buf, ')');
}

static void add_queued(struct dj_buf *buf, const struct dj_reason *reason)
{
    if (reason->retry_ns != 0) {
        dj_buf_addf(buf, "queued for try %" PRIu64 " of %" PRIu64 ", not before ", reason->try,
                    reason->tries);
        dj_people_time(buf, reason->retry_ns);
        return;
    }
    dj_buf_addf(buf, "queued behind %" PRIu64, reason->ahead);
    if (reason->part.len == 0 || reason->no_worker || reason->paused) {
        add_holders(buf, reason);
        return;
    }
    dj_buf_adds(buf, "; waiting for ");
    add_part(buf, reason);
}

static void add_running(struct dj_buf *buf, const struct dj_reason *reason)
{
    if (reason->launcher.len != 0) {
        dj_buf_adds(buf, "launched");
        add_text(buf, " by ", &reason->launcher);
        dj_buf_adds(buf, ", not begun yet");
        add_text(buf, ", for ", &reason->asked_by);
        return;
    }
    dj_buf_adds(buf, "running");
    add_text(buf, " for ", &reason->asked_by);
}

static void add_accepted(struct dj_buf *buf, const struct dj_reason *reason)
{
    add_user(buf, "; accepted", &reason->user);
    dj_buf_adds(buf, " on ");
    dj_people_time(buf, reason->accepted_ns);
    add_text(buf, ", though ", &reason->text);
}

static void add_expiry(struct dj_buf *buf, const struct dj_reason *reason)
{
    if (reason->expires_ns == 0)
        return;
    dj_buf_adds(buf, reason->served_ns != 0 ? "; its ttl was over on " : "; valid until ");
    dj_people_time(buf, reason->expires_ns);
    if (reason->served_ns == 0)
        return;
    dj_buf_adds(buf, ", and it is served until ");
    dj_people_time(buf, reason->served_ns);
    dj_buf_adds(buf, " while it is computed anew");
}

static void add_checking(struct dj_buf *buf, const struct dj_reason *reason)
{
    if (reason->called.len == 0) {
        dj_buf_adds(buf, "looking whether what it called came out equal");
        return;
    }
    add_waiting(buf, reason);
    dj_buf_adds(buf, ", which may come out equal");
}

static void add_now(struct dj_buf *buf, const struct dj_reason *reason)
{
    switch (reason->now) {
    case DJ_NOW_NOTHING:
        break;
    case DJ_NOW_HIT:
        dj_buf_adds(buf, "hit");
        if (reason->accepted_ns != 0)
            add_accepted(buf, reason);
        add_text(buf, "; came out equal: ", &reason->equal);
        add_expiry(buf, reason);
        break;
    case DJ_NOW_CHECKING:
        add_checking(buf, reason);
        break;
    case DJ_NOW_QUEUED:
        add_queued(buf, reason);
        break;
    case DJ_NOW_WAITING:
        add_waiting(buf, reason);
        break;
    case DJ_NOW_RESERVING:
        dj_buf_adds(buf, "waiting for ");
        add_part(buf, reason);
        break;
    case DJ_NOW_LOCKING:
        dj_buf_addf(buf, "waiting for lock %s, held by ", dj_buf_str(&reason->lock));
        dj_add_printable(buf, dj_buf_bytes(&reason->lock_holders));
        break;
    case DJ_NOW_RESUMING:
        dj_buf_adds(buf, "waiting for a worker to go on");
        add_holders(buf, reason);
        break;
    case DJ_NOW_RUNNING:
        add_running(buf, reason);
        break;
    }
    if (reason->begun_again != 0) {
        dj_buf_adds(buf, "; ");
        add_lost(buf, reason->begun_again);
        dj_buf_adds(buf, " and begun again");
    }
}

void dj_reason_notes(struct dj_buf *buf, const struct dj_reason *reason)
{
    for (size_t i = 0; i < reason->notes.n; i++) {
        dj_buf_adds(buf, i == 0 ? "" : "; ");
        dj_add_printable(buf, dj_list_bytes(&reason->notes, i));
    }
}

static void add_left_out(struct dj_buf *buf, const struct dj_reason *reason)
{
    const struct dj_list *parts = &reason->left_out;

    for (size_t i = 0; i < parts->n && i < PARTS_SHOWN; i++) {
        dj_buf_adds(buf, i == 0 ? "; leaves out " : ", ");
        dj_add_printable(buf, dj_list_bytes(parts, i));
    }
    if (parts->n > PARTS_SHOWN)
        dj_buf_addf(buf, " and %zu more", parts->n - PARTS_SHOWN);
}

void dj_reason_print(struct dj_buf *buf, const struct dj_reason *reason)
{
    add_now(buf, reason);
    if (reason->now != DJ_NOW_NOTHING && reason->cause != DJ_CAUSE_NONE)
        dj_buf_adds(buf, "; ");
    if (reason->now == DJ_NOW_NOTHING && reason->cause >= DJ_CAUSE_VERSION)
        dj_buf_adds(buf, "stale: ");
    dj_reason_cause(buf, reason);
    if (reason->now == DJ_NOW_HIT)
        add_left_out(buf, reason);
    if (reason->now == DJ_NOW_HIT && reason->notes.n != 0) {
        dj_buf_adds(buf, "; note: ");
        dj_reason_notes(buf, reason);
    }
}

/* ---- definitions ---- */

static struct dj_bytes first_word(struct dj_bytes line)
{
    const uint8_t *blank = line.len == 0 ? NULL : memchr(line.data, ' ', line.len);

    return blank == NULL ? line : dj_bytes(line.data, (size_t)(blank - line.data));
}

void dj_reason_part(struct dj_bytes before, struct dj_bytes after, struct dj_buf *ret)
{
    struct dj_bytes old = {NULL, 0}, new = {NULL, 0};
    bool more_old, more_new;

    do {
        more_old = dj_next_line(&before, &old);
        more_new = dj_next_line(&after, &new);
    } while (more_old && more_new && dj_bytes_equal(old, new));
    if (more_old)
        dj_buf_add_bytes(ret, first_word(old));
    else if (more_new)
        dj_buf_add_bytes(ret, first_word(new));
}
