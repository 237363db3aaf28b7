/*
 * For the tests of djw: one worker, one fake daemon, and what came of the last messages.
 *
 *     harness_begin();                        once
 *     begin();                                a worker in a fresh folder, RUNNING was heard
 *     ok(run_shell(0, "echo 1"), …);          a whole run in slot 0; how it ended is in `ended`
 *     file_of(0, "out");                      what is in its result
 *     take();                                 slot 0 is free again
 *     end();
 *
 * Tasks have $GATE: `read x < $GATE` waits for open_gate(). They carry a mark in their environment,
 * so count_tasks() knows them. Every wait is for an event and has a bound.
 */
#ifndef DJ_TESTS_WORKER_HARNESS_H
#define DJ_TESTS_WORKER_HARNESS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "tests/tools/fake-djd.h"

#define SOON 10000 /* ms: bound of a wait for what comes at once */
#define TASKS_REMEMBERED 16

extern struct fake_djd djd;
extern char top[64];
extern uint64_t instances;            /* the last number that was given to a run */
extern struct dj_msg_exited ended;    /* the last message of each kind */
extern struct dj_msg_started started;
extern struct dj_msg_running running;
extern pid_t task_of[TASKS_REMEMBERED]; /* by slot, from STARTED */
extern const char *text_read;         /* by the last file_of() */

void harness_begin(void);
void harness_end(void);
int bound(int ms); /* times DJ_TIME_FACTOR */

bool begin(void);
bool begin_with(const char *const *arguments);
void end(void);

/* Until a message of that number came; until the end of a run was told. */
bool hear(int want);
bool hear_end(uint64_t instance);

struct dj_msg_run order_for(unsigned slot);
struct dj_msg_run shell_order(unsigned slot, const char *script);
void add_word(struct dj_msg_run *run, const char *text);
void add_env(struct dj_msg_run *run, const char *name, const char *value);
void add_file(struct dj_msg_run *run, const char *name, const char *content, bool executable);

/* These release the order. The number of the run; whether its end was told. */
uint64_t send_order(struct dj_msg_run *run);
uint64_t send_shell(unsigned slot, const char *script);
bool run_order(struct dj_msg_run *run);
bool run_shell(unsigned slot, const char *script);

void take(void);
bool take_and_see(void); /* and the worker has read it */
void send_kill(uint64_t instance, unsigned slot);
bool exited_with(enum dj_exit_how how, uint64_t code);

const char *in_top(const char *name);
const char *path_of(unsigned slot, const char *name);
const char *file_of(unsigned slot, const char *name); /* NULL: cannot be read */
void put_file(const char *path, const char *text, mode_t mode);
void remove_all(const char *path);
bool appears(unsigned slot, const char *name); /* and is not empty */

void open_gate(void);
void settle(void); /* the pause between two looks */
int count_tasks(void);
bool tasks_are(int want);
pid_t parent_of(pid_t pid);
double seconds_since(uint64_t mono_ns);

#endif
