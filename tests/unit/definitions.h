/* What the tests of definitions share: reading a task file, comparing, showing. */
#ifndef DJ_TESTS_UNIT_DEFINITIONS_H
#define DJ_TESTS_UNIT_DEFINITIONS_H

#include <errno.h>

#include "lib/model/taskfile.h"
#include "lib/model/template.h"
#include "lib/model/words.h"
#include "tests/unit/tap.h"

#define cleanup_definitions DJ_CLEANUP(dj_definitions_release)
#define HERE "/the/folder"

__attribute__((unused)) static struct dj_definition *nth(const struct dj_list *list, size_t i)
{
    if (i >= list->n)
        bail_out("there is no definition %zu", i);
    return DJ_LIST_AT(list, struct dj_definition, i);
}

/* one(ret, text): the first definition of a task file; ends the test when there is none. */
__attribute__((unused)) static struct dj_definition *one(struct dj_list *ret, const char *text)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    if (dj_taskfile_parse("t.ini", HERE, dj_bytes_of(text), ret, &err) != 0)
        bail_out("%s", err.text);
    return nth(ret, 0);
}

/* The command as one line. */
__attribute__((unused)) static const char *command_of(const struct dj_definition *definition)
{
    static struct dj_buf text;

    dj_buf_clear(&text);
    dj_words_print(&text, &definition->command);
    return dj_buf_str(&text);
}

__attribute__((unused)) static const char *params_of(const struct dj_definition *definition)
{
    static struct dj_buf text;

    dj_buf_clear(&text);
    dj_params_print(&text, &definition->params);
    return dj_buf_str(&text);
}

__attribute__((unused)) static bool same(const struct dj_definition *a,
                                         const struct dj_definition *b)
{
    dj_cleanup_buf struct dj_buf one_way = DJ_BUF_INIT, other = DJ_BUF_INIT;

    dj_definition_store(&one_way, a);
    dj_definition_store(&other, b);
    return dj_bytes_equal(dj_buf_bytes(&one_way), dj_buf_bytes(&other));
}

/* reads_back(definition): what it prints is a section that reads as the same definition. */
__attribute__((unused)) static bool reads_back(const struct dj_definition *definition)
{
    cleanup_definitions struct dj_list again = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    bool right;

    dj_definition_print(&text, definition);
    if (dj_taskfile_parse("printed", definition->here, dj_buf_bytes(&text), &again, &err) != 0) {
        diag("%s", err.text);
        return false;
    }
    right = again.n == 1 && same(definition, nth(&again, 0));
    if (!right)
        diag("printed as: %s", dj_buf_str(&text));
    return right;
}

#endif
