#include "lib/util/fdio.h"
#include "lib/util/str.h"
#include "tests/unit/definitions.h"

static void whole_file(void)
{
    static const char text[] = "# tasks of the example\n"
                               "; another comment\n"
                               "\n"
                               "[first]\n"
                               "command = ./first.sh {x}   # no comment; taken as it is\n"
                               "params=x\n"
                               "\n"
                               "[defaults]\n"
                               "setup   = . ~/venv/bin/activate\n"
                               "env.OMP_NUM_THREADS = 1\n"
                               "env.A = a\n"
                               "timeout = 90s\n"
                               "\n"
                               "  [factorial]  \r\n"
                               "command = ./factorial.sh {n}\r\n"
                               "params  = n:int, verbose:bool\n"
                               "default.verbose = false\n"
                               "ignore = verbose\n"
                               "version = 1.2 beta = \"x\" ; y\n"
                               "env.A = b\n"
                               "help =\n"
                               "\n"
                               "    The product of 1 .. n.\n"
                               "\n"
                               "      indented = more\n"
                               "    # and no comment\n"
                               "\n"
                               "timeout = none\n"
                               "[project.merge-all]\n"
                               "script =\n"
                               "\t#!/bin/sh\n"
                               "\tfor i in 1 2; do\n"
                               "\t\techo $i\n"
                               "\tdone\n";
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    const struct dj_definition *task;
    int code = dj_taskfile_parse("tasks.ini", HERE, dj_bytes_of(text), &list, &err);

    if (!ok(code == 0 && list.n == 3, "three tasks: %s", dj_err_text(&err, code)))
        return;
    is_str(err.text, NULL, "the error object is left alone");
    task = nth(&list, 0);
    is_str(task->name, "first", "the first one");
    is_str(command_of(task), "./first.sh {x} '#' no 'comment;' taken as it is",
           "a value is taken to the end of its line");
    is_str(task->setup, NULL, "[defaults] changes nothing above it");
    is_int((intmax_t)task->env.n, 0, "nor its environment");

    task = nth(&list, 1);
    is_str(task->name, "factorial", "the second one");
    is_str(command_of(task), "./factorial.sh {n}", "CR at the end of a line is a blank");
    is_str(task->version, "1.2 beta = \"x\" ; y", "signs inside of a value mean nothing");
    is_str(task->setup, ". ~/venv/bin/activate", "an option of [defaults]");
    is_int((intmax_t)task->env.n, 2, "env is merged by name");
    is_str(DJ_LIST_AT(&task->env, struct dj_env, 0)->value, "b", "the section's own value wins");
    is_str(DJ_LIST_AT(&task->env, struct dj_env, 1)->name, "OMP_NUM_THREADS", "the other stays");
    is_int((intmax_t)task->timeout_ms, 0, "a default can be undone");
    is_str(task->help, "The product of 1 .. n.\n\n  indented = more\n# and no comment",
           "a block keeps its inner indentation and its empty lines");
    ok(task->params.items[1].ignored && task->params.items[1].has_default, "ignore and default.X");
    is_str(task->here, HERE, "its folder");

    task = nth(&list, 2);
    is_str(task->script, "#!/bin/sh\nfor i in 1 2; do\n\techo $i\ndone\n", "a script");
    is_int((intmax_t)task->timeout_ms, 90000, "a duration");
    for (size_t i = 0; i < list.n; i++)
        ok(reads_back(nth(&list, i)), "%s prints as what reads the same", nth(&list, i)->name);
}

static void refused(void)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", "t.ini: there is no section [name] in it"},
        {"[defaults]\n", "t.ini: there is no section [name] in it"},
        {"x = 1\n", "t.ini:1: a section [name] has to come first"},
        {"[a]\ncommand = x\n\n[b]\n", "t.ini:4: b has neither a command nor a script"},
        {"[a]\ncommand =\n", "t.ini:2: the command is empty"},
        {"[a]\ncommand = x\nscript = y\n",
         "t.ini:1: a has a command and a script; only one can be"},
        {"[a]\ncomand = x\n", "t.ini:2: there is no option \"comand\"; did you mean \"command\"?"},
        {"[a]\ncommand = x\ncolour = 3\n", "t.ini:3: there is no option \"colour\""},
        {"[a]\ncommand = x\nlaunch = thread now\n", "t.ini:3: thread takes no word behind it"},
        {"[a]\ndefualt.x = 1\n",
         "t.ini:2: there is no option \"defualt.x\"; did you mean \"default.x\"?"},
        {"[a]\nenv. = 1\n", "t.ini:2: \"env.\" needs a name behind the dot"},
        {"[a]\nname = b\n", "t.ini:2: there is no option \"name\""},
        {"[defaults]\nhlep = x\n[a]\ncommand = x\n",
         "t.ini:2: there is no option \"hlep\"; did you mean \"help\"?"},
        {"[a]\ncommand = x\n[b]\ncommand = y\n[a]\ncommand = z\n",
         "t.ini:5: [a] is there already, in line 1"},
        {"[a]\ncommand = x\nparams = p\ncommand = y\n",
         "t.ini:4: command is given twice, first in line 2"},
        {"[a]\nenv.X = x\nenv.X = y\n", "t.ini:3: env.X is given twice, first in line 2"},
        {"[a b]\n",
         "t.ini:1: [a b]: a task name has letters, digits and _, behind the first also . and -, "
         "and at most 200 of them"},
        {"[.a]\n",
         "t.ini:1: [.a]: a task name has letters, digits and _, behind the first also . and -, and "
         "at most 200 of them"},
        {"[a] # x\n", "t.ini:1: \"[a] # x\" is not of the form [name]"},
        {"[a\n", "t.ini:1: \"[a\" is not of the form [name]"},
        {"[a]\ncommand\n", "t.ini:2: \"command\" is not of the form option = value"},
        {"[a]\ncommand = x\n  y\n",
         "t.ini:3: the line is indented deeper than command in line 2, which has no open block; "
         "write the block below \"command =\" with nothing behind the ="},
        {"[a]\nscript =\n  a\n# out\n  b\n",
         "t.ini:5: the line is indented deeper than script in line 2, which has no open block; "
         "write the block below \"script =\" with nothing behind the ="},
        {"[a]\ncommand = x {y}\n", "t.ini:2: {y}: there is no parameter of this name"},
        {"[a]\ncommand = x 'y\n", "t.ini:2: a quote ' is opened and not closed"},
        {"[a]\ncommand = awk '{print $1}'\n",
         "t.ini:2: \"print $1\" in braces is no placeholder ({x}, {x@}, {x?--flag} or {here}); "
         "write {{ and }} for braces"},
        {"[a]\ncommand = x\nparams = n:integer\n",
         "t.ini:3: \"integer\" is not a type: str int float bool json file path run, or one of "
         "them with * for a list"},
        {"[a]\ncommand = x\nparams = n:int\ndefault.n = five\n",
         "t.ini:4: the default of n: \"five\" is not an int"},
        {"[a]\ncommand = x\ndefault.n = 5\n", "t.ini:3: a has no parameter \"n\""},
        {"[a]\ncommand = x\nignore = n\n", "t.ini:3: a has no parameter n to ignore"},
        {"[a]\ncommand = x\nparams = n\nkeep =\n", "t.ini:4: keep names no parameter"},
        {"[a]\ncommand = x\nparams = n m\nkeep = n\nignore = m\n",
         "t.ini:1: a: ignore and keep exclude each other"},
        {"[a]\ncommand = x\ntimeout = soon\n",
         "t.ini:3: \"soon\" is not a duration such as 250ms, 90s, 5m, 2h, 1h30m or 1d"},
        {"[a]\ncommand = x\nmax_log = 0\n",
         "t.ini:3: a limit is none or a size from 1 byte to 1024T"},
        {"[a]\ncommand = x\nmemory = 1025T\n",
         "t.ini:3: a limit is none or a size from 1 byte to 1024T"},
        {"[a]\ncommand = x\nretry_on = cancelled\n",
         "t.ini:3: what was cancelled is not tried again"},
        {"[a]\ncommand = x\npriority = high\n",
         "t.ini:3: \"high\" is not a whole number of 64 bits"},
        {"[a]\ncommand = x\nresult = out.txt\n", "t.ini:3: a result is stdout or file:NAME"},
        {"[a]\ncommand = x\nresult = file:../out\n",
         "t.ini:3: \"../out\" cannot be the result: a path inside of the working directory is "
         "needed"},
        {"[a]\ncommand = x\non_failure = ignore\n", "t.ini:3: on_failure is retry or remember"},
        {"[a]\ncommand = x\ncutoff = 1\n", "t.ini:3: cutoff is yes or no"},
        {"[a]\ncommand = x\nstore = never\n", "t.ini:3: store is yes or no"},
        {"[a]\ncommand = x\nttl = 0s\n",
         "t.ini:3: ttl is none or a duration of at least 1ms"},
        {"[a]\ncommand = x\nserve_stale = 99999d\n",
         "t.ini:3: \"99999d\" is not a duration of at most 100 years"},
        {"[a]\ncommand = x\nserve_stale = 1m\n", "t.ini:1: a: serve_stale needs a ttl"},
        {"[a]\ncommand = x\nstore = no\ncutoff = yes\n",
         "t.ini:1: a: with store = no there is nothing for cutoff"},
        {"[a]\ncommand = x\nstore = no\nttl = 1m\nserve_stale = 1m\n",
         "t.ini:1: a: with store = no there is nothing for serve_stale"},
        {"[a]\ncommand = x\nabandon = yes\n", "t.ini:3: abandon is keep or cancel"},
        {"[a]\ncommand = x\nversion =\n", "t.ini:3: a version is one line of at most 200 bytes"},
        {"[a]\ncommand = x\nenv.1A = x\n",
         "t.ini:3: \"1A\" is not the name of an environment variable"},
        {"[a]\ncommand = x\nenv.DJ_RUN = x\n",
         "t.ini:3: DJ_RUN cannot be set: DJ and DJ_\xe2\x80\xa6 are given by djfs"},
        {"[a]\ncommand = x\nenv = HOME-DIR\n",
         "t.ini:3: \"HOME-DIR\" is not the name of an environment variable"},
        {"[a]\ncommand = x\nenv.L = x\nenv = L\n",
         "t.ini:1: a: L has a value in env.L and comes from the caller in env; only one can be"},
        {"[a]\ncommand = x\nenv = L L\n", "t.ini:1: a: env names L twice"},
        {"[a]\nscript =\n[b]\ncommand = x\n", "t.ini:2: the script is empty"},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        struct dj_list list = {NULL, 0, 0};
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int code =
            dj_taskfile_parse("t.ini", HERE, dj_bytes_of(cases[i].text), &list, &err);

        ok(code == -EINVAL && list.n == 0, "refused, and nothing is taken over");
        is_str(err.text, cases[i].want, "%s", cases[i].want);
    }
}

static void refused_bytes(void)
{
    struct dj_list list = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf big = DJ_BUF_INIT;

    is_int(dj_taskfile_parse("t.ini", HERE, DJ_BYTES_LIT("[a]\ncommand = x\0y\n"), &list, &err),
           -EINVAL, "a NUL byte");
    is_str(err.text, "t.ini:2: the line holds a NUL byte", "its line");
    is_int(dj_taskfile_parse("t.ini", HERE, DJ_BYTES_LIT("[a]\nscript =\n x\0y\n"), &list, &err),
           -EINVAL, "a NUL byte in a block");
    is_str(err.text, "t.ini:3: the line holds a NUL byte", "its line");

    dj_buf_adds(&big, "[a]\ncommand = x\n#");
    while (big.len <= DJ_TASKFILE_MAX)
        dj_buf_addc(&big, '#');
    is_int(dj_taskfile_parse("t.ini", HERE, dj_buf_bytes(&big), &list, &err), -EINVAL,
           "a file that is too long");
    is_str(err.text, "t.ini: a task file has at most 1048576 bytes", "it says how long it may be");

    dj_buf_clear(&big);
    dj_buf_adds(&big, "[defaults]\nhelp = ");
    for (int i = 0; i < 70000; i++)
        dj_buf_addc(&big, 'x');
    dj_buf_adds(&big, "\n[a]\ncommand = x\n");
    is_int(dj_taskfile_parse("t.ini", HERE, dj_buf_bytes(&big), &list, &err), -EINVAL,
           "defaults that are too long");
}

/* What a block reads as. */
static void blocks(void)
{
    static const struct {
        const char *block, *want;
    } cases[] = {
        {"  a\n  b\n", "a\nb"},
        {"    a\n  b\n", "  a\nb"},
        {"\ta\n\t b\n", "a\n b"},
        {" \ta\n  b\n", "\ta\n b"},
        {"  a\n\n\n  b\n\n\n", "a\n\n\nb"},
        {"  a\n     \n  b\n", "a\n   \nb"},
        {"  a\r\n  b\r\n", "a\nb"},
        {"  |  a\n  |\n", "  a\n"},
        {"  |a\n |b |\n", "a\nb |"},
        {"  |a\n  b\n", "|a\nb"},
        {"  [x]\n  y = z\n", "[x]\ny = z"},
        {"\n\n", NULL},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        cleanup_definitions struct dj_list list = {NULL, 0, 0};
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
        const struct dj_definition *task;

        dj_buf_addf(&text, "[a]\ncommand = x\nhelp =\n%sversion = 2\n", cases[i].block);
        task = one(&list, dj_buf_str(&text));
        is_str(task->help, cases[i].want, "a block");
        is_str(task->version, "2", "and what comes after it");
        ok(reads_back(task), "it prints as what reads the same");
    }
}

/* Options may be indented as a whole, a block is what is deeper than its option. */
static void indented(void)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    const struct dj_definition *task =
        one(&list, "[a]\n  command = x\n  # a comment\n     ; another\n  help =\n    text\n"
                   "  version = 3\n[b]\n\tcommand = y\n");

    is_str(task->help, "text", "a block below an indented option");
    is_str(task->version, "3", "the option behind it");
    is_int((intmax_t)list.n, 2, "a section ends the one before");
}

/* An own command drops an inherited script, an own keep an inherited ignore. */
static void inherited(void)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};

    one(&list, "[defaults]\nscript = echo\nparams = x y\nignore = x\n"
               "[a]\nversion = 2\n[b]\ncommand = z\nkeep = x\n[c]\nignore =\n");
    is_int((intmax_t)list.n, 3, "three tasks");
    is_str(nth(&list, 0)->script, "echo\n", "an inherited script");
    ok(nth(&list, 0)->params.items[0].ignored, "an inherited ignore");
    ok(nth(&list, 1)->script == NULL && nth(&list, 1)->command.n == 1, "an own command");
    ok(!nth(&list, 1)->params.items[0].ignored && nth(&list, 1)->params.items[1].ignored,
       "an own keep");
    ok(!nth(&list, 2)->params.items[0].ignored, "an empty ignore");
}

static void one_line(const char *want_error, const char *want_command, size_t n,
                     const char *const *texts)
{
    struct dj_bytes words[16];
    struct dj_definition definition;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    for (size_t i = 0; i < n; i++)
        words[i] = dj_bytes_of(texts[i]);
    code = dj_define_words(words, n, HERE, &definition, &err);
    if (want_error != NULL) {
        is_int(code, -EINVAL, "a line is refused");
        is_str(err.text, want_error, "%s", want_error);
        return;
    }
    if (!ok(code == 0, "a line is read: %s", dj_err_text(&err, code)))
        return;
    is_str(command_of(&definition), want_command, "its command");
    ok(reads_back(&definition), "it prints as what reads the same");
    dj_definition_release(&definition);
}

#define LINE(error, command, ...)                                                 \
    do {                                                                          \
        static const char *const texts[] = {__VA_ARGS__};                         \
        one_line(error, command, DJ_ARRAY_SIZE(texts), texts);                    \
    } while (0)

static void lines(void)
{
    LINE(NULL, "./factorial.sh {n}", "factorial", "n:int", "--", "./factorial.sh", "{n}");
    LINE(NULL, "true", "t", "--", "true");
    LINE(NULL, "echo '' 'a  b' -- 'it'\\''s'", "t", "a", "--", "echo", "", "a  b", "--", "it's");
    LINE("t: write -- before the command", NULL, "t", "n:int");
    LINE("t: no command follows the --", NULL, "t", "n:int", "--");
    LINE("\"--\" is not a task name: letters, digits and _, behind the first also . and -", NULL,
         "--", "x");
    LINE("{m}: there is no parameter of this name", NULL, "t", "n", "--", "x", "{m}");
    LINE("\"5x\" is not a parameter name: letters, digits and _, no digit first, 100 at the most",
         NULL, "t", "5x", "--", "x");
    LINE("version is given twice", NULL, "t", "version=1", "version=2", "--", "x");
    LINE("the parameter n is named twice", NULL, "t", "n", "n", "--", "x");
    LINE("an empty word is neither an option nor a parameter", NULL, "t", "", "--", "x");
}

static void full_line(void)
{
    static const char *const texts[] = {"f",       "version=2",       "env.A=x y", "x:int=5",
                                        "sep= \n", "t:file*=a 'b c'", "--",        "sh",
                                        "-c",      "a; b"};
    struct dj_bytes words[DJ_ARRAY_SIZE(texts)];
    struct dj_definition definition;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(texts); i++)
        words[i] = dj_bytes_of(texts[i]);
    if (!ok(dj_define_words(words, DJ_ARRAY_SIZE(texts), HERE, &definition, NULL) == 0, "a line"))
        return;
    is_str(definition.version, "2", "an option before the first parameter");
    is_str(DJ_LIST_AT(&definition.env, struct dj_env, 0)->value, "x y", "env.X in the line");
    is_str(params_of(&definition), "x:int, sep, t:file*", "its parameters");
    is_str(dj_buf_str(&definition.params.items[1].default_value.scalars[0].text), " \n",
           "a default of a blank and a newline");
    is_int((intmax_t)definition.params.items[2].default_value.n, 2, "a list as default");
    is_str(dj_buf_str(&definition.params.items[2].default_value.scalars[1].text), HERE "/b c",
           "a file as default lies in the folder of the definition");
    ok(reads_back(&definition), "all of it prints as what reads the same");
    dj_definition_release(&definition);

    words[1] = DJ_BYTES_LIT("x\0y");
    is_int(dj_define_words(words, 10, HERE, &definition, NULL), -EINVAL, "a NUL byte");
    is_int(dj_define_words(words, 0, HERE, &definition, NULL), -EINVAL, "no words");
}

static void shipped(const char *name, struct dj_buf *ret)
{
    const char *top = getenv("DJ_SRCDIR");
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/%s", top == NULL ? "." : top, name);
    dj_buf_clear(ret);
    is_int(dj_read_file(AT_FDCWD, dj_buf_str(&path), DJ_TASKFILE_MAX, ret), 0, "%s", name);
}

static void is_read(const char *what, struct dj_bytes text, size_t want)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = dj_taskfile_parse(what, HERE, text, &list, &err);

    ok(code == 0 && (want == 0 || list.n == want), "%s is read: %s", what,
       dj_err_text(&err, code));
}

/* The examples, and those of the man page, are right. */
static void examples(void)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT, example = DJ_BUF_INIT;
    struct dj_bytes rest, line;
    bool inside = false;
    int found = 0;

    shipped("examples/tasks.ini", &text);
    is_read("examples/tasks.ini", dj_buf_bytes(&text), 4);
    shipped("man/dj-tasks.5", &text);
    rest = dj_buf_bytes(&text);
    while (dj_next_line(&rest, &line)) {
        if (dj_bytes_starts(line, DJ_BYTES_LIT(".Bd"))) {
            inside = true;
            dj_buf_clear(&example);
        } else if (dj_bytes_starts(line, DJ_BYTES_LIT(".Ed"))) {
            inside = false;
            if (example.len > 0 && strchr("[", example.data[0]) != NULL && ++found)
                is_read("man/dj-tasks.5", dj_buf_bytes(&example), 0);
        } else if (inside && (example.len > 0 || line.len == 0 || line.data[0] != '#')) {
            dj_buf_add_bytes(&example, line);
            dj_buf_addc(&example, '\n');
        }
    }
    is_int(found, 8, "examples in the man page");
}

int main(void)
{
    whole_file();
    refused();
    refused_bytes();
    blocks();
    indented();
    inherited();
    lines();
    full_line();
    examples();
    return tap_done();
}
