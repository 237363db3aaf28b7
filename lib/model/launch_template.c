#include "lib/model/launch_template.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/resource.h"
#include "lib/model/words.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

#define MARK DJ_LAUNCH_MARK

enum { MARK_LEN = sizeof(MARK) - 1, DEPTH_MAX = 16, MS_PER_MINUTE = 60000 };

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

/* ---- programs that hand words on ---- */

static struct dj_bytes base_name(struct dj_bytes path)
{
    for (size_t i = path.len; i > 0; i--) {
        if (path.data[i - 1] == '/')
            return dj_bytes_from(path, i);
    }
    return path;
}

static bool is_one_of(struct dj_bytes word, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (dj_bytes_is(word, names[i]))
            return true;
    }
    return false;
}

/* They join their words with blanks, and a shell reads the line. */
static bool joins(struct dj_bytes word)
{
    static const char *const names[] = {"ssh", "rsh", "bsub"};

    return is_one_of(base_name(word), names, DJ_ARRAY_SIZE(names));
}

/* They want the file of a script, and not a program with its words. */
static bool takes_script(struct dj_bytes word)
{
    static const char *const names[] = {"sbatch", "qsub"};

    return is_one_of(base_name(word), names, DJ_ARRAY_SIZE(names));
}

/* The word behind this one is a line of a shell: -c, -lc, --wrap. */
static bool takes_line(struct dj_bytes word)
{
    if (dj_bytes_is(word, "--wrap"))
        return true;
    if (word.len < 2 || word.data[0] != '-' || word.data[word.len - 1] != 'c')
        return false;
    for (size_t i = 1; i < word.len; i++) {
        if (word.data[i] < 'a' || word.data[i] > 'z')
            return false;
    }
    return true;
}

/* ---- a line as a shell reads it, up to a place in it ---- */

struct scan {
    struct dj_list before; /* struct dj_buf: the words of the same command before it */
    struct dj_buf word;    /* the one with the place, without its quotes, */
    size_t at;             /* where the place is there, */
    size_t begin, end;     /* and where it stands in the line */
    uint8_t quote;         /* that the place is in; 0: none */
    bool nested;           /* in "…" behind a $( or ` */
};

static void scan_release(struct scan *scan)
{
    dj_bytes_list_release(&scan->before);
    dj_buf_release(&scan->word);
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static bool ends_word(uint8_t byte)
{
    return is_blank(byte) || strchr(";|&()<>`", byte) != NULL;
}

/* A byte of a word, or several; the quote that is open behind it. */
static uint8_t scan_byte(struct scan *scan, struct dj_bytes line, size_t *at, uint8_t quote)
{
    uint8_t byte = line.data[(*at)++];
    uint8_t next = *at < line.len ? line.data[*at] : 0;

    if (quote == 0 && (byte == '\'' || byte == '"'))
        return byte;
    if (quote != 0 && byte == quote) {
        scan->nested = false;
        return 0;
    }
    if (quote == '"' && (byte == '`' || (byte == '$' && next == '(')))
        scan->nested = true;
    if (byte == '\\' && *at < line.len &&
        (quote == 0 || (quote == '"' && strchr("$`\"\\", next) != NULL))) {
        byte = next;
        (*at)++;
    }
    dj_buf_addc(&scan->word, byte);
    return quote;
}

/* From the first byte of a word to behind its last; true: the place is in it. */
static bool scan_word(struct scan *scan, struct dj_bytes line, size_t *at, size_t place)
{
    bool nested = false, found = false;
    uint8_t quote = 0;

    dj_buf_clear(&scan->word);
    scan->begin = *at;
    scan->nested = false;
    while (*at < line.len && (quote != 0 || !ends_word(line.data[*at]))) {
        if (*at == place) {
            found = true;
            nested = scan->nested;
            scan->quote = quote;
            scan->at = scan->word.len;
            dj_buf_adds(&scan->word, MARK);
            *at += MARK_LEN;
        } else {
            quote = scan_byte(scan, line, at, quote);
        }
    }
    scan->end = *at;
    scan->nested = nested;
    return found;
}

static void scan_line(struct scan *scan, struct dj_bytes line, size_t place)
{
    size_t at = 0;

    while (at < line.len) {
        uint8_t byte = line.data[at];

        if (ends_word(byte)) {
            if (byte == '\n' || strchr(";|&()`", byte) != NULL)
                dj_bytes_list_release(&scan->before);
            at++;
        } else if (scan_word(scan, line, &at, place)) {
            return;
        } else {
            dj_list_add_bytes(&scan->before, dj_buf_bytes(&scan->word));
        }
    }
}

/* ---- what stands for COMMAND ---- */

/* One word of a shell more. */
static void quote(struct dj_buf *text)
{
    dj_cleanup_buf struct dj_buf bare = DJ_BUF_INIT;

    dj_buf_add_bytes(&bare, dj_buf_bytes(text));
    dj_buf_clear(text);
    dj_word_print(text, dj_buf_bytes(&bare));
}

/* For the inside of '…' or "…". */
static void escape(struct dj_buf *text, uint8_t mark)
{
    dj_cleanup_buf struct dj_buf bare = DJ_BUF_INIT;

    dj_buf_add_bytes(&bare, dj_buf_bytes(text));
    dj_buf_clear(text);
    for (size_t i = 0; i < bare.len; i++) {
        uint8_t byte = bare.data[i];

        if (mark == '\'' && byte == '\'') {
            dj_buf_adds(text, "'\\''");
            continue;
        }
        if (mark == '"' && strchr("$`\"\\", byte) != NULL)
            dj_buf_addc(text, '\\');
        dj_buf_addc(text, byte);
    }
}

static void add_line(struct dj_buf *buf, const struct dj_launch_place *place)
{
    dj_buf_adds(buf, "/bin/sh ");
    dj_word_print(buf, dj_bytes_of(place->script));
}

static int in_line(struct dj_bytes line, size_t at, unsigned depth,
                   const struct dj_launch_place *place, struct dj_buf *ret, struct dj_err *err);

/* In a word that is itself a line for a shell: all of it, or what stands behind --option= */
static int in_word(struct dj_bytes word, size_t at, unsigned depth,
                   const struct dj_launch_place *place, struct dj_buf *ret, struct dj_err *err)
{
    size_t skip = 0;

    if (word.data[0] == '-') {
        const uint8_t *equals = memchr(word.data, '=', at);

        skip = equals == NULL ? 0 : (size_t)(equals - word.data) + 1;
    }
    return in_line(dj_bytes_from(word, skip), at - skip, depth, place, ret, err);
}

static unsigned shells_behind(const struct dj_list *before)
{
    unsigned n = 0;

    for (size_t i = 0; i < before->n; i++)
        n += joins(dj_list_bytes(before, i));
    return n + (before->n != 0 && takes_line(dj_list_bytes(before, before->n - 1)));
}

/* A word that is more than COMMAND: its inside is a line for the next shell, if it is quoted. */
static int in_larger(const struct scan *scan, struct dj_bytes line, unsigned depth,
                     const struct dj_launch_place *place, struct dj_buf *ret, struct dj_err *err)
{
    struct dj_bytes word = dj_buf_bytes(&scan->word);
    struct dj_bytes raw = dj_bytes(line.data + scan->begin, scan->end - scan->begin);
    bool option = word.data[0] == '-' && memchr(word.data, '=', scan->at) != NULL;
    int rc = 0;

    if (scan->nested)
        return dj_err_set(err, EINVAL, "COMMAND stands in a $(...) or `...` within double quotes,"
                          " where it cannot be quoted right");
    if (dj_bytes_equal(word, raw) && !option)
        add_line(ret, place);
    else
        rc = in_word(word, scan->at, depth + 1, place, ret, err);
    if (rc == 0 && scan->quote == 0)
        quote(ret);
    else if (rc == 0)
        escape(ret, scan->quote);
    return rc;
}

/* ret: what stands for COMMAND at `at` of a line that a shell reads. */
static int in_line(struct dj_bytes line, size_t at, unsigned depth,
                   const struct dj_launch_place *place, struct dj_buf *ret, struct dj_err *err)
{
    struct scan scan = {.at = 0};
    int rc = 0;

    if (depth > DEPTH_MAX)
        return dj_err_set(err, EINVAL, "COMMAND stands within too many quotes");
    scan_line(&scan, line, at);
    if (scan.quote == 0 && scan.begin == at && scan.end == at + MARK_LEN) {
        add_line(ret, place);
        for (unsigned n = shells_behind(&scan.before); n > 0; n--)
            quote(ret);
    } else {
        rc = in_larger(&scan, line, depth, place, ret, err);
    }
    scan_release(&scan);
    return rc;
}

/* ---- placeholders ---- */

struct expander {
    const struct dj_definition *definition;
    const struct dj_args *args; /* NULL: what the values will be is not known yet */
    const struct dj_launch_place *place;
    struct dj_err *err;
};

static bool is_plain(struct dj_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_name_byte(text.data[i]) && strchr("./:=@%+,-", text.data[i]) == NULL)
            return false;
    }
    return text.len != 0;
}

static int parameter(const struct expander *expander, struct dj_bytes name, struct dj_buf *buf)
{
    const struct dj_param *param = dj_params_find(&expander->definition->params, name);
    const struct dj_value *value;

    if (param == NULL)
        return dj_err_set(expander->err, EINVAL,
                          "{%.*s}: the task has no parameter and no resource of this name",
                          (int)DJ_MIN(name.len, 100), (const char *)name.data);
    if (param->list)
        return dj_err_set(expander->err, EINVAL, "{%s} is a list, which is no single word",
                          param->name);
    value = expander->args == NULL ? NULL : dj_args_get(expander->args, param->name);
    if (value != NULL && value->n != 0) {
        const struct dj_scalar *scalar = &value->scalars[0];
        bool named = value->type == DJ_FILE || value->type == DJ_PATH || value->type == DJ_RUN;

        dj_buf_add_bytes(buf, dj_buf_bytes(named && scalar->source.len > 0 ? &scalar->source
                                                                           : &scalar->text));
    } else if (expander->args == NULL) {
        dj_buf_addc(buf, 'x');
    }
    return 0;
}

static int add_named(const struct expander *expander, struct dj_bytes name, struct dj_buf *buf)
{
    const struct dj_definition *definition = expander->definition;
    dj_cleanup_free char *text = dj_xmemdup0(name.data, name.len);
    uint64_t amount = dj_resources_amount(&definition->resources, text);

    if (dj_bytes_is(name, "task")) {
        dj_buf_adds(buf, definition->name);
    } else if (dj_bytes_is(name, "time")) {
        if (definition->timeout_ms == 0)
            return dj_err_set(expander->err, EINVAL,
                              "{time} is the task's timeout, and it has none");
        dj_buf_addf(buf, "%" PRIu64, (definition->timeout_ms - 1) / MS_PER_MINUTE + 1);
    } else if (amount != 0) {
        dj_amount_print(buf, amount);
    } else if (dj_bytes_is(name, "cores")) {
        dj_buf_addc(buf, '1');
    } else {
        return parameter(expander, name, buf);
    }
    return 0;
}

static int add_value(const struct expander *expander, struct dj_bytes name, bool shell,
                     struct dj_buf *buf)
{
    dj_cleanup_buf struct dj_buf value = DJ_BUF_INIT;
    int rc = add_named(expander, name, &value);

    if (rc == 0 && value.len != 0 && memchr(value.data, '\0', value.len) != NULL)
        rc = dj_err_set(expander->err, EINVAL, "the value of {%.*s} has a byte 0 in it",
                        (int)name.len, (const char *)name.data);
    if (rc == 0 && shell && !is_plain(dj_buf_bytes(&value)))
        rc = dj_err_set(expander->err, EINVAL,
                        "a shell reads {%.*s} here, and its value has other bytes than letters,"
                        " digits and _./:=@%%+,-",
                        (int)name.len, (const char *)name.data);
    dj_buf_add_bytes(buf, dj_buf_bytes(&value));
    return rc;
}

/* What a template's text stands for. */
static int add_text(const struct expander *expander, struct dj_bytes text, bool shell,
                    struct dj_buf *buf)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < text.len; i++) {
        uint8_t byte = text.data[i];
        size_t len = 0;

        if (byte != '{' && byte != '}') {
            dj_buf_addc(buf, byte);
            continue;
        }
        if (i + 1 < text.len && text.data[i + 1] == byte) {
            dj_buf_addc(buf, byte);
            i++;
            continue;
        }
        while (byte == '{' && i + 1 + len < text.len &&
               (is_name_byte(text.data[i + 1 + len]) || text.data[i + 1 + len] == '.' ||
                text.data[i + 1 + len] == '-'))
            len++;
        if (len == 0 || i + 1 + len == text.len || text.data[i + 1 + len] != '}')
            return dj_err_set(expander->err, EINVAL, "a single brace is no placeholder, which is"
                              " {NAME}; write {{ and }} for braces");
        rc = add_value(expander, dj_bytes(text.data + i + 1, len), shell, buf);
        i += len + 1;
    }
    return rc;
}

/* ---- all of it ---- */

/* The word with COMMAND, and what a shell reads from on. */
struct shape {
    size_t word;   /* with COMMAND, */
    size_t at;     /* there */
    size_t shell;  /* the first word that a shell reads as part of one line; SIZE_MAX: none */
    bool script;   /* the program takes a script's file */
};

static int find_shape(const struct dj_list *words, struct shape *ret, struct dj_err *err)
{
    bool found = false, batch = false, binary = false;
    size_t again;

    *ret = (struct shape){.shell = SIZE_MAX};
    for (size_t i = 0; i < words->n; i++) {
        struct dj_bytes word = dj_list_bytes(words, i);
        size_t at;

        if (dj_launch_command_at(word, &at)) {
            if (found || dj_launch_command_at(dj_bytes_from(word, at + MARK_LEN), &again))
                return dj_err_set(err, EINVAL, "COMMAND stands there twice, and a run begins once");
            found = true;
            ret->word = i;
            ret->at = at;
        }
        if (found)
            continue;
        batch |= takes_script(word);
        binary |= dj_bytes_is(word, "-b") || dj_bytes_is(word, "--");
        if (ret->shell == SIZE_MAX && joins(word))
            ret->shell = i + 1;
    }
    ret->script = batch && !binary && ret->shell == SIZE_MAX;
    return found ? 0 : dj_err_set(err, EINVAL, "COMMAND stands nowhere in the launch command");
}

/* Each word without its placeholders; that with COMMAND still has it, at shape->at. */
static int fill_words(const struct expander *expander, const struct dj_list *words,
                      struct shape *shape, struct dj_list *ret)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < words->n; i++) {
        struct dj_bytes word = dj_list_bytes(words, i);
        struct dj_buf *filled = dj_list_add(ret, sizeof(*filled));
        bool shell = i >= shape->shell || (i == shape->word && word.len != MARK_LEN);

        if (i != shape->word) {
            rc = add_text(expander, word, shell, filled);
            continue;
        }
        rc = add_text(expander, dj_bytes(word.data, shape->at), shell, filled);
        word = dj_bytes_from(word, shape->at + MARK_LEN);
        shape->at = filled->len;
        dj_buf_adds(filled, MARK);
        if (rc == 0)
            rc = add_text(expander, word, shell, filled);
    }
    return rc;
}

/* Where several words are one line: that, and where COMMAND stands in it. */
static void join(const struct dj_list *words, const struct shape *shape, struct dj_buf *ret,
                 size_t *ret_at)
{
    for (size_t i = shape->shell; i < words->n; i++) {
        if (i != shape->shell)
            dj_buf_addc(ret, ' ');
        if (i == shape->word)
            *ret_at = ret->len + shape->at;
        dj_buf_add_bytes(ret, dj_list_bytes(words, i));
    }
}

static int replacement(const struct expander *expander, const struct dj_list *words,
                       const struct shape *shape, struct dj_buf *ret)
{
    struct dj_bytes word = dj_list_bytes(words, shape->word);
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;
    size_t at = 0;

    if (shape->shell == SIZE_MAX)
        return in_word(word, shape->at, 0, expander->place, ret, expander->err);
    join(words, shape, &line, &at);
    return in_line(dj_buf_bytes(&line), at, 0, expander->place, ret, expander->err);
}

/* COMMAND as a word of its own, and no shell reads it: true when that is all. */
static bool add_as_words(const struct dj_list *words, const struct shape *shape,
                         const struct dj_launch_place *place, struct dj_list *ret)
{
    size_t i = shape->word;

    if (shape->shell != SIZE_MAX || dj_list_bytes(words, i).len != MARK_LEN ||
        (i > 0 && takes_line(dj_list_bytes(words, i - 1))))
        return false;
    if (shape->script) {
        dj_list_add_bytes(ret, dj_bytes_of(place->job));
        return true;
    }
    dj_list_add_bytes(ret, DJ_BYTES_LIT("/bin/sh"));
    dj_list_add_bytes(ret, dj_bytes_of(place->script));
    return true;
}

static int assemble(const struct expander *expander, const struct dj_list *words,
                    const struct shape *shape, struct dj_list *ret)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < words->n; i++) {
        struct dj_bytes word = dj_list_bytes(words, i);
        struct dj_buf *full;

        if (i != shape->word) {
            dj_list_add_bytes(ret, word);
            continue;
        }
        if (add_as_words(words, shape, expander->place, ret))
            continue;
        rc = replacement(expander, words, shape, &line);
        full = dj_list_add(ret, sizeof(*full));
        dj_buf_add(full, word.data, shape->at);
        dj_buf_add_bytes(full, dj_buf_bytes(&line));
        dj_buf_add_bytes(full, dj_bytes_from(word, shape->at + MARK_LEN));
    }
    return rc;
}

int dj_launch_expand(const struct dj_list *words, const struct dj_definition *definition,
                     const struct dj_args *args, const struct dj_launch_place *place,
                     struct dj_list *ret, struct dj_err *err)
{
    const struct expander expander = {definition, args, place, err};
    struct dj_list filled = {0};
    struct shape shape;
    int rc = find_shape(words, &shape, err);

    if (rc == 0)
        rc = fill_words(&expander, words, &shape, &filled);
    if (rc == 0)
        rc = assemble(&expander, &filled, &shape, ret);
    dj_bytes_list_release(&filled);
    return rc;
}

int dj_launch_check(const struct dj_list *words, const struct dj_definition *definition,
                    struct dj_err *err)
{
    const struct dj_launch_place place = {"/script", "/job"};
    struct dj_list nothing = {0};
    int rc = dj_launch_expand(words, definition, NULL, &place, &nothing, err);

    dj_bytes_list_release(&nothing);
    return rc;
}
