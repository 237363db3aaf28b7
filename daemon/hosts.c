#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "lib/model/culprit.h"
#include "lib/proto/sessions.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/*
 * Processes that are host to many runs (daemon/host/). The worker starts and ends them, as it does
 * runs; calls go over a connection that each makes itself. One is host to everything that is
 * started by the same words in the same environment from the same files, so an edited library or
 * module gets another, and the one before ends when it has been idle.
 */

enum { IDLE_MS = 60 * 1000, LOG_TAIL = 400 };

/* ---- found and made ---------------------------------------------------------------------- */

struct host *host_find(struct dj_engine *engine, uint64_t number)
{
    struct host *host;

    HASH_FIND(hh, engine->hosts, &number, sizeof(number), host);
    return host;
}

static struct host *new_host(struct dj_engine *engine, uint64_t number)
{
    struct host *host = dj_xcalloc(1, sizeof(*host));

    host->number = number;
    host->engine = engine;
    HASH_ADD(hh, engine->hosts, number, sizeof(number), host);
    return host;
}

static void free_host(struct host *host)
{
    HASH_DEL(host->engine->hosts, host);
    dj_timer_cancel(host->idle);
    dj_buf_release(&host->key);
    free(host);
}

void host_path(const struct dj_engine *engine, const struct host *host, struct dj_buf *ret)
{
    dj_buf_addf(ret, "%s/host-%" PRIu64, engine->work_dir, host->number);
}

static void remove_folder(void *cookie)
{
    (void)!dj_remove_tree(AT_FDCWD, cookie);
}

static void removed(void *cookie)
{
    free(cookie);
}

/* Its process has ended and its runs are over: what it was in goes, which may take a while. */
static void bury(struct host *host)
{
    struct dj_buf path = DJ_BUF_INIT;

    if (!host->gone || host->refs > 0)
        return;
    host_path(host->engine, host, &path);
    if (!host->engine->stopping)
        dj_loop_job(host->engine->loop, remove_folder, removed, dj_buf_steal(&path));
    dj_buf_release(&path);
    free_host(host);
}

struct host *host_adopt(struct dj_engine *engine, uint64_t number)
{
    struct host *host = host_find(engine, number);

    return host != NULL ? host : new_host(engine, number);
}

static void add_variables(struct dj_buf *key, const struct dj_list *env)
{
    for (size_t i = 0; i < env->n; i++) {
        const struct dj_env *variable = DJ_LIST_AT(env, struct dj_env, i);

        dj_buf_addf(key, "%s=%s", variable->name, variable->value == NULL ? "" : variable->value);
        dj_buf_addc(key, '\0');
    }
}

/* A second word of a library names the function: that is each call's own. */
static size_t words_of(const struct dj_definition *definition, const struct dj_launch *launch)
{
    return launch->mode == DJ_LAUNCH_THREAD ? 1 : definition->command.n;
}

static void key_of(const struct run *run, const struct dj_launch *launch, struct dj_buf *ret)
{
    const struct dj_definition *definition = &run->call->task->definition;

    dj_launch_print(ret, launch);
    dj_buf_addf(ret, " %" PRIu64 " %s", run->program, definition->here);
    dj_buf_addc(ret, '\0');
    for (size_t i = 0; i < words_of(definition, launch); i++) {
        dj_buf_add_bytes(ret, dj_list_bytes(&definition->command, i));
        dj_buf_addc(ret, '\0');
    }
    dj_buf_adds(ret, definition->setup == NULL ? "" : definition->setup);
    dj_buf_addc(ret, '\0');
    add_variables(ret, &definition->env);
    dj_buf_addc(ret, '\0');
    add_variables(ret, &definition->base_env);
    if (run->engine->mount != NULL)
        dj_buf_adds(ret, run->engine->mount);
}

/* ---- started ----------------------------------------------------------------------------- */

static void add_word(struct dj_list *argv, const char *word)
{
    dj_buf_adds(&((struct dj_part_word *)dj_list_add(argv, sizeof(struct dj_part_word)))->bytes,
                word);
}

static void add_pair(struct dj_list *env, const char *name, const char *value)
{
    struct dj_part_pair *pair = dj_list_add(env, sizeof(*pair));

    pair->name = dj_xstrdup(name);
    dj_buf_adds(&pair->value, value);
}

static void add_number(struct dj_list *argv, const char *option, uint64_t number)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "%" PRIu64, number);
    add_word(argv, option);
    add_word(argv, dj_buf_str(&text));
}

/* The host of a library is itself what the setup is for. */
static void add_setup(struct dj_list *argv, const struct dj_definition *definition)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;

    if (definition->setup == NULL)
        return;
    dj_buf_addf(&line, "%s\nexec \"$@\"", definition->setup);
    add_word(argv, "/bin/sh");
    add_word(argv, "-c");
    add_word(argv, dj_buf_str(&line));
    add_word(argv, "sh");
}

/* The library is the last word of what its command comes to without a setup. */
static int expand(const struct run *run, const struct dj_launch *launch,
                  struct dj_expansion *ret, struct dj_err *err)
{
    struct dj_definition bare = run->call->task->definition; /* borrowed */

    if (launch->mode == DJ_LAUNCH_THREAD) {
        bare.setup = NULL;
        bare.command.n = 1;
    }
    return dj_template_resident(&bare, ret, err);
}

static void fill_message(const struct host *host, const struct run *run,
                         const struct dj_launch *launch, const struct dj_expansion *expansion,
                         struct dj_msg_run *message)
{
    dj_cleanup_free char *program = dj_helper_program("dj-host");
    struct dj_engine *engine = host->engine;
    struct dj_list *argv = &message->argv;

    message->instance = host->number;
    message->attempt = 1;
    message->slot = host->slot;
    if (launch->mode == DJ_LAUNCH_THREAD)
        add_setup(argv, &run->call->task->definition);
    add_word(argv, program);
    add_word(argv, "--connect");
    add_word(argv, engine->socket);
    add_word(argv, "--work");
    add_word(argv, engine->work_dir);
    add_number(argv, "--number", host->number);
    if (launch->recycle_runs != 0)
        add_number(argv, "--recycle-runs", launch->recycle_runs);
    if (launch->recycle_rss != 0)
        add_number(argv, "--recycle-rss", launch->recycle_rss);
    add_word(argv, launch->mode == DJ_LAUNCH_THREAD ? "--library" : "--");
    for (size_t i = 0; i < expansion->argv.n; i++)
        add_word(argv, dj_buf_str(DJ_LIST_AT(&expansion->argv, struct dj_buf, i)));
    for (size_t i = 0; i < expansion->env.n; i++) {
        const struct dj_env *env = DJ_LIST_AT(&expansion->env, struct dj_env, i);

        add_pair(&message->env, env->name, env->value == NULL ? "" : env->value);
    }
    add_pair(&message->env, "DJ_CONNECT", engine->socket);
    if (engine->mount != NULL)
        add_pair(&message->env, "DJ", engine->mount);
}

static struct host *start(struct run *run, const struct dj_launch *launch, struct dj_err *err)
{
    struct dj_engine *engine = run->engine;
    struct dj_expansion expansion;
    struct dj_msg_run message = {0};
    struct host *host = NULL;

    if (expand(run, launch, &expansion, err) == 0) {
        host = new_host(engine, engine_number(engine) | DJ_HOST_BIT);
        host->slot = slot_take(engine);
        host->has_slot = true;
        fill_message(host, run, launch, &expansion, &message);
        dj_peer_send(engine->worker, DJ_MSG_RUN, &message);
    }
    dj_codec_release(dj_message_layout(DJ_MSG_RUN), &message);
    dj_expansion_release(&expansion);
    return host;
}

struct host *host_for(struct run *run, const struct dj_launch *launch, bool alone,
                      struct dj_err *err)
{
    struct dj_engine *engine = run->engine;
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    struct host *host;

    key_of(run, launch, &key);
    for (host = engine->hosts; host != NULL && !alone; host = host->hh.next) {
        if (!host->gone && !host->alone && host->key.len > 0 &&
            dj_bytes_equal(dj_buf_bytes(&host->key), dj_buf_bytes(&key)))
            return host;
    }
    host = start(run, launch, err);
    if (host == NULL)
        return NULL;
    host->alone = alone;
    host->thread = launch->mode == DJ_LAUNCH_THREAD;
    dj_buf_set(&host->key, dj_buf_bytes(&key));
    return host;
}

/* ---- ended ------------------------------------------------------------------------------- */

static void dismiss(struct host *host)
{
    struct dj_msg_stop stop = {0};
    struct dj_msg_kill kill = {host->number, 1, host->slot};

    dj_buf_clear(&host->key);
    if (host->peer != NULL)
        dj_peer_send(host->peer, DJ_MSG_STOP, &stop);
    else if (host->has_slot && host->engine->worker != NULL)
        dj_peer_send(host->engine->worker, DJ_MSG_KILL, &kill);
}

static void idle_long(void *cookie)
{
    struct host *host = cookie;

    host->idle = NULL;
    dismiss(host);
}

static void plan_dismissal(struct host *host)
{
    if (host->gone || host->runs > 0 || host->idle != NULL || host->engine->stopping)
        return;
    if (host->alone || host->key.len == 0)
        dismiss(host);
    else
        host->idle = dj_loop_timer(host->engine->loop, IDLE_MS, idle_long, host);
}

void host_ref(struct host *host, struct run *run)
{
    run->host = host;
    run->in_host = true;
    host->refs++;
    host->runs++;
    dj_timer_cancel(dj_steal(host->idle));
}

void host_leave(struct run *run)
{
    if (run->host == NULL || !run->in_host)
        return;
    run->in_host = false;
    run->host->runs--;
    plan_dismissal(run->host);
}

void host_unref(struct run *run)
{
    struct host *host = run->host;

    if (host == NULL)
        return;
    host_leave(run);
    run->host = NULL;
    host->refs--;
    bury(host);
}

static void read_culprit(struct host *host, struct dj_culprit *ret)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, bytes = DJ_BUF_INIT;

    *ret = (struct dj_culprit){0};
    host_path(host->engine, host, &path);
    dj_buf_adds(&path, "/" DJ_CULPRIT_FILE);
    if (dj_read_file(AT_FDCWD, dj_buf_str(&path), sizeof(*ret), &bytes) == 0 &&
        bytes.len == sizeof(*ret))
        memcpy(ret, bytes.data, sizeof(*ret));
    if (ret->magic != DJ_CULPRIT_MAGIC)
        *ret = (struct dj_culprit){0};
}

/* What it said before it ended, when it never came: why it could not be started. */
static void read_complaint(const struct host *host, const struct dj_msg_exited *exited,
                           struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, log = DJ_BUF_INIT;
    struct dj_bytes text;

    if (exited->text != NULL && *exited->text != '\0') {
        dj_buf_adds(ret, exited->text);
        return;
    }
    dj_buf_addf(&path, "%s/%" PRIu64 "/err", host->engine->work_dir, host->slot);
    (void)!dj_read_file(AT_FDCWD, dj_buf_str(&path), 64 << 10, &log);
    text = dj_strip(dj_buf_bytes(&log));
    if (text.len > LOG_TAIL)
        text = dj_bytes_from(text, text.len - LOG_TAIL);
    dj_buf_addf(ret, "the process for it ended at once%s", text.len > 0 ? ": " : "");
    dj_add_printable(ret, text);
}

static uint64_t size_of_log(const struct host *host, uint64_t place)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    struct stat st;

    host_path(host->engine, host, &path);
    dj_buf_addf(&path, "/%" PRIu64 "/err", place);
    return lstat(dj_buf_str(&path), &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* One of those that it had. */
static void end_in(struct run *run, const struct dj_culprit *culprit, size_t had,
                   const char *complaint)
{
    struct dj_msg_exited exited = {.instance = run->instance, .attempt = run->attempt,
                                   .how = DJ_EXIT_LOST, .here = true,
                                   .start_ns = run->start_ns, .end_ns = dj_clock_now_ns()};
    bool is_culprit = culprit->instance == run->instance;

    if (complaint != NULL) {
        exited.how = DJ_EXIT_NOT_STARTED;
        exited.code = ENOEXEC;
        exited.text = dj_xstrdup(complaint);
    } else if (is_culprit) {
        exited.how = culprit->how;
        exited.code = culprit->code;
        exited.here = false;
        exited.place = culprit->place;
        exited.log_size = size_of_log(run->host, culprit->place);
    } else if (!run->cancelled && run->host->came &&
               (culprit->instance != 0 || run->state == STARTING) && run_may_start_again(run)) {
        worker_taken(run);
        (void)run_start_again(run, false);
        return;
    } else {
        run->suspect |= had > 1 && run->host->came;
    }
    worker_exited(run, &exited);
    free(exited.text);
}

/* Each by its number: the end of one may be the end of others. */
static void end_runs(struct host *host, const struct dj_culprit *culprit, const char *complaint)
{
    struct dj_engine *engine = host->engine;
    struct dj_list numbers = {0};

    for (struct run *run = engine->runs; run != NULL; run = run->hh.next) {
        if (run->host == host && worker_has(run))
            *(uint64_t *)dj_list_add(&numbers, sizeof(uint64_t)) = run->instance;
    }
    for (size_t i = 0; i < numbers.n; i++) {
        struct run *run = run_find(engine, *DJ_LIST_AT(&numbers, uint64_t, i));

        if (run != NULL && run->host == host && worker_has(run))
            end_in(run, culprit, numbers.n, complaint);
    }
    free(numbers.items);
}

static void is_gone(struct host *host, const char *complaint)
{
    struct dj_culprit culprit;

    host->gone = true;
    host->has_slot = false;
    host->refs++; /* until we are done with it */
    dj_buf_clear(&host->key);
    dj_timer_cancel(dj_steal(host->idle));
    read_culprit(host, &culprit);
    end_runs(host, &culprit, complaint);
    host->refs--;
    bury(host);
}

/* Ended from outside, by all that can be told: its runs are lost, as one in a process of its own
 * is, and tried again a few times. */
static bool was_ended(const struct dj_msg_exited *exited)
{
    return exited->how == DJ_EXIT_LOST ||
           (exited->how == DJ_EXIT_SIGNAL && exited->code == SIGKILL);
}

void host_exited(struct dj_engine *engine, const struct dj_msg_exited *exited)
{
    struct host *host = host_find(engine, exited->instance);
    dj_cleanup_buf struct dj_buf complaint = DJ_BUF_INIT;
    bool complains = host != NULL && !host->came && !was_ended(exited);

    if (complains)
        read_complaint(host, exited, &complaint);
    worker_free(engine, exited->instance, exited->attempt, exited->slot);
    if (host != NULL && !host->gone)
        is_gone(host, complains ? dj_buf_str(&complaint) : NULL);
}

bool host_told(struct dj_engine *engine, const struct dj_part_slot_state *slot)
{
    struct dj_msg_kill kill = {slot->instance, slot->attempt, slot->slot};
    struct host *host;

    if ((slot->instance & DJ_HOST_BIT) == 0)
        return false;
    host = host_find(engine, slot->instance);
    if (host == NULL) {
        dj_peer_send(engine->worker, DJ_MSG_KILL, &kill);
        return true;
    }
    host->slot = slot->slot;
    host->has_slot = true;
    return true;
}

static bool is_told(const struct dj_msg_running *running, const struct host *host)
{
    for (size_t i = 0; i < running->slots.n; i++) {
        if (DJ_LIST_AT(&running->slots, struct dj_part_slot_state, i)->instance == host->number)
            return true;
    }
    return false;
}

/* Folders of hosts that nobody knows: their daemon ended before they did. */
static void sweep_folders(struct dj_engine *engine)
{
    DIR *folder = opendir(engine->work_dir);
    struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        struct dj_buf path = DJ_BUF_INIT;

        if (strncmp(entry->d_name, "host-", 5) != 0 ||
            host_find(engine, strtoull(entry->d_name + 5, NULL, 10)) != NULL)
            continue;
        dj_buf_addf(&path, "%s/%s", engine->work_dir, entry->d_name);
        dj_loop_job(engine->loop, remove_folder, removed, dj_buf_steal(&path));
    }
    if (folder != NULL)
        closedir(folder);
}

void hosts_lost(struct dj_engine *engine, const struct dj_msg_running *running)
{
    struct host *host, *next;

    HASH_ITER(hh, engine->hosts, host, next)
    {
        if (!host->gone && !is_told(running, host)) {
            if (host->has_slot)
                slot_free(engine, host->slot);
            is_gone(host, NULL);
        }
    }
    sweep_folders(engine);
}

/* Those that have nothing to do; the others go on, and come to the next daemon. */
void hosts_stop(struct dj_engine *engine)
{
    for (struct host *host = engine->hosts; host != NULL; host = host->hh.next) {
        dj_timer_cancel(dj_steal(host->idle));
        if (!host->gone && host->runs == 0)
            dismiss(host);
    }
}

void hosts_free(struct dj_engine *engine)
{
    struct host *host, *next;

    HASH_ITER(hh, engine->hosts, host, next)
        free_host(host);
}

/* ---- its connection ---------------------------------------------------------------------- */

struct host *host_of_peer(const struct dj_engine *engine, const struct dj_peer *peer)
{
    struct host *host = engine->hosts;

    while (host != NULL && host->peer != peer)
        host = host->hh.next;
    return host;
}

void host_attach(struct dj_engine *engine, struct dj_peer *peer, const char *number)
{
    struct host *host = host_find(engine, strtoull(number, NULL, 10));
    struct dj_msg_stop stop = {0};

    if (host == NULL || host->gone) {
        dj_peer_send(peer, DJ_MSG_STOP, &stop);
        return;
    }
    host->peer = peer;
    host->came = true;
    host->heard = false;
}

void host_detach(struct dj_engine *engine, const struct dj_peer *peer)
{
    struct host *host = host_of_peer(engine, peer);

    if (host == NULL)
        return;
    host->peer = NULL;
    host->heard = false;
}
