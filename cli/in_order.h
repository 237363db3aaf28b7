/*
 * Many requests under way on one connection, and their answers in the order of what asked for them.
 *
 * The user brings items: take() makes the next ones of what has been read (dj_order_add) and asks
 * for them, print() has those whose turn it is. Requests are sent ahead; what is answered before
 * its turn is held. How many are under way begins small and grows with each answer, as long as as
 * many of the largest answer so far would fit into what may be held: so neither we nor the daemon,
 * which has to keep what we do not read, need much memory for large results or for many rows.
 */
#ifndef DJ_CLI_IN_ORDER_H
#define DJ_CLI_IN_ORDER_H

#include "cli/progress_bar.h"

struct dj_order_item {
    struct dj_order_item *next;
    bool ended;
    size_t held; /* bytes of its answer */
};

struct dj_order_ops {
    /* dj_order_room() items at the most, and asks for them. 0: all that has been read is taken. */
    int (*take)(void *cookie, struct dj_err *err);
    /* Reads on, once; the descriptor `input` is readable. */
    int (*read)(void *cookie, struct dj_err *err);
    /* Nothing more comes behind what was read / behind what was taken. */
    bool (*at_end)(void *cookie);
    bool (*over)(void *cookie);
    /* An item that has ended, in its turn; not asked for any more afterwards. */
    int (*print)(void *cookie, struct dj_order_item *item, struct dj_err *err);
    int (*flush)(void *cookie, struct dj_err *err); /* what was printed */
    void (*cancel)(void *cookie); /* all that is under way; its answers still come */
    void (*collect)(void *cookie); /* the answers that are there: dj_order_ended() for each */
};

struct dj_order {
    const struct dj_order_ops *ops;
    void *cookie;
    struct dj *dj;
    struct dj_bar *bar;
    int input;
    int cancel_fd;
    bool stopped;        /* nothing more is asked for */
    bool interrupted;    /* stopped by a signal or the time */
    bool on_terminal;    /* what is printed goes there: the bar stands aside */
    bool mid_line;       /* and what was printed last did not end in a newline */
    struct dj_order_item *first;
    struct dj_order_item **end;
    size_t under_way, answers, asked;
    size_t held, largest;
    uint64_t total;      /* of items, when it is known from the start; 0: not */
};

void dj_order_init(struct dj_order *order, const struct dj_order_ops *ops, void *cookie,
                   struct dj *dj);

size_t dj_order_room(const struct dj_order *order); /* how many more may be asked for */
/* dj_order_add(order, item, asked): behind the others; asked: an answer will come. */
void dj_order_add(struct dj_order *order, struct dj_order_item *item, bool asked);
/* dj_order_ended(order, item, held): its answer is there. */
void dj_order_ended(struct dj_order *order, struct dj_order_item *item, size_t held);
/* dj_order_stop(order): nothing more is taken, and what is under way is cancelled. */
void dj_order_stop(struct dj_order *order);

/* dj_order_run(order, err): until all is printed, or it was stopped. */
int dj_order_run(struct dj_order *order, struct dj_err *err) DJ_MUST_CHECK;

#endif
