#include "lib/model/words.h"

#include <errno.h>

#include "tests/unit/tap.h"

#define cleanup_list DJ_CLEANUP(dj_bytes_list_release)

/* The words as <a><b>, NULL when the text is refused. */
static const char *split(const char *text, bool items)
{
    static struct dj_buf shown;
    cleanup_list struct dj_list words = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = (items ? dj_items_split : dj_words_split)(dj_bytes_of(text), &words, &err);

    dj_buf_clear(&shown);
    dj_buf_adds(&shown, "");
    if (code != 0) {
        ok(code == -EINVAL && err.text != NULL, "%s", dj_err_text(&err, code));
        return NULL;
    }
    for (size_t i = 0; i < words.n; i++) {
        dj_buf_addc(&shown, '<');
        dj_buf_add_bytes(&shown, dj_list_bytes(&words, i));
        dj_buf_addc(&shown, '>');
    }
    return dj_buf_str(&shown);
}

static void splitting(void)
{
    is_str(split("", false), "", "nothing");
    is_str(split(" \t\n", false), "", "blanks only");
    is_str(split("./a.sh {n}  --x=1\tb\nc", false), "<./a.sh><{n}><--x=1><b><c>", "blanks");
    is_str(split("sh -c 'echo \"$1\"; ls \\*' sh", false), "<sh><-c><echo \"$1\"; ls \\*><sh>",
           "single quotes keep everything");
    is_str(split("\"a \\\"b\\\" \\\\ \\n $x\"", false), "<a \"b\" \\ \\n $x>",
           "a backslash in double quotes");
    is_str(split("a\\ b \\'c \\\\", false), "<a b><'c><\\>", "a backslash outside");
    is_str(split("a\\\nb \\\n c", false), "<ab><c>", "a backslash joins lines");
    is_str(split("'' \"\" x''y", false), "<><><xy>", "empty words");
    is_str(split("a'b'\"c\"d", false), "<abcd>", "parts of one word");
    is_str(split("# ; | > * ? ~ a,b", false), "<#><;><|><>><*><?><~><a,b>", "no other meaning");
    is_str(split("'a b", false), NULL, "an open single quote");
    is_str(split("\"a\\\"", false), NULL, "an open double quote");
    is_str(split("a \\", false), NULL, "a backslash at the end");
    is_str(split("a, b,,c 'd,e' f\\,g", true), "<a><b><c><d,e><f,g>", "items");
}

static void print_one(const char *word, const char *want)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;

    dj_word_print(&buf, dj_bytes_of(word));
    is_str(dj_buf_str(&buf), want, "printed: %s", want);
}

static void printing(void)
{
    print_one("./factorial.sh", "./factorial.sh");
    print_one("{n}", "{n}");
    print_one("--x={y@}", "--x={y@}");
    print_one("", "''");
    print_one("a b", "'a b'");
    print_one("it's", "'it'\\''s'");
    print_one("{x?--flag}", "'{x?--flag}'");
    print_one("{a,b}", "'{a,b}'");
    print_one("{1..3}", "'{1..3}'");
    print_one("../x", "../x");
    print_one("{", "'{'");
    print_one("#x", "'#x'");
    print_one("$HOME", "'$HOME'");
}

/* Words with every byte but NUL survive printing, splitting and a real shell. */
static void round_trip(void)
{
    cleanup_list struct dj_list words = {NULL, 0, 0}, again = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT, command = DJ_BUF_INIT;
    char got[1024];
    size_t len = 0;
    bool same = true;
    FILE *shell;

    dj_list_add_bytes(&words, DJ_BYTES_LIT("printf"));
    dj_list_add_bytes(&words, DJ_BYTES_LIT("%s|"));
    for (int from = 1; from < 256; from += 15) {
        struct dj_buf *word = dj_list_add(&words, sizeof(*word));

        for (int byte = from; byte < from + 15 && byte < 256; byte++)
            dj_buf_addc(word, byte);
    }
    dj_list_add_bytes(&words, DJ_BYTES_LIT("{a..c}"));
    dj_list_add_bytes(&words, DJ_BYTES_LIT(""));
    dj_list_add_bytes(&words, DJ_BYTES_LIT("~"));
    dj_words_print(&text, &words);
    is_int(dj_words_split(dj_buf_bytes(&text), &again, NULL), 0, "what is printed can be split");
    is_int((intmax_t)again.n, (intmax_t)words.n, "into as many words");
    for (size_t i = 0; i < words.n; i++)
        same = same && dj_bytes_equal(dj_list_bytes(&words, i), dj_list_bytes(&again, i));
    ok(same, "the same words");

    setenv("TEXT", dj_buf_str(&text), 1);
    shell = popen("LC_ALL=C bash -c \"$TEXT\"", "r");
    if (shell == NULL)
        bail_out("popen: %m");
    len = fread(got, 1, sizeof(got), shell);
    pclose(shell);
    for (size_t i = 2; i < words.n; i++) {
        dj_buf_add_bytes(&command, dj_list_bytes(&words, i));
        dj_buf_addc(&command, '|');
    }
    is_bytes(got, len, command.data, command.len, "bash reads the same arguments");

    dj_buf_clear(&text);
    dj_bytes_list_release(&words);
    dj_list_add_bytes(&words, DJ_BYTES_LIT("a=b"));
    dj_list_add_bytes(&words, DJ_BYTES_LIT("a=b"));
    dj_words_print(&text, &words);
    is_str(dj_buf_str(&text), "'a=b' a=b", "a first word with = is no assignment");
}

static void item_round_trip(void)
{
    cleanup_list struct dj_list items = {NULL, 0, 0}, again = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_list_add_bytes(&items, DJ_BYTES_LIT("a,b"));
    dj_list_add_bytes(&items, DJ_BYTES_LIT("c d"));
    dj_items_print(&text, &items);
    is_str(dj_buf_str(&text), "'a,b', 'c d'", "items are quoted");
    ok(dj_items_split(dj_buf_bytes(&text), &again, NULL) == 0 && again.n == 2 &&
           dj_bytes_is(dj_list_bytes(&again, 0), "a,b"),
       "and read back");
}

int main(void)
{
    splitting();
    printing();
    round_trip();
    item_round_trip();
    return tap_done();
}
