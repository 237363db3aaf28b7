/*
 * Two tables: what is asked for moves to the young one; when that has half of the bytes it becomes
 * the old one, and the old one goes.
 */
#include "daemon/answers.h"

#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "daemon/keys.h"
#include "lib/util/mem.h"

struct entry {
    struct dj_basis basis;
    UT_hash_handle hh;
    size_t key_len, run_len, content_len;
    uint8_t data[]; /* these three */
};

struct dj_answers {
    struct entry *young, *old;
    size_t bytes, max_bytes; /* of the young ones */
    struct dj_buf key;
};

enum {
    ENTRY_MORE = 32, /* what the table and malloc take for each, about */
    LARGEST = 1024,  /* an entry may have that part of all */
};

struct dj_answers *dj_answers_new(size_t max_bytes)
{
    struct dj_answers *answers = dj_xcalloc(1, sizeof(*answers));

    answers->max_bytes = max_bytes;
    return answers;
}

static size_t size_of(const struct entry *entry)
{
    return sizeof(*entry) + ENTRY_MORE + entry->key_len + entry->run_len + entry->content_len;
}

static void drop(struct entry **table)
{
    struct entry *entry, *next;

    HASH_ITER(hh, *table, entry, next)
    {
        HASH_DEL(*table, entry);
        free(entry);
    }
}

void dj_answers_free(struct dj_answers *answers)
{
    if (answers == NULL)
        return;
    drop(&answers->young);
    drop(&answers->old);
    dj_buf_release(&answers->key);
    free(answers);
}

/* One form for each list of words: every one has its length before it. */
static void set_key(struct dj_answers *answers, uint32_t task, bool named,
                    const struct dj_list *words)
{
    dj_buf_clear(&answers->key);
    dj_put64(&answers->key, (uint64_t)task << 1 | named);
    for (size_t i = 0; i < words->n; i++) {
        struct dj_bytes word = dj_buf_bytes(&DJ_LIST_AT(words, struct dj_part_word, i)->bytes);

        dj_put64(&answers->key, word.len);
        dj_buf_add_bytes(&answers->key, word);
    }
}

static struct entry *look(struct entry *table, const struct dj_buf *key)
{
    struct entry *entry;

    HASH_FIND(hh, table, key->data, key->len, entry);
    return entry;
}

static void add(struct dj_answers *answers, struct entry *entry)
{
    if (answers->bytes + size_of(entry) > answers->max_bytes / 2) {
        drop(&answers->old);
        answers->old = answers->young;
        answers->young = NULL;
        answers->bytes = 0;
    }
    HASH_ADD_KEYPTR(hh, answers->young, entry->data, entry->key_len, entry);
    answers->bytes += size_of(entry);
}

bool dj_answers_find(struct dj_answers *answers, uint32_t task, bool named,
                     const struct dj_list *words, struct dj_answer *ret)
{
    struct entry *entry;

    if (answers->young == NULL && answers->old == NULL)
        return false;
    set_key(answers, task, named, words);
    entry = look(answers->young, &answers->key);
    if (entry == NULL) {
        entry = look(answers->old, &answers->key);
        if (entry == NULL)
            return false;
        HASH_DEL(answers->old, entry);
        add(answers, entry);
    }
    *ret = (struct dj_answer){entry->basis, dj_bytes(entry->data + entry->key_len, entry->run_len),
                              dj_bytes(entry->data + entry->key_len + entry->run_len,
                                       entry->content_len)};
    return true;
}

static void forget(struct dj_answers *answers)
{
    struct entry *young = look(answers->young, &answers->key);
    struct entry *old = look(answers->old, &answers->key);

    if (young != NULL) {
        answers->bytes -= size_of(young);
        HASH_DEL(answers->young, young);
        free(young);
    }
    if (old != NULL) {
        HASH_DEL(answers->old, old);
        free(old);
    }
}

static uint8_t *put(uint8_t *at, struct dj_bytes bytes)
{
    if (bytes.len != 0)
        memcpy(at, bytes.data, bytes.len);
    return at + bytes.len;
}

void dj_answers_keep(struct dj_answers *answers, uint32_t task, bool named,
                     const struct dj_list *words, const struct dj_answer *answer)
{
    struct dj_bytes key;
    struct entry *entry;
    size_t len;

    set_key(answers, task, named, words);
    forget(answers);
    key = dj_buf_bytes(&answers->key);
    len = key.len + answer->run.len + answer->content.len;
    if (len > answers->max_bytes / LARGEST)
        return;
    entry = dj_xcalloc(1, sizeof(*entry) + len);
    entry->basis = answer->basis;
    entry->key_len = key.len;
    entry->run_len = answer->run.len;
    entry->content_len = answer->content.len;
    put(put(put(entry->data, key), answer->run), answer->content);
    add(answers, entry);
}
