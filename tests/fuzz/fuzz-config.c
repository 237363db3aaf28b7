/*
 * As a dj.conf: it is taken or refused with a sentence, and what it says of sessions and resources
 * reads back as the same. As the words of a call's session and of its launch likewise.
 */
#include "lib/model/config.h"
#include "lib/model/launch.h"
#include "lib/model/launch_template.h"
#include "lib/model/resource.h"
#include "lib/model/session.h"
#include "lib/util/mem.h"
#include "tests/fuzz/fuzz.h"

static void same(const struct dj_list *resources, const struct dj_list *again)
{
    must(again->n == resources->n);
    for (size_t i = 0; i < resources->n; i++) {
        const struct dj_resource *resource = DJ_LIST_AT(resources, struct dj_resource, i);

        must(resource->amount > 0 && resource->amount <= DJ_AMOUNT_MAX);
        must(dj_resources_amount(again, resource->name) == resource->amount);
    }
}

static void check_resources(const struct dj_list *resources)
{
    struct dj_buf text = DJ_BUF_INIT;
    struct dj_list again;

    if (resources->n == 0)
        return;
    dj_resources_print(&text, resources);
    must(dj_resources_parse(dj_buf_bytes(&text), &again, NULL) == 0);
    same(resources, &again);
    dj_resources_release(&again);
    dj_buf_release(&text);
}

static void as_session(struct dj_bytes text)
{
    struct dj_session_spec spec, again;
    struct dj_err err = DJ_ERR_INIT;
    struct dj_buf printed = DJ_BUF_INIT;
    int code = dj_session_parse(text, &spec, &err);

    must((code == 0) == (err.text == NULL));
    if (code == 0) {
        dj_session_print(&printed, &spec);
        must(dj_session_parse(dj_buf_bytes(&printed), &again, NULL) == 0);
        must(again.workers == spec.workers && (again.name == NULL) == (spec.name == NULL));
        same(&spec.resources, &again.resources);
        dj_session_spec_release(&again);
    }
    dj_session_spec_release(&spec);
    dj_buf_release(&printed);
    dj_err_release(&err);
}

/* Whatever quotes it has: it is filled in, or refused with a sentence. */
static void as_template(const struct dj_launch *launch)
{
    struct dj_definition definition;
    struct dj_err err = DJ_ERR_INIT;
    int code;

    if (launch->mode != DJ_LAUNCH_COMMAND)
        return;
    dj_definition_init(&definition);
    definition.name = dj_xstrdup("task");
    code = dj_launch_check(&launch->words, &definition, &err);
    must((code == 0) == (err.text == NULL));
    dj_definition_release(&definition);
    dj_err_release(&err);
}

static void as_launch(struct dj_bytes text)
{
    struct dj_launch launch, again;
    struct dj_err err = DJ_ERR_INIT;
    struct dj_buf printed = DJ_BUF_INIT, twice = DJ_BUF_INIT;
    int code = dj_launch_parse(text, &launch, &err);

    must((code == 0) == (err.text == NULL));
    if (code == 0) {
        dj_launch_print(&printed, &launch);
        must(dj_launch_parse(dj_buf_bytes(&printed), &again, NULL) == 0);
        must(again.mode == launch.mode && again.words.n == launch.words.n);
        dj_launch_print(&twice, &again);
        must(dj_bytes_equal(dj_buf_bytes(&printed), dj_buf_bytes(&twice)));
        as_template(&launch);
        dj_launch_release(&again);
    }
    dj_launch_release(&launch);
    dj_buf_release(&printed);
    dj_buf_release(&twice);
    dj_err_release(&err);
}

static void as_file(struct dj_bytes text)
{
    struct dj_config config = {0};
    struct dj_err err = DJ_ERR_INIT;
    int code = dj_config_parse(&config, "dj.conf", "/home", text, &err);

    must((code == 0) == (err.text == NULL));
    must(code == 0 || (config.sessions.n == 0 && config.launches.n == 0));
    check_resources(&config.resources);
    for (size_t i = 0; i < config.sessions.n; i++)
        check_resources(&DJ_LIST_AT(&config.sessions, struct dj_session_spec, i)->resources);
    dj_config_release(&config);
    dj_err_release(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    as_session(dj_bytes(data, size));
    as_launch(dj_bytes(data, size));
    as_file(dj_bytes(data, size));
    return 0;
}
