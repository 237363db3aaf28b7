/*
 * Changes raw records of a store that no daemon has open, so that a check has something to find.
 *
 *     store-edit DIR list [KEY]            keys that begin so, a line each
 *     store-edit DIR delete KEY
 *     store-edit DIR put KEY VALUE         VALUE: a number (64 bits), x and hex digits, or =text
 *     store-edit DIR copy KEY KEY          the value of one record under another key
 *     store-edit DIR set KEY FIELD NUMBER  one number in a record
 *     store-edit DIR flip KEY              one bit in the middle of a value
 *
 * A KEY is its letter and what is behind it, each part behind a colon: a number of 64 bits, tN for
 * one of 32, x and hex digits, =text: I:12, D:3:12, L:t1:=5, M:=runs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/keys.h"
#include "daemon/store.h"
#include "lib/model/records.h"

static void die(const char *what)
{
    fprintf(stderr, "store-edit: %s\n", what);
    exit(1);
}

static void add_hex(struct dj_buf *buf, const char *text)
{
    unsigned byte;

    for (; text[0] != '\0' && text[1] != '\0'; text += 2) {
        if (sscanf(text, "%2x", &byte) != 1)
            die("not hex digits");
        dj_buf_addc(buf, (int)byte);
    }
}

static void add_part(struct dj_buf *buf, const char *text)
{
    uint64_t number;

    if (text[0] == 'x') {
        add_hex(buf, text + 1);
    } else if (text[0] == '=') {
        dj_buf_adds(buf, text + 1);
    } else if (text[0] == 't') {
        number = strtoull(text + 1, NULL, 10);
        for (int shift = 24; shift >= 0; shift -= 8)
            dj_buf_addc(buf, (int)(number >> shift & 0xff));
    } else {
        dj_put64(buf, strtoull(text, NULL, 10));
    }
}

static void read_key(struct dj_buf *buf, char *text)
{
    char *part = strchr(text, ':');

    dj_buf_addc(buf, text[0]);
    while (part != NULL) {
        char *next = strchr(part + 1, ':');

        if (next != NULL)
            *next = '\0';
        add_part(buf, part + 1);
        part = next;
    }
}

static void list(struct dj_store *store, struct dj_bytes from)
{
    dj_cleanup_buf struct dj_buf to = DJ_BUF_INIT;
    struct dj_store_iter *iter;

    dj_key_after(&to, from);
    iter = dj_store_iter_new(store, from, dj_buf_bytes(&to));
    while (dj_store_iter_next(iter)) {
        struct dj_bytes key = dj_store_iter_key(iter);

        printf("%c:x", key.data[0]);
        for (size_t i = 1; i < key.len; i++)
            printf("%02x", key.data[i]);
        putchar('\n');
    }
    dj_store_iter_free(iter);
}

static const struct dj_layout *layout_of(char kind)
{
    switch (kind) {
    case 'T': return &dj_layout_task;
    case 'C': return &dj_layout_call;
    case 'I': return &dj_layout_instance;
    case 'A': return &dj_layout_live;
    case 'P': return &dj_layout_premise;
    default: die("records of that kind have no numbers"); return NULL;
    }
}

static void set_field(struct dj_buf *value, char kind, const char *name, uint64_t number)
{
    const struct dj_layout *layout = layout_of(kind);
    char *object = calloc(1, layout->size);

    if (dj_codec_decode(layout, dj_buf_bytes(value), object, NULL) < 0)
        die("the record cannot be decoded");
    for (size_t i = 0; i < layout->n; i++) {
        if (strcmp(layout->fields[i].name, name) == 0 && layout->fields[i].kind == DJ_FIELD_UINT)
            memcpy(object + layout->fields[i].offset, &number, sizeof(number));
    }
    dj_buf_clear(value);
    dj_codec_encode(value, layout, object);
    dj_codec_release(layout, object);
    free(object);
}

static void change(struct dj_store *store, const char *verb, struct dj_buf *key, int argc,
                   char **argv)
{
    dj_cleanup_buf struct dj_buf value = DJ_BUF_INIT, other = DJ_BUF_INIT;
    struct dj_store_batch *batch = dj_store_batch_new();
    bool had = dj_store_get(store, dj_buf_bytes(key), &value) == 0;

    if (!had && strcmp(verb, "put") != 0)
        die("there is no such record");
    if (strcmp(verb, "put") == 0) {
        dj_buf_clear(&value);
        add_part(&value, argv[0]);
    } else if (strcmp(verb, "copy") == 0 && argc == 1) {
        read_key(&other, argv[0]);
        dj_buf_set(key, dj_buf_bytes(&other));
    } else if (strcmp(verb, "set") == 0 && argc == 2) {
        set_field(&value, (char)key->data[0], argv[0], strtoull(argv[1], NULL, 10));
    } else if (strcmp(verb, "flip") == 0) {
        value.data[value.len / 2] ^= 1;
    } else if (strcmp(verb, "delete") != 0) {
        die("no such verb");
    }
    if (strcmp(verb, "delete") == 0)
        dj_store_batch_delete(batch, dj_buf_bytes(key));
    else
        dj_store_batch_put(batch, dj_buf_bytes(key), dj_buf_bytes(&value));
    if (dj_store_write(store, batch, NULL) < 0)
        die("the store cannot be written");
    dj_store_batch_free(batch);
}

int main(int argc, char **argv)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_store *store;

    if (argc < 3)
        die("which store, and what to do?");
    if (dj_store_open_rocksdb(argv[1], &store, &err) < 0)
        die(err.text);
    if (argc > 3)
        read_key(&key, argv[3]);
    if (strcmp(argv[2], "list") == 0)
        list(store, dj_buf_bytes(&key));
    else if (argc > 3)
        change(store, argv[2], &key, argc - 4, argv + 4);
    dj_store_close(store);
    return 0;
}
