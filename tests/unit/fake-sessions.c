/* The sessions of the fake engine: one, with a resource, and nobody in it. (daemon/engine.h) */
#include <errno.h>
#include <string.h>

#include "daemon/engine.h"
#include "daemon/sched.h"

static struct dj_sched_kind ram = {.total = 128000000, .held = 1500000};
static struct dj_list kinds;

bool dj_session_look(struct dj_engine *engine, const char *name, struct dj_session_facts *ret)
{
    static char ram_name[] = "ram";

    (void)engine;
    if (strcmp(name, "default") != 0)
        return false;
    ram.name = ram_name;
    kinds = (struct dj_list){.items = &ram, .n = 1};
    *ret = (struct dj_session_facts){.name = "default", .workers = 4, .busy = 1, .kinds = &kinds};
    return true;
}

const char *dj_session_after(struct dj_engine *engine, const char *name)
{
    (void)engine;
    return strcmp(name, "default") < 0 ? "default" : NULL;
}

bool dj_lock_look(struct dj_engine *engine, const char *after, struct dj_lock_facts *ret)
{
    (void)engine;
    *ret = (struct dj_lock_facts){0};
    if (strcmp(after, "db") >= 0)
        return false;
    ret->name = "db";
    ret->since_ns = 1000000000;
    ret->waiting = 2;
    dj_buf_adds(&ret->holders, "fac/3 (pid 7)");
    return true;
}

bool dj_instance_constant(struct dj_engine *engine, const struct dj_call *call,
                          const struct dj_rec_instance *rec)
{
    (void)engine;
    (void)call;
    return rec->files == 0 && rec->expires_ns == 0;
}

bool dj_changes_told(struct dj_engine *engine)
{
    (void)engine;
    return true;
}

bool dj_instance_unstored(struct dj_engine *engine, const struct dj_call *call, uint64_t instance)
{
    (void)engine;
    (void)call;
    (void)instance;
    return false;
}

const char *dj_session_of_run(struct dj_engine *engine, uint64_t instance)
{
    (void)engine;
    return instance == 0 ? NULL : "default";
}

int dj_session_set(struct dj_engine *engine, const char *name, const char *resource,
                   uint64_t amount, struct dj_err *err)
{
    (void)engine;
    (void)name;
    if (resource == NULL)
        return dj_err_set(err, EPERM, "the fake one has four workers");
    ram.total = amount;
    return 0;
}

struct dj_want *dj_reserve(struct dj_engine *engine, const struct dj_asker *asker,
                           const struct dj_list *resources, dj_wanted_fn *done, void *cookie)
{
    (void)engine;
    (void)asker;
    (void)resources;
    done(cookie, -EINVAL, 0, "the fake one reserves nothing");
    return NULL;
}

int dj_unreserve(struct dj_engine *engine, const struct dj_asker *asker,
                 const struct dj_list *resources, struct dj_err *err)
{
    (void)engine;
    (void)asker;
    (void)resources;
    return dj_err_set(err, EINVAL, "the fake one has reserved nothing");
}

bool dj_run_lost_asks(struct dj_engine *engine, uint64_t instance)
{
    (void)engine;
    (void)instance;
    return false;
}

void dj_run_holds(struct dj_engine *engine, uint64_t instance, struct dj_list *ret)
{
    (void)engine;
    (void)instance;
    (void)ret;
}
