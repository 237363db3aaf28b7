/*
 * Keys. The tables of PROTOCOL.md are read and every cell is computed again, so the document cannot
 * say what the code does not do. On a difference the row is printed as it should be.
 */
#include "lib/model/key.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/model/codec.h"
#include "lib/util/mem.h"
#include "tests/unit/model.h"

enum { CELLS = 6, WORDS = 8 };

/* ---- cells ------------------------------------------------------------------------------ */

static unsigned hex_byte(const char *digits)
{
    char two[3] = {digits[0], digits[1], '\0'};

    return (unsigned)strtoul(two, NULL, 16);
}

static void unescape(struct dj_buf *buf, const char *at, const char *end)
{
    while (at < end) {
        if (*at != '\\') {
            dj_buf_addc(buf, *at++);
        } else if (at[1] == 'x') {
            dj_buf_addc(buf, (int)hex_byte(at + 2));
            at += 4;
        } else {
            dj_buf_addc(buf, at[1] == 'n' ? '\n' : at[1]);
            at += 2;
        }
    }
}

/*
 * next_word(&at, word): the next `word` or ∅ of a cell; what stands before it is skipped, but a
 * text `stop` ends the search.
 */
static bool next_word(const char **at, const char *stop, struct dj_buf *word)
{
    static const char nothing[] = "∅";
    const size_t stop_len = strlen(stop);

    dj_buf_clear(word);
    for (; **at != '\0'; (*at)++) {
        if (stop_len != 0 && strncmp(*at, stop, stop_len) == 0)
            return false;
        if (strncmp(*at, nothing, strlen(nothing)) == 0) {
            *at += strlen(nothing);
            return true;
        }
        if (**at == '`') {
            const char *end = strchr(*at + 1, '`');

            unescape(word, *at + 1, end);
            *at = end + 1;
            return true;
        }
    }
    return false;
}

/* One alternative of a cell as words; *at is behind it and its " or ". */
static size_t take_words(const char **at, struct dj_buf *words)
{
    static const char or[] = " or ";
    size_t n = 0;

    while (n < WORDS && next_word(at, or, &words[n]))
        n++;
    if (strncmp(*at, or, strlen(or)) == 0)
        *at += strlen(or);
    return n;
}

/* `env.X`: a variable of the caller's, behind the parameters. */
static bool is_variable(const struct dj_buf *word)
{
    return dj_bytes_starts(dj_buf_bytes(word), DJ_BYTES_LIT("env."));
}

static void cell_variables(const char *cell, struct dj_params *ret)
{
    struct dj_buf word dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_list names = {0};

    while (next_word(&cell, "", &word)) {
        if (is_variable(&word))
            dj_list_add_bytes(&names, dj_bytes_from(dj_buf_bytes(&word), strlen("env.")));
    }
    dj_params_add_environment(ret, &names);
    dj_bytes_list_release(&names);
}

/* `n:json` parts `-.b`: what of it counts. */
static bool is_rules(const struct dj_buf *word)
{
    return word->len != 0 && strchr("-+=", word->data[0]) != NULL;
}

/* `n:int=5` ignored: a default, and what it is, behind it. */
static void cell_params(const char *cell, struct dj_params *ret)
{
    struct dj_buf list dj_cleanup_buf = DJ_BUF_INIT, word dj_cleanup_buf = DJ_BUF_INIT;
    const char *at = cell;

    while (next_word(&at, "", &word) && !is_variable(&word)) {
        if (!is_rules(&word))
            dj_buf_addf(&list, "%.*s ", (int)strcspn(dj_buf_str(&word), "="), dj_buf_str(&word));
    }
    params_of(ret, dj_buf_str(&list));
    at = cell;
    for (size_t i = 0; next_word(&at, "", &word) && !is_variable(&word); i++) {
        const char *sign = strchr(dj_buf_str(&word), '=');
        struct dj_param *param = &ret->items[i];

        if (is_rules(&word)) {
            if (dj_parts_parse(dj_buf_bytes(&word), &ret->items[--i].parts, NULL) != 0)
                bail_out("rules %s", dj_buf_str(&word));
            continue;
        }
        if (sign != NULL)
            set_default(ret, param->name, sign + 1);
        param->ignored = strncmp(at, " ignored", 8) == 0;
        param->has_absent = strncmp(at, " absent", 7) == 0;
        if (param->has_absent)
            dj_value_copy(&param->absent, &param->default_value);
    }
    cell_variables(cell, ret);
}

/* ---- the table of keys --------------------------------------------------------------------- */

struct row {
    char *task;
    struct dj_buf name;
    struct dj_buf key;
    char digest[DJ_DIGEST_HEX_SIZE];
};

static void row_release(struct row *row)
{
    dj_buf_release(&row->name);
    dj_buf_release(&row->key);
    free(row->task);
}

/* The digests of all rows so far: no two may be equal. */
static struct dj_list seen;

static bool is_new(const char *digest)
{
    for (size_t i = 0; i < seen.n; i++)
        if (dj_bytes_is(dj_list_bytes(&seen, i), digest))
            return false;
    dj_list_add_bytes(&seen, dj_bytes_of(digest));
    return true;
}

static void compute(struct row *row, const struct dj_params *params, const struct dj_buf *words,
                    size_t n)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_bytes bytes[WORDS];
    struct dj_digest digest;

    for (size_t i = 0; i < n; i++)
        bytes[i] = dj_buf_bytes(&words[i]);
    if (dj_args_bind(row->task, params, bytes, n, &args, &err) != 0)
        bail_out("a vector is refused: %s", err.text);
    resolve(&args);
    dj_buf_clear(&row->name);
    dj_buf_clear(&row->key);
    dj_name_canonical(&row->name, &args);
    dj_key_cbor(&row->key, row->task, &args);
    dj_key_digest(row->task, &args, &digest);
    dj_digest_hex(&digest, row->digest);
}

/* The name of a row read back: the same name, and the same key when no digest had to be cut. */
static void reads_back(const struct row *row, const struct dj_params *params)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT, key dj_cleanup_buf = DJ_BUF_INIT;

    if (dj_name_parse(row->task, params, dj_buf_bytes(&row->name), &args, NULL) != 0)
        bail_out("%s is not read", dj_buf_str(&row->name));
    dj_name_canonical(&name, &args);
    is_str(dj_buf_str(&name), dj_buf_str(&row->name), "%s reads back", dj_buf_str(&row->name));
    if (!dj_args_resolved(&args))
        return;
    dj_key_cbor(&key, row->task, &args);
    ok(dj_bytes_equal(dj_buf_bytes(&key), dj_buf_bytes(&row->key)), "with its key");
}

static void escape(struct dj_buf *buf, struct dj_bytes bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        const uint8_t byte = bytes.data[i];

        if (byte == '\n')
            dj_buf_adds(buf, "\\n");
        else if (byte == '\\')
            dj_buf_adds(buf, "\\\\");
        else if (byte < 0x20 || byte >= 0x7f)
            dj_buf_addf(buf, "\\x%02x", byte);
        else
            dj_buf_addc(buf, byte);
    }
}

static void check_key_row(char *cells[CELLS])
{
    struct row row DJ_CLEANUP(row_release) = {0};
    struct dj_params params dj_cleanup_params;
    struct dj_buf words[WORDS] = {0}, want dj_cleanup_buf = DJ_BUF_INIT,
                  hex dj_cleanup_buf = DJ_BUF_INIT, task dj_cleanup_buf = DJ_BUF_INIT;
    const char *at = cells[0];

    next_word(&at, "", &task);
    row.task = dj_xstrdup(dj_buf_str(&task));
    cell_params(cells[1], &params);
    at = cells[2];
    do {
        size_t n = take_words(&at, words);

        compute(&row, &params, words, n);
        dj_buf_clear(&want);
        dj_buf_adds(&want, "`");
        escape(&want, dj_buf_bytes(&row.name));
        dj_buf_adds(&want, "`");
        is_str(cells[3], dj_buf_str(&want), "name of %s", cells[2]);
        dj_buf_clear(&want);
        dj_buf_addf(&want, "`%s`", hex_of(dj_buf_bytes(&row.key), &hex));
        is_str(cells[4], dj_buf_str(&want), "key");
        dj_buf_clear(&want);
        dj_buf_addf(&want, "`%s`", row.digest);
        if (!is_str(cells[5], dj_buf_str(&want), "digest"))
            diag("row: | %s | %s | %s | `%s` | `%s` | `%s` |", cells[0], cells[1], cells[2],
                 dj_buf_str(&row.name), dj_buf_str(&hex), row.digest);
    } while (*at != '\0');
    ok(is_new(row.digest), "no row above has this key");
    reads_back(&row, &params);
    for (size_t i = 0; i < WORDS; i++)
        dj_buf_release(&words[i]);
}

/* ---- the tables of spellings and of what is refused ----------------------------------------- */

static int parse_spelling(const struct dj_params *params, const struct dj_buf *spelling,
                          struct dj_buf *ret_name, struct dj_err *err)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    int r = dj_name_parse("f", params, dj_buf_bytes(spelling), &args, err);

    if (r != 0)
        return r;
    resolve(&args);
    dj_name_canonical(ret_name, &args);
    return 0;
}

static void check_spelling_row(char *cells[CELLS])
{
    struct dj_params params dj_cleanup_params;
    struct dj_buf spelling dj_cleanup_buf = DJ_BUF_INIT, want dj_cleanup_buf = DJ_BUF_INIT;
    const char *at = cells[2];

    cell_params(cells[0], &params);
    next_word(&at, "", &want);
    at = cells[1];
    while (next_word(&at, "", &spelling)) {
        struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT;

        is_int(parse_spelling(&params, &spelling, &name, NULL), 0, "%s is read",
               dj_buf_str(&spelling));
        is_str(dj_buf_str(&name), dj_buf_str(&want), "as %s", cells[2]);
    }
}

static void check_refused_row(char *cells[CELLS])
{
    struct dj_params params dj_cleanup_params;
    struct dj_buf spelling dj_cleanup_buf = DJ_BUF_INIT, name dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    const char *at = cells[1];

    cell_params(cells[0], &params);
    next_word(&at, "", &spelling);
    is_int(parse_spelling(&params, &spelling, &name, &err),
           strcmp(cells[2], "ENOENT") == 0 ? -ENOENT : -EINVAL, "%s is refused", cells[1]);
    is_str(cells[3], err.text, "with this sentence");
}

/* ---- the document ------------------------------------------------------------------------- */

struct table {
    const char *heading;
    void (*check)(char *cells[CELLS]);
    unsigned at_least;
    unsigned rows;
};

static struct table tables[] = {
    {"### Keys", check_key_row, 80, 0},
    {"### Spellings", check_spelling_row, 20, 0},
    {"### Refused", check_refused_row, 15, 0},
};

/* "| a | b |" into cells, in place; false for a line that is no row. */
static bool split_cells(char *line, char *cells[CELLS])
{
    size_t n = 0;

    if (strncmp(line, "| `", 3) != 0 && strncmp(line, "| *none*", 8) != 0)
        return false;
    for (char *at = line + 2; n < CELLS;) {
        char *end = strstr(at, " |");

        if (end == NULL)
            break;
        *end = '\0';
        cells[n++] = at;
        if (end[2] == '\0')
            break;
        at = end + 3;
    }
    while (n < CELLS)
        cells[n++] = line + strlen(line);
    return true;
}

static void check_document(FILE *file)
{
    struct table *table = NULL;
    char *line = NULL, *cells[CELLS];
    size_t cap = 0;

    while (getline(&line, &cap, file) >= 0) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#') {
            table = NULL;
            for (size_t i = 0; i < DJ_ARRAY_SIZE(tables); i++)
                if (strcmp(line, tables[i].heading) == 0)
                    table = &tables[i];
        }
        if (table != NULL && split_cells(line, cells)) {
            table->check(cells);
            table->rows++;
        }
    }
    free(line);
    for (size_t i = 0; i < DJ_ARRAY_SIZE(tables); i++)
        ok(tables[i].rows >= tables[i].at_least, "%s has %u rows", tables[i].heading,
           tables[i].rows);
}

/* ---- what no table can say ----------------------------------------------------------------- */

static void key_of(const char *params_text, const char *word, struct dj_digest *ret)
{
    struct dj_params params dj_cleanup_params;
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_bytes words[2];
    const char *blank = strchr(word, ' ');

    params_of(&params, params_text);
    words[0] = blank == NULL ? dj_bytes_of(word) : dj_bytes(word, (size_t)(blank - word));
    words[1] = dj_bytes_of(blank == NULL ? NULL : blank + 1);
    if (dj_args_bind("f", &params, words, blank == NULL ? 1 : 2, &args, NULL) != 0)
        bail_out("no arguments");
    dj_key_digest("f", &args, ret);
}

static void test_order_of_parameters(void)
{
    struct dj_digest a, b;

    key_of("a:int, b:int", "3 4", &a);
    key_of("b:int, a:int", "4 3", &b);
    ok(dj_digest_equal(&a, &b), "the order in which parameters are declared does not count");
    key_of("b:int, a:int", "3 4", &b);
    ok(!dj_digest_equal(&a, &b), "their names do");
}

static void test_types_apart(void)
{
    static const char *const types[] = {"x", "x:int", "x:float", "x:json", "x:str*", "x:int*",
                                        "x:float*", "x:json*"};
    struct dj_digest digests[DJ_ARRAY_SIZE(types)];
    unsigned equal = 0;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(types); i++) {
        key_of(types[i], "1", &digests[i]);
        for (size_t j = 0; j < i; j++)
            equal += dj_digest_equal(&digests[i], &digests[j]);
    }
    is_int(equal, 0, "the text 1 has a key of its own in each type");
}

int main(void)
{
    const char *folder = getenv("DJ_SRCDIR");
    char path[4096];
    FILE *file;

    snprintf(path, sizeof(path), "%s/PROTOCOL.md", folder == NULL ? "." : folder);
    file = fopen(path, "re");
    if (file == NULL)
        bail_out("%s cannot be opened", path);
    check_document(file);
    fclose(file);
    test_order_of_parameters();
    test_types_apart();
    dj_bytes_list_release(&seen);
    return tap_done();
}
