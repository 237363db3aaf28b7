#include "daemon/render.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "lib/model/json.h"
#include "lib/model/resource.h"
#include "lib/model/session.h"
#include "lib/util/clock.h"
#include "lib/util/str.h"

/* ---- the root and tasks ---------------------------------------------------------------------- */

void dj_render_readme(struct dj_buf *buf, struct dj_engine *engine)
{
    const char *mount = dj_engine_mount(engine);

    if (mount == NULL || *mount == '\0')
        mount = "/dj";
    dj_buf_addf(buf,
                "djfs: runs of your programs, memoised and shown as files. All below %s\n"
                "\n"
                "    cat tasks/TASK/ARGS/result     its result: cached, or computed meanwhile\n"
                "\n", mount);
    dj_buf_adds(
        buf,
        "status           workers, queue, runs, bytes: one fact a line\n"
        "events           what happened, one JSON object a line; tail -f follows it\n"
        "ctl              takes gc, pause, resume, reload\n"
        "self             in a run: a link to that run\n"
        "frames/NAME/     rows with their results: results.jsonl, table.csv, status, ctl\n"
        "sessions/NAME/   who shares workers and resources: max_workers, resources/, status, ctl\n"
        "tasks/TASK/      lists the runs that were computed or tried; others are there by name\n"
        "  .definition    the task's section of a task file; writing it defines the task anew\n"
        "  .version       one value; writing another one makes the old runs stale\n"
        "  .status        runs by state\n"
        "  .ctl           takes run ARGS, force ARGS, invalidate, delete ARGS, delete all\n"
        "tasks/TASK/ARGS/ one run: `5` for one parameter, `a=3,b=4` for several, `_` for none\n"
        "  result         its stdout\n"
        "  files/         what it left in its working directory\n"
        "  log            its stderr, live while it runs\n"
        "  status         absent queued waiting running done failed cancelled lost stale evicted\n"
        "  command        a script that repeats the run by hand, storing nothing\n"
        "  error          why the last try failed, in a sentence; listed when it did\n"
        "  why  key       why it has a result or none, in a line; what its key is made of\n"
        "  progress       how far it is: 3/10 30% eta 40 s; the run itself writes 3/10 to it\n"
        "  args  meta     its arguments, and times, exit, sizes, versions: JSON\n"
        "  wait           never listed: a read ends when the run has ended\n"
        "  ctl            takes run, force, incognito, delete, cancel, invalidate, accept\n"
        "  deps/          links to the runs that it called\n"
        "  dependents/    links to the runs that called it\n"
        "  history/N/     earlier instances, 1 is the oldest: result, files/, log, meta\n"
        "\n"
        "Looking never computes: ls, find, grep -r and tar start nothing. Opening a result does.\n"
        "rm -r of a run deletes it; `dj undelete` brings it back for a day. See dj-tree(5).\n");
}

static void add_locks(struct dj_buf *buf, struct dj_engine *engine)
{
    struct dj_lock_facts facts = {.name = ""};

    while (dj_lock_look(engine, facts.name, &facts)) {
        dj_buf_addf(buf, "lock %s %s since ", facts.name, facts.shared ? "shared" : "exclusive");
        dj_people_time(buf, facts.since_ns);
        dj_buf_addf(buf, " waiting %zu by ", facts.waiting);
        dj_buf_add_bytes(buf, dj_buf_bytes(&facts.holders));
        dj_buf_addc(buf, '\n');
        dj_buf_release(&facts.holders);
    }
}

void dj_render_status(struct dj_buf *buf, struct dj_engine *engine)
{
    struct dj_totals totals;
    uint64_t now = dj_clock_now_ns();

    dj_totals(engine, &totals);
    dj_buf_addf(buf, "workers %" PRIu64 "\nbusy %" PRIu64 "\nqueued %" PRIu64 "\nwaiting %" PRIu64
                "\nruns %" PRIu64 "\nbytes %" PRIu64 "\n", totals.workers, totals.busy,
                totals.queued, totals.waiting, totals.runs, totals.bytes);
    dj_buf_addf(buf, "uptime %" PRIu64 "\npaused %s\nstore %s\n",
                now > totals.start_ns ? (now - totals.start_ns) / DJ_NS_PER_S : 0,
                totals.paused ? "yes" : "no", dj_engine_store_dir(engine));
    if (totals.quota != 0)
        dj_buf_addf(buf, "stored %" PRIu64 "\nquota %" PRIu64 "\n", totals.stored, totals.quota);
    add_locks(buf, engine);
}

void dj_render_definition(struct dj_buf *buf, const struct dj_task *task)
{
    if (task->definition != NULL)
        dj_definition_print(buf, task->definition);
}

void dj_render_version(struct dj_buf *buf, const struct dj_task *task)
{
    if (task->definition != NULL)
        dj_buf_addf(buf, "%s\n", task->definition->version == NULL ? ""
                                                                   : task->definition->version);
}

void dj_render_task_status(struct dj_buf *buf, struct dj_engine *engine, struct dj_task *task)
{
    uint64_t counts[DJ_STATUS_COUNT] = {0};

    dj_task_counts(engine, task, counts);
    for (unsigned i = DJ_ABSENT + 1; i < DJ_STATUS_COUNT; i++)
        dj_buf_addf(buf, "%s %" PRIu64 "\n", dj_status_name((enum dj_status)i), counts[i]);
}

/* ---- runs ------------------------------------------------------------------------------------ */

void dj_render_run_status(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call)
{
    dj_buf_addf(buf, "%s\n", dj_status_name(dj_call_status(engine, call)));
}

void dj_render_error(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call)
{
    uint64_t latest = dj_call_latest(engine, call);
    const struct dj_rec_instance *record;
    struct dj_live live;

    if (latest == 0 || dj_live(engine, latest, &live))
        return;
    record = dj_instance(engine, latest);
    if (record == NULL || record->state == DJ_DONE)
        return;
    if (record->error != NULL && *record->error != '\0')
        dj_buf_addf(buf, "%s\n", record->error);
    else
        dj_buf_addf(buf, "the run ended %s\n", dj_status_name((enum dj_status)record->state));
}

void dj_render_why(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call)
{
    dj_cleanup_reason struct dj_reason reason;

    dj_reason_init(&reason);
    dj_call_why(engine, call, &reason);
    dj_reason_print(buf, &reason);
    dj_buf_addc(buf, '\n');
}

void dj_render_progress(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call,
                        uint64_t instance)
{
    struct dj_progress_facts facts;

    dj_call_progress(engine, call, instance, &facts);
    dj_progress_print(buf, &facts);
    dj_buf_addc(buf, '\n');
}

/* A member of the object under way. The name is ours and needs no escapes. */
static void member(struct dj_buf *buf, const char *name)
{
    dj_buf_addf(buf, "%s\n  \"%s\": ", buf->data[buf->len - 1] == '{' ? "" : ",", name);
}

static void add_text(struct dj_buf *buf, const char *name, struct dj_bytes value)
{
    member(buf, name);
    dj_json_string(buf, value);
}

static void add_number(struct dj_buf *buf, const char *name, uint64_t value)
{
    member(buf, name);
    dj_buf_addf(buf, "%" PRIu64, value);
}

static void add_seconds(struct dj_buf *buf, const char *name, uint64_t ns)
{
    member(buf, name);
    dj_buf_addf(buf, "%" PRIu64 ".%06" PRIu64, ns / DJ_NS_PER_S, ns % DJ_NS_PER_S / 1000);
}

/* RFC 3339 in UTC with microseconds. */
static void time_string(struct dj_buf *buf, uint64_t ns)
{
    time_t seconds = (time_t)(ns / DJ_NS_PER_S);
    struct tm tm = {0};
    char text[32];

    gmtime_r(&seconds, &tm); /* cannot fail: 64 bits of nanoseconds end in 2554 */
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
    dj_buf_addf(buf, "\"%s.%06" PRIu64 "Z\"", text, ns % DJ_NS_PER_S / 1000);
}

/* Left out when nothing is known. */
static void add_time(struct dj_buf *buf, const char *name, uint64_t ns)
{
    if (ns == 0)
        return;
    member(buf, name);
    time_string(buf, ns);
}

static void add_digest(struct dj_buf *buf, const char *name, const struct dj_digest *digest)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(digest, hex);
    add_text(buf, name, dj_bytes_of(hex));
}

static void add_content(struct dj_buf *buf, const char *name, const struct dj_rec_content *content)
{
    char hex[DJ_DIGEST_HEX_SIZE];

    dj_digest_hex(&content->digest, hex);
    member(buf, name);
    dj_buf_addf(buf, "{\"size\": %" PRIu64 ", \"digest\": \"%s\"}", content->size, hex);
}

/* A member only when there is something to say. */
static void add_some(struct dj_buf *buf, const char *name, const char *text)
{
    if (text != NULL && *text != '\0')
        add_text(buf, name, dj_bytes_of(text));
}

static void add_bound(struct dj_buf *buf, const char *name, uint64_t bound, bool *any)
{
    if (bound == 0)
        return;
    dj_buf_addf(buf, "%s\"%s\": %" PRIu64, *any ? ", " : "", name, bound);
    *any = true;
}

/* All that it was limited to, and the one that it went over. */
static void add_limits(struct dj_buf *buf, const struct dj_rec_instance *record)
{
    const struct dj_rec_bounds *bounds = &record->bounds;
    bool any = false;

    member(buf, "limits");
    dj_buf_addc(buf, '{');
    add_bound(buf, "timeout_ms", bounds->timeout_ms, &any);
    add_bound(buf, "memory", bounds->memory, &any);
    add_bound(buf, "max_result", bounds->max_result, &any);
    add_bound(buf, "max_log", bounds->max_log, &any);
    add_bound(buf, "max_files", bounds->max_files, &any);
    dj_buf_addc(buf, '}');
    if (record->limit != 0) {
        member(buf, "exceeded");
        dj_buf_addf(buf, "{\"limit\": %" PRIu64 ", \"reached\": %" PRIu64 "}", record->limit,
                    record->reached);
    }
}

/* What nobody watched has no peak; max_rss_kib is that of its largest process. */
static void add_memory(struct dj_buf *buf, const struct dj_rec_instance *record)
{
    member(buf, "memory");
    dj_buf_addf(buf, "{\"watched_by\": \"%s\"", dj_memory_guard_word(record->memory_guard));
    if (record->memory_guard != DJ_MEMORY_NONE)
        dj_buf_addf(buf, ", \"peak\": %" PRIu64, record->memory_peak);
    dj_buf_addc(buf, '}');
}

static void add_progress(struct dj_buf *buf, uint64_t done, uint64_t total)
{
    if (total == 0)
        return;
    member(buf, "progress");
    dj_buf_addf(buf, "{\"done\": %" PRIu64 ", \"total\": %" PRIu64 "}", done, total);
}

static void add_tries(struct dj_buf *buf, uint64_t try, uint64_t tries)
{
    if (tries <= 1)
        return;
    add_number(buf, "try", try);
    add_number(buf, "tries", tries);
}

static void add_end(struct dj_buf *buf, const struct dj_rec_instance *record)
{
    add_text(buf, "ended_by", dj_bytes_of(dj_exit_word(record->how)));
    add_number(buf, "code", record->code);
    if (record->how == DJ_EXIT_SIGNAL)
        add_some(buf, "signal", dj_signal_name(record->code));
    add_some(buf, "error", record->error);
    if (record->how == DJ_EXIT_KILLED)
        add_some(buf, "cancelled_by", record->by);
    add_limits(buf, record);
    add_memory(buf, record);
}

static void add_times(struct dj_buf *buf, const struct dj_rec_instance *record)
{
    add_time(buf, "queued", record->queued_ns);
    add_time(buf, "started", record->start_ns);
    add_time(buf, "ended", record->end_ns);
    add_time(buf, "expires", record->expires_ns);
    add_seconds(buf, "seconds",
                record->start_ns != 0 && record->end_ns > record->start_ns
                    ? record->end_ns - record->start_ns
                    : 0);
    add_seconds(buf, "user_seconds", record->user_us * 1000);
    add_seconds(buf, "system_seconds", record->system_us * 1000);
}

/* {"ram": 1.5}: of "ram=1.5". */
static void add_resources(struct dj_buf *buf, const char *text)
{
    struct dj_list list = {0};

    if (text == NULL || *text == '\0' || dj_resources_parse(dj_bytes_of(text), &list, NULL) < 0)
        return;
    member(buf, "resources");
    for (size_t i = 0; i < list.n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(&list, struct dj_resource, i);

        dj_buf_adds(buf, i == 0 ? "{" : ", ");
        dj_json_string(buf, dj_bytes_of(resource->name));
        dj_buf_adds(buf, ": ");
        dj_amount_print(buf, resource->amount);
    }
    dj_buf_addc(buf, '}');
    dj_resources_release(&list);
}

/* Who brought it; host and user are those that computed it. */
static void add_imported(struct dj_buf *buf, const struct dj_rec_instance *record)
{
    if (record->imported_ns == 0)
        return;
    member(buf, "imported");
    dj_buf_adds(buf, "{\"from\": ");
    dj_json_string(buf, dj_bytes_of(record->imported_from));
    dj_buf_adds(buf, ", \"at\": ");
    time_string(buf, record->imported_ns);
    dj_buf_adds(buf, ", \"by\": ");
    dj_json_string(buf, dj_bytes_of(record->imported_by));
    dj_buf_addc(buf, '}');
}

static void add_instance(struct dj_buf *buf, const struct dj_rec_instance *record)
{
    add_number(buf, "instance", record->number);
    add_text(buf, "state", dj_bytes_of(dj_status_name((enum dj_status)record->state)));
    add_text(buf, "version", dj_bytes_of(record->version));
    add_digest(buf, "effective_version", &record->effective);
    add_times(buf, record);
    add_number(buf, "max_rss_kib", record->max_rss_kib);
    add_end(buf, record);
    add_text(buf, "host", dj_bytes_of(record->host));
    add_text(buf, "user", dj_bytes_of(record->user));
    add_imported(buf, record);
    add_text(buf, "launch",
             record->launch == NULL ? DJ_BYTES_LIT("process") : dj_bytes_of(record->launch));
    add_text(buf, "session", dj_bytes_of(record->session == NULL || *record->session == '\0'
                                             ? DJ_SESSION_DEFAULT
                                             : record->session));
    add_resources(buf, record->resources);
    add_tries(buf, record->try, record->tries);
    add_number(buf, "attempt", record->attempt);
    add_progress(buf, record->progress_done, record->progress_total);
    member(buf, "forced");
    dj_buf_adds(buf, record->forced ? "true" : "false");
    add_content(buf, "result", &record->result);
    add_content(buf, "log", &record->log);
    member(buf, "files");
    dj_buf_addf(buf, "{\"count\": %" PRIu64 ", \"size\": %" PRIu64 "}", record->file_count,
                record->file_bytes);
}

/* Who called it valid although it was stale; what ends an acceptance leaves it on record. */
static void add_accepted(struct dj_buf *buf, const struct dj_call *call, uint64_t instance)
{
    const struct dj_list *all = dj_call_accepted(call, instance);

    if (all == NULL || all->n == 0)
        return;
    member(buf, "accepted");
    dj_buf_addc(buf, '[');
    for (size_t i = 0; i < all->n; i++) {
        const struct dj_rec_acceptance *accepted =
            DJ_LIST_AT(all, struct dj_rec_acceptance, i);

        bool equal = accepted->equal != NULL && *accepted->equal != '\0';

        dj_buf_addf(buf, "%s{\"%s\": ", i == 0 ? "" : ", ", equal ? "equal" : "by");
        dj_json_string(buf, dj_bytes_of(equal ? accepted->equal : accepted->user));
        dj_buf_adds(buf, ", \"at\": ");
        time_string(buf, accepted->time_ns);
        dj_buf_adds(buf, ", \"though\": ");
        dj_json_string(buf, dj_bytes_of(accepted->though));
        dj_buf_addc(buf, '}');
    }
    dj_buf_addc(buf, ']');
}

static void add_live(struct dj_buf *buf, const struct dj_live *live, uint64_t number)
{
    add_number(buf, "instance", number);
    add_time(buf, "queued", live->queued_ns);
    add_time(buf, "started", live->start_ns);
    if (live->launch != NULL) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        dj_launch_print(&text, live->launch);
        add_text(buf, "launch", dj_buf_bytes(&text));
    }
    if (live->status == DJ_QUEUED)
        add_number(buf, "position", live->position);
    add_tries(buf, live->try, live->tries);
    add_time(buf, "next_try", live->retry_ns);
    add_progress(buf, live->progress.done, live->progress.total);
}

static void begin_meta(struct dj_buf *buf, struct dj_call *call)
{
    dj_buf_addc(buf, '{');
    add_text(buf, "task", dj_bytes_of(dj_call_task(call)->name));
    add_text(buf, "name", dj_call_name(call));
    add_digest(buf, "key", dj_call_key(call));
}

void dj_render_ended(struct dj_buf *buf, struct dj_call *call,
                     const struct dj_rec_instance *record)
{
    begin_meta(buf, call);
    add_instance(buf, record);
    add_accepted(buf, call, record->number);
    dj_buf_adds(buf, "\n}\n");
}

void dj_render_meta(struct dj_buf *buf, struct dj_engine *engine, struct dj_call *call,
                    uint64_t instance)
{
    const struct dj_rec_instance *record = instance == 0 ? NULL : dj_instance(engine, instance);
    uint64_t latest = dj_call_latest(engine, call);
    struct dj_live live;

    begin_meta(buf, call);
    add_text(buf, "status", dj_bytes_of(dj_status_name(dj_call_status(engine, call))));
    if (record != NULL) {
        add_instance(buf, record);
        add_accepted(buf, call, instance);
    } else if (latest != 0 && dj_live(engine, latest, &live)) {
        add_live(buf, &live, latest);
    }
    dj_buf_adds(buf, "\n}\n");
}
