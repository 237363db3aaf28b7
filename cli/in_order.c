#include "cli/in_order.h"

#include <errno.h>
#include <poll.h>

#include "lib/util/str.h"

enum {
    UNDER_WAY_FIRST = 64,
    UNDER_WAY_MAX = 1000,
    HELD_MAX = 64 << 20, /* bytes; beyond it nothing more is asked for until some are printed */
};

void dj_order_init(struct dj_order *order, const struct dj_order_ops *ops, void *cookie,
                   struct dj *dj)
{
    *order = (struct dj_order){.ops = ops, .cookie = cookie, .dj = dj, .input = -1,
                               .cancel_fd = -1};
    order->end = &order->first;
}

size_t dj_order_room(const struct dj_order *order)
{
    size_t window = DJ_MIN(UNDER_WAY_FIRST + order->answers, UNDER_WAY_MAX);

    if (order->largest != 0)
        window = DJ_MIN(window, HELD_MAX / order->largest);
    return order->stopped || order->held >= HELD_MAX || window <= order->under_way
               ? 0
               : window - order->under_way;
}

void dj_order_add(struct dj_order *order, struct dj_order_item *item, bool asked)
{
    item->next = NULL;
    item->ended = !asked;
    item->held = 0;
    *order->end = item;
    order->end = &item->next;
    order->asked++;
    if (asked)
        order->under_way++;
    else
        order->answers++;
}

/* How many there are is known at the end of the input; until then a file tells by its lines. */
static void say_how_far(struct dj_order *order)
{
    bool known = order->stopped || order->ops->over(order->cookie);

    dj_bar_set(order->bar, order->answers,
               known ? order->asked : order->total >= order->asked ? order->total : 0);
}

void dj_order_ended(struct dj_order *order, struct dj_order_item *item, size_t held)
{
    item->ended = true;
    item->held = held;
    order->held += held;
    order->largest = DJ_MAX(order->largest, held);
    order->under_way--;
    order->answers++;
    say_how_far(order);
}

void dj_order_stop(struct dj_order *order)
{
    if (order->stopped)
        return;
    order->stopped = true;
    order->ops->cancel(order->cookie);
}

static int print_ended(struct dj_order *order, struct dj_err *err)
{
    int rc = 0;

    if (order->first == NULL || !order->first->ended)
        return 0;
    if (order->on_terminal)
        dj_bar_hide(order->bar);
    while (rc == 0 && order->first != NULL && order->first->ended) {
        struct dj_order_item *item = order->first;

        order->held -= item->held;
        order->first = item->next;
        if (order->first == NULL)
            order->end = &order->first;
        rc = order->ops->print(order->cookie, item, err);
    }
    if (rc == 0)
        rc = order->ops->flush(order->cookie, err);
    if (order->on_terminal)
        dj_bar_show(order->bar, order->mid_line);
    return rc;
}

static int wait_on(struct dj_order *order, struct dj_err *err)
{
    bool reads = !order->stopped && !order->ops->at_end(order->cookie) &&
                 dj_order_room(order) > 0;
    struct pollfd polled[3] = {
        {.fd = dj_fd(order->dj), .events = dj_events(order->dj)},
        {.fd = order->interrupted ? -1 : order->cancel_fd, .events = POLLIN},
        {.fd = reads ? order->input : -1, .events = POLLIN},
    };
    int rc = 0;

    if (poll(polled, DJ_ARRAY_SIZE(polled), -1) < 0)
        return errno == EINTR ? 0 : dj_err_sys(err, errno, "poll");
    if (polled[1].revents != 0) {
        order->interrupted = true;
        dj_order_stop(order);
    }
    if (polled[2].revents != 0 && !order->stopped)
        rc = order->ops->read(order->cookie, err);
    if (rc == 0 && polled[0].revents != 0 && dj_process(order->dj) < 0)
        rc = dj_err_set(err, ENOTCONN, "the daemon ended the connection");
    return rc;
}

static bool done(const struct dj_order *order)
{
    return order->first == NULL && (order->stopped || order->ops->over(order->cookie));
}

int dj_order_run(struct dj_order *order, struct dj_err *err)
{
    int rc = 0;

    while (rc == 0) {
        size_t before;

        if (!order->stopped && dj_order_room(order) > 0)
            rc = order->ops->take(order->cookie, err);
        before = order->answers;
        if (rc == 0)
            order->ops->collect(order->cookie);
        if (rc == 0)
            rc = print_ended(order, err);
        if (rc < 0 || done(order))
            break;
        /* What was collected has made room for what has been read. */
        if (order->answers == before)
            rc = wait_on(order, err);
    }
    return rc;
}
