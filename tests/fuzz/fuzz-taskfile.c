/*
 * The first byte chooses the reader: a task file, a script's head, shell functions, or the one-line
 * form with a word a line. Each definition that is read passes its check, survives storing, and
 * prints as a section that reads as the same definition; a refusal has a sentence, gives nothing.
 */
#include "lib/model/taskfile.h"

#include "lib/util/str.h"
#include "tests/fuzz/fuzz.h"

static void stored(const struct dj_definition *definition, struct dj_buf *ret)
{
    struct dj_definition loaded;
    struct dj_buf again = DJ_BUF_INIT;

    dj_definition_store(ret, definition);
    must(dj_definition_load(dj_buf_bytes(ret), &loaded, NULL) == 0);
    dj_definition_store(&again, &loaded);
    must(dj_bytes_equal(dj_buf_bytes(ret), dj_buf_bytes(&again)));
    dj_definition_release(&loaded);
    dj_buf_release(&again);
}

static void check(const struct dj_definition *definition)
{
    struct dj_buf text = DJ_BUF_INIT, before = DJ_BUF_INIT, after = DJ_BUF_INIT;
    struct dj_list again;

    must(dj_definition_check(definition, NULL) == 0);
    stored(definition, &before);
    dj_definition_print(&text, definition);
    if (text.len > DJ_TASKFILE_MAX)
        goto out;
    must(dj_taskfile_parse("again", definition->here, dj_buf_bytes(&text), &again, NULL) == 0);
    must(again.n == 1);
    stored(again.items, &after);
    must(dj_bytes_equal(dj_buf_bytes(&before), dj_buf_bytes(&after)));
    dj_definitions_release(&again);
out:
    dj_buf_release(&text);
    dj_buf_release(&before);
    dj_buf_release(&after);
}

static int read_words(struct dj_bytes text, struct dj_list *ret, struct dj_err *err)
{
    struct dj_definition definition;
    struct dj_bytes words[64];
    size_t n = 0;
    int code;

    *ret = (struct dj_list){NULL, 0, 0};
    while (n < DJ_ARRAY_SIZE(words) && dj_next_line(&text, &words[n]))
        n++;
    code = dj_define_words(words, n, "/here", &definition, err);
    if (code == 0)
        *(struct dj_definition *)dj_list_add(ret, sizeof(definition)) = definition;
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_err err = DJ_ERR_INIT;
    struct dj_list list = {NULL, 0, 0};
    struct dj_bytes text;
    int code;

    if (size == 0)
        return 0;
    text = dj_bytes(data + 1, size - 1);
    switch (data[0]) {
    case 'h':
        code = dj_script_head("file.sh", "/here", text, &list, &err);
        break;
    case 'f':
        code = dj_shell_functions("lib.sh", "/here", text, NULL, 0, &list, &err);
        break;
    case 'w':
        code = read_words(text, &list, &err);
        break;
    default:
        code = dj_taskfile_parse("tasks.ini", "/here", text, &list, &err);
        break;
    }
    must((code == 0) == (err.text == NULL));
    must(code == 0 || list.n == 0);
    for (size_t i = 0; i < list.n; i++)
        check(DJ_LIST_AT(&list, struct dj_definition, i));
    dj_definitions_release(&list);
    dj_err_release(&err);
    return 0;
}
