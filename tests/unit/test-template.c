#include "tests/unit/definitions.h"

static const struct dj_template_place place = {"/args", "/dj"};

struct call {
    struct dj_list list;
    struct dj_args args;
    struct dj_expansion expansion;
    struct dj_err err;
    int code;
};

/* Expands the first task of the text with words that are separated by |. */
static void call(struct call *call, const char *text, const char *arguments,
                 const struct dj_template_place *where)
{
    struct dj_bytes words[16];
    size_t n = 0;

    *call = (struct call){0};
    one(&call->list, text);
    while (arguments != NULL && n < 16) {
        const char *end = strchr(arguments, '|');

        words[n++] = dj_bytes(arguments, end == NULL ? strlen(arguments)
                                                     : (size_t)(end - arguments));
        arguments = end == NULL ? NULL : end + 1;
    }
    call->code = dj_args_bind("t", &nth(&call->list, 0)->params, words, n, &call->args, &call->err);
    if (call->code == 0)
        call->code = dj_template_expand(nth(&call->list, 0), &call->args, where, &call->expansion,
                                        &call->err);
}

static void end(struct call *call)
{
    dj_expansion_release(&call->expansion);
    dj_args_release(&call->args);
    dj_definitions_release(&call->list);
    dj_err_release(&call->err);
}

static const char *argv_of(const struct call *call)
{
    static struct dj_buf shown;

    dj_buf_clear(&shown);
    for (size_t i = 0; i < call->expansion.argv.n; i++) {
        dj_buf_addc(&shown, '<');
        dj_buf_add_bytes(&shown, dj_list_bytes(&call->expansion.argv, i));
        dj_buf_addc(&shown, '>');
    }
    return call->code < 0 ? dj_err_text(&call->err, call->code) : dj_buf_str(&shown);
}

static const char *variable(const struct call *call, const char *name)
{
    const char *value = NULL;

    for (size_t i = 0; i < call->expansion.env.n; i++) {
        const struct dj_env *env = DJ_LIST_AT(&call->expansion.env, struct dj_env, i);

        if (strcmp(env->name, name) == 0)
            value = value == NULL ? env->value : "twice";
    }
    return value;
}

static const struct dj_arg_file *file_of(const struct call *call, const char *name)
{
    for (size_t i = 0; i < call->expansion.files.n; i++) {
        if (strcmp(DJ_LIST_AT(&call->expansion.files, struct dj_arg_file, i)->name, name) == 0)
            return DJ_LIST_AT(&call->expansion.files, struct dj_arg_file, i);
    }
    return NULL;
}

static const char *content_of(const struct call *call, const char *name)
{
    const struct dj_arg_file *file = file_of(call, name);

    return file == NULL ? NULL : dj_buf_str(&file->content);
}

static void commands(void)
{
    static const struct {
        const char *text, *arguments, *want;
    } cases[] = {
        {"[t]\ncommand = ./f.sh {n}\nparams = n:int\n", "007", "</the/folder/f.sh><7>"},
        {"[t]\ncommand = ./f.sh\nparams = n:int m\n", "5|a b", "</the/folder/f.sh><5><a b>"},
        {"[t]\ncommand = f --n={n}, {m}\nparams = n m\n", "1|2", "<f><--n=1,><2>"},
        {"[t]\ncommand = f\n", NULL, "<f>"},
        {"[t]\ncommand = bin/f\n", NULL, "</the/folder/bin/f>"},
        {"[t]\ncommand = /bin/f\n", NULL, "</bin/f>"},
        {"[t]\ncommand = {here}/f -c {here}/x\nparams = n\n", "1",
         "</the/folder/f><-c></the/folder/x><1>"},
        {"[t]\ncommand = {n}/f\nparams = n\n", "a", "</the/folder/a/f>"},
        {"[t]\ncommand = f {l} x{l}\nparams = l:str*\n", "a b|c", "<f><a b><c><xa b c>"},
        {"[t]\ncommand = f {l} end\nparams = l:str*\ndefault.l =\n", NULL, "<f><end>"},
        {"[t]\ncommand = f x{l} end\nparams = l:str*\ndefault.l =\n", NULL, "<f><x><end>"},
        {"[t]\ncommand = f\nparams = l:str* m\n", "l=a|l=b|m=c", "<f><a><b><c>"},
        {"[t]\ncommand = f '{v?--verbose}' '{w?-w}' x'{w?-w}' {x}\nparams = v:bool w:bool x\n",
         "true|false|", "<f><--verbose><x><>"},
        {"[t]\ncommand = awk '{{print $1}}' {{{n}}}\nparams = n\n", "1",
         "<awk><{print $1}><{1}>"},
        {"[t]\ncommand = f {n@} {n@} {l@}\nparams = n l:str*\n", "1|2|3",
         "<f></args/n></args/n></args/l>"},
        {"[t]\ncommand = f {x} {y} {r} {s}\nparams = x:file y:path r:run s:run*\n",
         "/a/b|c|t/5|t/6|t/7",
         "<f></a/b><c></dj/tasks/t/5/result></dj/tasks/t/6/result></dj/tasks/t/7/result>"},
        {"[t]\ncommand = '{a?x}'\nparams = a:bool\n", "false",
         "t: nothing is left of the command"},
        {"[t]\ncommand = f {x}\nparams = x\nsetup = . 'env'\n", "a'b",
         "</bin/sh><-c><. 'env'\nexec \"$@\"><sh><f><a'b>"},
        {"[t]\nscript = echo \"$@\"\nparams = a b\n", "1|2",
         "</bin/sh></args/t.script><1><2>"},
        {"[t]\nscript =\n  #!/usr/bin/perl\n  print 1;\nsetup = x\n", NULL,
         "</bin/sh><-c><x\nexec \"$@\"><sh></args/t.script>"},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        struct call c;

        call(&c, cases[i].text, cases[i].arguments, &place);
        is_str(argv_of(&c), cases[i].want, "command %zu", i);
        end(&c);
    }
}

static void without_mount(void)
{
    static const struct dj_template_place nowhere = {"/args", NULL};
    struct call c;

    call(&c, "[t]\ncommand = f {r}\nparams = r:run\n", "t/5", &nowhere);
    is_int(c.code, -ENXIO, "a run needs a mount");
    is_str(c.err.text,
           "t: r is another run, whose result can only be given as a path, and there is no mount",
           "a sentence");
    is_int((intmax_t)c.expansion.argv.n, 0, "nothing is left behind");
    end(&c);
    call(&c, "[t]\ncommand = f {r@}\nparams = r:run*\n", "t/5", &nowhere);
    is_int(c.code, -ENXIO, "also in a file");
    end(&c);
    call(&c, "[t]\ncommand = f {n}\nparams = n r:run\n", "1|t/5", &nowhere);
    is_int(c.code, 0, "not when it is not in the command");
    is_str(variable(&c, "DJ_ARG_r"), "t/5", "its name in the environment");
    end(&c);
}

static void files(void)
{
    struct call c;

    call(&c, "[t]\ncommand = f {s@} {l@} {e@} {r@}\nparams = s:str e:str* r:run l:file*\n"
             "default.e =\n",
         "s=a b|r=t/5|l=/x|l=/y", &place);
    is_str(argv_of(&c), "<f></args/s></args/l></args/e></args/r>", "files in place of values");
    is_str(content_of(&c, "s"), "a b", "a value as it is");
    is_str(content_of(&c, "l"), "/x\n/y\n", "elements of a list one per line");
    is_str(content_of(&c, "e"), "", "an empty list");
    is_str(content_of(&c, "r"), "/dj/tasks/t/5/result", "a run's result");
    is_str(content_of(&c, "args.json"),
           "{\"s\":\"a b\",\"e\":[],\"r\":\"t/5\",\"l\":[\"/x\",\"/y\"]}\n", "all as JSON");
    is_int((intmax_t)c.expansion.files.n, 5, "no other files");
    end(&c);

    call(&c, "[t]\nscript =\n  #!/bin/sh\n    x\n", NULL, &place);
    is_str(content_of(&c, "t.script"), "#!/bin/sh\n  x\n", "the script");
    ok(file_of(&c, "t.script")->executable, "can be executed");
    ok(!file_of(&c, "args.json")->executable, "the arguments cannot");
    end(&c);
}

static void environment(void)
{
    struct dj_buf big = DJ_BUF_INIT;
    struct dj_env *base;
    struct call c;

    call(&c, "[t]\ncommand = f\nenv.B = own\nenv.DJANGO = x\nparams = n:int l:str*\n", "05|a b|c",
         &place);
    is_str(variable(&c, "B"), "own", "env.X");
    is_str(variable(&c, "DJANGO"), "x", "a name that only begins like ours");
    is_str(variable(&c, "DJ_ARGS"), "/args/args.json", "DJ_ARGS");
    is_str(variable(&c, "DJ_ARG_n"), "5", "DJ_ARG_n is canonical");
    is_str(variable(&c, "DJ_ARG_l"), "a b\nc", "DJ_ARG_l has a line for each element");
    dj_expansion_release(&c.expansion);

    base = dj_list_add(&nth(&c.list, 0)->base_env, sizeof(*base));
    *base = (struct dj_env){strdup("B"), strdup("base")};
    base = dj_list_add(&nth(&c.list, 0)->base_env, sizeof(*base));
    *base = (struct dj_env){strdup("PATH"), strdup("/bin")};
    is_int(dj_template_expand(nth(&c.list, 0), &c.args, &place, &c.expansion, NULL), 0,
           "with a captured environment");
    is_str(variable(&c, "B"), "own", "env.X goes before what was captured");
    is_str(variable(&c, "PATH"), "/bin", "the rest stays");
    end(&c);

    while (big.len < 99999)
        dj_buf_addc(&big, 'x');
    call(&c, "[t]\ncommand = f\nparams = s\n", dj_buf_str(&big), &place);
    ok(variable(&c, "DJ_ARG_s") != NULL, "99999 bytes fit");
    end(&c);
    dj_buf_addc(&big, 'x');
    call(&c, "[t]\ncommand = f\nparams = s\n", dj_buf_str(&big), &place);
    ok(c.code == 0 && variable(&c, "DJ_ARG_s") == NULL, "100000 do not");
    end(&c);
    while (big.len < 131072)
        dj_buf_addc(&big, 'x');
    call(&c, "[t]\ncommand = f\nparams = s\n", dj_buf_str(&big), &place);
    is_int(c.code, -E2BIG, "what exec would refuse is refused");
    end(&c);
    call(&c, "[t]\ncommand = f {s@}\nparams = s\n", dj_buf_str(&big), &place);
    is_int(c.code, 0, "it fits into a file");
    is_int((intmax_t)file_of(&c, "s")->content.len, 131072, "all of it");
    end(&c);
    dj_buf_release(&big);
}

static void placeholders(void)
{
    static const struct {
        const char *word;
        bool right;
    } cases[] = {
        {"", true},        {"x", true},       {"{n}", true},      {"a{n}b{n@}c", true},
        {"{b?--x y}", true}, {"{here}", true}, {"{{{n}}}", true},  {"{{x}}", true},
        {"{b?{{x}", true}, {"{x}", false},    {"{n", false},      {"n}", false},
        {"{}", false},     {"{n }", false},   {"{ n}", false},    {"{n@@}", false},
        {"{n?x}", false},  {"{b?}", false},   {"{here@}", false}, {"{here?x}", false},
        {"{n.x}", false},  {"{l?x}", false},  {"}{", false},      {"{\xc3\xa4}", false},
    };
    dj_cleanup_params struct dj_params params = DJ_PARAMS_INIT;
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    is_int(dj_params_parse(DJ_BYTES_LIT("n:int b:bool l:bool*"), &params, NULL), 0, "parameters");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(cases); i++) {
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
        int code = dj_template_check(dj_bytes_of(cases[i].word), &params, &err);

        ok(code == (cases[i].right ? 0 : -EINVAL) && (code == 0) == (err.text == NULL), "%s: %s",
           cases[i].word, dj_err_text(&err, code));
    }
    dj_template_escape(&text, DJ_BYTES_LIT("a{b}}"));
    is_str(dj_buf_str(&text), "a{{b}}}}", "escaped");
}

int main(void)
{
    commands();
    without_mount();
    files();
    environment();
    placeholders();
    return tap_done();
}
