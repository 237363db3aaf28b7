#include "tests/unit/definitions.h"

static const char lib[] = "#!/usr/bin/env bash\n"
                          "# A library.\n"
                          "\n"
                          "helper() { echo \"$1\"; }\n"
                          "\n"
                          "#DJ params = a:int b:int\n"
                          "# Adds two numbers.\n"
                          "#DJ version = 2\n"
                          "add() {\n"
                          "    # a comment\n"
                          "    echo $(($1 + $2))\n"
                          "}\n"
                          "#DJ name = lines\n"
                          "#DJ params = text:file\n"
                          "function count_lines {\n"
                          "    wc -l < \"$1\"\n"
                          "}\n"
                          "sub ( ) (\n"
                          "    echo\n"
                          ")\n"
                          "arr=()\n";

static void all_marked(void)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_shell_functions("a/lib.sh", HERE, dj_bytes_of(lib), NULL, 0, &list, &err);

    if (!ok(code == 0 && list.n == 2, "two functions are marked: %s", dj_err_text(&err, code)))
        return;
    is_str(nth(&list, 0)->name, "add", "the first");
    is_str(nth(&list, 0)->version, "2", "its version");
    is_str(params_of(nth(&list, 0)), "a:int, b:int", "its parameters");
    is_str(command_of(nth(&list, 0)), "bash -c '. \"$0\"; add \"$@\"' {here}/lib.sh",
           "its command");
    is_str(nth(&list, 1)->name, "lines", "a name of its own");
    is_str(command_of(nth(&list, 1)), "bash -c '. \"$0\"; count_lines \"$@\"' {here}/lib.sh",
           "the function behind it");
    ok(reads_back(nth(&list, 0)), "it prints as what reads the same");
}

static void named(void)
{
    const struct dj_bytes names[] = {DJ_BYTES_LIT("sub"), DJ_BYTES_LIT("add")};
    const struct dj_bytes missing[] = {DJ_BYTES_LIT("add"), DJ_BYTES_LIT("arr")};
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    is_int(dj_shell_functions("lib.sh", HERE, dj_bytes_of(lib), names, 2, &list, &err), 0,
           "two functions by name");
    is_int((intmax_t)list.n, 2, "both are there");
    is_str(nth(&list, 1)->name, "sub", "one without a head");
    is_int((intmax_t)nth(&list, 1)->params.n, 0, "has no parameters");
    dj_definitions_release(&list);
    is_int(dj_shell_functions("lib.sh", HERE, dj_bytes_of(lib), missing, 2, &list, &err), -ENOENT,
           "a function that is not there");
    is_str(err.text, "lib.sh has no function arr", "its name");
    is_int((intmax_t)list.n, 0, "nothing is taken over");
}

static void refused(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"#DJ params = n\n\nf() { :; }\n",
         "lib.sh:1: the #DJ lines stand directly above no function"},
        {"f() { :; }\n#DJ params = n\n",
         "lib.sh:2: the #DJ lines stand directly above no function"},
        {"#DJ params = n\nx=1\n", "lib.sh:1: the #DJ lines stand directly above no function"},
        {"#DJ version = 1\n#DJ parms = n\nf() { :; }\n",
         "lib.sh:2: there is no option \"parms\"; did you mean \"params\"?"},
        {"#DJ command = x\nf() { :; }\n",
         "lib.sh:1: the function is the command; \"command\" has no place here"},
        {"#DJ params = n\n#DJ name = a b\nf() { :; }\n",
         "lib.sh:2: \"a b\" is not a task name (letters, digits and _, behind the first also . and "
         "-); give one with #DJ name = \xe2\x80\xa6"},
        {"#DJ version = 1\nf() { :; }\n#DJ name = f\ng() { :; }\n",
         "lib.sh:4: the task f is there already"},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        struct dj_list list = {NULL, 0, 0};
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

        is_int(dj_shell_functions("lib.sh", HERE, dj_bytes_of(cases[i].text), NULL, 0, &list, &err),
               -EINVAL, "a library is refused");
        is_str(err.text, cases[i].want, "%s", cases[i].want);
        is_int((intmax_t)list.n, 0, "nothing is taken over");
    }
}

/* A folder with quotes and blanks, a function that echoes its words: through a real shell. */
static void in_a_shell(void)
{
    char folder[] = "/tmp/dj-test-shell-XXXXXX";
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf here = DJ_BUF_INIT, line = DJ_BUF_INIT;
    const struct dj_bytes words[] = {DJ_BYTES_LIT("a  b"), DJ_BYTES_LIT("it's $HOME")};
    const struct dj_template_place place = {"/args", NULL};
    dj_cleanup_args struct dj_args args = DJ_ARGS_INIT;
    struct dj_expansion expansion;
    char got[200];
    FILE *file;
    size_t len;

    if (mkdtemp(folder) == NULL)
        bail_out("mkdtemp: %m");
    dj_buf_addf(&here, "%s/it's \"a\" $(folder)", folder);
    dj_buf_addf(&line, "mkdir \"$HERE\" && printf 'f() { printf \"<%%%%s>\" \"$@\"; }\\n' "
                       "> \"$HERE/lib.sh\"");
    setenv("HERE", dj_buf_str(&here), 1);
    is_int(system(dj_buf_str(&line)), 0, "a library in a strange folder");
    is_int(dj_shell_functions("lib.sh", dj_buf_str(&here),
                              DJ_BYTES_LIT("#DJ params = x y\nf() {\n"), NULL, 0, &list, NULL),
           0, "its function");
    is_int(dj_args_bind("f", &nth(&list, 0)->params, words, 2, &args, NULL), 0, "two arguments");
    is_int(dj_template_expand(nth(&list, 0), &args, &place, &expansion, NULL), 0, "expanded");
    dj_buf_clear(&line);
    dj_words_print(&line, &expansion.argv);
    file = popen(dj_buf_str(&line), "r");
    len = file == NULL ? 0 : fread(got, 1, sizeof(got) - 1, file);
    got[len] = '\0';
    if (file != NULL)
        pclose(file);
    is_str(got, "<a  b><it's $HOME>", "it gets its arguments as they are");
    dj_expansion_release(&expansion);
    setenv("FOLDER", folder, 1);
    is_int(system("rm -r \"$FOLDER\""), 0, "cleaned up");
}

int main(void)
{
    all_marked();
    named();
    refused();
    in_a_shell();
    return tap_done();
}
