#include "tests/unit/definitions.h"

static void right(void)
{
    static const char text[] = "#!/usr/bin/env python3\n"
                               "# A program.\n"
                               "\n"
                               "#DJ params = n:int seed:int\n"
                               "#DJ default.seed = 1\n"
                               "# between\n"
                               "#DJ\n"
                               "#DJ help =\n"
                               "#DJ     Two\n"
                               "#DJ       lines.\n"
                               "#DJ version = 2\n"
                               "import sys\n"
                               "#DJ nonsense\n";
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_script_head("dir/random_vector.py", HERE, dj_bytes_of(text), &list, &err);
    const struct dj_definition *task;

    if (!ok(code == 0, "a head is read: %s", dj_err_text(&err, code)))
        return;
    task = nth(&list, 0);
    is_str(task->name, "random_vector", "the name is the file's without its extension");
    is_str(command_of(task), "{here}/random_vector.py", "the command is the file");
    is_str(params_of(task), "n:int, seed:int", "the parameters");
    is_str(task->help, "Two\n  lines.", "a block");
    is_str(task->version, "2", "what comes behind the block");
    ok(reads_back(task), "it prints as what reads the same");
}

static void kinds(void)
{
    static const struct {
        const char *file, *text, *name, *command;
    } cases[] = {
        {"x.c", "//DJ params = a\n// b\nint x;\n", "x", "{here}/x.c"},
        {"q.lua", "--DJ version = 2\n", "q", "{here}/q.lua"},
        {"tool", "#DJ name = other\n#DJ params = n\n", "other", "{here}/tool"},
        {"a.tar.sh", "#DJ\n", "a.tar", "{here}/a.tar.sh"},
        {"x.sh", "#DJ command = sh {here}/x.sh -v\n", "x", "sh {here}/x.sh -v"},
        {"my {1} file.sh", "#DJ name = x\n", "x", "'{here}/my {{1}} file.sh'"},
        {"x.sh", "\r\n#DJ version = 2\r\n", "x", "{here}/x.sh"},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        cleanup_definitions struct dj_list list = {NULL, 0, 0};
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int code = dj_script_head(cases[i].file, HERE, dj_bytes_of(cases[i].text), &list, &err);

        if (!ok(code == 0, "%s: %s", cases[i].file, dj_err_text(&err, code)))
            continue;
        is_str(nth(&list, 0)->name, cases[i].name, "its name");
        is_str(command_of(nth(&list, 0)), cases[i].command, "its command");
    }
}

static void refused(void)
{
    static const struct {
        int code;
        const char *file, *text, *want;
    } cases[] = {
        {-ENOENT, "x.sh", "#!/bin/sh\n# nothing\necho\n#DJ params = n\n",
         "x.sh has no lines \"#DJ option = value\" at its head"},
        {-ENOENT, "x.sh", "#DJANGO = 1\n #DJ params = n\n",
         "x.sh has no lines \"#DJ option = value\" at its head"},
        {-ENOENT, "x.sh", "", "x.sh has no lines \"#DJ option = value\" at its head"},
        {-EINVAL, "x.sh", "#!/bin/sh\n#DJ parms = n\n",
         "x.sh:2: there is no option \"parms\"; did you mean \"params\"?"},
        {-EINVAL, "x.sh", "#DJ nmae = y\n",
         "x.sh:1: there is no option \"nmae\"; did you mean \"name\"?"},
        {-EINVAL, "x.sh", "#DJ params\n", "x.sh:1: \"params\" is not of the form option = value"},
        {-EINVAL, "x.sh", "#DJ script = y\n",
         "x.sh:1: the file itself is the script; \"script\" has no place here"},
        {-EINVAL, "x y.sh", "\n#DJ params = n\n",
         "x y.sh:2: \"x y\" is not a task name (letters, digits and _, behind the first also . and "
         "-); give one with #DJ name = \xe2\x80\xa6"},
        {-EINVAL, "x.sh", "#DJ version = 1\n#DJ version = 2\n",
         "x.sh:2: version is given twice, first in line 1"},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        struct dj_list list = {NULL, 0, 0};
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int code = dj_script_head(cases[i].file, HERE, dj_bytes_of(cases[i].text), &list, &err);

        is_int(code, cases[i].code, "a head is refused");
        is_str(err.text, cases[i].want, "%s", cases[i].want);
        is_int((intmax_t)list.n, 0, "nothing is taken over");
    }
}

static void interpreters(void)
{
    static const struct {
        const char *file, *text, *want;
    } cases[] = {
        {"x.sh", "#!/bin/bash\n", "/bin/bash"},
        {"x.sh", "#! /usr/bin/env  python3 -u \nx", "/usr/bin/env 'python3 -u'"},
        {"x.sh", "#!/x/{y}\n", "/x/{{y}}"},
        {"x.py", "import sys\n", "python3"},
        {"dir.py/x", "", "/bin/sh"},
        {".py", "", "/bin/sh"},
        {"x.pl", "#!\n", "perl"},
        {"x.unknown", "", "/bin/sh"},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        struct dj_list words = {NULL, 0, 0};
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

        dj_script_interpreter(cases[i].file, dj_bytes_of(cases[i].text), &words);
        dj_words_print(&text, &words);
        is_str(dj_buf_str(&text), cases[i].want, "%s is run by %s", cases[i].file, cases[i].want);
        dj_bytes_list_release(&words);
    }
}

int main(void)
{
    right();
    kinds();
    refused();
    interpreters();
    return tap_done();
}
