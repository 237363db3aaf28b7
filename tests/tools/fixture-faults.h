/*
 * What tree-fixture does wrong, where a file of that name is in its folder:
 *
 *     garble           entries and pages have a number that no version knows
 *     garble-welcome   so has the welcome; with either, each greeting is a line on stderr
 *     dies, halts      when told to stop it dies, or stops itself
 */
#ifndef DJ_TESTS_FIXTURE_FAULTS_H
#define DJ_TESTS_FIXTURE_FAULTS_H

#include <stdbool.h>

#include "lib/proto/messages.h"

void faults_find(const char *folder);
bool faults_garble(enum dj_message number, struct dj_buf *out); /* true: it has been said so */
void faults_greeted(void);
void faults_stop(void);

#endif
