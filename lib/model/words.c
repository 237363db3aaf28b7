#include "lib/model/words.h"

#include <errno.h>

/* ---- splitting ---------------------------------------------------------------------------- */

struct splitter {
    struct dj_bytes rest;
    bool commas; /* a comma separates, too */
    struct dj_buf word;
    bool in_word; /* '' is a word, though it has no bytes */
};

static bool separates(const struct splitter *splitter, uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' ||
           (byte == ',' && splitter->commas);
}

static uint8_t take(struct splitter *splitter)
{
    uint8_t byte = splitter->rest.data[0];

    splitter->rest = dj_bytes_from(splitter->rest, 1);
    return byte;
}

static int take_quoted(struct splitter *splitter, uint8_t quote, struct dj_err *err)
{
    while (splitter->rest.len > 0) {
        uint8_t byte = take(splitter);

        if (byte == quote)
            return 0;
        if (byte == '\\' && quote == '"' && splitter->rest.len > 0 &&
            (splitter->rest.data[0] == '"' || splitter->rest.data[0] == '\\'))
            byte = take(splitter);
        dj_buf_addc(&splitter->word, byte);
    }
    return dj_err_set(err, EINVAL, "a quote %c is opened and not closed", quote);
}

static int take_escaped(struct splitter *splitter, struct dj_err *err)
{
    uint8_t byte;

    if (splitter->rest.len == 0)
        return dj_err_set(err, EINVAL, "nothing follows the last backslash");
    byte = take(splitter);
    if (byte == '\n')
        return 0;
    splitter->in_word = true;
    dj_buf_addc(&splitter->word, byte);
    return 0;
}

static void end_word(struct splitter *splitter, struct dj_list *ret)
{
    if (splitter->in_word)
        dj_list_add_bytes(ret, dj_buf_bytes(&splitter->word));
    dj_buf_clear(&splitter->word);
    splitter->in_word = false;
}

static int split(struct dj_bytes text, bool commas, struct dj_list *ret, struct dj_err *err)
{
    struct splitter splitter = {.rest = text, .commas = commas};
    int code = 0;

    while (splitter.rest.len > 0 && code == 0) {
        uint8_t byte = take(&splitter);

        if (separates(&splitter, byte)) {
            end_word(&splitter, ret);
        } else if (byte == '\\') {
            code = take_escaped(&splitter, err);
        } else {
            splitter.in_word = true;
            if (byte == '\'' || byte == '"')
                code = take_quoted(&splitter, byte, err);
            else
                dj_buf_addc(&splitter.word, byte);
        }
    }
    if (code == 0)
        end_word(&splitter, ret);
    dj_buf_release(&splitter.word);
    return code;
}

int dj_words_split(struct dj_bytes text, struct dj_list *ret, struct dj_err *err)
{
    return split(text, false, ret, err);
}

int dj_items_split(struct dj_bytes text, struct dj_list *ret, struct dj_err *err)
{
    return split(text, true, ret, err);
}

/* ---- printing ----------------------------------------------------------------------------- */

static bool is_plain(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || (byte != '\0' && strchr("_@%+=:./-{}", byte) != NULL);
}

static bool needs_quotes(struct dj_bytes word)
{
    if (word.len == 0 || dj_bytes_is(word, "{") || dj_bytes_is(word, "}"))
        return true; /* a shell takes lone braces for its own */
    for (size_t i = 0; i < word.len; i++) {
        /* a shell may expand {1..3} */
        if (!is_plain(word.data[i]) ||
            (i > 0 && word.data[i] == '.' && word.data[i - 1] == '.' &&
             memchr(word.data, '{', i) != NULL))
            return true;
    }
    return false;
}

static void print_quoted(struct dj_buf *buf, struct dj_bytes word)
{
    dj_buf_addc(buf, '\'');
    for (size_t i = 0; i < word.len; i++) {
        if (word.data[i] == '\'')
            dj_buf_adds(buf, "'\\''");
        else
            dj_buf_addc(buf, word.data[i]);
    }
    dj_buf_addc(buf, '\'');
}

void dj_word_print(struct dj_buf *buf, struct dj_bytes word)
{
    if (needs_quotes(word))
        print_quoted(buf, word);
    else
        dj_buf_add_bytes(buf, word);
}

void dj_words_print(struct dj_buf *buf, const struct dj_list *words)
{
    for (size_t i = 0; i < words->n; i++) {
        struct dj_bytes word = dj_list_bytes(words, i);

        if (i > 0)
            dj_buf_addc(buf, ' ');
        /* A shell takes a first word with = for an assignment. */
        if (i == 0 && word.len > 0 && memchr(word.data, '=', word.len) != NULL)
            print_quoted(buf, word);
        else
            dj_word_print(buf, word);
    }
}

void dj_items_print(struct dj_buf *buf, const struct dj_list *items)
{
    for (size_t i = 0; i < items->n; i++) {
        if (i > 0)
            dj_buf_adds(buf, ", ");
        dj_word_print(buf, dj_list_bytes(items, i));
    }
}
