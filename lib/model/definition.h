/*
 * A task's definition: everything that its section of a task file says.
 *
 * One section is [name] with options below it; [defaults] gives options to every section behind it
 * in the same file. The options are a table in definition.c, so an unknown one is an error with
 * file and line. A definition prints back as a section that reads as the same definition.
 *
 *   command = WORD…     an argv; words end at blanks, are quoted with '…', "…" or \; never a shell
 *   script =            an indented block, run by its #! line, else by /bin/sh
 *   params = …          see lib/model/param.h        default.NAME = VALUE
 *   version = TEXT      (1)                          ignore = P,…    keep = P,…    depend = P.KEY,…
 *   setup = LINES       shell lines run before       env.X = VALUE   env = X,…
 *   timeout = 90s       (none)                       track = PATH,… or command
 *   priority = N        (0)                          result = stdout | file:NAME
 *   on_failure = retry | remember                    abandon = keep | cancel
 *   memory = SIZE       (none)                       max_result = SIZE   (none)
 *   max_files = SIZE    (none)                       max_log = SIZE      (1G)
 *   retries, retry_delay, retry_on                   see lib/model/retry.h
 *   resources = ram=1.5, gpu=1                       see lib/model/resource.h
 *   session = NAME or new, …                         see lib/model/session.h
 *   launch = MODE        (process)                   see lib/model/launch.h
 *   cutoff = yes | no   (no)                         store = yes | no   (yes)
 *   ttl = 1h            (none)                       serve_stale = 10m  (none)
 *   help = TEXT
 *
 * `here` is the folder of the definition (absolute). A relative first word of the command with a
 * slash in it, and tracked paths, are taken from there. Without any placeholder the arguments are
 * appended to the command: all counted and ignored ones in declared order, lists one word each.
 *
 * Task names are [A-Za-z0-9_][A-Za-z0-9_.-]* of at most 200 bytes, and not "defaults".
 *
 * Pure: nothing is looked up on disk here. Owned by whoever initialised it.
 */
#ifndef DJ_MODEL_DEFINITION_H
#define DJ_MODEL_DEFINITION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"
#include "lib/model/launch.h"
#include "lib/model/param.h"
#include "lib/model/retry.h"

enum dj_on_failure { DJ_FAILURE_RETRY, DJ_FAILURE_REMEMBER };
#define DJ_MAX_LOG (UINT64_C(1) << 30) /* when the definition says nothing */

enum dj_abandon { DJ_ABANDON_KEEP, DJ_ABANDON_CANCEL };

struct dj_env {
    char *name;
    char *value;
};

struct dj_definition {
    char *name;
    char *here;
    struct dj_list command;   /* struct dj_buf words, as templates; empty when there is a script */
    char *script;             /* NULL, or the block's text */
    struct dj_params params;  /* defaults and what counts filled in; absent left alone; behind
                               * them one `environment` for each of env_keyed */
    char *version;
    char *setup;              /* NULL, or shell lines */
    struct dj_list env;       /* struct dj_env: env.X = VALUE, sorted by name */
    struct dj_list env_keyed; /* struct dj_buf names: env = X, sorted */
    struct dj_list track;     /* struct dj_buf paths, as written; "command" tracks argv[0] */
    uint64_t timeout_ms;      /* 0: none */
    int64_t priority;
    char *result_file;        /* NULL: stdout */
    enum dj_on_failure on_failure;
    enum dj_abandon abandon;
    char *help;
    uint64_t memory;          /* bytes; 0: no limit, as in the three below */
    uint64_t max_result;
    uint64_t max_log;         /* of its own accord a program's log may grow for ever */
    uint64_t max_files;
    struct dj_retry retry;
    struct dj_list resources; /* struct dj_resource */
    char *session;            /* NULL: the caller's */
    struct dj_launch launch;
    bool cutoff;              /* its callers stand while it comes out equal */
    bool unstored;
    uint64_t ttl_ms;          /* 0: none, as the next */
    uint64_t serve_stale_ms;
    struct dj_list base_env;  /* struct dj_env: HOME USER LANG TZ PATH as captured when defined */
};

void dj_definition_init(struct dj_definition *definition);
void dj_definition_release(struct dj_definition *definition);
void dj_definition_copy(struct dj_definition *ret, const struct dj_definition *definition);

bool dj_task_name_ok(struct dj_bytes name);

/* dj_definition_print(buf, definition): as a section of a task file, without here and base_env. */
void dj_definition_print(struct dj_buf *buf, const struct dj_definition *definition);

/* dj_definition_store(), _load(): as CBOR, with here, base_env and the params' absent values. */
void dj_definition_store(struct dj_buf *buf, const struct dj_definition *definition);
int dj_definition_load(struct dj_bytes bytes, struct dj_definition *ret,
                       struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_definition_digest(definition, ret): of what the definition says it runs: command, script,
 * setup, env, env_keyed, result, as written. Not help, priority, timeout, version, params.
 */
void dj_definition_digest(const struct dj_definition *definition, struct dj_digest *ret);

/* dj_definition_hashed(buf, definition): what dj_definition_digest() is of, as lines for diff(1): a
 * part's name and one word or line of it. */
void dj_definition_hashed(struct dj_buf *buf, const struct dj_definition *definition);

/*
 * dj_definition_program(definition, ret): absolute paths (struct dj_buf) of what the command may
 * run from the definition's folder: its first word when it lies there, and every {here}/PATH that
 * does not depend on an argument. Those that are no files are for the caller to leave out.
 */
void dj_definition_program(const struct dj_definition *definition, struct dj_list *ret);

/*
 * dj_definition_check(definition, err): everything that can be wrong without looking at a disk:
 * neither command nor script or both, {x} of an unknown parameter, ignore and keep of unknown ones,
 * a default that does not fit its type, default before a parameter without one (allowed).
 */
int dj_definition_check(const struct dj_definition *definition, struct dj_err *err) DJ_MUST_CHECK;

/* dj_launch_stays(launch): its process is host to many runs. dj_definition_launchable(definition,
 * launch, err): its runs can be launched so (NAMED: what that stands for has to be asked). */
bool dj_launch_stays(const struct dj_launch *launch);
int dj_definition_launchable(const struct dj_definition *definition,
                             const struct dj_launch *launch, struct dj_err *err) DJ_MUST_CHECK;

/*
 * dj_definition_bare_words(definition, exists, cookie, ret): a run starts in an empty folder, so a
 * word of the command that names a file beside the definition without {here} is a slip. ret gets
 * each such word (struct dj_buf; of --x=FILE only FILE), for a note to who defines it.
 * exists(path, cookie) is asked about absolute paths.
 */
typedef bool dj_exists_fn(const char *path, void *cookie);
void dj_definition_bare_words(const struct dj_definition *definition, dj_exists_fn *exists,
                              void *cookie, struct dj_list *ret);

#endif
