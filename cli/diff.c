#include "cli/diff.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/codec.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { CELLS_MAX = 4 << 20 };

struct lines {
    struct dj_bytes *at;
    size_t n, cap;
};

static void split(struct dj_bytes text, struct lines *ret)
{
    struct dj_bytes line;

    while (dj_next_line(&text, &line)) {
        ret->at = dj_xgrow(ret->at, &ret->cap, ret->n + 1, sizeof(*ret->at));
        ret->at[ret->n++] = line;
    }
}

static void print(FILE *out, char sign, struct dj_bytes line)
{
    putc(sign, out);
    fwrite(line.data, 1, line.len, out);
    putc('\n', out);
}

/* longest[i * (m + 1) + j]: how many lines old[i..] and new[j..] have in common, in their order. */
static uint32_t *common(const struct dj_bytes *old, size_t n, const struct dj_bytes *new, size_t m)
{
    uint32_t *longest = dj_xcalloc((n + 1) * (m + 1), sizeof(*longest));

    for (size_t i = n; i-- > 0;) {
        for (size_t j = m; j-- > 0;) {
            const uint32_t *below = &longest[(i + 1) * (m + 1) + j];
            uint32_t right = longest[i * (m + 1) + j + 1];

            longest[i * (m + 1) + j] =
                dj_bytes_equal(old[i], new[j]) ? below[1] + 1 : DJ_MAX(*below, right);
        }
    }
    return longest;
}

static void print_middle(FILE *out, const struct dj_bytes *old, size_t n,
                         const struct dj_bytes *new, size_t m)
{
    uint32_t *longest = n != 0 && m <= CELLS_MAX / (n + 1) ? common(old, n, new, m) : NULL;
    size_t i = 0, j = 0;

    while (i < n || j < m) {
        if (longest != NULL && i < n && j < m && dj_bytes_equal(old[i], new[j])) {
            i++;
            j++;
        } else if (i < n && (j == m || longest == NULL ||
                             longest[(i + 1) * (m + 1) + j] >= longest[i * (m + 1) + j + 1])) {
            print(out, '-', old[i++]);
        } else {
            print(out, '+', new[j++]);
        }
    }
    free(longest);
}

bool dj_diff(FILE *out, struct dj_bytes old, struct dj_bytes new)
{
    struct lines a = {NULL, 0, 0}, b = {NULL, 0, 0};
    size_t begin = 0, end = 0;

    split(old, &a);
    split(new, &b);
    while (begin < a.n && begin < b.n && dj_bytes_equal(a.at[begin], b.at[begin]))
        begin++;
    while (end < a.n - begin && end < b.n - begin &&
           dj_bytes_equal(a.at[a.n - 1 - end], b.at[b.n - 1 - end]))
        end++;
    print_middle(out, a.at + begin, a.n - begin - end, b.at + begin, b.n - begin - end);
    free(a.at);
    free(b.at);
    return !dj_bytes_equal(old, new);
}
