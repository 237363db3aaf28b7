#include "lib/util/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory, size_t size)
{
    if (memory == NULL && size != 0) {
        fprintf(stderr, "djfs: no memory for %zu bytes\n", size);
        abort();
    }
    return memory;
}

void *dj_xmalloc(size_t size)
{
    return checked(malloc(size == 0 ? 1 : size), size);
}

void *dj_xcalloc(size_t count, size_t size)
{
    return checked(calloc(count == 0 ? 1 : count, size == 0 ? 1 : size), size);
}

void *dj_xrealloc(void *old, size_t size)
{
    return checked(realloc(old, size == 0 ? 1 : size), size);
}

enum { FIRST_BYTES = 48 };

void *dj_xgrow(void *array, size_t *cap, size_t want, size_t size)
{
    size_t grown, bytes;

    if (want <= *cap)
        return array;
    /* Most strings and lists stay short, and a list of one large element costs no more. */
    grown = *cap + *cap / 2;
    if (grown * size < FIRST_BYTES)
        grown = FIRST_BYTES / size;
    if (grown < want)
        grown = want;
    if (__builtin_mul_overflow(grown, size, &bytes))
        return checked(NULL, (size_t)-1);
    *cap = grown;
    return dj_xrealloc(array, bytes);
}

char *dj_xstrdup(const char *text)
{
    return dj_xmemdup(text, strlen(text) + 1);
}

void *dj_xmemdup(const void *data, size_t size)
{
    void *copy = dj_xmalloc(size);

    if (size != 0)
        memcpy(copy, data, size);
    return copy;
}

char *dj_xmemdup0(const void *data, size_t size)
{
    char *copy = dj_xmalloc(size + 1);

    if (size != 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

void dj_freep(void *pointer_to_pointer)
{
    void **pointer = pointer_to_pointer;

    free(*pointer);
    *pointer = NULL;
}
