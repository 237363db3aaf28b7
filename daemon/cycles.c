#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/str.h"

/*
 * Whether a wait would close a circle. A search marks each run that it meets once, so it takes as
 * long as there are waits, however they are woven, and no stack however deep they are.
 */

enum { SHOWN_AT_EACH_END = 8 };

static void add_name(struct dj_buf *buf, const struct dj_call *call)
{
    dj_buf_addf(buf, "%s/", call->task->public.name);
    dj_add_printable(buf, dj_buf_bytes(&call->name));
}

static void push(struct dj_list *stack, struct run *run, struct run *via, uint64_t search)
{
    if (run->search == search)
        return;
    run->search = search;
    run->via = via;
    *(struct run **)dj_list_add(stack, sizeof(run)) = run;
}

static struct run *pop(struct dj_list *stack)
{
    return stack->n == 0 ? NULL : *DJ_LIST_AT(stack, struct run *, --stack->n);
}

static void add_step(struct dj_buf *buf, const struct dj_call *call, size_t at, size_t n)
{
    if (at == SHOWN_AT_EACH_END && n > 2 * SHOWN_AT_EACH_END)
        dj_buf_addf(buf, " waits for %zu others, of which the last", n - 2 * SHOWN_AT_EACH_END);
    if (at >= SHOWN_AT_EACH_END && at < n - DJ_MIN(n, SHOWN_AT_EACH_END))
        return;
    if (at > 0)
        dj_buf_adds(buf, " waits for ");
    add_name(buf, call);
}

/* asker -> target -> ... -> asker: found from target on, so the way back gives it in reverse. */
static void describe(struct dj_buf *buf, const struct run *asker)
{
    struct dj_list way = {0};

    for (const struct run *at = asker; at != NULL; at = at->via)
        *(const struct run **)dj_list_add(&way, sizeof(at)) = at;
    dj_buf_adds(buf, "a cycle: ");
    add_step(buf, asker->call, 0, way.n + 1);
    for (size_t i = 1; i <= way.n; i++)
        add_step(buf, (*DJ_LIST_AT(&way, struct run *, way.n - i))->call, i, way.n + 1);
    free(way.items);
}

bool cycle_closes(struct run *asker, struct run *target, struct dj_buf *ret_sentence)
{
    uint64_t search = ++asker->engine->search;
    struct dj_list stack = {0};
    struct run *at;

    push(&stack, target, NULL, search);
    while ((at = pop(&stack)) != NULL && at != asker) {
        for (const struct dj_want *want = at->asks; want != NULL; want = want->ask_next) {
            if (want->target != NULL)
                push(&stack, want->target, at, search);
        }
    }
    free(stack.items);
    if (at == asker)
        describe(ret_sentence, asker);
    return at == asker;
}

bool cycle_above(struct run *asker, const struct dj_call *call, struct dj_buf *ret_sentence)
{
    uint64_t search = ++asker->engine->search;
    struct dj_list stack = {0};
    struct run *at;

    push(&stack, asker, NULL, search);
    while ((at = pop(&stack)) != NULL && at->call != call) {
        for (const struct dj_want *want = at->wants; want != NULL; want = want->next) {
            if (want->asker != NULL)
                push(&stack, want->asker, at, search);
        }
    }
    free(stack.items);
    if (at == NULL)
        return false;
    /* From the call down to who asks for it, and round. */
    dj_buf_adds(ret_sentence, "a cycle: ");
    add_name(ret_sentence, call);
    for (at = at->via; at != NULL; at = at->via) {
        dj_buf_adds(ret_sentence, " waits for ");
        add_name(ret_sentence, at->call);
    }
    dj_buf_adds(ret_sentence, " waits for ");
    add_name(ret_sentence, call);
    return true;
}
