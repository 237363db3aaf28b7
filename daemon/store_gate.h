/*
 * A gate: many users inside at a time, and now and then one who needs all of them to be out.
 *
 * Unlike a read-write lock it may be left by another thread than the one that entered (an iterator
 * travels), and shutting it is bounded: a user who never leaves costs the one who shuts a wait and
 * not a deadlock. While it is shut, and while somebody waits for it to empty, newcomers wait.
 */
#ifndef DJ_DAEMON_STORE_GATE_H
#define DJ_DAEMON_STORE_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct dj_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned users; /* protected by lock, as is shut */
    bool shut;
};

void dj_gate_init(struct dj_gate *gate);
void dj_gate_release(struct dj_gate *gate);

void dj_gate_enter(struct dj_gate *gate);
void dj_gate_leave(struct dj_gate *gate);

/* dj_gate_shut(gate, ms): true: nobody is inside; false: after ms somebody was, and it is open. */
bool dj_gate_shut(struct dj_gate *gate, uint64_t ms);
void dj_gate_open(struct dj_gate *gate);

#endif
