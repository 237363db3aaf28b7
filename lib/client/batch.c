/* Many calls, sent in groups of one task each. (dj.h) */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/client/environment.h"
#include "lib/client/request.h"
#include "lib/util/clock.h"
#include "lib/util/mem.h"

enum {
    GROUP_MAX = 250,
    GROUP_BYTES = 1 << 20, /* of arguments; one more call may go over it */
    CALL_BYTES = 4 << 20,  /* of one call */
    WORD_BYTES = 8,        /* that a word takes beside its own, at least: many may be empty */
    UNDER_WAY_MAX = 1000,
    HELD_MAX = 64 << 20,   /* bytes of results that may come unasked for */
    TRIES = 3,
    OPEN_MAX = 16,         /* groups that are filled at a time: of as many tasks */
};

/* A call that has ended. */
struct outcome {
    TAILQ_ENTRY(outcome) link;
    uint64_t index;
    void *cookie;
    int code;
    char *error, *note, *run, *status;
    struct dj_content content;
};

struct call {
    void *cookie;
    uint64_t index;
    bool ended;
};

/* Calls that travel together. */
struct group {
    TAILQ_ENTRY(group) link;
    struct dj_batch *batch;
    struct dj_msg_calls ask;
    struct call calls[GROUP_MAX];
    size_t bytes;
    size_t left;    /* not ended */
    uint64_t id;
    unsigned tries;
    bool sent, cancelled;
    bool *gone;     /* while it is asked for: it may be refused at once */
};

TAILQ_HEAD(groups, group);
TAILQ_HEAD(outcomes, outcome);

struct dj_batch {
    struct dj *dj;
    TAILQ_ENTRY(dj_batch) link;
    char *task; /* NULL: of runs by their paths */
    char *session, *launch;
    unsigned flags;
    struct groups groups;     /* the sent ones first */
    struct outcomes ready;
    struct outcome *now;      /* what is told of, or NULL */
    uint64_t added;
    size_t under_way, pending;
    size_t largest;           /* result so far */
};

/* ---- what has ended -------------------------------------------------------------------------- */

static void outcome_free(struct outcome *outcome)
{
    if (outcome == NULL)
        return;
    dj_content_release(&outcome->content);
    free(outcome->error);
    free(outcome->note);
    free(outcome->run);
    free(outcome->status);
    free(outcome);
}

/* NULL: the daemon told of it before, or there is no such call. */
static struct outcome *end_call(struct group *group, uint64_t at, int code)
{
    struct dj_batch *batch = group->batch;
    struct outcome *outcome;

    if (at >= group->ask.calls.n || group->calls[at].ended)
        return NULL;
    group->calls[at].ended = true;
    group->left--;
    batch->under_way -= group->sent;
    outcome = dj_xcalloc(1, sizeof(*outcome));
    outcome->index = group->calls[at].index;
    outcome->cookie = group->calls[at].cookie;
    outcome->code = code;
    TAILQ_INSERT_TAIL(&batch->ready, outcome, link);
    return outcome;
}

static void group_free(struct group *group)
{
    TAILQ_REMOVE(&group->batch->groups, group, link);
    if (group->gone != NULL)
        *group->gone = true;
    dj_codec_release(dj_message_layout(DJ_MSG_CALLS), &group->ask);
    free(group);
}

/* All that is left of a group, which goes. */
static void end_group(struct group *group, int code, const char *text)
{
    for (size_t i = 0; group->left != 0 && i < group->ask.calls.n; i++) {
        struct outcome *outcome = end_call(group, i, -code);

        if (outcome != NULL)
            outcome->error = dj_xstrdup(text == NULL || text[0] == '\0' ? strerror(code) : text);
    }
    group_free(group);
}

static int errno_of(uint64_t code)
{
    return code < 4096 ? (int)code : EPROTO;
}

static void take_outcome(struct group *group, struct dj_part_outcome *from)
{
    struct outcome *outcome = end_call(group, from->call, -errno_of(from->code));

    if (outcome == NULL)
        return;
    outcome->error = dj_steal(from->error);
    outcome->note = dj_steal(from->note);
    outcome->run = dj_steal(from->run);
    outcome->status = dj_steal(from->status);
    if (from->has_content) {
        outcome->content.bytes = from->content;
        from->content = (struct dj_buf)DJ_BUF_INIT;
    } else {
        outcome->content.path = dj_steal(from->path);
    }
    group->batch->largest = DJ_MAX(group->batch->largest, outcome->content.bytes.len);
}

static void ask(struct group *group);

static bool asks_again(struct group *group, const struct dj_message_in *message)
{
    if (message->number != DJ_MSG_WANTS || group->cancelled || group->tries++ == TRIES)
        return false;
    dj_environment_own(message->fields, &group->ask.env);
    ask(group);
    return true;
}

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    struct group *group = cookie;
    struct dj_msg_results *results = message->fields;
    const struct dj_msg_error *error = message->fields;

    if (asks_again(group, message))
        return;
    if (message->number == DJ_MSG_ERROR)
        end_group(group, errno_of(error->code == 0 ? EPROTO : error->code), error->text);
    else if (message->number == DJ_MSG_WANTS && group->cancelled)
        end_group(group, EINTR, "interrupted");
    else if (message->number != DJ_MSG_RESULTS)
        end_group(group, EPROTO, "the daemon answered something else");
    if (message->number != DJ_MSG_RESULTS)
        return;
    for (size_t i = 0; i < results->outcomes.n; i++)
        take_outcome(group, DJ_LIST_AT(&results->outcomes, struct dj_part_outcome, i));
    if (results->end)
        end_group(group, EPROTO, "the daemon left it out");
}

/* ---- sending --------------------------------------------------------------------------------- */

/* A group that is too large to travel, with the environment that its task wants, is gone then. */
static void ask(struct group *group)
{
    struct dj_connection *connection = group->batch->dj->connection;
    bool gone = false;
    uint64_t id;

    group->gone = &gone;
    dj_connection_hold(connection, true);
    id = dj_connection_ask(connection, DJ_MSG_CALLS, &group->ask, on_answer, group);
    dj_connection_hold(connection, false);
    if (gone)
        return;
    group->id = id;
    group->gone = NULL;
}

/* How many may be under way; few of large results, which are held until they are asked for. */
static size_t window(const struct dj_batch *batch)
{
    return batch->largest == 0 ? UNDER_WAY_MAX
                               : DJ_MIN((size_t)UNDER_WAY_MAX, HELD_MAX / batch->largest);
}

static struct group *next_unsent(const struct dj_batch *batch)
{
    struct group *group = TAILQ_LAST(&batch->groups, groups), *before;

    if (group == NULL || group->sent)
        return NULL;
    while ((before = TAILQ_PREV(group, groups, link)) != NULL && !before->sent)
        group = before;
    return group;
}

static bool may_send(const struct dj_batch *batch, const struct group *group)
{
    return group != NULL &&
           (batch->under_way == 0 || batch->under_way + group->left <= window(batch));
}

static bool wants(const struct dj_batch *batch)
{
    return may_send(batch, next_unsent(batch));
}

static void send_batch(struct dj_batch *batch)
{
    struct group *group;

    for (group = next_unsent(batch); may_send(batch, group); group = next_unsent(batch)) {
        group->sent = true;
        batch->under_way += group->left;
        ask(group);
    }
}

void dj_batches_send(struct dj *dj)
{
    struct dj_batch *batch;

    TAILQ_FOREACH(batch, &dj->batches, link)
        send_batch(batch);
}

bool dj_batches_want(const struct dj *dj)
{
    const struct dj_batch *batch;

    TAILQ_FOREACH(batch, &dj->batches, link)
    {
        if (wants(batch))
            return true;
    }
    return false;
}

bool dj_batches_ready(const struct dj *dj)
{
    const struct dj_batch *batch;

    TAILQ_FOREACH(batch, &dj->batches, link)
    {
        if (!TAILQ_EMPTY(&batch->ready))
            return true;
    }
    return false;
}

/* What was not sent when its connection went. */
static void end_unsent(struct dj_batch *batch)
{
    struct group *group;

    while ((group = next_unsent(batch)) != NULL)
        end_group(group, ENOTCONN, "not connected to a daemon");
}

void dj_batches_lose(struct dj *dj)
{
    struct dj_batch *batch;

    while ((batch = TAILQ_FIRST(&dj->batches)) != NULL) {
        end_unsent(batch);
        TAILQ_REMOVE(&dj->batches, batch, link);
        batch->dj = NULL;
    }
}

/* ---- filling --------------------------------------------------------------------------------- */

static struct dj_batch *batch_new(struct dj *dj, const char *task, unsigned flags)
{
    struct dj_batch *batch;
    int rc = 0;

    if ((flags & ~(unsigned)(DJ_FORCE | DJ_INCOGNITO | DJ_CACHED | DJ_LAZY)) != 0)
        rc = dj_err_set(&dj->err, EINVAL, "a batch has no flags %#x", flags);
    else if ((flags & DJ_LAZY) != 0 && flags != DJ_LAZY)
        rc = dj_err_set(&dj->err, EINVAL, "DJ_LAZY computes nothing, so it stands alone");
    else if ((flags & DJ_FORCE) != 0 && (flags & DJ_CACHED) != 0)
        rc = dj_err_set(&dj->err, EINVAL, "DJ_FORCE computes and DJ_CACHED never does");
    if (rc < 0)
        return NULL;
    batch = dj_xcalloc(1, sizeof(*batch));
    batch->dj = dj;
    batch->task = task == NULL ? NULL : dj_xstrdup(task);
    batch->flags = flags;
    TAILQ_INIT(&batch->groups);
    TAILQ_INIT(&batch->ready);
    TAILQ_INSERT_TAIL(&dj->batches, batch, link);
    return batch;
}

struct dj_batch *dj_batch_new(struct dj *dj, const char *task, unsigned flags)
{
    if (dj_fresh(dj) < 0)
        return NULL;
    if (task == NULL) {
        (void)dj_null(dj, "the task");
        return NULL;
    }
    return batch_new(dj, task, flags);
}

struct dj_batch *dj_batch_of_runs(struct dj *dj, unsigned flags)
{
    return dj_fresh(dj) < 0 ? NULL : batch_new(dj, NULL, flags);
}

/* 0 when more can be asked of it. */
static int changing(struct dj_batch *batch)
{
    if (batch == NULL)
        return -EINVAL;
    return batch->dj == NULL ? -ENOTCONN : dj_fresh(batch->dj);
}

/* The groups that are being filled are closed: what comes next differs. */
static int set(struct dj_batch *batch, char **at, const char *text)
{
    struct group *group;
    int rc = changing(batch);

    if (rc < 0)
        return rc;
    free(*at);
    *at = text == NULL || text[0] == '\0' ? NULL : dj_xstrdup(text);
    TAILQ_FOREACH_REVERSE(group, &batch->groups, groups, link)
    {
        if (group->sent)
            break;
        group->bytes = GROUP_BYTES;
    }
    return 0;
}

int dj_batch_set_session(struct dj_batch *batch, const char *session)
{
    return batch == NULL ? -EINVAL : set(batch, &batch->session, session);
}

int dj_batch_set_launch(struct dj_batch *batch, const char *launch)
{
    return batch == NULL ? -EINVAL : set(batch, &batch->launch, launch);
}

static char *copy_of(const char *text)
{
    return text == NULL ? NULL : dj_xstrdup(text);
}

/* The one of that task that is being filled, or NULL. */
static struct group *open_group(struct dj_batch *batch, struct dj_bytes task)
{
    struct group *group;
    size_t looked = 0;

    TAILQ_FOREACH_REVERSE(group, &batch->groups, groups, link)
    {
        if (group->sent || looked++ == OPEN_MAX)
            return NULL;
        if (group->ask.calls.n < GROUP_MAX && group->bytes < GROUP_BYTES &&
            dj_bytes_is(task, group->ask.task))
            return group;
    }
    return NULL;
}

static struct group *new_group(struct dj_batch *batch, struct dj_bytes task)
{
    struct group *group = dj_xcalloc(1, sizeof(*group));

    group->batch = batch;
    group->ask = (struct dj_msg_calls){.task = dj_xmemdup0(task.data, task.len),
                                       .named = batch->task == NULL,
                                       .flags = batch->flags & ~(unsigned)DJ_LAZY,
                                       .lazy = (batch->flags & DJ_LAZY) != 0,
                                       .cwd = getcwd(NULL, 0),
                                       .session = copy_of(batch->session),
                                       .launch = copy_of(batch->launch)};
    TAILQ_INSERT_TAIL(&batch->groups, group, link);
    return group;
}

static int check_words(struct dj *dj, int n, const char *const *words, const size_t *lens,
                       size_t *ret_bytes)
{
    *ret_bytes = 0;
    if (n < 0 || (n > 0 && words == NULL))
        return dj_null(dj, "the list of words");
    for (int i = 0; i < n; i++) {
        if (words[i] == NULL)
            return dj_null(dj, "a word");
        *ret_bytes += WORD_BYTES + (lens != NULL ? lens[i] : strlen(words[i]));
    }
    return 0;
}

void dj_add_words(struct dj_list *list, int n, const char *const *words, const size_t *lens)
{
    for (int i = 0; i < n; i++) {
        struct dj_part_word *word = dj_list_add(list, sizeof(*word));

        dj_buf_add(&word->bytes, words[i], lens != NULL ? lens[i] : strlen(words[i]));
    }
}

int dj_check_words(struct dj *dj, int n, const char *const *words, const size_t *lens,
                   size_t *ret_bytes)
{
    int rc = check_words(dj, n, words, lens, ret_bytes);

    if (rc == 0 && *ret_bytes > CALL_BYTES)
        rc = dj_err_set(&dj->err, E2BIG, "its arguments take more than %d MiB", CALL_BYTES >> 20);
    return rc;
}

static void add_call(struct dj_batch *batch, struct dj_bytes task, int n,
                     const char *const *words, const size_t *lens, size_t bytes, void *cookie)
{
    struct group *group = open_group(batch, task);
    struct dj_part_words *call;

    if (group == NULL)
        group = new_group(batch, task);
    group->calls[group->ask.calls.n] = (struct call){.cookie = cookie, .index = batch->added};
    call = dj_list_add(&group->ask.calls, sizeof(*call));
    dj_add_words(&call->words, n, words, lens);
    group->bytes += bytes;
    group->left++;
    batch->added++;
    batch->pending++;
}

int dj_batch_add(struct dj_batch *batch, int n, const char *const *words, const size_t *lens,
                 void *cookie)
{
    size_t bytes;
    int rc = changing(batch);

    if (rc == 0 && batch->task == NULL)
        rc = dj_err_set(&batch->dj->err, EINVAL, "this batch is of runs by their paths");
    if (rc == 0)
        rc = dj_check_words(batch->dj, n, words, lens, &bytes);
    if (rc == 0)
        add_call(batch, dj_bytes_of(batch->task), n, words, lens, bytes, cookie);
    return rc;
}

int dj_batch_add_run(struct dj_batch *batch, const char *run, void *cookie)
{
    struct dj_bytes task, name;
    const char *word;
    size_t bytes;
    int rc = changing(batch);

    if (rc == 0 && batch->task != NULL)
        rc = dj_err_set(&batch->dj->err, EINVAL, "this batch is of calls of %s", batch->task);
    if (rc == 0 && run == NULL)
        rc = dj_null(batch->dj, "the run");
    if (rc == 0)
        rc = dj_run_split(batch->dj, run, &task, &name);
    if (rc < 0)
        return rc;
    word = (const char *)name.data;
    rc = dj_check_words(batch->dj, 1, &word, &name.len, &bytes);
    if (rc == 0)
        add_call(batch, task, 1, &word, &name.len, bytes, cookie);
    return rc;
}

/* ---- waiting --------------------------------------------------------------------------------- */

size_t dj_batch_pending(const struct dj_batch *batch)
{
    return batch == NULL ? 0 : batch->pending;
}

int dj_batch_cancel(struct dj_batch *batch)
{
    struct group *group, *next;
    int rc = changing(batch);

    if (rc < 0)
        return rc;
    for (group = TAILQ_FIRST(&batch->groups); group != NULL; group = next) {
        next = TAILQ_NEXT(group, link);
        group->cancelled = true;
        if (group->sent)
            dj_connection_cancel(batch->dj->connection, group->id);
        else
            end_group(group, EINTR, "interrupted");
    }
    return 0;
}

static bool take_ready(struct dj_batch *batch)
{
    batch->now = TAILQ_FIRST(&batch->ready);
    if (batch->now == NULL)
        return false;
    TAILQ_REMOVE(&batch->ready, batch->now, link);
    batch->pending--;
    return true;
}

/* How long to wait now; another request's time may be over before. */
static int patience(struct dj *dj, int timeout_ms, uint64_t end_ns)
{
    uint64_t now = timeout_ms > 0 ? dj_clock_mono_ns() : 0;
    int late = dj_time_left(dj), left = timeout_ms;

    if (timeout_ms > 0)
        left = end_ns <= now ? 0
                             : (int)DJ_MIN((end_ns - now) / DJ_NS_PER_MS + 1, (uint64_t)INT_MAX);
    return late >= 0 && (left < 0 || late < left) ? late : left;
}

int dj_batch_next(struct dj_batch *batch, int timeout_ms)
{
    uint64_t end_ns = timeout_ms > 0 ? dj_clock_mono_ns() + (uint64_t)timeout_ms * DJ_NS_PER_MS : 0;
    bool looked = false;

    if (batch == NULL)
        return -EINVAL;
    outcome_free(batch->now);
    batch->now = NULL;
    if (batch->dj != NULL && dj_fresh(batch->dj) < 0)
        return -EINVAL;
    if (batch->dj != NULL && dj_is_connected(batch->dj) && wants(batch))
        (void)!dj_step(batch->dj, 0); /* the daemon has to do while we tell */
    while (!take_ready(batch)) {
        if (batch->dj == NULL || TAILQ_EMPTY(&batch->groups) || (timeout_ms == 0 && looked) ||
            (looked && timeout_ms > 0 && dj_clock_mono_ns() >= end_ns))
            return 0;
        looked = true;
        if (dj_step(batch->dj, patience(batch->dj, timeout_ms, end_ns)) < 0)
            end_unsent(batch);
    }
    return 1;
}

/* ---- telling --------------------------------------------------------------------------------- */

static const char *text_of(const char *text)
{
    return text == NULL ? "" : text;
}

uint64_t dj_batch_index(const struct dj_batch *batch)
{
    return batch == NULL || batch->now == NULL ? 0 : batch->now->index;
}

void *dj_batch_cookie(const struct dj_batch *batch)
{
    return batch == NULL || batch->now == NULL ? NULL : batch->now->cookie;
}

int dj_batch_code(const struct dj_batch *batch)
{
    return batch == NULL || batch->now == NULL ? -EINVAL : batch->now->code;
}

const char *dj_batch_error(const struct dj_batch *batch)
{
    if (batch == NULL || batch->now == NULL)
        return "no call is told of";
    if (batch->now->code == 0)
        return "";
    return batch->now->error != NULL ? batch->now->error : strerror(-batch->now->code);
}

const char *dj_batch_note(const struct dj_batch *batch)
{
    return batch == NULL || batch->now == NULL ? "" : text_of(batch->now->note);
}

const char *dj_batch_run(const struct dj_batch *batch)
{
    return batch == NULL || batch->now == NULL ? "" : text_of(batch->now->run);
}

const char *dj_batch_status(const struct dj_batch *batch)
{
    return batch == NULL || batch->now == NULL ? "" : text_of(batch->now->status);
}

const char *dj_batch_file(const struct dj_batch *batch)
{
    return batch == NULL || batch->now == NULL ? NULL : batch->now->content.path;
}

int dj_batch_bytes(struct dj_batch *batch, const void **ret, size_t *ret_len)
{
    int rc;

    if (batch == NULL || batch->now == NULL || ret == NULL || ret_len == NULL)
        return -EINVAL;
    if (batch->now->code != 0)
        return batch->now->code;
    rc = dj_content_tell(&batch->now->content, ret, ret_len);
    if (rc < 0 && batch->dj != NULL)
        (void)dj_err_sys(&batch->dj->err, -rc, "%s", batch->now->content.path);
    return rc;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void forget(void *cookie DJ_UNUSED, const struct dj_message_in *message DJ_UNUSED)
{
}

void dj_batch_free(struct dj_batch *batch)
{
    struct group *group;
    struct outcome *outcome;

    if (batch == NULL)
        return;
    if (batch->dj != NULL)
        dj_notice_fork(batch->dj);
    while ((group = TAILQ_FIRST(&batch->groups)) != NULL) {
        if (group->sent) {
            dj_connection_cancel(batch->dj->connection, group->id);
            dj_connection_redirect(batch->dj->connection, group->id, forget, NULL);
        }
        group_free(group);
    }
    while ((outcome = TAILQ_FIRST(&batch->ready)) != NULL) {
        TAILQ_REMOVE(&batch->ready, outcome, link);
        outcome_free(outcome);
    }
    if (batch->dj != NULL)
        TAILQ_REMOVE(&batch->dj->batches, batch, link);
    outcome_free(batch->now);
    free(batch->task);
    free(batch->session);
    free(batch->launch);
    free(batch);
}
