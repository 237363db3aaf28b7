/*
 * A set of numbers: instances, mostly. One that is all zero is empty. Loop thread.
 */
#ifndef DJ_DAEMON_NUMBER_SET_H
#define DJ_DAEMON_NUMBER_SET_H

#include <stdbool.h>
#include <stdint.h>

struct dj_number_set {
    struct dj_number_set_member *members;
};

/* dj_number_set_add(set, number): false: it was in it. */
bool dj_number_set_add(struct dj_number_set *set, uint64_t number);
bool dj_number_set_has(const struct dj_number_set *set, uint64_t number);
void dj_number_set_clear(struct dj_number_set *set);

#endif
