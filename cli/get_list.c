/*
 * dj get -f LIST: the results of many runs, in the order of the list. (command.h)
 *
 * They are asked for in groups (dj_batch_of_runs), and answers come when they are ready; what comes
 * before its turn is held (in_order.h). The list is read on while earlier results are printed, so
 * it may be a pipe that is still being written. With --ignore or --keep each run is a request of
 * its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/in_order.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum {
    READ_SIZE = 64 << 10,
    LINE_MAX_BYTES = 1 << 20,
    OUT_SIZE = 256 << 10,
    SPARE_MAX = 16 << 10, /* bytes of a result whose memory the next may have */
};

struct item {
    struct dj_order_item order; /* first: an item is one */
    struct list *list;
    struct item *spare;
    struct dj_request *request; /* or NULL */
    size_t line;
    char *sentence;             /* why not */
    char *note;
    char *path;                 /* of a large result */
    struct dj_buf result;
};

struct list {
    struct dj_cli *cli;
    struct dj_order order;
    const char *file;
    const struct dj_get_options *options;
    struct dj_batch *batch;     /* NULL: each is a request */
    int fd;
    bool at_end;                /* nothing more is read */
    bool failed;
    size_t line;                /* that was taken last, from 1 */
    struct dj_buf in;
    size_t in_used;
    struct dj_buf path;         /* of the line */
    struct dj_buf out;
    struct item *spares;
};

/* ---- items ------------------------------------------------------------------------------- */

static struct item *item_new(struct list *list)
{
    struct item *item = list->spares;

    if (item == NULL)
        item = dj_xcalloc(1, sizeof(*item));
    else
        list->spares = item->spare;
    item->list = list;
    item->line = list->line;
    return item;
}

static void item_clear(struct item *item)
{
    dj_request_free(item->request);
    item->request = NULL;
    free(dj_steal(item->sentence));
    free(dj_steal(item->note));
    free(dj_steal(item->path));
    dj_buf_clear(&item->result);
}

static void item_free(struct item *item)
{
    item_clear(item);
    dj_buf_release(&item->result);
    free(item);
}

static void item_done(struct list *list, struct item *item)
{
    item_clear(item);
    if (item->result.cap > SPARE_MAX) {
        item_free(item);
        return;
    }
    item->spare = list->spares;
    list->spares = item;
}

static char *copy_of(const char *text)
{
    return text == NULL || *text == '\0' ? NULL : dj_xstrdup(text);
}

static void end_item(struct item *item, int code, const char *sentence, const char *note,
                     const char *file)
{
    item->note = copy_of(note);
    if (code < 0)
        item->sentence = dj_xstrdup(sentence);
    else
        item->path = copy_of(file);
    dj_order_ended(&item->list->order, &item->order, item->result.len);
}

/* ---- asking ------------------------------------------------------------------------------ */

static void on_answer(struct dj_request *request, void *cookie)
{
    struct item *item = cookie;
    const char *file = dj_request_file(request);
    const void *bytes;
    size_t len;

    if (dj_request_code(request) == 0 && file == NULL &&
        dj_request_bytes(request, &bytes, &len) == 0)
        dj_buf_add(&item->result, bytes, len);
    end_item(item, dj_request_code(request), dj_request_error(request), dj_request_note(request),
             file);
}

static void collect(void *cookie)
{
    struct list *list = cookie;
    const void *bytes;
    size_t len;

    while (list->batch != NULL && dj_batch_next(list->batch, 0) == 1) {
        struct item *item = dj_batch_cookie(list->batch);
        const char *file = dj_batch_file(list->batch);

        if (dj_batch_code(list->batch) == 0 && file == NULL &&
            dj_batch_bytes(list->batch, &bytes, &len) == 0)
            dj_buf_add(&item->result, bytes, len);
        end_item(item, dj_batch_code(list->batch), dj_batch_error(list->batch),
                 dj_batch_note(list->batch), file);
    }
}

static bool is_path(const struct list *list, const char *path)
{
    const char *mount = dj_daemon_mount(list->cli->dj), *slash;
    size_t len = strlen(mount);

    if (len != 0 && strncmp(path, mount, len) == 0 && path[len] == '/')
        path += len + 1;
    slash = strchr(path, '/');
    return slash != NULL && slash != path && slash[1] != '\0';
}

static int request(struct list *list, struct item *item, const char *path)
{
    int rc;

    item->request = dj_request_get(list->cli->dj, path);
    if (item->request == NULL)
        return -EINVAL;
    rc = dj_set_options(item->request, list->options);
    if (rc == 0)
        rc = dj_request_set_callback(item->request, on_answer, item);
    return rc == 0 ? dj_submit(item->request) : rc;
}

static void ask(struct list *list, struct item *item, const char *path)
{
    int rc = -EINVAL;

    if (is_path(list, path) && list->batch != NULL)
        rc = dj_batch_add_run(list->batch, path, item);
    else if (is_path(list, path))
        rc = request(list, item, path);
    if (rc == -EINVAL)
        item->sentence = dj_xstrdup("not the path of a run, which is TASK/NAME");
    else if (rc < 0)
        item->sentence = dj_xstrdup(dj_error(list->cli->dj));
    dj_order_add(&list->order, &item->order, rc == 0);
}

static void take_line(struct list *list, struct dj_bytes line)
{
    list->line++;
    if (line.len == 0)
        return;
    dj_buf_set(&list->path, line);
    ask(list, item_new(list), dj_buf_str(&list->path));
}

/* A line that is there as a whole; the last one may lack its end. */
static bool next_line(struct list *list, struct dj_bytes *ret)
{
    struct dj_bytes rest = dj_bytes_from(dj_buf_bytes(&list->in), list->in_used);
    const uint8_t *newline = rest.len == 0 ? NULL : memchr(rest.data, '\n', rest.len);
    size_t len = newline == NULL ? rest.len : (size_t)(newline - rest.data);

    if (rest.len == 0 || (newline == NULL && !list->at_end))
        return false;
    list->in_used += len + (newline != NULL);
    *ret = dj_bytes(rest.data, len);
    return true;
}

static int take(void *cookie, struct dj_err *err DJ_UNUSED)
{
    struct list *list = cookie;
    struct dj_bytes line;

    while (!list->order.stopped && dj_order_room(&list->order) > 0 && next_line(list, &line))
        take_line(list, line);
    return 0;
}

static int read_on(void *cookie, struct dj_err *err)
{
    struct list *list = cookie;
    ssize_t n;

    dj_buf_consume(&list->in, list->in_used);
    list->in_used = 0;
    if (list->in.len > LINE_MAX_BYTES)
        return dj_err_set(err, EINVAL, "%s:%zu: the line is too long", list->file, list->line + 1);
    n = read(list->fd, dj_buf_room(&list->in, READ_SIZE), READ_SIZE);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : dj_err_sys(err, errno, "%s", list->file);
    list->at_end = n == 0;
    list->in.len += (size_t)n;
    return 0;
}

static bool at_end(void *cookie)
{
    return ((struct list *)cookie)->at_end;
}

static bool over(void *cookie)
{
    const struct list *list = cookie;

    return list->at_end && list->in_used == list->in.len;
}

static void cancel(void *cookie)
{
    struct list *list = cookie;

    if (list->batch != NULL)
        (void)dj_batch_cancel(list->batch);
    for (struct dj_order_item *at = list->order.first; at != NULL; at = at->next) {
        if (!at->ended && ((struct item *)at)->request != NULL)
            (void)dj_cancel(((struct item *)at)->request);
    }
}

/* ---- printing ---------------------------------------------------------------------------- */

static int flush(void *cookie, struct dj_err *err)
{
    struct list *list = cookie;
    int rc;

    if (list->out.len == 0)
        return 0;
    list->order.mid_line = list->out.data[list->out.len - 1] != '\n';
    rc = dj_write_out(dj_buf_bytes(&list->out));
    dj_buf_clear(&list->out);
    return rc < 0 ? dj_cannot_write(rc, err) : 0;
}

/* Where results go to the terminal the bar is hidden already. */
static void say(struct list *list, const struct item *item, const char *sentence)
{
    if (!list->order.on_terminal)
        dj_bar_hide(list->order.bar);
    fprintf(stderr, "dj: %s:%zu: %s\n", list->file, item->line, sentence);
    if (!list->order.on_terminal)
        dj_bar_show(list->order.bar, false);
}

static int print_result(struct list *list, const struct item *item, struct dj_err *err)
{
    int rc = 0;

    dj_buf_add_bytes(&list->out, dj_buf_bytes(&item->result));
    if (list->out.len >= OUT_SIZE || item->path != NULL)
        rc = flush(list, err);
    if (rc == 0 && item->path != NULL) {
        list->order.mid_line = true; /* or nobody knows */
        rc = dj_copy_out(item->path, err);
    }
    return rc;
}

static int print(void *cookie, struct dj_order_item *order, struct dj_err *err)
{
    struct list *list = cookie;
    struct item *item = (struct item *)order;
    int rc = 0;

    if (!list->order.interrupted && item->note != NULL)
        say(list, item, item->note);
    if (!list->order.interrupted && item->sentence != NULL) {
        say(list, item, item->sentence);
        list->failed = true;
    } else if (!list->order.interrupted) {
        rc = print_result(list, item, err);
    }
    item_done(list, item);
    return rc;
}

static const struct dj_order_ops ops = {.take = take, .read = read_on, .at_end = at_end,
                                        .over = over, .print = print, .flush = flush,
                                        .cancel = cancel, .collect = collect};

/* ---- the whole --------------------------------------------------------------------------- */

static int open_list(struct list *list, struct dj_err *err)
{
    list->fd = strcmp(list->file, "-") == 0 ? dup(STDIN_FILENO)
                                            : dj_open(AT_FDCWD, list->file, O_RDONLY, 0);
    return list->fd < 0 ? dj_err_sys(err, list->fd == -1 ? errno : -list->fd, "%s", list->file) : 0;
}

static int begin(struct list *list, struct dj_err *err)
{
    const struct dj_get_options *options = list->options;
    struct dj_cli *cli = list->cli;
    int rc = open_list(list, err);

    if (rc < 0 || options->ignore.n != 0 || options->keep.n != 0)
        return rc;
    list->batch = dj_batch_of_runs(cli->dj, (unsigned)options->flags);
    if (list->batch == NULL)
        return dj_said(cli, dj_refused(cli), err);
    rc = dj_batch_set_session(list->batch, options->session);
    return dj_said(cli, rc < 0 ? rc : dj_batch_set_launch(list->batch, options->launch), err);
}

static int get_all(struct list *list, struct dj_err *err)
{
    struct dj_order *order = &list->order;
    struct dj_cli *cli = list->cli;
    int rc;

    dj_order_init(order, &ops, list, cli->dj);
    order->input = list->fd;
    order->cancel_fd = dj_interruptible(cli, list->options->timeout_ms);
    order->on_terminal = isatty(STDOUT_FILENO);
    order->total = cli->quiet ? 0 : dj_count_lines(list->fd);
    order->bar = dj_bar_begin(cli, "results", order->total);
    rc = dj_order_run(order, err);
    dj_bar_endp(&order->bar);
    return rc == 0 && order->interrupted ? -EINTR : rc;
}

static void release(struct list *list)
{
    struct item *item;

    dj_batch_free(list->batch);
    while (list->order.first != NULL) {
        item = (struct item *)list->order.first;
        list->order.first = item->order.next;
        item_free(item);
    }
    while ((item = list->spares) != NULL) {
        list->spares = item->spare;
        item_free(item);
    }
    dj_close(list->fd);
    dj_buf_release(&list->in);
    dj_buf_release(&list->path);
    dj_buf_release(&list->out);
}

int dj_get_list(struct dj_cli *cli, const struct dj_get_options *options)
{
    struct list list = {.cli = cli, .file = options->list, .options = options, .fd = -1};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc = dj_connect(cli, true, &err);

    if (rc == 0)
        rc = begin(&list, &err);
    if (rc == 0)
        rc = get_all(&list, &err);
    rc = rc < 0 ? dj_fail(rc, &err) : list.failed ? DJ_EX_FAILED : DJ_EX_OK;
    release(&list);
    return rc;
}
