/* A task called for every row, many at a time, with the rows kept in order. (map.h) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/in_order.h"
#include "cli/map.h"
#include "cli/rows.h"
#include "lib/client/environment.h"
#include "lib/model/row_call.h"
#include "lib/util/mem.h"

enum {
    GROUP_MAX = 250,
    GROUP_BYTES = 1 << 20,      /* of arguments; one more call may go over it */
    ARGUMENTS_MAX = 4 << 20,    /* of one call */
    OUT_SIZE = 64 << 10,
};

struct item {
    struct dj_order_item order; /* first: an item is one */
    struct item *spare;
    struct dj_row row;          /* as it came in */
    size_t line;
    char *run, *status, *error, *note;
    char *path;                 /* raw: of large content */
    struct dj_buf result;       /* its cell; empty: none */
};

/* Calls that were handed over together. */
struct group {
    struct map *map;
    struct group *prev, *next;
    uint64_t request;
    struct dj_msg_calls ask;
    struct item *items[GROUP_MAX]; /* NULL: answered */
    unsigned tries;
    size_t bytes;
};

struct map {
    struct dj_cli *cli;
    const struct dj_map_options *options;
    struct dj_rows *rows;
    struct dj_order order;
    struct dj_params params;
    struct dj_list assigned;    /* struct dj_map_assignment */
    struct dj_row call;         /* the row that arguments are taken from */
    struct dj_row out;
    struct group *groups;
    struct item *spares;
    char *cwd;
    size_t done, failed, notes;
    char *first_note;
};

/* ---- items ----------------------------------------------------------------------------------- */

static struct item *item_new(struct map *map)
{
    struct item *item = map->spares;

    if (item == NULL)
        return dj_xcalloc(1, sizeof(*item));
    map->spares = item->spare;
    return item;
}

static void item_clear(struct item *item)
{
    free(item->run);
    free(item->status);
    free(item->error);
    free(item->note);
    free(item->path);
    item->run = item->status = item->error = item->note = item->path = NULL;
    dj_buf_clear(&item->result);
}

static void item_free(struct item *item)
{
    item_clear(item);
    dj_row_release(&item->row);
    dj_buf_release(&item->result);
    free(item);
}

/* A large row, or a large result, is not kept for the next. */
static void item_done(struct map *map, struct item *item)
{
    item_clear(item);
    if (item->result.cap > GROUP_MAX * 64) {
        item_free(item);
        return;
    }
    item->spare = map->spares;
    map->spares = item;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void take_outcome(struct item *item, bool raw, struct dj_part_outcome *outcome)
{
    const struct dj_row_outcome facts = {
        .code = (int)outcome->code, .run = outcome->run, .status = outcome->status,
        .error = outcome->error, .has_content = outcome->has_content,
        .content = dj_buf_bytes(&outcome->content)};
    const char *status = dj_outcome_status(&facts);

    item->status = status == NULL ? NULL : dj_xstrdup(status);
    if (raw) {
        item->result = outcome->content;
        outcome->content = (struct dj_buf)DJ_BUF_INIT;
        item->path = dj_steal(outcome->path);
    } else {
        dj_outcome_cell(&item->result, &facts);
    }
    item->run = dj_steal(outcome->run);
    item->error = dj_steal(outcome->error);
    item->note = dj_steal(outcome->note);
}

static void group_free(struct group *group)
{
    if (group->prev != NULL)
        group->prev->next = group->next;
    else
        group->map->groups = group->next;
    if (group->next != NULL)
        group->next->prev = group->prev;
    dj_codec_release(dj_message_layout(DJ_MSG_CALLS), &group->ask);
    free(group);
}

static bool is_failure(const struct item *item)
{
    return item->error != NULL && strcmp(item->status, "interrupted") != 0;
}

/* As many failures as are allowed: what is under way is given up. */
static void count_failure(struct map *map, const struct item *item)
{
    if (!is_failure(item))
        return;
    map->failed++;
    if (map->options->max_fails != 0 && map->failed >= map->options->max_fails)
        dj_order_stop(&map->order);
}

static void end_item(struct map *map, struct item *item)
{
    dj_order_ended(&map->order, &item->order, item->result.len);
    count_failure(map, item);
}

static void end_all(struct group *group, uint64_t code, const char *text)
{
    for (size_t i = 0; i < group->ask.calls.n; i++) {
        struct dj_part_outcome outcome = {.code = code};

        if (group->items[i] == NULL)
            continue;
        outcome.error = dj_xstrdup(text == NULL || *text == '\0' ? strerror((int)code) : text);
        take_outcome(group->items[i], group->map->options->raw, &outcome);
        end_item(group->map, group->items[i]);
        group->items[i] = NULL;
    }
}

static void ask(struct group *group);

static void on_answer(void *cookie, const struct dj_message_in *message)
{
    struct group *group = cookie;
    const struct dj_msg_error *error = message->fields;
    struct dj_msg_results *results = message->fields;

    if (message->number == DJ_MSG_WANTS && group->tries++ < 3 && !group->map->order.stopped) {
        dj_environment_own(message->fields, &group->ask.env);
        ask(group);
        return;
    }
    if (message->number != DJ_MSG_RESULTS) {
        end_all(group, message->number == DJ_MSG_ERROR ? error->code : EPROTO,
                message->number == DJ_MSG_ERROR ? error->text
                                                : "the daemon answered something else");
        group_free(group);
        return;
    }
    for (size_t i = 0; i < results->outcomes.n; i++) {
        struct dj_part_outcome *outcome =
            DJ_LIST_AT(&results->outcomes, struct dj_part_outcome, i);
        struct item *item = outcome->call < group->ask.calls.n ? group->items[outcome->call] : NULL;

        if (item == NULL)
            continue;
        group->items[outcome->call] = NULL;
        take_outcome(item, group->map->options->raw, outcome);
        end_item(group->map, item);
    }
    if (!results->end)
        return;
    end_all(group, EPROTO, "the daemon left it out");
    group_free(group);
}

static void ask(struct group *group)
{
    group->request = dj_connection_ask(group->map->cli->connection, DJ_MSG_CALLS, &group->ask,
                                       on_answer, group);
}

static void cancel(void *cookie)
{
    struct map *map = cookie;

    for (struct group *group = map->groups; group != NULL; group = group->next)
        dj_connection_cancel(map->cli->connection, group->request);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct group *group_new(struct map *map)
{
    struct group *group = dj_xcalloc(1, sizeof(*group));

    group->map = map;
    group->next = map->groups;
    if (group->next != NULL)
        group->next->prev = group;
    map->groups = group;
    group->ask.task = dj_xstrdup(map->options->task);
    group->ask.flags = map->options->flags;
    group->ask.lazy = map->options->lazy;
    group->ask.cwd = dj_xstrdup(map->cwd);
    if (map->options->session != NULL)
        group->ask.session = dj_xstrdup(map->options->session);
    if (map->options->launch != NULL)
        group->ask.launch = dj_xstrdup(map->options->launch);
    return group;
}

static size_t count_bytes(const struct dj_list *words)
{
    size_t bytes = 0;

    for (size_t i = 0; i < words->n; i++)
        bytes += dj_list_bytes(words, i).len;
    return bytes;
}

/* The words of its call; a row that has none fails by itself. */
static int add_call(struct map *map, struct group *group, struct item *item, struct dj_err *err)
{
    struct dj_part_words *words = dj_list_add(&group->ask.calls, sizeof(*words));
    struct dj_row *row = &item->row;
    size_t bytes;
    int rc = 0;

    if (map->assigned.n != 0) {
        dj_row_copy(&map->call, &item->row);
        rc = dj_map_assign(&map->assigned, &item->row, &map->call, err);
        row = &map->call;
    }
    /* A struct dj_part_word is a struct dj_buf. */
    if (rc == 0)
        rc = dj_row_words(row, &map->params, &words->words, err);
    bytes = count_bytes(&words->words);
    if (rc == 0 && bytes > ARGUMENTS_MAX)
        rc = dj_err_set(err, E2BIG, "its arguments take more than %d MiB", ARGUMENTS_MAX >> 20);
    if (rc == 0) {
        group->bytes += bytes;
        group->items[group->ask.calls.n - 1] = item;
        return 0;
    }
    dj_bytes_list_release(&words->words);
    words->words = (struct dj_list){0};
    group->ask.calls.n--;
    return rc;
}

static void refuse(struct map *map, struct item *item, const char *sentence)
{
    item->status = dj_xstrdup("refused");
    item->error = dj_xstrdup(sentence);
    dj_order_add(&map->order, &item->order, false);
    count_failure(map, item);
}

/* One group of what has been read; 0: there was nothing, 1: something. */
static int take_group(struct map *map, size_t room, struct dj_err *err)
{
    struct group *group = NULL;
    int rc = 0;
    size_t n = 0;

    while (n < DJ_MIN(room, (size_t)GROUP_MAX) && !map->order.stopped &&
           (group == NULL || group->bytes < GROUP_BYTES)) {
        dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
        struct item *item = item_new(map);

        rc = dj_rows_take(map->rows, &item->row, err);
        if (rc != 1) {
            item_done(map, item);
            break;
        }
        n++;
        item->line = map->rows->reader.line;
        group = group == NULL ? group_new(map) : group;
        rc = add_call(map, group, item, &why);
        if (rc == 0)
            dj_order_add(&map->order, &item->order, true);
        else
            refuse(map, item, dj_err_text(&why, rc));
    }
    if (group != NULL && group->ask.calls.n != 0)
        ask(group);
    else if (group != NULL)
        group_free(group);
    return rc < 0 ? rc : n != 0;
}

static int take(void *cookie, struct dj_err *err)
{
    struct map *map = cookie;
    size_t room;
    int rc = 1;

    dj_connection_gather(map->cli->connection, true);
    while (rc == 1 && (room = dj_order_room(&map->order)) > 0)
        rc = take_group(map, room, err);
    dj_connection_gather(map->cli->connection, false);
    return rc < 0 ? rc : 0;
}

static int read_on(void *cookie, struct dj_err *err)
{
    return dj_rows_fill(((struct map *)cookie)->rows, err);
}

static bool at_end(void *cookie)
{
    return ((struct map *)cookie)->rows->at_end;
}

static bool over(void *cookie)
{
    return dj_rows_over(((struct map *)cookie)->rows);
}

/* ---- rows out -------------------------------------------------------------------------------- */

static void say(struct map *map, const struct item *item)
{
    if (!map->order.on_terminal)
        dj_bar_hide(map->order.bar);
    if (map->options->raw)
        fprintf(stderr, "dj: %s\n", item->error);
    else
        fprintf(stderr, "dj: %s:%zu: %s\n", map->rows->reader.file, item->line, item->error);
    if (!map->order.on_terminal)
        dj_bar_show(map->order.bar, false);
}

static int print_raw(struct map *map, const struct item *item, struct dj_err *err)
{
    struct dj_buf *out = &map->rows->out;
    bool open = item->result.len == 0 || item->result.data[item->result.len - 1] != '\n';
    int rc;

    dj_buf_add_bytes(out, dj_buf_bytes(&item->result));
    if (item->path == NULL && open)
        dj_buf_addc(out, '\n');
    if (item->path == NULL)
        return out->len >= OUT_SIZE ? dj_rows_flush(map->rows, err) : 0;
    rc = dj_rows_flush(map->rows, err);
    return rc == 0 ? dj_copy_out(item->path, err) : rc;
}

static int print(void *cookie, struct dj_order_item *order, struct dj_err *err)
{
    struct map *map = cookie;
    struct item *item = (struct item *)order;
    bool ended = item->status == NULL || strcmp(item->status, "interrupted") != 0;
    int rc = 0;

    if (item->note != NULL && map->notes++ == 0)
        map->first_note = dj_steal(item->note);
    if (is_failure(item))
        say(map, item);
    map->done += ended;
    if (map->options->raw) {
        rc = item->error == NULL ? print_raw(map, item, err) : 0;
    } else if (ended) {
        dj_row_answer(&item->row, item->run, item->status,
                      map->options->lazy ? NULL : map->options->as, dj_buf_bytes(&item->result),
                      item->error, map->rows->writer.format != DJ_ROWS_JSON, &map->out);
        rc = dj_rows_put(map->rows, &map->out, err);
    }
    item_done(map, item);
    return rc;
}

static int flush(void *cookie, struct dj_err *err)
{
    return dj_rows_flush(((struct map *)cookie)->rows, err);
}

static const struct dj_order_ops ops = {.take = take, .read = read_on, .at_end = at_end,
                                        .over = over, .print = print, .flush = flush,
                                        .cancel = cancel};

/* ---- the whole ------------------------------------------------------------------------------- */

static void release(struct map *map)
{
    struct item *item;

    /* Answers that are still to come are told to their groups when the connection ends. */
    map->order.stopped = true;
    dj_connection_free(map->cli->connection);
    map->cli->connection = NULL;
    while (map->order.first != NULL) {
        item = (struct item *)map->order.first;
        map->order.first = item->order.next;
        item_free(item);
    }
    while ((item = map->spares) != NULL) {
        map->spares = item->spare;
        item_free(item);
    }
    dj_row_release(&map->call);
    dj_row_release(&map->out);
    dj_params_release(&map->params);
    dj_map_assignments_release(&map->assigned);
    free(map->first_note);
    free(map->cwd);
}

static void summarize(struct map *map)
{
    if (map->first_note != NULL && map->notes > 1)
        fprintf(stderr, "dj: %s (and %zu more such)\n", map->first_note, map->notes - 1);
    else if (map->first_note != NULL)
        fprintf(stderr, "dj: %s\n", map->first_note);
    if (map->order.stopped && !map->order.interrupted)
        fprintf(stderr, "dj: stopped at %zu failed row%s; %s\n", map->failed,
                map->failed == 1 ? "" : "s",
                map->options->max_fails == 1 ? "-k goes on" : "--max-fails allows no more");
}

static int finish(struct map *map, int rc, struct dj_err *err)
{
    if (rc == 0 && !map->order.interrupted) {
        summarize(map);
        return map->failed != 0 ? DJ_EX_FAILED : DJ_EX_OK;
    }
    if (rc == 0)
        rc = dj_err_set(err, EINTR, "%zu rows are done, and what was started goes on: the same"
                        " command takes them up", map->done);
    return dj_rows_fail(rc, err);
}

static int run(struct map *map, int argc, char **argv, struct dj_err *err)
{
    int rc = dj_map_assignments(argc, argv, &map->params, &map->assigned, err);

    if (rc == 0 && !map->rows->at_end)
        rc = dj_rows_open(map->rows, err);
    if (rc < 0)
        return rc;
    dj_order_init(&map->order, &ops, map, map->cli->connection);
    map->order.input = map->rows->fd;
    map->order.cancel_fd = dj_interruptible(map->cli, map->options->timeout_ms);
    map->order.on_terminal = isatty(STDOUT_FILENO);
    map->order.total = map->rows->reader.format == DJ_ROWS_JSON && map->rows->fd >= 0
                           ? dj_count_lines(map->rows->fd)
                           : 0;
    if (map->rows->writer.format != DJ_ROWS_JSON)
        map->rows->writer.headed = false;
    map->order.bar = dj_bar_begin(map->cli, "rows", map->order.total);
    rc = dj_order_run(&map->order, err);
    dj_bar_endp(&map->order.bar);
    return rc;
}

int dj_map(struct dj_cli *cli, const struct dj_map_options *options, struct dj_rows *rows,
           int argc, char **argv)
{
    struct map map = {.cli = cli, .options = options, .rows = rows};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_connect(cli, true, &err);

    map.cwd = getcwd(NULL, 0);
    map.cwd = map.cwd == NULL ? dj_xstrdup("") : map.cwd;
    if (rc == 0)
        rc = dj_task_params(cli, options->task, &map.params, &err);
    if (rc == 0 && rows->reader.format == DJ_ROWS_LINES)
        rc = dj_map_lines_column(&map.params, options->task, rows, &err);
    if (rc == 0)
        rc = run(&map, argc, argv, &err);
    rc = finish(&map, rc, &err);
    release(&map);
    return rc;
}
