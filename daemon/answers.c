/*
 * Two tables: what is asked for moves to the young one; when that has half of the bytes it becomes
 * the old one, and the old one goes.
 *
 * The tables are our own, since there may be hundreds of thousands of entries: the handle of uthash
 * alone would take as much as a short one. Nobody but the daemon's user chooses the keys.
 */
#include "daemon/answers.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/keys.h"
#include "lib/util/mem.h"

struct entry {
    struct entry *next; /* of the same bucket */
    struct dj_basis basis;
    uint32_t hash;
    uint32_t key_len, run_len, content_len;
    uint8_t data[]; /* these three */
};

struct table {
    struct entry **buckets; /* a power of two, or none */
    size_t size, n;
};

struct dj_answers {
    struct table young, old;
    size_t bytes, max_bytes; /* of the young ones */
    struct dj_buf key;
    uint32_t hash;           /* of it */
};

enum {
    ENTRY_MORE = 24, /* what the table and malloc take for each, about */
    LARGEST = 1024,  /* an entry may have that part of all */
    BUCKETS_FIRST = 64,
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

/* ---- a table --------------------------------------------------------------------------------- */

static uint32_t hash_of(struct dj_bytes key)
{
    uint64_t hash = key.len, word;

    for (size_t at = 0; at < key.len; at += sizeof(word)) {
        word = 0;
        memcpy(&word, key.data + at, DJ_MIN(sizeof(word), key.len - at));
        hash = (hash ^ word) * 0x9e3779b97f4a7c15;
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

static void put_in(struct table *table, struct entry *entry)
{
    struct entry **bucket = &table->buckets[entry->hash & (table->size - 1)];

    entry->next = *bucket;
    *bucket = entry;
}

static void make_room(struct table *table)
{
    struct table larger = {.size = table->size == 0 ? BUCKETS_FIRST : 2 * table->size,
                           .n = table->n};

    if (table->n < table->size)
        return;
    larger.buckets = dj_xcalloc(larger.size, sizeof(*larger.buckets));
    for (size_t i = 0; i < table->size; i++) {
        struct entry *entry, *next;

        for (entry = table->buckets[i]; entry != NULL; entry = next) {
            next = entry->next;
            put_in(&larger, entry);
        }
    }
    free(table->buckets);
    *table = larger;
}

static void drop(struct table *table)
{
    for (size_t i = 0; i < table->size; i++) {
        struct entry *entry, *next;

        for (entry = table->buckets[i]; entry != NULL; entry = next) {
            next = entry->next;
            free(entry);
        }
    }
    free(table->buckets);
    *table = (struct table){0};
}

/* Where the entry of answers->key hangs; NULL: there is none. */
static struct entry **look(const struct dj_answers *answers, const struct table *table)
{
    struct entry **at;

    if (table->size == 0)
        return NULL;
    for (at = &table->buckets[answers->hash & (table->size - 1)]; *at != NULL; at = &(*at)->next) {
        if ((*at)->hash == answers->hash && (*at)->key_len == answers->key.len &&
            memcmp((*at)->data, answers->key.data, answers->key.len) == 0)
            return at;
    }
    return NULL;
}

static struct entry *take_out(struct table *table, struct entry **at)
{
    struct entry *entry = *at;

    *at = entry->next;
    table->n--;
    return entry;
}

/* ---- both ------------------------------------------------------------------------------------ */

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
    answers->hash = hash_of(dj_buf_bytes(&answers->key));
}

static void add(struct dj_answers *answers, struct entry *entry)
{
    if (answers->bytes + size_of(entry) > answers->max_bytes / 2) {
        drop(&answers->old);
        answers->old = answers->young;
        answers->young = (struct table){0};
        answers->bytes = 0;
    }
    make_room(&answers->young);
    put_in(&answers->young, entry);
    answers->young.n++;
    answers->bytes += size_of(entry);
}

bool dj_answers_find(struct dj_answers *answers, uint32_t task, bool named,
                     const struct dj_list *words, struct dj_answer *ret)
{
    struct entry *entry, **at;

    if (answers->young.n == 0 && answers->old.n == 0)
        return false;
    set_key(answers, task, named, words);
    at = look(answers, &answers->young);
    if (at != NULL) {
        entry = *at;
    } else {
        at = look(answers, &answers->old);
        if (at == NULL)
            return false;
        entry = take_out(&answers->old, at);
        add(answers, entry);
    }
    *ret = (struct dj_answer){entry->basis, dj_bytes(entry->data + entry->key_len, entry->run_len),
                              dj_bytes(entry->data + entry->key_len + entry->run_len,
                                       entry->content_len)};
    return true;
}

static void forget(struct dj_answers *answers)
{
    struct entry **young = look(answers, &answers->young), **old = look(answers, &answers->old);

    if (young != NULL) {
        answers->bytes -= size_of(*young);
        free(take_out(&answers->young, young));
    }
    if (old != NULL)
        free(take_out(&answers->old, old));
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
    entry->hash = answers->hash;
    entry->key_len = (uint32_t)key.len;
    entry->run_len = (uint32_t)answer->run.len;
    entry->content_len = (uint32_t)answer->content.len;
    put(put(put(entry->data, key), answer->run), answer->content);
    add(answers, entry);
}
