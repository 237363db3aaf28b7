#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/worker/worker.h"
#include "lib/util/buf.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"

/* A text field is only read by the encoder, so it may point to what is not its own. */
static void post(struct dj_worker *worker, enum dj_message number, const void *fields)
{
    if (worker->connection == NULL || worker->broken)
        return;
    if (dj_connection_post(worker->connection, number, 0, fields) < 0)
        worker->broken = true;
}

/* ---- reports ----------------------------------------------------------------------------- */

void dj_tell_exited(struct dj_worker *worker, const struct dj_slot *slot)
{
    struct dj_exit_record ended = slot->ended;
    struct dj_msg_exited message = {
        .instance = slot->instance,
        .attempt = slot->attempt,
        .slot = slot->number,
        .how = ended.how,
        .code = ended.code,
        .text = ended.text[0] == '\0' ? NULL : ended.text,
        .start_ns = ended.start_ns,
        .end_ns = ended.end_ns,
        .user_us = ended.user_us,
        .system_us = ended.system_us,
        .max_rss_kib = ended.max_rss_kib,
        .result_size = ended.result_size,
        .log_size = ended.log_size,
        .has_files = ended.has_files != 0,
        .limit = ended.limit,
        .reached = ended.reached,
        .memory_guard = ended.memory_guard,
        .memory_peak = ended.memory_peak,
        .host = ended.host[0] == '\0' ? NULL : ended.host,
    };

    post(worker, DJ_MSG_EXITED, &message);
}

static void tell_refused(struct dj_worker *worker, uint64_t instance, uint64_t attempt,
                         uint64_t number, enum dj_exit_how how, int code, const char *text)
{
    dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;
    struct dj_msg_exited message = {
        .instance = instance, .attempt = attempt, .slot = number, .how = how,
        .code = (uint64_t)code,
    };

    dj_buf_adds(&sentence, text);
    message.text = (char *)sentence.data;
    dj_log_debug("run %" PRIu64 ": %s", instance, text);
    post(worker, DJ_MSG_EXITED, &message);
}

static bool tell_started(struct dj_worker *worker, struct dj_slot *slot)
{
    struct dj_msg_started message = {
        .instance = slot->instance,
        .attempt = slot->attempt,
        .slot = slot->number,
        .pid = (uint64_t)dj_sessions_pid(worker->sessions, slot->number, slot->instance),
        .time_ns = slot->start_ns,
    };

    if (message.pid == 0)
        return false;
    post(worker, DJ_MSG_STARTED, &message);
    slot->started_told = true;
    return true;
}

void dj_tell_started(struct dj_worker *worker)
{
    struct dj_slot **link = &worker->fresh;

    while (*link != NULL) {
        struct dj_slot *slot = *link;

        if (!slot->started_told && !tell_started(worker, slot) &&
            slot->state == DJ_SLOT_RUNNING) {
            link = &slot->next_fresh;
            continue;
        }
        *link = slot->next_fresh;
        slot->next_fresh = NULL;
    }
}

void dj_tell_running(struct dj_worker *worker)
{
    struct dj_msg_running message = {.capacity = worker->options.capacity};

    for (size_t i = 0; i < worker->slots_n; i++) {
        struct dj_slot *slot = worker->slots[i];
        struct dj_part_slot_state *state;

        if (slot == NULL || slot->state == DJ_SLOT_FREE)
            continue;
        state = dj_list_add(&message.slots, sizeof(*state));
        state->instance = slot->instance;
        state->attempt = slot->attempt;
        state->slot = slot->number;
        state->pid = (uint64_t)dj_sessions_pid(worker->sessions, slot->number, slot->instance);
        state->start_ns = slot->start_ns;
        slot->started_told = slot->started_told || state->pid != 0;
    }
    post(worker, DJ_MSG_RUNNING, &message);
    dj_codec_release(dj_message_layout(DJ_MSG_RUNNING), &message);
    for (size_t i = 0; i < worker->slots_n; i++)
        if (worker->slots[i] != NULL && worker->slots[i]->state == DJ_SLOT_ENDED)
            dj_tell_exited(worker, worker->slots[i]);
}

/* ---- orders ------------------------------------------------------------------------------ */

/* The slot when it holds just this attempt, else NULL. */
static struct dj_slot *slot_of(struct dj_worker *worker, uint64_t number, uint64_t instance,
                               uint64_t attempt)
{
    struct dj_slot *slot = number < worker->slots_n ? worker->slots[number] : NULL;

    if (slot == NULL || slot->state == DJ_SLOT_FREE || slot->instance != instance ||
        slot->attempt != attempt)
        return NULL;
    return slot;
}

static void on_run(struct dj_worker *worker, const struct dj_msg_run *run)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_slot *slot;

    if (run->slot >= worker->options.capacity) {
        dj_buf_addf(&text, "the worker has no slot %" PRIu64 ", only %" PRIu32, run->slot,
                    worker->options.capacity);
        tell_refused(worker, run->instance, run->attempt, run->slot, DJ_EXIT_NOT_STARTED, EINVAL,
                     dj_buf_str(&text));
        return;
    }
    if (slot_of(worker, run->slot, run->instance, run->attempt) != NULL)
        return; /* said twice */
    slot = dj_worker_slot(worker, (uint32_t)run->slot);
    if (slot->state != DJ_SLOT_FREE) {
        dj_buf_addf(&text, "slot %" PRIu64 " of the worker is in use by run %" PRIu64, run->slot,
                    slot->instance);
        tell_refused(worker, run->instance, run->attempt, run->slot, DJ_EXIT_NOT_STARTED, EBUSY,
                     dj_buf_str(&text));
        return;
    }
    dj_run_start(worker, slot, run);
}

static void on_taken(struct dj_worker *worker, const struct dj_msg_taken *taken)
{
    struct dj_slot *slot = slot_of(worker, taken->slot, taken->instance, taken->attempt);

    if (slot != NULL && slot->state == DJ_SLOT_ENDED)
        dj_run_taken(worker, slot);
}

static void on_kill(struct dj_worker *worker, const struct dj_msg_kill *order)
{
    struct dj_slot *slot = slot_of(worker, order->slot, order->instance, order->attempt);

    if (slot == NULL)
        tell_refused(worker, order->instance, order->attempt, order->slot, DJ_EXIT_LOST, 0,
                     "the worker does not know this run");
    else if (slot->state == DJ_SLOT_RUNNING)
        dj_run_kill(slot);
}

/* The daemon ends: so does an idle worker; what runs goes on and is told to the next daemon. */
static void on_stop(struct dj_worker *worker, const struct dj_msg_stop *order)
{
    for (size_t i = 0; order->cancel && i < worker->slots_n; i++) {
        if (worker->slots[i] != NULL && worker->slots[i]->state == DJ_SLOT_RUNNING)
            dj_run_kill(worker->slots[i]);
    }
    worker->dismissed = true;
    dj_runs_forget_hosts(worker);
    if (worker->in_use == 0)
        dj_worker_end(worker, DJ_WORKER_DONE, "the daemon ends");
}

static void on_error(struct dj_worker *worker, const struct dj_msg_error *error)
{
    dj_worker_end(worker, DJ_WORKER_DONE, "the daemon sends me away%s%s",
                  error->text == NULL ? "" : ": ", error->text == NULL ? "" : error->text);
}

void dj_orders_message(void *cookie, const struct dj_message_in *message)
{
    struct dj_worker *worker = cookie;

    switch (message->number) {
    case DJ_MSG_RUN:
        on_run(worker, message->fields);
        break;
    case DJ_MSG_TAKEN:
        on_taken(worker, message->fields);
        break;
    case DJ_MSG_KILL:
        on_kill(worker, message->fields);
        break;
    case DJ_MSG_STOP:
        on_stop(worker, message->fields);
        break;
    case DJ_MSG_ERROR:
        on_error(worker, message->fields);
        break;
    case DJ_MSG_PING: {
        struct dj_msg_ok ok = {0};

        if (dj_connection_post(worker->connection, DJ_MSG_OK, message->id, &ok) < 0)
            worker->broken = true;
        break;
    }
    default:
        dj_log_debug("%s is nothing for a worker", dj_message_name(message->number));
    }
}
