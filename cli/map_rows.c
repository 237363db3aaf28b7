/* A task called for every row, many at a time, with the rows kept in order. (map.h) */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/in_order.h"
#include "cli/map.h"
#include "cli/rows.h"
#include "lib/model/row_call.h"
#include "lib/util/mem.h"

enum { SPARE_MAX = 16 << 10, OUT_SIZE = 64 << 10 };

struct item {
    struct dj_order_item order; /* first: an item is one */
    struct item *spare;
    struct dj_row row;          /* as it came in */
    size_t line;
    char *run, *status, *error, *note;
    char *path;                 /* raw: of large content */
    struct dj_buf result;       /* its cell; empty: none */
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
    struct dj_batch *batch;
    const char **words;         /* of a call, as libdj takes them */
    size_t *lens;
    size_t words_max;
    struct item *spares;
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
    if (item->result.cap > SPARE_MAX) {
        item_free(item);
        return;
    }
    item->spare = map->spares;
    map->spares = item;
}

/* ---- answers --------------------------------------------------------------------------------- */

static char *copy_of(const char *text)
{
    return text == NULL || *text == '\0' ? NULL : dj_xstrdup(text);
}

/* Of the call that the batch tells of. */
static void take_outcome(struct item *item, bool raw, struct dj_batch *batch)
{
    struct dj_row_outcome facts = {.code = -dj_batch_code(batch)};
    const void *bytes = NULL;
    const char *status;
    size_t len = 0;

    item->run = copy_of(dj_batch_run(batch));
    item->error = copy_of(dj_batch_error(batch));
    item->note = copy_of(dj_batch_note(batch));
    facts.run = item->run;
    facts.error = item->error;
    facts.status = *dj_batch_status(batch) == '\0' ? NULL : dj_batch_status(batch);
    facts.has_content = facts.code == 0 && dj_batch_file(batch) == NULL &&
                        dj_batch_bytes(batch, &bytes, &len) == 0;
    facts.content = dj_bytes(bytes, len);
    status = dj_outcome_status(&facts);
    item->status = copy_of(status);
    if (raw) {
        dj_buf_set(&item->result, facts.content);
        item->path = copy_of(dj_batch_file(batch));
    } else {
        dj_outcome_cell(&item->result, &facts);
    }
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

static void collect(void *cookie)
{
    struct map *map = cookie;

    while (dj_batch_next(map->batch, 0) == 1) {
        struct item *item = dj_batch_cookie(map->batch);

        take_outcome(item, map->options->raw, map->batch);
        end_item(map, item);
    }
}

static void cancel(void *cookie)
{
    (void)dj_batch_cancel(((struct map *)cookie)->batch);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct dj_batch *batch_new(const struct map *map)
{
    unsigned flags = (unsigned)map->options->flags | (map->options->lazy ? DJ_LAZY : 0);
    struct dj_batch *batch = dj_batch_new(map->cli->dj, map->options->task, flags);

    (void)dj_batch_set_session(batch, map->options->session);
    (void)dj_batch_set_launch(batch, map->options->launch);
    return batch;
}

static int add_words(struct map *map, struct item *item, const struct dj_list *words,
                     struct dj_err *err)
{
    if (words->n > map->words_max) {
        map->words_max = words->n;
        map->words = dj_xrealloc(map->words, words->n * sizeof(*map->words));
        map->lens = dj_xrealloc(map->lens, words->n * sizeof(*map->lens));
    }
    for (size_t i = 0; i < words->n; i++) {
        map->words[i] = dj_buf_str(DJ_LIST_AT(words, struct dj_buf, i));
        map->lens[i] = dj_list_bytes(words, i).len;
    }
    return dj_said(map->cli,
                   dj_batch_add(map->batch, (int)words->n, map->words, map->lens, item), err);
}

/* The words of its call; a row that has none fails by itself. */
static int add_call(struct map *map, struct item *item, struct dj_err *err)
{
    struct dj_row *row = &item->row;
    struct dj_list words = {0};
    int rc = 0;

    if (map->assigned.n != 0) {
        dj_row_copy(&map->call, &item->row);
        rc = dj_map_assign(&map->assigned, &item->row, &map->call, err);
        row = &map->call;
    }
    if (rc == 0)
        rc = dj_row_words(row, &map->params, &words, err);
    if (rc == 0)
        rc = add_words(map, item, &words, err);
    dj_bytes_list_release(&words);
    return rc;
}

static void refuse(struct map *map, struct item *item, const char *sentence)
{
    item->status = dj_xstrdup("refused");
    item->error = dj_xstrdup(sentence);
    dj_order_add(&map->order, &item->order, false);
    count_failure(map, item);
}

static int take(void *cookie, struct dj_err *err)
{
    struct map *map = cookie;
    int rc = 1;

    while (rc == 1 && !map->order.stopped && dj_order_room(&map->order) > 0) {
        dj_cleanup_err struct dj_err why = DJ_ERR_INIT;
        struct item *item = item_new(map);
        int code;

        rc = dj_rows_take(map->rows, &item->row, err);
        if (rc != 1) {
            item_done(map, item);
            break;
        }
        item->line = map->rows->reader.line;
        code = add_call(map, item, &why);
        if (code == 0)
            dj_order_add(&map->order, &item->order, true);
        else
            refuse(map, item, dj_err_text(&why, code));
    }
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
    if (map->options->raw && map->options->lazy) {
        if (item->run != NULL)
            dj_buf_addf(&map->rows->out, "%s\n", item->run);
        rc = map->rows->out.len >= OUT_SIZE ? dj_rows_flush(map->rows, err) : 0;
    } else if (map->options->raw) {
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
                                        .cancel = cancel, .collect = collect};

/* ---- the whole ------------------------------------------------------------------------------- */

static void release(struct map *map)
{
    struct item *item;

    dj_batch_free(map->batch);
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
    free(map->words);
    free(map->lens);
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
    map->batch = batch_new(map);
    if (map->batch == NULL)
        return dj_said(map->cli, dj_refused(map->cli), err);
    dj_order_init(&map->order, &ops, map, map->cli->dj);
    map->order.input = map->rows->fd;
    map->order.cancel_fd = dj_interruptible(map->cli, map->options->timeout_ms);
    map->order.on_terminal = isatty(STDOUT_FILENO);
    map->order.total = map->rows->reader.format == DJ_ROWS_JSON && map->rows->fd >= 0 &&
                               !map->cli->quiet
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
