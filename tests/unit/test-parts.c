/* Rules about parts of json values: lists of them, what they leave of a value, names and keys. */
#include "lib/model/parts.h"

#include <errno.h>

#include "lib/model/definition.h"
#include "lib/model/taskfile.h"
#include "lib/util/mem.h"
#include "tests/unit/model.h"

/* ---- one parameter with rules ---------------------------------------------------------------- */

static int rules_of(struct dj_params *params, const char *ignore, const char *keep,
                    const char *depend, struct dj_err *err)
{
    int rc = dj_params_ignore("f", params, dj_bytes_of(ignore), err);

    if (rc == 0 && *keep != '\0')
        rc = dj_params_keep("f", params, dj_bytes_of(keep), err);
    if (rc == 0)
        rc = dj_params_depend("f", params, dj_bytes_of(depend), err);
    return rc;
}

static void with_rules(struct dj_params *ret, const char *ignore, const char *keep,
                       const char *depend)
{
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    params_of(ret, "c:json l:json* n:int");
    if (rules_of(ret, ignore, keep, depend, &err) != 0)
        bail_out("rules: %s", err.text);
}

/* What is left of c. */
static void leaves(const char *ignore, const char *keep, const char *depend, const char *value,
                   const char *want)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_value given dj_cleanup_value = DJ_VALUE_INIT, room dj_cleanup_value = DJ_VALUE_INIT,
                    again dj_cleanup_value = DJ_VALUE_INIT;
    struct dj_bytes word = dj_bytes_of(value);
    const struct dj_value *left;

    with_rules(&params, ignore, keep, depend);
    if (dj_value_parse(DJ_JSON, false, &word, 1, &given, NULL) != 0)
        bail_out("value %s", value);
    left = dj_param_counted(&params.items[0], &given, &room);
    is_str(dj_buf_str(&left->scalars[0].text), want, "ignore %s keep %s depend %s of %s", ignore,
           keep, depend, value);
    left = dj_param_counted(&params.items[0], left, &again);
    is_str(dj_buf_str(&left->scalars[0].text), want, "and again");
}

static void test_leaves(void)
{
    leaves("c.b", "", "", "{\"a\":1,\"b\":2}", "{\"a\":1}");
    leaves("c.b", "", "", "{\"a\":1}", "{\"a\":1}");
    leaves("c.b", "", "", "{\"b\":{\"x\":1}}", "{}");
    leaves("c.b", "", "", "[1,{\"b\":2}]", "[1,{\"b\":2}]");
    leaves("c.b", "", "", "7", "7");
    leaves("c.m.x", "", "", "{\"m\":{\"x\":1}}", "{\"m\":{}}");
    leaves("", "c.m.lr", "", "{\"m\":{\"lr\":1,\"x\":2},\"s\":3}", "{\"m\":{\"lr\":1}}");
    leaves("", "c.m.lr", "", "{\"m\":{\"x\":2}}", "{}");
    leaves("", "c.m.lr", "", "{\"m\":5}", "{}");
    leaves("", "c.m.lr", "", "5", "{}");
    leaves("", "c.m, c", "", "{\"m\":5,\"x\":1}", "{\"m\":5,\"x\":1}");
    leaves("", "", "c.m, c.s", "{\"m\":{\"x\":2},\"s\":3,\"t\":4}", "{\"m\":{\"x\":2},\"s\":3}");
    /* nested: what counts in what does not, and the other way round */
    leaves("c.b", "", "c.b.c", "{\"a\":1,\"b\":{\"c\":2,\"d\":3}}", "{\"a\":1,\"b\":{\"c\":2}}");
    leaves("c.m.name", "", "c.m", "{\"m\":{\"lr\":1,\"name\":2},\"s\":3}", "{\"m\":{\"lr\":1}}");
    leaves("c", "", "c.m.lr", "{\"m\":{\"lr\":1,\"x\":2}}", "{\"m\":{\"lr\":1}}");
    leaves("c.m.a.b", "", "c.m, c.m.a.b.c", "{\"m\":{\"a\":{\"b\":{\"c\":1,\"d\":2},\"e\":3}}}",
           "{\"m\":{\"a\":{\"b\":{\"c\":1},\"e\":3}}}");
    /* lists: by index, and each element or member */
    leaves("c.l[].n", "", "", "{\"l\":[{\"n\":1,\"x\":2},{\"n\":3},4]}",
           "{\"l\":[{\"x\":2},{},4]}");
    leaves("c.l[].n", "", "", "{\"l\":{\"p\":{\"n\":1,\"x\":2}}}", "{\"l\":{\"p\":{\"x\":2}}}");
    leaves("c.l[1]", "", "", "{\"l\":[1,2,3]}", "{\"l\":[1,null,3]}");
    leaves("c[0]", "", "", "[1,2]", "[null,2]");
    leaves("c[0]", "", "", "{\"0\":1}", "{\"0\":1}");
    leaves("", "", "c.l[1].x", "{\"l\":[0,{\"x\":1,\"y\":2},0,0]}", "{\"l\":[null,{\"x\":1}]}");
    leaves("", "", "c.l[1].x", "{\"l\":[{\"x\":1}]}", "{}");
    leaves("c[]", "", "c[0]", "[1,2,3]", "[1,null,null]");
    leaves("c[].n, c[0].x", "", "", "[{\"n\":1,\"x\":2,\"y\":3},{\"n\":1,\"x\":2}]",
           "[{\"y\":3},{\"x\":2}]");
    leaves("c[].a", "", "c[0].a", "[{\"a\":1},{\"a\":2}]", "[{\"a\":1},{}]");
    /* odd names */
    leaves("c.\"a.b, c\"", "", "", "{\"a.b, c\":1,\"b\":2}", "{\"b\":2}");
    leaves("c.\"\\u00e9\"", "", "", "{\"\xc3\xa9\":1}", "{}");
    leaves("c.\xc3\xa9", "", "", "{\"\xc3\xa9\":1}", "{}");
    leaves("c.\"\"", "", "", "{\"\":1,\"a\":2}", "{\"a\":2}");
    leaves("c.7", "", "", "{\"7\":1,\"a\":2}", "{\"a\":2}");
    leaves("c.a-b", "", "", "{\"a\":2,\"a-b\":1}", "{\"a\":2}");
}

static void test_list_parameter(void)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_bytes words[] = {DJ_BYTES_LIT("c=1"), DJ_BYTES_LIT("l={\"a\":1,\"b\":2}"),
                               DJ_BYTES_LIT("l=[3]"), DJ_BYTES_LIT("n=7")};

    with_rules(&params, "l[].b, n", "", "");
    if (dj_args_bind("f", &params, words, 4, &args, NULL) != 0)
        bail_out("a list");
    dj_name_canonical(&name, &args);
    is_str(dj_buf_str(&name), "c=1,l=%7B\"a\":1%7D;[3];", "each of a list");
    ok(dj_args_ignored_partly(&args, 1) && !dj_args_ignored_partly(&args, 0), "in its second");
    dj_buf_clear(&name);
    dj_name_spelled(&name, &args);
    is_str(dj_buf_str(&name), "c=1,l=%7B\"a\":1%2C\"b\":2%7D;[3];,n=7", "a name that remembers it");
}

static void test_list_that_ends(void)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_bytes words[] = {DJ_BYTES_LIT("c=1"), DJ_BYTES_LIT("l=1"), DJ_BYTES_LIT("l=2"),
                               DJ_BYTES_LIT("l=3"), DJ_BYTES_LIT("n=7")};

    with_rules(&params, "", "", "l[1]");
    if (dj_args_bind("f", &params, words, 5, &args, NULL) != 0)
        bail_out("a list");
    dj_name_canonical(&name, &args);
    is_str(dj_buf_str(&name), "c=1,l=null;2;,n=7", "one of a list");
}

/* ---- sentences ------------------------------------------------------------------------------- */

static void refuses(const char *ignore, const char *keep, const char *depend, const char *want)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    int rc;

    params_of(&params, "c:json l:json* n:int");
    rc = rules_of(&params, ignore, keep, depend, &err);
    is_int(rc, -EINVAL, "ignore %s keep %s depend %s", ignore, keep, depend);
    is_str(err.text, want, "its sentence");
}

static void test_refusals(void)
{
    static const char path[] = ": a path is written .NAME, .\"ANY NAME\", [NUMBER] or [] for each";
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT;

    refuses("n.x", "", "",
            "f: n is of type int, of which there are no parts to ignore; only json has some");
    refuses("", "", "n like g",
            "f: n is of type int, of which there are no parts to depend on; only json has some");
    refuses("l.x", "", "", "f: l is a list: write l[] for each of its values");
    refuses("x.y", "", "", "f has no parameter x.y to ignore");
    refuses("", "x", "", "f has no parameter x to keep");
    refuses("", "", "x.y", "f has no parameter x.y to depend on");
    refuses("", "", "c",
            "f: name a part of c to depend on, as c.KEY, or `c like TASK`");
    refuses("", "", "c like", "f: `c like` needs the name of a task behind it");
    refuses("", "", "c like , g", "f: `c like` needs the name of a task behind it");
    refuses("", "", "c like a/b", "f: `c like` needs the name of a task behind it");
    refuses("", "", "c like g, h", "f has no parameter h to depend on");
    refuses("c.a", "", "c.a", "f: c: two rules for .a contradict each other");
    dj_buf_addf(&text, "f: c: no name at \".\"%s", path);
    refuses("c.", "", "", dj_buf_str(&text));
    dj_buf_clear(&text);
    dj_buf_addf(&text, "f: c: no index at \"[x]\"%s", path);
    refuses("c[x]", "", "", dj_buf_str(&text));
    dj_buf_clear(&text);
    dj_buf_addf(&text, "f: c: no string at \".\"a\"%s", path);
    refuses("c.\"a", "", "", dj_buf_str(&text));
    dj_buf_clear(&text);
    dj_buf_addf(&text, "f: c: an index with a leading zero at \"[01]\"%s", path);
    refuses("c[01]", "", "", dj_buf_str(&text));
    dj_buf_clear(&text);
    dj_buf_addf(&text, "f: c: the index is too large at \"[9999999999]\"%s", path);
    refuses("c[9999999999]", "", "", dj_buf_str(&text));
    dj_buf_clear(&text);
    dj_buf_addf(&text, "f: \"c.a!\"%s", path);
    refuses("c.a!b", "", "", dj_buf_str(&text));
    refuses("c.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "", "",
            "f: c: a path has at most 32 steps");
}

static void test_many(void)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_buf list dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    params_of(&params, "c:json");
    for (int i = 0; i <= DJ_PART_RULES_MAX; i++)
        dj_buf_addf(&list, "c.k%d ", i);
    is_int(dj_params_ignore("f", &params, dj_buf_bytes(&list), &err), -EINVAL, "201 rules");
    is_str(err.text, "f: c: there are more than 200 rules", "its sentence");
}

/* ---- as text --------------------------------------------------------------------------------- */

/* key: as the key has it; rules: as the options are printed, which read back as the same. */
static void prints(const char *ignore, const char *keep, const char *depend, const char *key,
                   const char *rules)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT, options dj_cleanup_buf = DJ_BUF_INIT,
                  stored dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_parts *back dj_cleanup_parts = NULL;
    struct dj_list definitions = {0};

    with_rules(&params, ignore, keep, depend);
    dj_parts_key(&text, params.items[0].parts);
    is_str(dj_buf_str(&text), key, "the rules of ignore %s keep %s depend %s", ignore, keep,
           depend);
    dj_params_rules(&options, &params);
    is_str(dj_buf_str(&options), rules, "their options");
    dj_buf_addf(&stored, "[f]\ncommand = x\nparams = c:json l:json* n:int\n%s", rules);
    if (dj_taskfile_parse("f", "/", dj_buf_bytes(&stored), &definitions, NULL) != 0)
        bail_out("%s is not read", rules);
    for (size_t i = 0; i < params.n; i++)
        ok(dj_param_same_rules(&params.items[i],
                               &DJ_LIST_AT(&definitions, struct dj_definition, 0)->params.items[i]),
           "%s reads back", params.items[i].name);
    dj_definitions_release(&definitions);
    if (dj_parts_parse(dj_buf_bytes(&text), &back, NULL) != 0)
        bail_out("%s is not read", key);
    ok(dj_parts_equal(back, params.items[0].parts), "%s reads back", key);
}

static void test_text(void)
{
    prints("c.b", "", "", "-.b", "ignore = c.b\n");
    prints("c.b[0].\"x y\", c.a[], n", "", "", "-.a[],-.b[0].\"x y\"",
           "ignore = c.a[], c.b[0].\"x y\", n\n");
    prints("", "c.m.lr", "", "-,+.m.lr", "ignore = l, n\ndepend = c.m.lr\n");
    prints("", "", "c.m, c.a", "-,+.a,+.m", "depend = c.a, c.m\n");
    prints("c.b", "", "c.b.c", "-.b,+.b.c", "ignore = c.b\ndepend = c.b.c\n");
    prints("c", "", "c.b", "-,+.b", "depend = c.b\n");
    prints("c.b", "", "c.a", "-,+.a,-.b", "ignore = c.b\ndepend = c.a\n");
    prints("", "c.a, n", "", "-,+.a", "ignore = l\ndepend = c.a\n");
    prints("", "", "c like g", "+", "depend = c like g\n");
    prints("c.x", "", "c like g, c like h", "+,-.x", "ignore = c.x\ndepend = c like g, c like h\n");
    prints("c.x", "", "c.x.y like g", "-.x,+.x.y", "ignore = c.x\ndepend = c.x.y like g\n");
    prints("c", "", "c.x like g", "-,+.x", "ignore = c\ndepend = c.x like g\n");
    prints("", "", "c.x like g", "+", "depend = c.x like g\n");
    prints("", "", "", "+", "");
}

static void test_malformed(void)
{
    static const char *const texts[] = {"", "x", "-.", "+.a,", "=", "=.a", "=()", "=(+", "-.b,-.a",
                                        "-.a,-.a", "+)", "-[", "=(:+)", "=(g:)"};

    for (size_t i = 0; i < DJ_ARRAY_SIZE(texts); i++) {
        struct dj_parts *parts dj_cleanup_parts = NULL;

        is_int(dj_parts_parse(dj_bytes_of(texts[i]), &parts, NULL), -EINVAL, "rules \"%s\"",
               texts[i]);
        ok(parts == NULL, "are none");
    }
}

/* ---- what other tasks say -------------------------------------------------------------------- */

/* The rules of c are read from text, as those of `like` are filled in by a daemon. */
static void taken(const char *rules, const char *key, const char *value, const char *want)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_value given dj_cleanup_value = DJ_VALUE_INIT, room dj_cleanup_value = DJ_VALUE_INIT;
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT, again dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_bytes word = dj_bytes_of(value);

    params_of(&params, "c:json");
    if (dj_parts_parse(dj_bytes_of(rules), &params.items[0].parts, NULL) != 0 ||
        dj_value_parse(DJ_JSON, false, &word, 1, &given, NULL) != 0)
        bail_out("%s of %s", rules, value);
    is_str(dj_buf_str(&dj_param_counted(&params.items[0], &given, &room)->scalars[0].text), want,
           "%s of %s", rules, value);
    dj_parts_key(&text, params.items[0].parts);
    is_str(dj_buf_str(&text), key, "its key");
    dj_parts_print(&again, params.items[0].parts);
    is_str(dj_buf_str(&again), rules, "reads back");
}

static void test_like(void)
{
    static const char value[] = "{\"a\":1,\"b\":{\"x\":2,\"y\":3},\"c\":4}";

    taken("=(g:-,+.a)", "-,+.a", value, "{\"a\":1}");
    taken("=(g:-,+.a)(h:-,+.b.x)", "=(-,+.a)(-,+.b.x)", value, "{\"a\":1,\"b\":{\"x\":2}}");
    taken("=(h:-,+.b.x)(g:-,+.a)", "=(-,+.a)(-,+.b.x)", value, "{\"a\":1,\"b\":{\"x\":2}}");
    taken("=(g:-,+.a)(h:-,+.a)", "-,+.a", value, "{\"a\":1}");
    taken("=(g:-,+.a)(h:+)", "+", value, value);
    taken("=(g:-.a)(h:-.b)", "=(-.a)(-.b)", value, value);
    taken("=(g:-.a,-.b)(h:-.b,-.c)", "=(-.a,-.b)(-.b,-.c)", value, "{\"a\":1,\"c\":4}");
    taken("=(g:-)", "-", value, "{}");
    taken("=(g:-,+.a),-.a", "=(-,+.a),-.a", value, "{}");
    taken("=(g:-,+.a),+.c", "=(-,+.a),+.c", value, "{\"a\":1,\"c\":4}");
    taken("-,=.b(g:-,+.b.y)", "-,=.b(-,+.b.y)", value, "{\"b\":{\"y\":3}}");
    taken("=(g:=(h:-,+.c))", "-,+.c", value, "{\"c\":4}");
    taken("=(g:=(h:-,+.c),+.a)", "=(-,+.c),+.a", value, "{\"a\":1,\"c\":4}");
}

/* ---- one key for what is equal after the removal, and for nothing else ---------------------- */

/*
 * An own idea of what counts, with nothing taken from parts.c: of a value the list of all that
 * counts in it, by path, and of a rule a number that says how much it fits.
 */
enum { VALUES = 60, SETS = 60, DEEP = 3 };

struct node {
    int kind; /* 0 a number, 1 an object of a and b, 2 a list */
    int number;
    struct node *inner[2]; /* NULL: not there; a list has no gap */
};

struct set {
    struct {
        char steps[DEEP]; /* 'a' 'b' members, '0' '1' elements, '*' each */
        int n;
        bool counts;
    } rules[5];
    int n;
};

static uint32_t random_state = 7;

static int pick(int n)
{
    random_state = random_state * 1664525 + 1013904223;
    return (int)(random_state >> 16) % n;
}

static struct node *make(int deep)
{
    struct node *node = dj_xcalloc(1, sizeof(*node));

    node->kind = deep == 0 ? 0 : pick(3);
    node->number = pick(2);
    if (node->kind != 0 && pick(4) != 0)
        node->inner[0] = make(deep - 1);
    if (node->kind != 0 && pick(4) != 0 && (node->kind == 1 || node->inner[0] != NULL))
        node->inner[1] = make(deep - 1);
    return node;
}

static void drop(struct node *node)
{
    if (node == NULL)
        return;
    drop(node->inner[0]);
    drop(node->inner[1]);
    free(node);
}

static char step_of(const struct node *node, int i)
{
    return (char)((node->kind == 1 ? 'a' : '0') + i);
}

static void as_json(struct dj_buf *buf, const struct node *node)
{
    const char *separator = "";

    if (node->kind == 0)
        dj_buf_addf(buf, "%d", node->number);
    else
        dj_buf_addc(buf, node->kind == 1 ? '{' : '[');
    for (int i = 0; node->kind != 0 && i < 2; i++) {
        if (node->inner[i] == NULL)
            continue;
        dj_buf_adds(buf, separator);
        separator = ",";
        if (node->kind == 1)
            dj_buf_addf(buf, "\"%c\":", 'a' + i);
        as_json(buf, node->inner[i]);
    }
    if (node->kind != 0)
        dj_buf_addc(buf, node->kind == 1 ? '}' : ']');
}

static bool is_counted(const struct set *set, const char *path, int n)
{
    int best = -1;
    bool counted = true;

    for (int i = 0; i < set->n; i++) {
        int rank = set->rules[i].n * 8, j = 0;

        for (; j < set->rules[i].n && j < n; j++) {
            if (set->rules[i].steps[j] != '*' && set->rules[i].steps[j] != path[j])
                break;
            if (set->rules[i].steps[j] != '*')
                rank += 4 >> j;
        }
        if (j < set->rules[i].n || rank <= best)
            continue;
        best = rank;
        counted = set->rules[i].counts;
    }
    return counted;
}

static void what_counts(struct dj_buf *buf, const struct set *set, const struct node *node,
                        char *path, int n)
{
    if (is_counted(set, path, n))
        dj_buf_addf(buf, "%.*s=%c%d ", n, path, "noL"[node->kind],
                    node->kind == 0   ? node->number
                    : node->kind == 1 ? 0
                                      : (node->inner[0] != NULL) + (node->inner[1] != NULL));
    for (int i = 0; node->kind != 0 && i < 2; i++) {
        if (node->inner[i] == NULL)
            continue;
        path[n] = step_of(node, i);
        what_counts(buf, set, node->inner[i], path, n + 1);
    }
}

/* As random rules and as their text. */
static void make_set(struct set *set, struct dj_params *params)
{
    struct dj_parts *parts = dj_xcalloc(1, sizeof(*parts));

    *set = (struct set){0};
    for (int i = 0; i < 5; i++) {
        struct dj_buf path dj_cleanup_buf = DJ_BUF_INIT;
        bool counts = pick(2) != 0;
        struct dj_list steps;
        struct dj_bytes text;
        char chosen[DEEP];
        int n = pick(DEEP + 1);

        for (int j = 0; j < n; j++) {
            chosen[j] = "ab01*"[pick(5)];
            dj_buf_addf(&path,
                        chosen[j] == '*'  ? "[]"
                        : chosen[j] < 'a' ? "[%c]"
                                          : ".%c", chosen[j]);
        }
        text = dj_buf_bytes(&path);
        if (dj_parts_path(&text, &steps, NULL) != 0)
            bail_out("the path %s", dj_buf_str(&path));
        if (dj_parts_add(parts, &steps, counts ? DJ_PART_COUNTS : DJ_PART_IGNORED, NULL, NULL) != 0)
            continue; /* the other was there before */
        memcpy(set->rules[set->n].steps, chosen, (size_t)n);
        set->rules[set->n].counts = counts;
        set->rules[set->n++].n = n;
    }
    params->items[0].parts = parts;
}

struct made {
    struct dj_digest key;
    struct dj_buf counts;
};

static void make_key(const struct dj_params *params, struct dj_bytes json, struct dj_digest *ret)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT, again dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf name dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_digest other;

    if (dj_args_bind("f", params, &json, 1, &args, NULL) != 0)
        bail_out("a random value");
    dj_key_digest("f", &args, ret);
    dj_name_long(&name, &args);
    if (dj_name_parse("f", params, dj_buf_bytes(&name), &again, NULL) != 0)
        bail_out("its name");
    dj_key_digest("f", &again, &other);
    if (!dj_digest_equal(ret, &other))
        bail_out("the name %s has another key", dj_buf_str(&name));
}

static void test_property(void)
{
    struct node *nodes[VALUES];
    int same = 0, wrong = 0;

    for (int i = 0; i < VALUES; i++)
        nodes[i] = make(DEEP);
    for (int round = 0; round < SETS; round++) {
        struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
        struct made made[VALUES] = {0};
        struct set set;

        params_of(&params, "c:json");
        make_set(&set, &params);
        for (int i = 0; i < VALUES; i++) {
            struct dj_buf json dj_cleanup_buf = DJ_BUF_INIT;
            char path[DEEP + 1];

            as_json(&json, nodes[i]);
            make_key(&params, dj_buf_bytes(&json), &made[i].key);
            what_counts(&made[i].counts, &set, nodes[i], path, 0);
        }
        for (int i = 0; i < VALUES; i++) {
            for (int j = 0; j < i; j++) {
                bool equal = dj_bytes_equal(dj_buf_bytes(&made[i].counts),
                                            dj_buf_bytes(&made[j].counts));

                same += equal;
                wrong += equal != dj_digest_equal(&made[i].key, &made[j].key);
            }
        }
        for (int i = 0; i < VALUES; i++)
            dj_buf_release(&made[i].counts);
    }
    for (int i = 0; i < VALUES; i++)
        drop(nodes[i]);
    is_int(wrong, 0, "one key for what is equal after the removal, and for nothing else");
    ok(same > 1000, "%d pairs are equal", same);
}

/* ---- keys of other rules --------------------------------------------------------------------- */

static void key_with(const char *ignore, const char *depend, const char *value,
                     struct dj_digest *ret)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    params_of(&params, "c:json");
    if (rules_of(&params, ignore, "", depend, &err) != 0)
        bail_out("rules: %s", err.text);
    make_key(&params, dj_bytes_of(value), ret);
}

static void test_other_rules(void)
{
    struct dj_digest plain, both, other, like;

    key_with("", "", "{\"a\":1}", &plain);
    key_with("c.b", "", "{\"a\":1,\"b\":2}", &both);
    ok(!dj_digest_equal(&plain, &both), "what was left is not the value without rules");
    key_with("c.b", "", "{\"a\":1}", &other);
    ok(dj_digest_equal(&both, &other), "what is not there is as what is left out");
    key_with("", "c.a", "{\"a\":1}", &other);
    ok(!dj_digest_equal(&both, &other), "other rules, another key");
    key_with("", "c like g", "{\"a\":1}", &like);
    ok(dj_digest_equal(&plain, &like), "rules that leave nothing out are none");
}

int main(void)
{
    test_leaves();
    test_list_parameter();
    test_list_that_ends();
    test_refusals();
    test_many();
    test_text();
    test_malformed();
    test_like();
    test_property();
    test_other_rules();
    return tap_done();
}
