#include "daemon/ctl.h"

#include <errno.h>

#include "lib/util/str.h"

#define ROOT (1U << DJ_CTL_ROOT)
#define TASK (1U << DJ_CTL_TASK)
#define RUN (1U << DJ_CTL_RUN)
#define SESSION (1U << DJ_CTL_SESSION)
#define FRAME (1U << DJ_CTL_FRAME)

struct word {
    const char *word;
    enum dj_ctl_verb verb;
    unsigned bare;  /* scopes in which it stands alone */
    unsigned named; /* scopes in which the name of a run follows, or resources */
};

static const struct word words[] = {
    {"run", DJ_CTL_START, RUN, TASK},
    {"force", DJ_CTL_FORCE, RUN, TASK},
    {"incognito", DJ_CTL_INCOGNITO, RUN, 0},
    {"delete", DJ_CTL_DELETE, RUN | FRAME, TASK},
    {"cancel", DJ_CTL_CANCEL, RUN | FRAME, 0},
    {"invalidate", DJ_CTL_INVALIDATE, RUN | TASK, 0},
    {"accept", DJ_CTL_ACCEPT, RUN, 0},
    {"gc", DJ_CTL_GC, ROOT, 0},
    {"pause", DJ_CTL_PAUSE, ROOT, 0},
    {"resume", DJ_CTL_RESUME, ROOT, 0},
    {"reload", DJ_CTL_RELOAD, ROOT, 0},
    {"reserve", DJ_CTL_RESERVE, 0, SESSION},
    {"release", DJ_CTL_RELEASE, SESSION, SESSION},
    {"set", DJ_CTL_SET, 0, SESSION},
    {"retry", DJ_CTL_RETRY, FRAME, 0},
};

static const char all[] = "all"; /* `delete all`: a run of this name is deleted as PARAM=all */

static void add_words(struct dj_buf *buf, enum dj_ctl_scope scope, const char *between)
{
    const unsigned bit = 1U << scope;
    const char *before = "";

    for (size_t i = 0; i < DJ_ARRAY_SIZE(words); i++) {
        if (!((words[i].bare | words[i].named) & bit))
            continue;
        dj_buf_addf(buf, "%s%s", before, words[i].word);
        if (words[i].named & bit)
            dj_buf_adds(buf, scope != DJ_CTL_SESSION  ? " ARGS"
                             : words[i].bare & bit ? " [NAME=N...]"
                                                   : " NAME=N...");
        before = between;
    }
    if (scope == DJ_CTL_TASK)
        dj_buf_addf(buf, "%sdelete %s", before, all);
}

void dj_ctl_words(struct dj_buf *buf, enum dj_ctl_scope scope)
{
    add_words(buf, scope, "\n");
    dj_buf_addc(buf, '\n');
}

static int refuse(enum dj_ctl_scope scope, struct dj_bytes line, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf known = DJ_BUF_INIT;
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    add_words(&known, scope, ", ");
    dj_add_printable(&shown, line);
    return dj_err_set(err, EINVAL, "\"%s\" is not a control word here; these are: %s",
                      dj_buf_str(&shown), dj_buf_str(&known));
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

/* The first word of a line, and everything behind the one blank that ends it. */
static struct dj_bytes split(struct dj_bytes line, struct dj_bytes *ret_rest)
{
    size_t i = 0;

    while (i < line.len && !is_blank(line.data[i]))
        i++;
    *ret_rest = dj_bytes_from(line, i < line.len ? i + 1 : i);
    return dj_bytes(line.data, i);
}

static int parse_line(enum dj_ctl_scope scope, struct dj_bytes line, struct dj_ctl_command *ret,
                      struct dj_err *err)
{
    const unsigned bit = 1U << scope;
    struct dj_bytes rest;
    struct dj_bytes first = split(line, &rest);
    bool bare = dj_strip(rest).len == 0;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(words); i++) {
        const struct word *word = &words[i];

        if (!dj_bytes_is(first, word->word))
            continue;
        if (bare && word->bare & bit) {
            *ret = (struct dj_ctl_command){word->verb, DJ_BYTES_LIT("")};
            return 0;
        }
        if (!bare && word->named & bit) {
            *ret = (struct dj_ctl_command){word->verb, rest};
            if (word->verb == DJ_CTL_DELETE && dj_bytes_is(dj_strip(rest), all))
                *ret = (struct dj_ctl_command){DJ_CTL_DELETE_ALL, DJ_BYTES_LIT("")};
            return 0;
        }
        if (bare && word->named & bit & SESSION)
            return dj_err_set(err, EINVAL, "%s needs NAME=N behind it, as in \"%s ram=1.5\"",
                              word->word, word->word);
        if (bare && word->named & bit)
            return dj_err_set(err, EINVAL, "%s needs the name of a run behind it, as in \"%s 5\"",
                              word->word, word->word);
    }
    return refuse(scope, line, err);
}

/* Outer blanks do not count at the start of a line; at its end they may belong to a name. */
static struct dj_bytes skip_blanks(struct dj_bytes line)
{
    while (line.len > 0 && is_blank(line.data[0]))
        line = dj_bytes_from(line, 1);
    return line;
}

int dj_ctl_parse(enum dj_ctl_scope scope, struct dj_bytes text, struct dj_list *ret,
                 struct dj_err *err)
{
    const size_t before = ret->n;
    const struct dj_bytes whole = text;
    struct dj_bytes line;

    if (text.len > DJ_CTL_MAX)
        return dj_err_set(err, E2BIG, "a write to ctl holds at most %u KiB; write the commands in"
                          " several goes", DJ_CTL_MAX / 1024);
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
        return dj_err_set(err, EINVAL, "control words hold no NUL byte");
    while (dj_next_line(&text, &line)) {
        struct dj_ctl_command command;
        int code;

        line = skip_blanks(line);
        if (line.len == 0)
            continue;
        code = parse_line(scope, line, &command, err);
        if (code < 0) {
            ret->n = before;
            return code;
        }
        *(struct dj_ctl_command *)dj_list_add(ret, sizeof(command)) = command;
    }
    /* A buffer that was full is written in the middle of a name. */
    if (ret->n > before + 1 && whole.data[whole.len - 1] != '\n') {
        ret->n = before;
        return dj_err_set(err, EINVAL, "the last of several lines has no end, as when a buffer is"
                          " written before it is whole; end each command with a newline");
    }
    return ret->n > before ? 0 : refuse(scope, DJ_BYTES_LIT(""), err);
}

static int check_accept(struct dj_ctl_state *state, struct dj_err *err)
{
    if (state->live)
        return dj_err_set(err, EBUSY, "this run is under way: wait for it, or cancel it first");
    if (!state->stored)
        return dj_err_set(err, ENOENT, "nothing is stored of this run, so nothing is accepted");
    if (state->current)
        return dj_err_set(err, ENOENT, "its result is valid, so there is nothing to accept");
    if (!state->stale)
        return dj_err_set(err, ENOENT, "no try of this run ended well, so it has no result to"
                          " accept");
    state->current = true;
    state->stale = false;
    return 0;
}

int dj_ctl_check(enum dj_ctl_verb verb, struct dj_ctl_state *state, struct dj_err *err)
{
    switch (verb) {
    case DJ_CTL_START:
        state->live = state->live || !state->current;
        state->stored = true;
        break;
    case DJ_CTL_FORCE:
        state->live = state->stored = true;
        break;
    case DJ_CTL_DELETE:
        if (!state->stored && !state->live)
            return dj_err_set(err, ENOENT, "nothing is stored of this run, so nothing is deleted");
        *state = (struct dj_ctl_state){0};
        break;
    case DJ_CTL_CANCEL:
        if (!state->live)
            return dj_err_set(err, ENOENT, "this run is not under way, so nothing is cancelled");
        state->live = false;
        break;
    case DJ_CTL_INVALIDATE:
        if (!state->stored)
            return dj_err_set(err, ENOENT,
                              "nothing is stored of this run, so nothing is invalidated");
        state->stale = state->stale || state->current;
        state->current = false;
        break;
    case DJ_CTL_ACCEPT:
        return check_accept(state, err);
    default:
        break;
    }
    return 0;
}
