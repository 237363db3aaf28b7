/*
 * As a command line: what is split, printed and split again is the same words. As words separated
 * by NUL bytes: they survive printing and splitting. Both also as items of a list.
 */
#include "lib/model/words.h"

#include "tests/fuzz/fuzz.h"

typedef int split_fn(struct dj_bytes, struct dj_list *, struct dj_err *);
typedef void print_fn(struct dj_buf *, const struct dj_list *);

static void check(const struct dj_list *words, split_fn *split, print_fn *print)
{
    struct dj_list again = {NULL, 0, 0};
    struct dj_buf text = DJ_BUF_INIT;

    print(&text, words);
    must(split(dj_buf_bytes(&text), &again, NULL) == 0);
    must(again.n == words->n);
    for (size_t i = 0; i < words->n; i++)
        must(dj_bytes_equal(dj_list_bytes(words, i), dj_list_bytes(&again, i)));
    dj_bytes_list_release(&again);
    dj_buf_release(&text);
}

static void as_line(struct dj_bytes text, split_fn *split, print_fn *print)
{
    struct dj_err err = DJ_ERR_INIT;
    struct dj_list words = {NULL, 0, 0};
    int code = split(text, &words, &err);

    must((code == 0) == (err.text == NULL));
    if (code == 0)
        check(&words, split, print);
    dj_bytes_list_release(&words);
    dj_err_release(&err);
}

static void as_words(struct dj_bytes text, struct dj_list *ret)
{
    while (text.len > 0) {
        const uint8_t *end = memchr(text.data, '\0', text.len);
        size_t len = end == NULL ? text.len : (size_t)(end - text.data);

        dj_list_add_bytes(ret, dj_bytes(text.data, len));
        text = dj_bytes_from(text, end == NULL ? len : len + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_bytes text = dj_bytes(data, size);
    struct dj_list words = {NULL, 0, 0};

    as_line(text, dj_words_split, dj_words_print);
    as_line(text, dj_items_split, dj_items_print);
    as_words(text, &words);
    check(&words, dj_words_split, dj_words_print);
    check(&words, dj_items_split, dj_items_print);
    dj_bytes_list_release(&words);
    return 0;
}
