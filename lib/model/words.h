/*
 * Command lines as words, and back.
 *
 * Words are separated by blanks and newlines. '…' is taken as it is; in "…" a backslash has a
 * meaning before " and \ only (everywhere else it stays); outside of quotes a backslash takes the
 * next byte as it is, and one before a newline joins the lines. Nothing else has a meaning: no $,
 * no *, no #, no ;. Printing quotes only what needs it, so that splitting gives the same words
 * again and a shell reads the same arguments, too. Pure.
 */
#ifndef DJ_MODEL_WORDS_H
#define DJ_MODEL_WORDS_H

#include "lib/model/codec.h"

/* dj_words_split(text, ret, err): appends struct dj_buf words; -EINVAL for an open quote. */
int dj_words_split(struct dj_bytes text, struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_items_split(), dj_items_print(): for lists, where an unquoted comma separates, too. */
int dj_items_split(struct dj_bytes text, struct dj_list *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_items_print(struct dj_buf *buf, const struct dj_list *items);

/* dj_word_print(buf, word): one word, quoted when it has to be. */
void dj_word_print(struct dj_buf *buf, struct dj_bytes word);

/* dj_words_print(buf, words): all of them with single blanks between. */
void dj_words_print(struct dj_buf *buf, const struct dj_list *words);

#endif
