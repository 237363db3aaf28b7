/* Lines in which two texts differ. */
#include "cli/diff.h"
#include "lib/util/buf.h"
#include "tests/unit/tap.h"

static void differ(const char *old, const char *new, const char *want)
{
    char text[4096] = "";
    FILE *out = fmemopen(text, sizeof(text), "w");
    bool differs = dj_diff(out, dj_bytes_of(old), dj_bytes_of(new));

    fclose(out);
    is_str(text, want, "from %zu bytes to %zu", strlen(old), strlen(new));
    ok(differs == (strcmp(old, new) != 0), "%s", differs ? "they differ" : "they are equal");
}

static void many_lines(void)
{
    dj_cleanup_buf struct dj_buf old = DJ_BUF_INIT, new = DJ_BUF_INIT;
    char *text = NULL;
    size_t size, lines = 0;
    FILE *out = open_memstream(&text, &size);

    for (int i = 0; i < 3000; i++) {
        dj_buf_addf(&old, "old %d\n", i);
        dj_buf_addf(&new, "new %d\n", i);
    }
    ok(dj_diff(out, dj_buf_bytes(&old), dj_buf_bytes(&new)), "very many lines differ");
    fclose(out);
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    is_int((intmax_t)lines, 6000, "and all are shown");
    free(text);
}

int main(void)
{
    differ("", "", "");
    differ("a\nb\n", "a\nb\n", "");
    differ("a\nb\nc\n", "a\nx\nc\n", "-b\n+x\n");
    differ("", "a\n", "+a\n");
    differ("a\n", "", "-a\n");
    differ("a\nb\nc\nd\n", "b\nc\nd\ne\n", "-a\n+e\n");
    differ("k 1\na\nm 1\n", "k 2\na\nm 2\n", "-k 1\n+k 2\n-m 1\n+m 2\n");
    differ("a\na\n", "a\n", "-a\n");
    many_lines();
    return tap_done();
}
