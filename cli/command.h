/*
 * What the commands of dj share: the connection, exit codes, and the table.
 *
 * A command gets its own arguments (argv[0] is its name) and returns an exit code. It reports what
 * went wrong through dj_fail(), which prints one sentence and gives the code for it.
 */
#ifndef DJ_CLI_COMMAND_H
#define DJ_CLI_COMMAND_H

#include <stdbool.h>

#include "lib/client/dj.h"
#include "lib/model/codec.h"
#include "lib/util/err.h"

enum dj_exit_code {
    DJ_EX_OK = 0,
    DJ_EX_FAILED = 1,
    DJ_EX_USAGE = 2,
    DJ_EX_NOT_CACHED = 3,
    DJ_EX_NOT_ALLOWED = 4,
    DJ_EX_UNKNOWN = 5,
    DJ_EX_NO_DAEMON = 69,
    DJ_EX_AGAIN = 75,
    DJ_EX_TIMEOUT = 124,
    DJ_EX_INTERRUPTED = 130,
};

struct dj_cli {
    char **argv;         /* of main() */
    const char *connect; /* --connect, or NULL */
    bool quiet;
    struct dj *dj;
};

struct dj_command {
    const char *name;
    const char *arguments; /* as shown by --help; only with "[-" in it may its first word be one */
    const char *summary;
    int (*run)(struct dj_cli *cli, int argc, char **argv);
};

extern const struct dj_command dj_commands[];
extern const size_t dj_command_count;

/* dj_command_find(name): NULL when there is none. */
const struct dj_command *dj_command_find(const char *name);
/* dj_command_help(command): how it is used and what it does, on stdout. */
void dj_command_help(const struct dj_command *command);

/* dj_fail(code, err): prints "dj: sentence"; code is a negative errno; the exit code for it. */
int dj_fail(int code, const struct dj_err *err);
/* dj_fail_of(code, run, err): likewise, with the run that it is about before the sentence; NULL: it
 * is about no one of several. */
int dj_fail_of(int code, const char *run, const struct dj_err *err);

/* dj_become(cli, name, err): never comes back but with -errno: the program of that name, which has
 * more commands than dj, does all of it from the beginning. */
int dj_become(struct dj_cli *cli, const char *name, struct dj_err *err) DJ_MUST_CHECK;
int dj_become_or_fail(struct dj_cli *cli, const char *name); /* an exit code */
/* DJ_COMMAND_IN(program, name): that command where only `program` holds it, which finds in its
 * words what it is. */
#define DJ_COMMAND_IN(program, name)                                       \
    int name(struct dj_cli *cli, int argc DJ_UNUSED, char **argv DJ_UNUSED) \
    {                                                                      \
        return dj_become_or_fail(cli, program);                            \
    }

/* dj_usage(argv0): how that command is used, on stderr; DJ_EX_USAGE. */
int dj_usage(const char *command);
/* dj_bad_option(argv, option): what getopt did not take, by name, and the usage; DJ_EX_USAGE. */
int dj_bad_option(char **argv, int option);

/* dj_json_option(argc, argv, ret_json): of a command whose one option is --json. */
int dj_json_option(int argc, char **argv, bool *ret_json);

/* dj_connect(cli, start, err): once; start: your own daemon is started when none runs. */
int dj_connect(struct dj_cli *cli, bool start, struct dj_err *err) DJ_MUST_CHECK;
void dj_cli_disconnect(struct dj_cli *cli);
/* dj_said(cli, rc, err): the sentence of a call of dj.h that gave rc; rc. */
int dj_said(struct dj_cli *cli, int rc, struct dj_err *err);
int dj_said_by(const struct dj *dj, int rc, struct dj_err *err);
/* dj_refused(cli): the code of what gave NULL. */
int dj_refused(struct dj_cli *cli);

/* Of the tree: all of a file, one line into a file, the names in a folder (struct dj_buf). */
int dj_read_text(struct dj_cli *cli, const char *path, struct dj_buf *ret,
                 struct dj_err *err) DJ_MUST_CHECK;
int dj_write_line(struct dj_cli *cli, const char *path, const char *line,
                  struct dj_err *err) DJ_MUST_CHECK;
/* dj_print_file(cli, path, err): to stdout, as it comes. */
int dj_print_file(struct dj_cli *cli, const char *path, struct dj_err *err) DJ_MUST_CHECK;
int dj_list_names(struct dj_cli *cli, const char *path, struct dj_list *ret,
                  struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_run_folder(cli, argc, argv, ret, err): the folder below the mount of the run that these words
 * name: one word with a slash in it is its path (tasks/TASK/NAME, TASK/NAME, or below the mount),
 * else a task and its arguments. Connects.
 */
int dj_run_folder(struct dj_cli *cli, int argc, char **argv, struct dj_buf *ret,
                  struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_interruptible(cli, timeout_ms): a signal or the time makes waiting calls cancel themselves.
 * The descriptor that is readable then is returned, for who polls.
 */
int dj_interruptible(struct dj_cli *cli, uint64_t timeout_ms);
/* dj_interrupt_code(): DJ_EX_INTERRUPTED or DJ_EX_TIMEOUT when that happened, else 0. */
int dj_interrupt_code(void);

/* A log that is shown on stderr while its run goes on. */
struct dj_shown {
    uint64_t bytes; /* so far */
    bool in_line;   /* the last of them was no newline */
};

/*
 * dj_wait_for(cli, request, timeout_ms, shown): a get or memo submitted and waited for; its code.
 * shown not NULL: its log is shown meanwhile, and the request says DJ_FOLLOWED. The first signal
 * cancels the request, and the daemon's answer says what becomes of the run; a second one ends the
 * program, and so does the first once the answer is there.
 */
int dj_wait_for(struct dj_cli *cli, struct dj_request *request, uint64_t timeout_ms,
                struct dj_shown *shown, struct dj_err *err);

/* dj_shows_log(cli): somebody looks at a terminal and has not said -q. */
bool dj_shows_log(const struct dj_cli *cli);
void dj_show_log(struct dj_shown *shown, struct dj_bytes bytes);

/* dj_show_rest(request, shown, err): what of its log was not told yet. */
int dj_show_rest(struct dj_request *request, struct dj_shown *shown,
                 struct dj_err *err) DJ_MUST_CHECK;
/* dj_print_result(request, err): to stdout, and its note to stderr. */
int dj_print_result(struct dj_request *request, struct dj_err *err) DJ_MUST_CHECK;

/* dj_write_out(bytes): to stdout, untouched; -errno. */
int dj_write_out(struct dj_bytes bytes) DJ_MUST_CHECK;
/* dj_cannot_write(code, err): -EIO and a sentence; a disk that is full here is not the store's. */
int dj_cannot_write(int code, struct dj_err *err);
/* dj_copy_out(path, err): the content of a file. */
int dj_copy_out(const char *path, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_get_options(argc, argv, options): the options of get and memo. has_list is set by the caller:
 * there is a -f, and there are parameters. DJ_EX_USAGE when they were refused.
 */
struct dj_get_options {
    bool has_list;
    uint64_t flags;      /* DJ_FORCE, DJ_INCOGNITO, DJ_CACHED */
    uint64_t timeout_ms;
    const char *list;    /* of -f, or NULL */
    const char *session; /* or NULL */
    const char *launch;  /* or NULL */
    struct dj_list ignore, keep; /* struct dj_buf */
};
int dj_get_options(int argc, char **argv, struct dj_get_options *options);
/* dj_set_options(request, options): its flags, session, and parameters left out. */
int dj_set_options(struct dj_request *request, const struct dj_get_options *options);
void dj_get_options_release(struct dj_get_options *options);

/*
 * dj_get_list(cli, options): the results of the runs that options->list ("-": stdin) has a line
 * each, in its order. An exit code: DJ_EX_FAILED when one or more failed.
 */
int dj_get_list(struct dj_cli *cli, const struct dj_get_options *options);

/* dj_define_text(cli, text, file, here, err): sections of a task file; notes go to stderr. */
int dj_define_text(struct dj_cli *cli, struct dj_bytes text, const char *file, const char *here,
                   struct dj_err *err) DJ_MUST_CHECK;

/* dj_check_launch(text, err), dj_check_session(text, err): of --launch and --session. -EINVAL. */
int dj_check_launch(const char *text, struct dj_err *err) DJ_MUST_CHECK;
int dj_check_session(const char *text, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_get_sweep(cli, options, argc, argv): TASK and arguments that vary, or the path of a sweep: a
 * result for every combination, the last one fastest (get_sweep.c). It may turn out to be one call
 * after all.
 */
int dj_get_sweep(struct dj_cli *cli, struct dj_get_options *options, int argc, char **argv);
/* dj_run_sweep(cli, options, argc, argv): each run of a sweep started; dj_run_one(): one call's. */
int dj_run_sweep(struct dj_cli *cli, const struct dj_get_options *options, int argc, char **argv);
int dj_run_one(struct dj_cli *cli, const struct dj_get_options *options, int argc, char **argv);
/* dj_path_sweep(cli, argc, argv): likewise, the paths of the runs. */
int dj_path_sweep(struct dj_cli *cli, int argc, char **argv);
/* dj_path_one(cli, argc, argv): of one call. */
int dj_path_one(struct dj_cli *cli, int argc, char **argv);
/* dj_get_one(cli, options, argc, argv): TASK and its arguments. */
int dj_get_one(struct dj_cli *cli, struct dj_get_options *options, int argc, char **argv);

/* dj_show_locks(cli, json): of `dj lock` alone (show_locks.c). An exit code. */
int dj_show_locks(struct dj_cli *cli, bool json);

int dj_cmd_up(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_down(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_mount(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_umount(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_define(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_undefine(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_bump(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_get(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_run(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_path(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_memo(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_ls(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_cat(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_write(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_verb(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_release(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_lock(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_reserve(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_session(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_progress(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_wait(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_undelete(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_why(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_key(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_impact(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_doctor(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_fsck(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_export(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_import(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_sync(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_gc(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_status(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_tasks(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_show(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_log(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_events(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_config(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_frame(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_set(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_compare(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_group(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_load(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_map(struct dj_cli *cli, int argc, char **argv);
int dj_cmd_help(struct dj_cli *cli, int argc, char **argv);

#endif
