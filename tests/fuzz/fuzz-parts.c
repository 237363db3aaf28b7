/*
 * A line of `ignore`, a line of `depend`, and JSON. Rules that are read print as options and as
 * text that read back as the same; what they leave of the value is left of that again, has the
 * same name and the same key. The first line is also taken as rules of a key.
 */
#include "lib/model/definition.h"
#include "lib/model/key.h"
#include "lib/model/name.h"
#include "lib/model/taskfile.h"
#include "tests/fuzz/fuzz.h"

static const char list[] = "c:json, l:json*, n:int";

static struct dj_bytes take_line(struct dj_bytes *rest)
{
    const uint8_t *end = rest->len == 0 ? NULL : memchr(rest->data, '\n', rest->len);
    size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
    struct dj_bytes line = dj_bytes(rest->data, len);

    *rest = dj_bytes_from(*rest, end == NULL ? len : len + 1);
    return line;
}

static void same_rules(const struct dj_params *a, const struct dj_params *b)
{
    must(a->n == b->n);
    for (size_t i = 0; i < a->n; i++)
        must(dj_param_same_rules(&a->items[i], &b->items[i]));
}

static void check_options(const struct dj_params *params)
{
    struct dj_buf text dj_cleanup_buf = DJ_BUF_INIT, stored dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_list definitions = {NULL, 0, 0};
    struct dj_definition loaded;

    dj_buf_addf(&text, "[f]\ncommand = x\nparams = %s\n", list);
    dj_params_rules(&text, params);
    must(dj_taskfile_parse("f", "/", dj_buf_bytes(&text), &definitions, NULL) == 0);
    same_rules(params, &DJ_LIST_AT(&definitions, struct dj_definition, 0)->params);
    dj_definition_store(&stored, DJ_LIST_AT(&definitions, struct dj_definition, 0));
    must(dj_definition_load(dj_buf_bytes(&stored), &loaded, NULL) == 0);
    same_rules(params, &loaded.params);
    dj_definition_release(&loaded);
    dj_definitions_release(&definitions);
}

static void check_value(const struct dj_params *params, struct dj_bytes json)
{
    struct dj_args args dj_cleanup_args = DJ_ARGS_INIT, again dj_cleanup_args = DJ_ARGS_INIT;
    struct dj_buf word dj_cleanup_buf = DJ_BUF_INIT, more dj_cleanup_buf = DJ_BUF_INIT,
                  name dj_cleanup_buf = DJ_BUF_INIT, second dj_cleanup_buf = DJ_BUF_INIT,
                  key dj_cleanup_buf = DJ_BUF_INIT, second_key dj_cleanup_buf = DJ_BUF_INIT;
    struct dj_bytes words[3];

    dj_buf_adds(&word, "c=");
    dj_buf_add_bytes(&word, json);
    dj_buf_adds(&more, "l=");
    dj_buf_add_bytes(&more, json);
    words[0] = dj_buf_bytes(&word);
    words[1] = dj_buf_bytes(&more);
    words[2] = DJ_BYTES_LIT("n=1");
    if (dj_args_bind("f", params, words, 3, &args, NULL) != 0)
        return;
    dj_name_long(&name, &args);
    must(dj_name_parse("f", params, dj_buf_bytes(&name), &again, NULL) == 0);
    dj_name_long(&second, &again);
    must(dj_bytes_equal(dj_buf_bytes(&name), dj_buf_bytes(&second)));
    dj_key_cbor(&key, "f", &args);
    dj_key_cbor(&second_key, "f", &again);
    must(dj_bytes_equal(dj_buf_bytes(&key), dj_buf_bytes(&second_key)));
    for (size_t i = 0; i < 2; i++)
        must(!dj_args_ignored_partly(&again, i));
}

static void check_text(struct dj_bytes text)
{
    struct dj_parts *parts dj_cleanup_parts = NULL, *back dj_cleanup_parts = NULL;
    struct dj_buf key dj_cleanup_buf = DJ_BUF_INIT;

    if (dj_parts_parse(text, &parts, NULL) != 0)
        return;
    dj_parts_key(&key, parts);
    must(dj_parts_parse(dj_buf_bytes(&key), &back, NULL) == 0);
    must(dj_parts_equal(parts, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_params params dj_cleanup_params = DJ_PARAMS_INIT;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;
    struct dj_bytes rest = dj_bytes(data, size), ignore = take_line(&rest);
    int rc;

    must(dj_params_parse(dj_bytes_of(list), &params, NULL) == 0);
    check_text(ignore);
    rc = dj_params_ignore("f", &params, ignore, &err);
    if (rc == 0)
        rc = dj_params_depend("f", &params, take_line(&rest), &err);
    must((rc == 0) == (err.text == NULL));
    if (rc != 0)
        return 0;
    check_options(&params);
    check_value(&params, rest);
    return 0;
}
