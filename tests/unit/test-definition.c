#include "tests/unit/definitions.h"

static const char full[] = "[full]\n"
                           "command = ./run {a} {b@} '{c?--c}' {{}} x\n"
                           "params = a:int, b:json*, c:bool, d:file, e\n"
                           "default.b = '{\"x\": 1.0}' '[1, 2]'\n"
                           "default.c = true\n"
                           "default.d = data/input.txt\n"
                           "default.e =\n"
                           "ignore = c, e\n"
                           "version = 3\n"
                           "setup =\n"
                           "    . ./env\n"
                           "    ulimit -c 0\n"
                           "env.B = 2\n"
                           "env.A = one  two\n"
                           "env = LC_ALL, EDITOR\n"
                           "timeout = 1h30m\n"
                           "retry_on = exit:75 memory\n"
                           "retry_delay = 500ms*1.5\n"
                           "retries = 4\n"
                           "max_files = 2G\n"
                           "max_log = none\n"
                           "max_result = 1500KB\n"
                           "memory = 1.5GiB\n"
                           "priority = -5\n"
                           "session = new workers:2 ram=4\n"
                           "resources = ram:1.50 gpu=1\n"
                           "launch = command  srun 'COMMAND'\n"
                           "track = command, 'lib/a b', c\n"
                           "result = file:out/x.csv\n"
                           "on_failure = remember\n"
                           "abandon = cancel\n"
                           "serve_stale = 10m\n"
                           "ttl = 90m\n"
                           "cutoff = yes\n"
                           "store = yes\n"
                           "help = What it does.\n";

static void printing(void)
{
    static const char want[] = "[full]\n"
                               "command = ./run {a} {b@} '{c?--c}' {{}} x\n"
                               "params = a:int, b:json*, c:bool, d:file, e\n"
                               "default.b = '{\"x\":1.0}' '[1,2]'\n"
                               "default.c = true\n"
                               "default.d = /the/folder/data/input.txt\n"
                               "default.e =\n"
                               "ignore = c, e\n"
                               "version = 3\n"
                               "setup =\n"
                               "    . ./env\n"
                               "    ulimit -c 0\n"
                               "env.A = one  two\n"
                               "env.B = 2\n"
                               "env = EDITOR, LC_ALL\n"
                               "timeout = 1h30m\n"
                               "memory = 1536M\n"
                               "max_result = 1500000\n"
                               "max_log = none\n"
                               "max_files = 2G\n"
                               "priority = -5\n"
                               "resources = ram=1.5, gpu=1\n"
                               "session = new, workers=2, ram=4\n"
                               "launch = command srun COMMAND\n"
                               "track = command, 'lib/a b', c\n"
                               "result = file:out/x.csv\n"
                               "retries = 4\n"
                               "retry_delay = 500ms*1.5\n"
                               "retry_on = exit:75, memory\n"
                               "on_failure = remember\n"
                               "abandon = cancel\n"
                               "cutoff = yes\n"
                               "ttl = 1h30m\n"
                               "serve_stale = 10m\n"
                               "help = What it does.\n";
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    const struct dj_definition *task = one(&list, full);

    dj_definition_print(&text, task);
    is_str(dj_buf_str(&text), want, "every option is printed");
    ok(reads_back(task), "and reads back");
}

static void storing(void)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf bytes = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_definition *task = one(&list, full), copy, loaded;
    struct dj_env *env = dj_list_add(&task->base_env, sizeof(*env));
    struct dj_bytes word = DJ_BYTES_LIT("7");
    int code;

    env->name = strdup("PATH");
    env->value = strdup("");
    task->params.items[0].has_absent = true;
    is_int(dj_value_parse(DJ_INT, false, &word, 1, &task->params.items[0].absent, NULL), 0,
           "a value for a parameter that was added");
    dj_definition_store(&bytes, task);
    code = dj_definition_load(dj_buf_bytes(&bytes), &loaded, &err);
    if (!ok(code == 0, "it is loaded: %s", dj_err_text(&err, code)))
        return;
    ok(same(task, &loaded), "and is the same");
    is_str(DJ_LIST_AT(&loaded.base_env, struct dj_env, 0)->value, "",
           "an empty variable is not NULL");
    ok(loaded.params.items[0].has_absent && !loaded.params.items[1].has_absent, "absent values");
    is_str(loaded.here, HERE, "its folder");
    dj_definition_copy(&copy, &loaded);
    ok(same(task, &copy), "a copy is the same");
    dj_definition_release(&loaded);
    ok(same(task, &copy), "also when the other is gone");
    dj_definition_release(&copy);

    is_int(dj_definition_load(dj_bytes(bytes.data, bytes.len - 1), &loaded, NULL), -EBADMSG,
           "half a record is refused");
    is_int(dj_definition_load(DJ_BYTES_LIT("\x80"), &loaded, NULL), -EBADMSG,
           "an empty one, too");
}

static void digest_of(const char *text, struct dj_digest *ret)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};

    dj_definition_digest(one(&list, text), ret);
}

static void digests(void)
{
    static const char *const different[] = {
        "[a]\ncommand = y\n",
        "[a]\ncommand = x ''\n",
        "[a]\nscript = x\n",
        "[a]\ncommand = x\nsetup = y\n",
        "[a]\ncommand = x\nenv.A = \n",
        "[a]\ncommand = x\nenv = A\n",
        "[a]\ncommand = x\nresult = file:y\n",
    };
    static const char *const equal[] = {
        "[b]\ncommand =   'x'\n",
        "[a]\ncommand = x\nversion = 2\nhelp = y\npriority = 3\ntimeout = 1s\nparams = z\n",
        "[a]\ncommand = x\ntrack = y\non_failure = remember\nabandon = cancel\n",
        "[a]\ncommand = x\nmemory = 1G\nmax_log = 1\nretries = 3\nretry_on = exit\n",
        "[a]\ncommand = x\nresources = ram=1\nsession = new\nlaunch = direct\n",
    };
    struct dj_digest base, other;

    digest_of("[a]\ncommand = x\n", &base);
    for (size_t i = 0; i < DJ_ARRAY_SIZE(different); i++) {
        digest_of(different[i], &other);
        ok(!dj_digest_equal(&base, &other), "another digest %zu", i);
    }
    for (size_t i = 0; i < DJ_ARRAY_SIZE(equal); i++) {
        digest_of(equal[i], &other);
        ok(dj_digest_equal(&base, &other), "the same digest %zu", i);
    }
}

static void names(void)
{
    char name[202];

    memset(name, 'x', sizeof(name));
    ok(dj_task_name_ok(DJ_BYTES_LIT("project.merge-all_2")), "a name with every sign");
    ok(dj_task_name_ok(dj_bytes(name, 200)), "200 bytes");
    ok(!dj_task_name_ok(dj_bytes(name, 201)), "201 bytes");
    ok(!dj_task_name_ok(DJ_BYTES_LIT("")), "no name");
    ok(!dj_task_name_ok(DJ_BYTES_LIT("defaults")), "defaults");
    ok(!dj_task_name_ok(DJ_BYTES_LIT(".x")), "a leading dot");
    ok(!dj_task_name_ok(DJ_BYTES_LIT("-x")), "a leading -");
    ok(!dj_task_name_ok(DJ_BYTES_LIT("a/b")), "a slash");
    ok(!dj_task_name_ok(DJ_BYTES_LIT("a b")), "a blank");
    ok(!dj_task_name_ok(DJ_BYTES_LIT("\xc3\xa4")), "not ASCII");
}

static void checks(void)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_definition *task = one(&list, full);

    is_int(dj_definition_check(task, &err), 0, "the full one is right");
    task->here[0] = 'x';
    is_int(dj_definition_check(task, &err), -EINVAL, "a folder that is not absolute");
    is_str(err.text, "full: the folder of the definition is not absolute", "a sentence");
    task->here[0] = '/';
    task->params.items[0].name[0] = 'z';
    is_int(dj_definition_check(task, &err), -EINVAL, "a parameter that is not there");
    is_str(err.text, "full: command: {a}: there is no parameter of this name", "a sentence");
    task->params.items[0].name[0] = 'a';
    task->params.items[2].type = DJ_STR;
    is_int(dj_definition_check(task, &err), -EINVAL, "a default of another type");
    is_str(err.text, "full: the default of c is not a str", "a sentence");
    task->params.items[2].type = DJ_BOOL;
    for (size_t i = 0; i < 4; i++) {
        static const char *const paths[] = {"/abs", "a/../b", "a//b", "a/"};

        free(task->result_file);
        task->result_file = strdup(paths[i]);
        is_int(dj_definition_check(task, &err), -EINVAL, "%s is no result", paths[i]);
    }
}

static bool is_there(const char *path, void *cookie)
{
    struct dj_buf *asked = cookie;

    dj_buf_addf(asked, "%s\n", path);
    return strcmp(path, HERE "/data.txt") == 0 || strcmp(path, HERE "/run.sh") == 0;
}

static void bare_words(void)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    struct dj_list words = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf asked = DJ_BUF_INIT;

    dj_definition_bare_words(one(&list, "[t]\ncommand = run.sh -v --in=data.txt other {x} "
                                        "{here}/data.txt /data.txt data.txt . ''\nparams = x\n"),
                             is_there, &asked, &words);
    is_str(dj_buf_str(&asked),
           HERE "/run.sh\n" HERE "/data.txt\n" HERE "/other\n" HERE "/data.txt\n",
           "the words that may be files are looked at");
    is_int((intmax_t)words.n, 3, "three of them are");
    is_str(dj_buf_str(DJ_LIST_AT(&words, struct dj_buf, 0)), "run.sh",
           "a first word that is looked for in PATH");
    is_str(dj_buf_str(DJ_LIST_AT(&words, struct dj_buf, 1)), "data.txt", "a part of an option");
    dj_bytes_list_release(&words);
    dj_definitions_release(&list);
    dj_definition_bare_words(one(&list, "[t]\ncommand = ./run.sh\n"), is_there, &asked, &words);
    is_int((intmax_t)words.n, 0, "a first word with a slash is right");
}

static void program_is(const char *text, const char *want)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf all = DJ_BUF_INIT;
    struct dj_list paths = {NULL, 0, 0};

    dj_definition_program(one(&list, text), &paths);
    for (size_t i = 0; i < paths.n; i++)
        dj_buf_addf(&all, "%s ", dj_buf_str(DJ_LIST_AT(&paths, struct dj_buf, i)));
    is_str(dj_buf_str(&all), want, "the program of %s", text);
    dj_bytes_list_release(&paths);
}

static void programs(void)
{
    program_is("[t]\ncommand = ./run.sh {here}/lib.py\n", HERE "/run.sh " HERE "/lib.py ");
    program_is("[t]\ncommand = python3 {here}/a.py --in={here}/b {here}/{x}\nparams = x\n",
               HERE "/a.py " HERE "/b ");
    program_is("[t]\ncommand = sh -c '{here}/one.sh;\"{here}/two.sh\" x'\n",
               HERE "/one.sh " HERE "/two.sh ");
    program_is("[t]\ncommand = '{here}/my run{{1}}.sh'\n", HERE "/my run{1}.sh " HERE "/my ");
    program_is("[t]\ncommand = " HERE "/run.sh\n", HERE "/run.sh ");
    program_is("[t]\ncommand = /bin/cat {here}\n", "");
    program_is("[t]\nscript =\n    {here}/x\n", "");
}

static void hashed(void)
{
    cleanup_definitions struct dj_list list = {NULL, 0, 0};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_definition_hashed(&text, one(&list, "[t]\ncommand = a 'b\\\\\tc' {x}\nparams = x\nsetup =\n"
                                           "    one\n    two\nenv.B = 2\nenv.A = 1\n"
                                           "result = file:out\nhelp = none\npriority = 3\n"));
    is_str(dj_buf_str(&text),
           "command a\ncommand b\\\\\\\\\\tc\ncommand {x}\nsetup one\nsetup two\n"
           "env A=1\nenv B=2\nresult out\n",
           "what is hashed of a definition, a line each");
}

int main(void)
{
    printing();
    storing();
    digests();
    names();
    checks();
    bare_words();
    programs();
    hashed();
    return tap_done();
}
