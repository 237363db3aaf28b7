#include "daemon/store_gate.h"

#include <errno.h>
#include <time.h>

void dj_gate_init(struct dj_gate *gate)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    gate->users = 0;
    gate->shut = false;
}

void dj_gate_release(struct dj_gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->lock);
}

void dj_gate_enter(struct dj_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->shut)
        pthread_cond_wait(&gate->changed, &gate->lock);
    gate->users++;
    pthread_mutex_unlock(&gate->lock);
}

void dj_gate_leave(struct dj_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    if (--gate->users == 0 && gate->shut)
        pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static struct timespec deadline_in(uint64_t ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += (time_t)(ms / 1000);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

bool dj_gate_shut(struct dj_gate *gate, uint64_t ms)
{
    struct timespec deadline = deadline_in(ms);
    int code = 0;
    bool empty;

    pthread_mutex_lock(&gate->lock);
    gate->shut = true;
    while (gate->users > 0 && code != ETIMEDOUT)
        code = pthread_cond_timedwait(&gate->changed, &gate->lock, &deadline);
    empty = gate->users == 0;
    if (!empty) {
        gate->shut = false;
        pthread_cond_broadcast(&gate->changed);
    }
    pthread_mutex_unlock(&gate->lock);
    return empty;
}

void dj_gate_open(struct dj_gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->shut = false;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}
