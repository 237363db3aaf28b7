#include "lib/model/launch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/launch_template.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { NAME_MAX_BYTES = 64, WORDS_MAX = 1000, WORD_MAX_BYTES = 64 << 10 };

static const char *const mode_words[] = {
    [DJ_LAUNCH_PROCESS] = "process",   [DJ_LAUNCH_THREAD] = "thread",
    [DJ_LAUNCH_RESIDENT] = "resident", [DJ_LAUNCH_DIRECT] = "direct",
    [DJ_LAUNCH_COMMAND] = "command",
};

static enum dj_launch_mode mode_of(struct dj_bytes word)
{
    for (size_t i = 0; i < DJ_ARRAY_SIZE(mode_words); i++) {
        if (dj_bytes_is(word, mode_words[i]))
            return (enum dj_launch_mode)i;
    }
    return DJ_LAUNCH_NAMED;
}

/* ---- names ---- */

static bool name_right(struct dj_bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = name.data[i];
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || byte == '_';

        if (!plain && (i == 0 || (byte != '.' && byte != '-')))
            return false;
    }
    return name.len > 0 && name.len <= NAME_MAX_BYTES;
}

static int check_name(struct dj_bytes name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    if (name_right(name))
        return 0;
    dj_add_printable(&shown, name);
    return dj_err_set(err, EINVAL,
                      "\"%s\" is no launch mode: process, thread, resident, direct, command WORD..."
                      " or the NAME of a [launch NAME] in dj.conf (letters, digits and _.-, at most"
                      " %d)", dj_buf_str(&shown), NAME_MAX_BYTES);
}

int dj_launch_name_ok(struct dj_bytes name, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    dj_add_printable(&shown, name);
    if (!name_right(name))
        return dj_err_set(err, EINVAL,
                          "\"%s\" is not the name of a launch: letters, digits and _.-, at most %d",
                          dj_buf_str(&shown), NAME_MAX_BYTES);
    if (mode_of(name) != DJ_LAUNCH_NAMED)
        return dj_err_set(err, EINVAL, "%s is a launch mode of djfs; a launch of this file has"
                          " another name", dj_buf_str(&shown));
    return 0;
}

const struct dj_launch *dj_launch_named(const struct dj_list *specs, const char *name)
{
    for (size_t i = 0; i < specs->n; i++) {
        const struct dj_launch_spec *spec = DJ_LIST_AT(specs, struct dj_launch_spec, i);

        if (strcmp(spec->name, name) == 0)
            return &spec->launch;
    }
    return NULL;
}

/* ---- reading ---- */

static int parse_recycle(struct dj_bytes word, struct dj_launch *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    bool runs = dj_bytes_starts(word, DJ_BYTES_LIT("runs="));
    bool rss = dj_bytes_starts(word, DJ_BYTES_LIT("rss="));
    uint64_t *place = runs ? &ret->recycle_runs : &ret->recycle_rss;
    struct dj_bytes value = dj_bytes_from(word, runs ? strlen("runs=") : rss ? strlen("rss=") : 0);

    dj_add_printable(&shown, word);
    if (!runs && !rss)
        return dj_err_set(err, EINVAL, "resident takes runs=N and rss=SIZE, and no \"%s\"",
                          dj_buf_str(&shown));
    if (*place != 0)
        return dj_err_set(err, EINVAL, "%s is said twice", runs ? "runs" : "rss");
    if ((runs ? dj_parse_uint(value, place, NULL) : dj_parse_size(value, place, NULL)) < 0 ||
        *place == 0) {
        *place = 0;
        return dj_err_set(err, EINVAL, "\"%s\": %s", dj_buf_str(&shown),
                          runs ? "runs is a number from 1 on"
                               : "rss is a size, such as 500M or 2G");
    }
    return 0;
}

static int check_template(const struct dj_list *words, struct dj_err *err)
{
    bool found = false;
    size_t at;

    if (words->n == 0)
        return dj_err_set(err, EINVAL, "command has no words behind it; write, for instance,"
                          " command srun COMMAND");
    if (words->n > WORDS_MAX)
        return dj_err_set(err, EINVAL, "a launch command has at most %d words", WORDS_MAX);
    for (size_t i = 0; i < words->n; i++) {
        struct dj_bytes word = dj_list_bytes(words, i);

        if (word.len > WORD_MAX_BYTES || (word.len != 0 && memchr(word.data, 0, word.len) != NULL))
            return dj_err_set(err, EINVAL, "a word of a launch command has at most %d bytes, and"
                              " none of them is 0", WORD_MAX_BYTES);
        found |= dj_launch_command_at(word, &at);
    }
    if (!found)
        return dj_err_set(err, EINVAL, "the launch command does not say where the run's own command"
                          " goes: COMMAND has to stand in it, as in srun COMMAND");
    return 0;
}

static int parse_words(struct dj_launch *ret, struct dj_list *words, struct dj_err *err)
{
    struct dj_bytes first = dj_list_bytes(words, 0);
    int rc = 0;

    ret->mode = mode_of(first);
    if (ret->mode == DJ_LAUNCH_NAMED) {
        rc = check_name(first, err);
        if (rc == 0)
            ret->name = dj_xmemdup0(first.data, first.len);
    }
    if (ret->mode == DJ_LAUNCH_COMMAND) {
        for (size_t i = 1; i < words->n; i++)
            dj_list_add_bytes(&ret->words, dj_list_bytes(words, i));
        return check_template(&ret->words, err);
    }
    for (size_t i = 1; rc == 0 && ret->mode == DJ_LAUNCH_RESIDENT && i < words->n; i++)
        rc = parse_recycle(dj_list_bytes(words, i), ret, err);
    if (rc == 0 && ret->mode != DJ_LAUNCH_RESIDENT && words->n != 1)
        rc = dj_err_set(err, EINVAL, "%s takes no word behind it",
                        ret->mode == DJ_LAUNCH_NAMED ? ret->name : mode_words[ret->mode]);
    return rc;
}

int dj_launch_parse(struct dj_bytes text, struct dj_launch *ret, struct dj_err *err)
{
    struct dj_list words = {0};
    int rc = dj_words_split(text, &words, err);

    *ret = (struct dj_launch){0};
    if (rc == 0 && words.n == 0)
        rc = dj_err_set(err, EINVAL, "no launch mode is named");
    if (rc == 0)
        rc = parse_words(ret, &words, err);
    if (rc < 0)
        dj_launch_release(ret);
    dj_bytes_list_release(&words);
    return rc;
}

/* ---- printing ---- */

void dj_launch_print(struct dj_buf *buf, const struct dj_launch *launch)
{
    if (launch->mode == DJ_LAUNCH_NAMED) {
        dj_buf_adds(buf, launch->name);
        return;
    }
    dj_buf_adds(buf, mode_words[launch->mode]);
    if (launch->words.n != 0)
        dj_buf_addc(buf, ' ');
    dj_words_print(buf, &launch->words);
    if (launch->recycle_runs != 0)
        dj_buf_addf(buf, " runs=%" PRIu64, launch->recycle_runs);
    if (launch->recycle_rss != 0) {
        dj_buf_adds(buf, " rss=");
        dj_print_size(buf, launch->recycle_rss);
    }
}

char *dj_launch_text(const struct dj_launch *launch)
{
    struct dj_buf buf = DJ_BUF_INIT;

    if (launch->mode == DJ_LAUNCH_PROCESS)
        return NULL;
    dj_launch_print(&buf, launch);
    return dj_buf_steal(&buf);
}

/* ---- life ---- */

void dj_launch_copy(struct dj_launch *ret, const struct dj_launch *launch)
{
    *ret = *launch;
    ret->name = launch->name == NULL ? NULL : dj_xstrdup(launch->name);
    ret->words = (struct dj_list){0};
    for (size_t i = 0; i < launch->words.n; i++)
        dj_list_add_bytes(&ret->words, dj_list_bytes(&launch->words, i));
}

void dj_launch_release(struct dj_launch *launch)
{
    free(launch->name);
    dj_bytes_list_release(&launch->words);
    *launch = (struct dj_launch){0};
}

void dj_launch_spec_release(struct dj_launch_spec *spec)
{
    free(spec->name);
    dj_launch_release(&spec->launch);
    free(spec->origin);
    *spec = (struct dj_launch_spec){0};
}
