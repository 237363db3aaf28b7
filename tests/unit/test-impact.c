/*
 * What `dj impact` lists is what a bump does: a store of 10 000 runs, each of which rests on runs
 * of lower layers, is asked before and looked at afterwards.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/engine_impl.h"
#include "daemon/engine_open.h"
#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/unit/tap.h"

enum { RUNS = 10000, LAYERS = 5, PER_LAYER = RUNS / LAYERS };

static const char *const names[LAYERS] = {"leaf", "other", "mid", "top", "far"};

static struct dj_loop *loop;
static struct dj_store *store;
static struct dj_engine *engine;
static char dir[64];
static struct dj_call *calls[RUNS];
static uint64_t rests_on[RUNS]; /* sets of task premises */
static bool before[RUNS], listed[RUNS];

static unsigned random_below(unsigned n)
{
    static uint64_t state = 88172645463325252ULL;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % n);
}

static void stop_loop(void *cookie, int code, const char *sentence)
{
    (void)sentence;
    if (code != 0)
        bail_out("a change could not be synced");
    dj_loop_stop(cookie);
}

static void open_engine(void)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT, socket = DJ_BUF_INIT;
    struct dj_engine_options options = {.worker_program = "/bin/false", .limits = {.workers = 1}};

    snprintf(dir, sizeof(dir), "/tmp/test-impact.XXXXXX");
    if (mkdtemp(dir) == NULL)
        bail_out("mkdtemp");
    dj_buf_addf(&path, "%s/store", dir);
    dj_buf_addf(&socket, "%s/socket", dir);
    options.socket = dj_buf_str(&socket);
    loop = dj_loop_new();
    if (dj_store_open_memory(dj_buf_str(&path), &store, &err) < 0 ||
        dj_engine_new(loop, store, &options, &engine, &err) < 0)
        bail_out("%s", err.text);
}

static void define(void)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_list notes = {0};

    for (int i = 0; i < LAYERS; i++)
        dj_buf_addf(&text, "[%s]\ncommand = echo {n}\nparams = n:int\n", names[i]);
    if (dj_task_define(engine, dj_buf_bytes(&text), "t.ini", "/", NULL, &notes, stop_loop, loop,
                       &err) < 0)
        bail_out("%s", err.text);
    dj_loop_run(loop);
}

static struct task *task_at(unsigned layer)
{
    return dj_container_of(dj_task_by_name(engine, dj_bytes_of(names[layer])), struct task, public);
}

static void add_instance(struct dj_call *call, uint64_t tasks, bool stale)
{
    struct dj_rec_summary *summary = dj_list_add(&call->rec.instances, sizeof(*summary));

    summary->instance = ++engine->next_instance;
    summary->state = DJ_DONE;
    summary->tasks = tasks;
    summary->stale = stale;
}

/* A run of a layer rests on its own task and on all that some runs of lower layers rest on; every
 * seventh had been computed before without calling anything, every eleventh is stale. */
static void make_run(struct dj_store_batch *batch, unsigned i)
{
    unsigned layer = i / PER_LAYER;
    struct task *task = task_at(layer);
    char digits[16];
    struct dj_bytes word;
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;
    uint64_t own = dj_premises_task(engine->premises, task->public.number, &task->effective);

    snprintf(digits, sizeof(digits), "%u", i);
    word = dj_bytes_of(digits);
    if (dj_args_bind(names[layer], &task->definition.params, &word, 1, &args, NULL) < 0)
        bail_out("arguments");
    calls[i] = call_of_args(engine, task, &args);
    rests_on[i] = own;
    for (unsigned n = layer == 0 ? 0 : random_below(3); n > 0; n--)
        rests_on[i] = dj_premises_union(engine->premises, rests_on[i],
                                        rests_on[random_below(layer * PER_LAYER)]);
    if (i % 7 == 0)
        add_instance(calls[i], own, false);
    add_instance(calls[i], rests_on[i], i % 11 == 0);
    call_record(engine, batch, calls[i]);
}

static void make_graph(void)
{
    struct dj_store_batch *batch = dj_store_batch_new();

    for (unsigned i = 0; i < RUNS; i++)
        make_run(batch, i);
    if (engine_write(engine, batch, NULL) < 0)
        bail_out("the graph could not be written");
    dj_store_batch_free(batch);
    for (unsigned i = 0; i < RUNS; i++)
        before[i] = dj_call_status(engine, calls[i]) == DJ_DONE;
}

static size_t listed_count;
static struct dj_buf last;
static bool in_order = true;

static void list(void *cookie, const struct dj_task *task, struct dj_bytes name)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    unsigned i = (unsigned)strtoul((const char *)name.data, NULL, 10);

    (void)cookie;
    dj_buf_addf(&path, "%s/", task->name);
    dj_buf_add_bytes(&path, name);
    in_order = in_order && dj_bytes_cmp(dj_buf_bytes(&last), dj_buf_bytes(&path)) < 0;
    dj_buf_set(&last, dj_buf_bytes(&path));
    listed[i] = true;
    listed_count++;
}

static size_t ask(const struct task *task, size_t page)
{
    dj_cleanup_buf struct dj_buf at_task = DJ_BUF_INIT, at_name = DJ_BUF_INIT;

    memset(listed, 0, sizeof(listed));
    listed_count = 0;
    dj_buf_clear(&last);
    while (!dj_impact(engine, &task->public, &at_task, &at_name, page, list, NULL))
        ;
    return listed_count;
}

static void bump_and_compare(unsigned layer)
{
    struct task *task = task_at(layer);
    size_t whole = ask(task, RUNS + 1), stale = 0, wrong = 0;

    is_int((intmax_t)ask(task, 137), (intmax_t)whole, "%s: pages of any size list the same",
           names[layer]);
    ok(in_order, "in the order of tasks and names");
    if (dj_task_set_version(engine, &task->public, dj_bytes(NULL, 0), stop_loop, loop, NULL) < 0)
        bail_out("no new version");
    dj_loop_run(loop);
    for (unsigned i = 0; i < RUNS; i++) {
        bool is = dj_call_status(engine, calls[i]) == DJ_DONE;

        stale += before[i] && !is;
        wrong += listed[i] != (before[i] && !is);
        before[i] = is;
    }
    ok(stale > 1000, "%s: its bump makes %zu runs stale", names[layer], stale);
    is_int((intmax_t)whole, (intmax_t)stale, "as many as were listed");
    is_int((intmax_t)wrong, 0, "and just those");
}

int main(void)
{
    uint64_t start;

    open_engine();
    define();
    make_graph();
    start = dj_clock_now_ns();
    bump_and_compare(0);
    bump_and_compare(2);
    is_int((intmax_t)ask(task_at(0), 1000), 0, "what is stale already is not listed");
    diag("four looks at %d runs and two bumps: %llu ms", RUNS,
         (unsigned long long)((dj_clock_now_ns() - start) / 1000000));
    for (unsigned i = 0; i < RUNS; i++)
        dj_call_unref(calls[i]);
    dj_engine_free(engine);
    dj_loop_free(loop);
    dj_store_close(store);
    dj_buf_release(&last);
    (void)!dj_remove_tree(AT_FDCWD, dir);
    return tap_done();
}
