#include "daemon/host/host.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/host/children.h"
#include "daemon/host/culprit.h"
#include "daemon/host/library.h"
#include "daemon/host/pool.h"
#include "lib/client/environment.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/kill_point.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

#define PAUSE_MIN_NS (10 * DJ_NS_PER_MS)
#define PAUSE_MAX_NS (1 * DJ_NS_PER_S)
#define AWAY_NS (10 * DJ_NS_PER_S) /* without calls, so long without a daemon is the end */
#define TELL_NS (20 * DJ_NS_PER_MS) /* what takes longer is told as started */
#define GRACE_NS (2 * DJ_NS_PER_S) /* for a thread that shall end */

/* ---- what is told ------------------------------------------------------------------------ */

static void post(struct dj_host *host, enum dj_message number, const void *fields)
{
    if (host->connection == NULL || host->broken)
        return;
    if (dj_connection_post(host->connection, number, 0, fields) < 0)
        host->broken = true;
}

static void tell_ended(struct dj_host *host, struct dj_hosted *hosted)
{
    const struct dj_exit_record *ended = &hosted->ended;
    struct dj_msg_exited message = {
        .instance = hosted->instance,
        .attempt = hosted->attempt,
        .slot = hosted->call.slot,
        .how = ended->how,
        .code = ended->code,
        .text = ended->text[0] == '\0' ? NULL : hosted->ended.text,
        .start_ns = hosted->start_ns,
        .end_ns = ended->end_ns,
        .user_us = ended->user_us,
        .system_us = ended->system_us,
        .max_rss_kib = ended->max_rss_kib,
        .result_size = ended->result_size,
        .log_size = ended->log_size,
        .has_files = ended->has_files != 0,
        .limit = ended->limit,
        .reached = ended->reached,
        .here = hosted->place == NULL,
        .place = hosted->place == NULL ? 0 : hosted->place->slot->number,
        .result_file = hosted->result_path,
    };

    if (message.here) { /* borrowed: the encoder only reads */
        message.result = hosted->result;
        message.log = hosted->log;
    }
    post(host, DJ_MSG_EXITED, &message);
    if (host->connection != NULL && !host->broken)
        hosted->told = true;
}

/* How far it is, which its thread may be changing. */
struct seen {
    bool running;
    uint64_t start_ns, begun_ns, place;
};

static struct seen see(struct dj_host *host, const struct dj_hosted *hosted)
{
    struct seen seen;

    if (host->pool != NULL)
        dj_pool_lock(host->pool);
    seen = (struct seen){hosted->running, hosted->start_ns, hosted->begun_ns,
                         hosted->place == NULL ? 0 : hosted->place->slot->number};
    if (host->pool != NULL)
        dj_pool_unlock(host->pool);
    return seen;
}

static void tell_started(struct dj_host *host, struct dj_hosted *hosted)
{
    struct seen seen = see(host, hosted);
    struct dj_msg_started message = {
        .instance = hosted->instance,
        .attempt = hosted->attempt,
        .slot = seen.place,
        .pid = (uint64_t)getpid(),
        .time_ns = seen.start_ns,
    };

    if (hosted->told || !seen.running)
        return;
    hosted->told = true;
    post(host, DJ_MSG_STARTED, &message);
}

static void tell_running(struct dj_host *host)
{
    struct dj_msg_running message = {0};

    for (struct dj_hosted *at = host->all; at != NULL; at = at->next_all) {
        struct dj_part_slot_state *state = dj_list_add(&message.slots, sizeof(*state));

        state->instance = at->instance;
        state->attempt = at->attempt;
        state->slot = at->call.slot;
        state->pid = (uint64_t)getpid();
        state->start_ns = at->start_ns;
        at->told = false;
    }
    post(host, DJ_MSG_RUNNING, &message);
    dj_codec_release(dj_message_layout(DJ_MSG_RUNNING), &message);
}

/* ---- calls ------------------------------------------------------------------------------- */

void dj_hosted_refuse(struct dj_hosted *hosted, enum dj_exit_how how, int code,
                      const char *sentence)
{
    hosted->ended.how = how;
    hosted->ended.code = (uint64_t)code;
    hosted->ended.end_ns = dj_clock_now_ns();
    if (hosted->start_ns == 0)
        hosted->start_ns = hosted->ended.end_ns;
    snprintf(hosted->ended.text, sizeof(hosted->ended.text), "%s", sentence);
    hosted->ended.clean = 1;
}

static void forget(struct dj_host *host, struct dj_hosted *hosted)
{
    if (hosted->prev_all != NULL)
        hosted->prev_all->next_all = hosted->next_all;
    else
        host->all = hosted->next_all;
    if (hosted->next_all != NULL)
        hosted->next_all->prev_all = hosted->prev_all;
    dj_codec_release(dj_message_layout(DJ_MSG_CALL), &hosted->call);
    dj_buf_release(&hosted->result);
    dj_buf_release(&hosted->log);
    for (size_t i = 0; i < hosted->texts.n; i++)
        free(*DJ_LIST_AT(&hosted->texts, char *, i));
    free(hosted->texts.items);
    free(hosted->result_path);
    free(hosted);
    if (host->stopping && host->all == NULL)
        host->over = true;
}

/* Told to the daemon that is there, or to the next; with a folder it stays until that has taken
 * everything. */
void dj_host_ended(struct dj_host *host, struct dj_hosted *hosted)
{
    hosted->finished = true;
    hosted->told = false;
    dj_kill_point("host-end-known");
    tell_ended(host, hosted);
    dj_kill_point("host-end-told");
    if (hosted->told && hosted->place == NULL)
        forget(host, hosted);
}

static struct dj_hosted *find(struct dj_host *host, uint64_t instance, uint64_t attempt)
{
    struct dj_hosted *at = host->all;

    while (at != NULL && (at->instance != instance || at->attempt != attempt))
        at = at->next_all;
    return at;
}

static struct dj_hosted *add(struct dj_host *host, struct dj_msg_call *call)
{
    struct dj_hosted *hosted = dj_xcalloc(1, sizeof(*hosted));

    hosted->host = host;
    hosted->call = *call;
    *call = (struct dj_msg_call){0};
    hosted->instance = hosted->call.instance;
    hosted->attempt = hosted->call.attempt;
    if (hosted->call.result != NULL && *hosted->call.result == '\0')
        dj_freep(&hosted->call.result);
    hosted->ended.instance = hosted->instance;
    hosted->ended.attempt = hosted->attempt;
    hosted->next_all = host->all;
    if (host->all != NULL)
        host->all->prev_all = hosted;
    host->all = hosted;
    return hosted;
}

static void on_call(struct dj_host *host, struct dj_msg_call *call)
{
    struct dj_hosted *hosted = add(host, call);

    dj_kill_point("host-call-heard");
    if (host->refusal != NULL) {
        dj_hosted_refuse(hosted, DJ_EXIT_NOT_STARTED, ENOEXEC, host->refusal);
        dj_host_ended(host, hosted);
    } else if (host->pool != NULL) {
        dj_pool_add(host->pool, hosted, hosted->call.rides);
    } else {
        dj_children_call(host->children, hosted);
    }
}

static void give_up_asking(struct dj_host *host, const struct dj_hosted *hosted);

/* A thread cannot be ended alone: it is asked to, and when it does not, all end. */
static void end_thread(struct dj_host *host, struct dj_hosted *hosted, enum dj_exit_how how)
{
    if (dj_pool_remove(host->pool, hosted)) {
        dj_hosted_refuse(hosted, how, 0, "");
        dj_host_ended(host, hosted);
        return;
    }
    hosted->ending = how;
    hosted->kill_ns = dj_clock_mono_ns() + GRACE_NS;
    hosted->cancelled = true;
    give_up_asking(host, hosted);
}

static void end_call(struct dj_host *host, struct dj_hosted *hosted, enum dj_exit_how how)
{
    if (hosted->finished || hosted->cancelled)
        return;
    if (host->pool != NULL)
        end_thread(host, hosted, how);
    else
        dj_children_end(host->children, hosted, how);
}

static void on_kill(struct dj_host *host, const struct dj_msg_kill *order)
{
    struct dj_hosted *hosted = find(host, order->instance, order->attempt);
    struct dj_msg_exited unknown = {.instance = order->instance, .attempt = order->attempt,
                                    .slot = order->slot, .how = DJ_EXIT_LOST, .here = true};

    if (hosted != NULL)
        end_call(host, hosted, DJ_EXIT_KILLED);
    else
        post(host, DJ_MSG_EXITED, &unknown);
}

static void on_taken(struct dj_host *host, const struct dj_msg_taken *taken)
{
    struct dj_hosted *hosted = find(host, taken->instance, taken->attempt);

    if (hosted == NULL || !hosted->finished)
        return;
    if (host->children != NULL) {
        (void)dj_children_taken(host->children, hosted);
    } else if (hosted->place != NULL) {
        dj_pool_lock(host->pool);
        dj_place_free(host, hosted->place, false);
        dj_pool_unlock(host->pool);
    }
    forget(host, hosted);
}

static void on_blocked(struct dj_host *host, const struct dj_msg_blocked *blocked)
{
    struct dj_hosted *hosted = find(host, blocked->instance, blocked->attempt);

    if (hosted == NULL || hosted->finished)
        return;
    if (host->pool != NULL)
        dj_pool_blocked(host->pool, hosted);
    else
        dj_children_blocked(host->children, hosted);
}

static void on_stop(struct dj_host *host)
{
    host->stopping = true;
    host->over |= host->all == NULL;
}

static void on_message(void *cookie, const struct dj_message_in *message)
{
    struct dj_host *host = cookie;

    switch (message->number) {
    case DJ_MSG_CALL:
        on_call(host, message->fields); /* which takes what is in it */
        break;
    case DJ_MSG_KILL:
        on_kill(host, message->fields);
        break;
    case DJ_MSG_TAKEN:
        on_taken(host, message->fields);
        break;
    case DJ_MSG_BLOCKED:
        on_blocked(host, message->fields);
        break;
    case DJ_MSG_STOP:
        on_stop(host);
        break;
    default:
        break;
    }
}

/* ---- what runs ask ----------------------------------------------------------------------- */

/* One on its way to the daemon. The run may give up before it is answered. */
struct question {
    struct dj_ask *ask; /* NULL: given up */
    uint64_t id;
};

static void answered(struct dj_ask *ask)
{
    struct dj_host *host = ask->hosted->host;
    struct dj_ask **link = &host->asks;

    while (*link != ask)
        link = &(*link)->next;
    *link = ask->next;
    dj_pool_answered(host->pool, ask);
}

static void refused(struct dj_ask *ask, uint64_t code, const char *sentence)
{
    ask->code = code > 0 && code < 4096 ? -(int)code : -EIO;
    ask->error = dj_xstrdup(sentence == NULL ? "" : sentence);
    answered(ask);
}

static void take_result(struct dj_ask *ask, const struct dj_msg_result *result)
{
    if (result->code != 0) {
        refused(ask, result->code, result->error);
        return;
    }
    if (result->has_content)
        dj_buf_set(&ask->content, dj_buf_bytes(&result->content));
    else
        ask->path = dj_xstrdup(result->path);
    answered(ask);
}

static void on_answer(void *cookie, const struct dj_message_in *message);

static void post_ask(struct dj_host *host, struct dj_ask *ask)
{
    struct dj_msg_speak speak = {.instance = ask->hosted->instance};

    ask->question = dj_xcalloc(1, sizeof(*ask->question));
    ask->question->ask = ask;
    post(host, DJ_MSG_SPEAK, &speak);
    ask->question->id = dj_connection_ask(host->connection, ask->number, ask->fields, on_answer,
                                          ask->question);
}

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    struct question *question = cookie;
    struct dj_ask *ask = question->ask;
    const struct dj_msg_error *error = message->fields;

    free(question);
    if (ask == NULL)
        return;
    ask->question = NULL;
    if (message->number == DJ_MSG_ERROR && error->code == ENOTCONN)
        return; /* the daemon went away: the next one is asked */
    if (message->number == DJ_MSG_ERROR)
        refused(ask, error->code, error->text);
    else if (message->number == DJ_MSG_RESULT)
        take_result(ask, message->fields);
    else if (message->number == DJ_MSG_WANTS && ask->env != NULL && !ask->again) {
        ask->again = true; /* this process has the variables that its definition gives */
        dj_environment_own(message->fields, ask->env);
        post_ask(ask->hosted->host, ask);
    } else if (message->number != (uint64_t)ask->want)
        refused(ask, EPROTO, "the daemon answered with something else");
    else
        answered(ask);
}

/* A run that shall end need not wait for what it has asked. */
static void give_up_asking(struct dj_host *host, const struct dj_hosted *hosted)
{
    struct dj_ask *ask = host->asks;

    while (ask != NULL && ask->hosted != hosted)
        ask = ask->next;
    if (ask == NULL)
        return;
    if (ask->question != NULL) {
        ask->question->ask = NULL;
        dj_connection_cancel(host->connection, ask->question->id);
        ask->question = NULL;
    }
    refused(ask, ECANCELED, "cancelled");
}

static void post_asks(struct dj_host *host)
{
    for (struct dj_ask *at = host->asks; host->connection != NULL && at != NULL; at = at->next) {
        if (at->question == NULL)
            post_ask(host, at);
    }
}

static void take_asks(struct dj_host *host)
{
    struct dj_ask *ask = dj_pool_asks(host->pool), *next;

    for (; ask != NULL; ask = next) {
        next = ask->next;
        if (ask->hosted->cancelled) {
            ask->code = -ECANCELED;
            ask->error = dj_xstrdup("cancelled");
            dj_pool_answered(host->pool, ask);
            continue;
        }
        /* Who blocks is seen: its log, and that it has begun. */
        tell_started(host, ask->hosted);
        ask->next = host->asks;
        host->asks = ask;
    }
    post_asks(host);
}

/* ---- the connection ---------------------------------------------------------------------- */

static void daemon_is_away(struct dj_host *host)
{
    struct dj_connection *connection = host->connection;

    host->connection = NULL;
    host->broken = false;
    host->away_since_ns = dj_clock_mono_ns();
    host->pause_ns = PAUSE_MIN_NS;
    host->retry_ns = host->away_since_ns + host->pause_ns;
    dj_connection_free(connection);
}

static void tell_all(struct dj_host *host)
{
    struct dj_hosted *next;

    tell_running(host);
    for (struct dj_hosted *at = host->all; at != NULL; at = next) {
        next = at->next_all;
        if (at->finished)
            dj_host_ended(host, at);
    }
    post_asks(host);
}

static void connect_to(struct dj_host *host)
{
    struct dj_greeting greeting = {.role = DJ_ROLE_HOST, .program = "dj-host " PACKAGE_VERSION,
                                   .place = host->options.number};

    if (dj_connection_open(host->options.socket, &greeting, &host->connection, NULL) < 0) {
        host->retry_ns = dj_clock_mono_ns() + host->pause_ns;
        host->pause_ns = DJ_MIN(host->pause_ns * 2, PAUSE_MAX_NS);
        if (host->all == NULL && dj_clock_mono_ns() - host->away_since_ns > AWAY_NS)
            host->over = true;
        return;
    }
    dj_connection_on_message(host->connection, on_message, host);
    tell_all(host);
}

/* ---- the loop ---------------------------------------------------------------------------- */

static void take_done(struct dj_host *host)
{
    struct dj_hosted *done = dj_pool_done(host->pool), *next;

    for (; done != NULL; done = next) {
        next = done->next;
        dj_host_ended(host, done);
    }
}

static void sooner(uint64_t *at, uint64_t than)
{
    if (than != 0 && than < *at)
        *at = than;
}

static uint64_t deadline_of(const struct dj_hosted *hosted, const struct seen *seen)
{
    if (hosted->call.limits.timeout_ms == 0 || seen->begun_ns == 0 ||
        hosted->ending != DJ_EXIT_CODE)
        return 0;
    return seen->begun_ns + hosted->call.limits.timeout_ms * DJ_NS_PER_MS;
}

/* When to look at the calls again; what is due is done. */
static uint64_t look_at_calls(struct dj_host *host, uint64_t now)
{
    uint64_t next = UINT64_MAX, wall = dj_clock_now_ns(), deadline;
    struct dj_hosted *behind;

    for (struct dj_hosted *at = host->all; at != NULL; at = behind) {
        struct seen seen = see(host, at);

        behind = at->next_all;
        if (at->finished)
            continue;
        if (seen.running && !at->told && wall - seen.start_ns >= TELL_NS)
            tell_started(host, at);
        else if (!at->told)
            sooner(&next, now + TELL_NS);
        if (at->kill_ns != 0 && now >= at->kill_ns && seen.running)
            dj_culprit_name(at, at->ending);
        sooner(&next, at->kill_ns);
        deadline = deadline_of(at, &seen);
        if (deadline != 0 && now >= deadline)
            end_call(host, at, DJ_EXIT_TIMEOUT);
        else if (deadline == 0 && at->call.limits.timeout_ms != 0 && seen.begun_ns == 0)
            sooner(&next, now + TELL_NS); /* it may begin at any moment */
        else
            sooner(&next, deadline);
    }
    return next;
}

static void show_logs(struct dj_host *host)
{
    if (host->pool == NULL)
        return;
    dj_pool_lock(host->pool);
    for (struct dj_hosted *at = host->all; at != NULL; at = at->next_all) {
        if (at->told && at->running && !at->finished && !at->live)
            dj_task_show_log(at);
    }
    dj_pool_unlock(host->pool);
}

static int wait_ms(struct dj_host *host, uint64_t next, uint64_t now)
{
    if (host->connection == NULL)
        sooner(&next, DJ_MAX(host->retry_ns, now));
    if (next == UINT64_MAX)
        return -1;
    return next <= now ? 0 : (int)DJ_MIN((next - now) / DJ_NS_PER_MS + 1, 60000U);
}

static void handle(struct dj_host *host, short revents)
{
    int rc = dj_connection_handle(host->connection, revents);

    if (host->pool != NULL)
        dj_pool_begin(host->pool);
    if (rc < 0)
        host->broken = true;
}

static void turn(struct dj_host *host)
{
    struct dj_list polled = {0};
    uint64_t now = dj_clock_mono_ns(), next = look_at_calls(host, now);
    struct pollfd *first;
    int wait;

    show_logs(host);
    *(struct pollfd *)dj_list_add(&polled, sizeof(*first)) = (struct pollfd){
        .fd = host->connection == NULL ? -1 : dj_connection_fd(host->connection),
        .events = host->connection == NULL ? 0 : dj_connection_events(host->connection)};
    *(struct pollfd *)dj_list_add(&polled, sizeof(*first)) = (struct pollfd){
        .fd = host->pool == NULL ? -1 : dj_pool_fd(host->pool), .events = POLLIN};
    if (host->children != NULL)
        sooner(&next, dj_children_poll(host->children, &polled));
    first = polled.items;
    wait = wait_ms(host, next, now);
    (void)!poll(first, polled.n, wait);
    if (host->connection != NULL)
        dj_connection_gather(host->connection, true);
    if (first[0].revents != 0 && host->connection != NULL)
        handle(host, first[0].revents);
    /* Also without a word: what has ended may wait for company behind a run that takes long. */
    if (host->pool != NULL) {
        take_done(host);
        take_asks(host);
    }
    if (host->children != NULL)
        dj_children_look(host->children, first + 2, polled.n - 2);
    if (host->connection != NULL)
        dj_connection_gather(host->connection, false);
    if (host->broken)
        daemon_is_away(host);
    if (host->connection == NULL && dj_clock_mono_ns() >= host->retry_ns)
        connect_to(host);
    free(polled.items);
}

/* Without its library no call can begin; each is told why. */
static void open_library(struct dj_host *host)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_library_open(host->options.library, &host->library, &err);

    if (rc < 0)
        host->refusal = dj_xstrdup(dj_err_text(&err, rc));
}

static int set_up(struct dj_host *host, struct dj_err *err)
{
    int rc = dj_places_open(host, err);

    rc = rc < 0 ? rc : dj_culprit_watch(host, err);
    if (rc < 0)
        return rc;
    host->away_since_ns = dj_clock_mono_ns();
    host->pause_ns = PAUSE_MIN_NS;
    if (host->options.library != NULL) {
        host->pool = dj_pool_new(host);
        open_library(host);
    } else {
        host->children = dj_children_new(host);
    }
    return 0;
}

int dj_host_main(const struct dj_host_options *options)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_host host = {.options = *options, .work.dir = -1};
    int rc = set_up(&host, &err);

    if (rc < 0) {
        dj_log_error("%s", dj_err_text(&err, rc));
        return DJ_HOST_FAILED;
    }
    while (!host.over)
        turn(&host);
    dj_children_free(host.children);
    dj_pool_free(host.pool);
    dj_library_close(host.library);
    if (host.connection != NULL)
        dj_connection_free(host.connection);
    dj_places_close(&host);
    free((void *)(uintptr_t)host.refusal);
    return DJ_HOST_DONE;
}
