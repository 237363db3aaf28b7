/* Launch commands: what stands for COMMAND, run through real shells. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/model/launch.h"
#include "lib/model/launch_template.h"
#include "lib/model/taskfile.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/unit/tap.h"

static char place[] = "/tmp/dj-launch.XXXXXX";
static struct dj_buf script, job;

/* ---- a world of its own: a script in a folder with every byte that hurts, and programs that hand
 * their words on as the real ones do ---- */

static void put(const char *path, const char *text)
{
    int fd = dj_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

    if (fd < 0 || dj_pwrite_full(fd, text, strlen(text), 0) < 0)
        abort();
    dj_close(fd);
}

static void put_program(const char *name, const char *text)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "%s/%s", place, name);
    put(dj_buf_str(&path), text);
}

static void set_up(void)
{
    dj_cleanup_buf struct dj_buf folder = DJ_BUF_INIT, run = DJ_BUF_INIT, path = DJ_BUF_INIT;

    if (mkdtemp(place) == NULL)
        abort();
    dj_buf_addf(&folder, "%s/a b'c\"d$HOME`e`\\f*;&|(é)#\tg", place);
    if (mkdir(dj_buf_str(&folder), 0755) < 0)
        abort();
    dj_buf_addf(&script, "%s/run", dj_buf_str(&folder));
    dj_buf_addf(&job, "%s/job", dj_buf_str(&folder));
    dj_buf_addf(&run, "echo ran >> %s/ran\n", place);
    put(dj_buf_str(&script), dj_buf_str(&run));
    dj_buf_clear(&run);
    dj_buf_addf(&run, "#!/bin/sh\necho ran >> %s/ran\n", place);
    put(dj_buf_str(&job), dj_buf_str(&run));
    put_program("ssh", "#!/bin/sh\n[ \"$1\" != -q ] || shift\nshift\nexec sh -c \"$*\"\n");
    put_program("bsub", "#!/bin/sh\nexec sh -c \"$*\"\n");
    put_program("srun", "#!/bin/sh\nwhile :; do case $1 in -*) shift ;; *) break ;; esac; done\n"
                        "exec \"$@\"\n");
    put_program("sbatch", "#!/bin/sh\nwhile :; do case $1 in --wrap) exec sh -c \"$2\" ;;\n"
                          "--wrap=*) exec sh -c \"${1#--wrap=}\" ;; -*) shift ;; *) break ;; esac\n"
                          "done\nread -r first < \"$1\"\n"
                          "[ \"$first\" = '#!/bin/sh' ] && exec sh \"$1\"\n");
    dj_buf_addf(&path, "%s:%s", place, getenv("PATH"));
    setenv("PATH", dj_buf_str(&path), 1);
}

static void tear_down(void)
{
    (void)!dj_remove_tree(AT_FDCWD, place);
    dj_buf_release(&script);
    dj_buf_release(&job);
}

/* ---- running ---- */

static struct dj_definition define(const char *options)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list definitions = {0};
    struct dj_definition ret;

    dj_buf_addf(&text, "[t]\ncommand = x\n%s", options);
    if (dj_taskfile_parse("f", "/", dj_buf_bytes(&text), &definitions, &err) < 0) {
        ok(false, "%s: %s", options, dj_err_text(&err, 0));
        abort();
    }
    ret = *DJ_LIST_AT(&definitions, struct dj_definition, 0);
    free(definitions.items);
    return ret;
}

static int expand(const char *template, struct dj_definition *definition,
                  const struct dj_args *args, struct dj_list *ret, struct dj_err *err)
{
    const struct dj_launch_place where = {dj_buf_str(&script), dj_buf_str(&job)};
    dj_cleanup_launch struct dj_launch launch = {0};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc;

    dj_buf_addf(&text, "command %s", template);
    rc = dj_launch_parse(dj_buf_bytes(&text), &launch, err);
    return rc < 0 ? rc : dj_launch_expand(&launch.words, definition, args, &where, ret, err);
}

static int execute(const struct dj_list *words)
{
    dj_cleanup_free char **argv = dj_xcalloc(words->n + 1, sizeof(char *));
    int status = -1;
    pid_t pid;

    for (size_t i = 0; i < words->n; i++)
        argv[i] = (char *)(uintptr_t)dj_buf_str(DJ_LIST_AT(words, struct dj_buf, i));
    pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    return pid < 0 || waitpid(pid, &status, 0) < 0 ? -1 : status;
}

static void runs(const char *template)
{
    dj_cleanup_buf struct dj_buf ran = DJ_BUF_INIT, path = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_definition definition = define("resources = ram=1.5\n");
    struct dj_list words = {0};
    int rc = expand(template, &definition, NULL, &words, &err);

    dj_buf_addf(&path, "%s/ran", place);
    if (is_int(rc, 0, "%s: %s", template, rc == 0 ? "is filled in" : dj_err_text(&err, rc))) {
        is_int(execute(&words), 0, "%s ends well", template);
        rc = dj_read_file(AT_FDCWD, dj_buf_str(&path), 100, &ran);
        is_str(rc < 0 ? "" : dj_buf_str(&ran), "ran\n", "and the script has run once");
    }
    (void)unlink(dj_buf_str(&path));
    dj_bytes_list_release(&words);
    dj_definition_release(&definition);
}

static void shells(void)
{
    static const char *const templates[] = {
        "COMMAND",
        "nice -n 1 COMMAND",
        "srun -c4 COMMAND",
        "sh -c COMMAND",
        "sh -ec COMMAND",
        "sh -c 'exec COMMAND'",
        "sh -c 'true && COMMAND; true'",
        "sh -c 'sh -c COMMAND'",
        "sh -c \"sh -c 'COMMAND'\"",
        "sh -c 'sh -c \"COMMAND\"'",
        "sh -c 'sh -c \"exec COMMAND\"'",
        "sh -c 'sh -c \"sh -c '\\''exec COMMAND'\\''\"'",
        "sh -c '(COMMAND)'",
        "sh -c 'X=\"a b\" COMMAND'",
        "ssh host COMMAND",
        "ssh -q host COMMAND",
        "ssh host sh -c COMMAND",
        "ssh host 'nice COMMAND'",
        "ssh host \"sh -c 'COMMAND'\"",
        "ssh host \"sh -c 'exec COMMAND'\"",
        "ssh host 'sh -c COMMAND'",
        "ssh host 'sh -c \"COMMAND\"'",
        "ssh host bsub COMMAND",
        "ssh host bsub sh -c COMMAND",
        "ssh host 'cd / && sbatch --wrap \"COMMAND\"'",
        "ssh host sbatch --wrap=COMMAND",
        "ssh host \"sbatch '--wrap=COMMAND'\"",
        "sh -c 'ssh host COMMAND'",
        "srun ssh host COMMAND",
        "bsub COMMAND",
        "bsub 'exec COMMAND'",
        "sbatch COMMAND",
        "sbatch -W COMMAND",
        "sbatch --wrap COMMAND",
        "sbatch --wrap=COMMAND",
        "sbatch '--wrap=exec COMMAND'",
        "sh -c 'sbatch --wrap=COMMAND'",
        "sh -c 'test {{a}} = {{a}} && test {ram} = 1.5 && COMMAND'",
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(templates); i++)
        runs(templates[i]);
    runs("sh -c 'echo $(COMMAND) | cat'");
}

/* ---- placeholders ---- */

static void becomes(const char *template, const char *options, const char *arg, const char *want)
{
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_definition definition = define(options);
    struct dj_bytes word = dj_bytes_of(arg);
    struct dj_list words = {0};
    struct dj_args args = DJ_ARGS_INIT;
    int rc = arg == NULL ? 0 : dj_args_bind("t", &definition.params, &word, 1, &args, &err);

    if (rc == 0)
        rc = expand(template, &definition, arg == NULL ? NULL : &args, &words, &err);
    for (size_t i = 0; i + 2 < words.n; i++) /* without /bin/sh SCRIPT */
        dj_buf_addf(&line, "%s|", dj_buf_str(DJ_LIST_AT(&words, struct dj_buf, i)));
    is_str(rc == 0 ? dj_buf_str(&line) : dj_err_text(&err, rc), want, "%s: %s", template, want);
    dj_bytes_list_release(&words);
    dj_args_release(&args);
    dj_definition_release(&definition);
}

static void placeholders(void)
{
    becomes("srun -c {cores} COMMAND", "", NULL, "srun|-c|1|");
    becomes("srun -c{cores} --mem={ram}G COMMAND", "resources = cores=4, ram=1.5\n", NULL,
            "srun|-c4|--mem=1.5G|");
    becomes("srun -t {time} COMMAND", "timeout = 61s\n", NULL, "srun|-t|2|");
    becomes("srun -t {time} COMMAND", "timeout = 60s\n", NULL, "srun|-t|1|");
    becomes("srun -t {time} COMMAND", "timeout = 1ms\n", NULL, "srun|-t|1|");
    becomes("srun -J {task}.{{x}} COMMAND", "", NULL, "srun|-J|t.{x}|");
    becomes("srun -J {n} COMMAND", "params = n\n", "a b'c", "srun|-J|a b'c|");
    becomes("srun --res={v100-x.1} COMMAND", "resources = v100-x.1=2\n", NULL, "srun|--res=2|");
    becomes("srun -t {time} COMMAND", "", NULL, "{time} is the task's timeout, and it has none");
    becomes("srun {nope} COMMAND", "", NULL,
            "{nope}: the task has no parameter and no resource of this name");
    becomes("srun {n} COMMAND", "params = n:str*\n", NULL,
            "{n} is a list, which is no single word");
    becomes("srun {n COMMAND", "", NULL,
            "a single brace is no placeholder, which is {NAME}; write {{ and }} for braces");
    becomes("srun n} COMMAND", "", NULL,
            "a single brace is no placeholder, which is {NAME}; write {{ and }} for braces");
    becomes("srun {} COMMAND", "", NULL,
            "a single brace is no placeholder, which is {NAME}; write {{ and }} for braces");
    becomes("ssh {n} COMMAND", "params = n\n", "a;b",
            "a shell reads {n} here, and its value has other bytes than letters, digits and"
            " _./:=@%+,-");
    becomes("sh -c 'echo \"{n}\"; COMMAND'", "params = n\n", "$(id)",
            "a shell reads {n} here, and its value has other bytes than letters, digits and"
            " _./:=@%+,-");
    becomes("sh -c 'COMMAND; COMMAND'", "", NULL,
            "COMMAND stands there twice, and a run begins once");
    becomes("srun COMMAND COMMAND", "", NULL,
            "COMMAND stands there twice, and a run begins once");
    becomes("sh -c 'echo \"$(COMMAND)\"'", "", NULL,
            "COMMAND stands in a $(...) or `...` within double quotes, where it cannot be quoted"
            " right");
}

/* What is defined is checked then, all but the values. */
static void defined(void)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list definitions = {0};
    static const char text[] = "[t]\ncommand = x\nlaunch = command srun {y} COMMAND\n";
    int rc = dj_taskfile_parse("f", "/", dj_bytes_of(text), &definitions, &err);

    is_int(rc, -EINVAL, "an unknown placeholder is refused when it is defined");
    ok(strstr(dj_err_text(&err, rc),
              "t: launch: {y}: the task has no parameter and no resource of this name") != NULL,
       "with its sentence: %s", dj_err_text(&err, rc));
}

int main(void)
{
    set_up();
    shells();
    placeholders();
    defined();
    tear_down();
    return tap_done();
}
