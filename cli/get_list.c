/*
 * dj get -f LIST: the results of many runs, in the order of the list. (command.h)
 *
 * Requests are sent ahead, and answers come when they are ready; what comes before its turn is
 * held. The list is read on while earlier results are printed, so it may be a pipe that is still
 * being written.
 *
 * How many are under way begins small and grows with each answer, as long as as many of the largest
 * answer so far would fit into what may be held: so neither we nor the daemon, which has to keep
 * what we do not read, need much memory for a list of large results.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum {
    UNDER_WAY_FIRST = 64,
    UNDER_WAY_MAX = 1000,
    HELD_MAX = 64 << 20, /* bytes; beyond it nothing more is asked for until some are printed */
    READ_SIZE = 64 << 10,
    LINE_MAX_BYTES = 1 << 20,
    OUT_SIZE = 256 << 10,
};

struct item {
    struct list *list;
    struct item *next;
    size_t line;
    struct dj_request *request; /* NULL: could not be asked for */
    bool ended;
    char *sentence;     /* why not */
    size_t len;         /* of a result that is in memory */
};

struct list {
    struct dj *dj;
    struct dj_bar *bar;
    const char *file;
    const struct dj_get_options *options;
    int fd;
    int cancel_fd;
    bool at_end;        /* nothing more is read */
    bool interrupted;
    bool failed;
    bool on_terminal;   /* the results */
    bool mid_line;      /* what was printed last did not end in a newline */
    size_t line;        /* that was taken last, from 1 */
    struct dj_buf in;
    size_t in_used;
    struct dj_buf out;
    struct item *first; /* not printed yet, in order */
    struct item **end;
    size_t under_way;
    size_t answers;
    size_t asked;
    size_t lines;       /* of the file when it was opened, 0: not known */
    size_t held;
    size_t largest;
};

static void item_free(struct item *item)
{
    dj_request_free(item->request);
    free(item->sentence);
    free(item);
}

/* ---- asking ------------------------------------------------------------------------------ */

/* How many there are is known at the end of the list; until then a file tells by its lines. */
static void say_how_far(struct list *list)
{
    bool known = list->at_end && list->in_used == list->in.len;

    dj_bar_set(list->bar, list->answers,
               known ? list->asked : list->lines >= list->asked ? list->lines : 0);
}

static void on_answer(struct dj_request *request, void *cookie)
{
    struct item *item = cookie;
    struct list *list = item->list;
    const void *bytes;

    item->ended = true;
    list->under_way--;
    list->answers++;
    say_how_far(list);
    if (dj_request_code(request) < 0 || dj_request_file(request) != NULL ||
        dj_request_bytes(request, &bytes, &item->len) < 0)
        return;
    list->held += item->len;
    list->largest = DJ_MAX(list->largest, item->len);
}

static void refuse(struct item *item, const char *sentence)
{
    item->ended = true;
    item->sentence = dj_xstrdup(sentence);
    dj_request_free(item->request);
    item->request = NULL;
}

static bool is_path(const struct list *list, const char *path)
{
    const char *mount = dj_daemon_mount(list->dj), *slash;
    size_t len = strlen(mount);

    if (len != 0 && strncmp(path, mount, len) == 0 && path[len] == '/')
        path += len + 1;
    slash = strchr(path, '/');
    return slash != NULL && slash != path && slash[1] != '\0';
}

static void ask(struct item *item, struct dj_bytes line)
{
    struct list *list = item->list;
    dj_cleanup_free char *path = dj_xmemdup0(line.data, line.len);

    if (is_path(list, path))
        item->request = dj_request_get(list->dj, path);
    if (item->request == NULL) {
        refuse(item, "not the path of a run, which is TASK/NAME");
        return;
    }
    if (dj_set_options(item->request, list->options) < 0 ||
        dj_request_set_callback(item->request, on_answer, item) < 0 ||
        dj_submit(item->request) < 0) {
        refuse(item, dj_error(list->dj));
        return;
    }
    list->under_way++;
    list->asked++;
}

static void take_line(struct list *list, struct dj_bytes line)
{
    struct item *item;

    list->line++;
    if (line.len == 0)
        return;
    item = dj_xcalloc(1, sizeof(*item));
    item->list = list;
    item->line = list->line;
    *list->end = item;
    list->end = &item->next;
    ask(item, line);
}

static bool has_room(const struct list *list)
{
    size_t window = DJ_MIN(UNDER_WAY_FIRST + list->answers, UNDER_WAY_MAX);

    if (list->largest != 0)
        window = DJ_MIN(window, HELD_MAX / list->largest);
    return list->under_way < window && list->held < HELD_MAX;
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

static void ask_on(struct list *list)
{
    struct dj_bytes line;

    while (!list->interrupted && has_room(list) && next_line(list, &line))
        take_line(list, line);
}

static int read_on(struct list *list, struct dj_err *err)
{
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

static void interrupt(struct list *list)
{
    list->interrupted = list->at_end = true;
    for (struct item *item = list->first; item != NULL; item = item->next) {
        if (!item->ended)
            (void)dj_cancel(item->request);
    }
}

/* ---- printing ---------------------------------------------------------------------------- */

static int flush_out(struct list *list, struct dj_err *err)
{
    int rc;

    if (list->out.len == 0)
        return 0;
    list->mid_line = list->out.data[list->out.len - 1] != '\n';
    rc = dj_write_out(dj_buf_bytes(&list->out));

    dj_buf_clear(&list->out);
    return rc < 0 ? dj_cannot_write(rc, err) : 0;
}

/* Where results go to the terminal the bar is hidden already. */
static void say(struct list *list, const struct item *item, const char *sentence)
{
    if (!list->on_terminal)
        dj_bar_hide(list->bar);
    fprintf(stderr, "dj: %s:%zu: %s\n", list->file, item->line, sentence);
    if (!list->on_terminal)
        dj_bar_show(list->bar, false);
}

static int print_content(struct list *list, const struct item *item, struct dj_err *err)
{
    const char *file = dj_request_file(item->request);
    const void *bytes = NULL;
    size_t len = 0;
    int rc = 0;

    if (file == NULL && dj_request_bytes(item->request, &bytes, &len) == 0)
        dj_buf_add(&list->out, bytes, len);
    if (list->out.len >= OUT_SIZE || file != NULL)
        rc = flush_out(list, err);
    if (rc == 0 && file != NULL) {
        list->mid_line = true; /* or nobody knows */
        rc = dj_copy_out(file, err);
    }
    return rc;
}

static int print_item(struct list *list, const struct item *item, struct dj_err *err)
{
    const char *note = dj_request_note(item->request), *sentence = item->sentence;

    if (note[0] != '\0')
        say(list, item, note);
    if (sentence == NULL && dj_request_code(item->request) < 0)
        sentence = dj_request_error(item->request);
    if (sentence != NULL) {
        say(list, item, sentence);
        list->failed = true;
        return 0;
    }
    return print_content(list, item, err);
}

static int print_ended(struct list *list, struct dj_err *err)
{
    int rc = 0;

    if (list->first == NULL || !list->first->ended)
        return 0;
    if (list->on_terminal)
        dj_bar_hide(list->bar);

    while (rc == 0 && list->first != NULL && list->first->ended) {
        struct item *item = list->first;

        if (!list->interrupted)
            rc = print_item(list, item, err);
        list->held -= item->len;
        list->first = item->next;
        if (list->first == NULL)
            list->end = &list->first;
        item_free(item);
    }
    if (rc == 0)
        rc = flush_out(list, err);
    if (list->on_terminal)
        dj_bar_show(list->bar, list->mid_line);
    return rc;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int wait_on(struct list *list, struct dj_err *err)
{
    bool wants_lines = !list->at_end && has_room(list);
    struct pollfd polled[3] = {
        {.fd = dj_fd(list->dj), .events = dj_events(list->dj)},
        {.fd = list->interrupted ? -1 : list->cancel_fd, .events = POLLIN},
        {.fd = wants_lines ? list->fd : -1, .events = POLLIN},
    };
    int rc = 0;

    if (poll(polled, DJ_ARRAY_SIZE(polled), -1) < 0)
        return errno == EINTR ? 0 : dj_err_sys(err, errno, "poll");
    if (polled[1].revents != 0)
        interrupt(list);
    if (polled[2].revents != 0 && !list->interrupted)
        rc = read_on(list, err);
    if (rc == 0 && dj_process(list->dj) < 0)
        rc = dj_err_set(err, ENOTCONN, "the daemon ended the connection");
    return rc;
}

static int get_all(struct list *list, struct dj_err *err)
{
    int rc = 0;

    while (rc == 0) {
        ask_on(list);
        rc = print_ended(list, err);
        if (rc < 0 || (list->at_end && list->first == NULL && list->in_used == list->in.len) ||
            (list->interrupted && list->first == NULL))
            break;
        if (list->under_way != 0 || !list->at_end)
            rc = wait_on(list, err);
    }
    return rc;
}

static int open_list(struct list *list, struct dj_err *err)
{
    list->fd = strcmp(list->file, "-") == 0 ? dup(STDIN_FILENO)
                                            : dj_open(AT_FDCWD, list->file, O_RDONLY, 0);
    return list->fd < 0 ? dj_err_sys(err, list->fd == -1 ? errno : -list->fd, "%s", list->file) : 0;
}

int dj_get_list(struct dj_cli *cli, const struct dj_get_options *options)
{
    struct list list = {.file = options->list, .options = options, .fd = -1};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct item *item, *next;
    int rc = dj_connect(cli, true, &err);

    list.end = &list.first;
    if (rc == 0)
        rc = open_list(&list, &err);
    if (rc == 0) {
        list.dj = cli->dj;
        list.cancel_fd = dj_interruptible(cli, options->timeout_ms);
        list.on_terminal = isatty(STDOUT_FILENO);
        list.lines = cli->quiet ? 0 : dj_count_lines(list.fd);
        list.bar = dj_bar_begin(cli, "results", list.lines);
        rc = get_all(&list, &err);
        dj_bar_end(list.bar);
    }
    if (list.interrupted && rc == 0)
        rc = -EINTR;
    rc = rc < 0 ? dj_fail(rc, &err) : list.failed ? DJ_EX_FAILED : DJ_EX_OK;
    for (item = list.first; item != NULL; item = next) {
        next = item->next;
        item_free(item);
    }
    dj_close(list.fd);
    dj_buf_release(&list.in);
    dj_buf_release(&list.out);
    return rc;
}
