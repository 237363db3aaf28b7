/*
 * A canned engine behind daemon/engine.h, and peers whose answers are caught: for the tree's tests.
 *
 * Tasks are defined from task files by the real reader, names are read by the real rules; runs end
 * when the test says so. What the tree asked for is counted in the struct.
 */
#ifndef DJ_TESTS_UNIT_FAKE_ENGINE_H
#define DJ_TESTS_UNIT_FAKE_ENGINE_H

#include "daemon/engine.h"
#include "daemon/request.h"

/* When everything happened, realtime nanoseconds. */
#define FAKE_TIME_NS UINT64_C(1700000000000000000)

struct fake_instance {
    uint64_t number;
    struct dj_call *call;
    bool live;
    bool gone;
    unsigned holds;
    struct dj_live state;
    struct dj_rec_instance rec;
    struct dj_rec_manifest manifest;
    char *file; /* where its result lies when it is large */
    struct fake_instance *next;
};

struct dj_call {
    unsigned refs;
    struct dj_task *task;
    struct dj_buf name;
    struct dj_args args;
    struct dj_digest key;
    uint64_t number;
    uint64_t current;
    uint64_t latest;
    uint64_t ended; /* instances */
    uint64_t live; /* instance under way, 0 */
    bool forced;
    struct dj_call *next;
};

struct dj_want {
    struct dj_engine *engine;
    struct dj_call *call;
    dj_wanted_fn *done;
    void *cookie;
    bool end; /* dj_wait_end */
    struct dj_want *prev, *next;
};

struct fake_task {
    struct dj_task task;
    struct dj_definition definition;
    struct fake_task *next;
};

struct dj_engine {
    struct fake_task *tasks;
    struct dj_call *calls;
    struct fake_instance *instances;
    struct dj_want *wants;
    uint64_t last_call, last_instance;
    uint32_t last_task;
    struct dj_buf events;
    uint64_t events_begin;
    bool paused;
    uint64_t generation;
    dj_resolved_fn *resolved; /* one name that is being looked into */
    void *resolved_cookie;

    unsigned started, cancelled, gcs, deletes, notes; /* what was asked */
    unsigned last_flags;
    uint64_t last_run;        /* asker of the last want or note */
};

struct dj_engine *fake_engine(void);
void fake_free(struct dj_engine *engine);
void fake_define(struct dj_engine *engine, const char *text);

struct dj_call *fake_call(struct dj_engine *engine, const char *task, const char *name);
/* fake_run(engine, call): an instance under way, not asked for by anybody. */
struct fake_instance *fake_run(struct dj_engine *engine, struct dj_call *call);
/* fake_end(engine, call, result, len): what is under way (or a new one) ends well, askers hear. */
struct fake_instance *fake_end(struct dj_engine *engine, struct dj_call *call, const void *result,
                               size_t len);
void fake_fail(struct dj_engine *engine, struct dj_call *call, const char *sentence);
void fake_entry(struct fake_instance *instance, const char *path, unsigned mode,
                const char *content);
void fake_edge(struct dj_list *edges, uint64_t call, uint64_t instance);
struct fake_instance *fake_find(struct dj_engine *engine, uint64_t number);
void fake_resolve(struct dj_engine *engine, struct dj_call *call);

/* ---- peers and requests ---- */

struct dj_peer {
    struct dj_peer_facts facts;
    void *slot;
    unsigned changed; /* CHANGED messages that it got */
    unsigned anew;    /* ANEW messages */
    struct dj_message_in last;
};

struct fake_asked {
    struct dj_request request; /* the first member */
    bool answered;
    int code; /* 0, or the negative errno of an ERROR */
    char *sentence;
    struct dj_message_in reply;
};

/* fake_ask(engine, peer, number, fields): fields are copied; release with fake_done. */
struct fake_asked *fake_ask(struct dj_engine *engine, struct dj_peer *peer, uint64_t number,
                            const void *fields);
void fake_cancel(struct fake_asked *asked);
void fake_done(struct fake_asked *asked);

#endif
