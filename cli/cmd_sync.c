/* dj sync: what one store has and the other has not, both ways. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/archive/archive.h"
#include "cli/command.h"
#include "cli/exchange.h"
#include "cli/ids.h"
#include "cli/progress_bar.h"
#include "cli/sync_folder.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct syncing {
    struct dj_cli *cli;
    char *other;             /* a folder, or a socket */
    bool push, pull, define, json;
    struct dj_runs *own;     /* what we may send */
    struct dj_ids *own_ids;  /* all that we have */
    struct dj_list brought;
    struct dj_import *in, *out; /* out: another store only */
    uint64_t sent;           /* archives written */
    uint64_t failed;
};

/* ---- what there is ---- */

static int list_ids(struct dj *dj, struct dj_ids **ret, struct dj_err *err)
{
    struct dj_runs *all = dj_runs_new(dj, DJ_HISTORY);
    int rc = dj_runs_add(all, NULL);

    while (rc >= 0 && (rc = dj_runs_next(all)) == 1)
        dj_ids_add_hex(ret, dj_runs_id(all));
    rc = dj_said_by(dj, rc, err);
    dj_runs_free(all);
    return rc;
}

static int show_count(void *cookie, uint64_t count)
{
    dj_bar_set(cookie, count, 0);
    return 0;
}

static int list_current(struct dj *dj, struct dj_bar *bar, struct dj_runs **ret,
                        struct dj_err *err)
{
    int rc;

    *ret = dj_runs_new(dj, DJ_WITH_CALLED);
    (void)dj_runs_on_progress(*ret, show_count, bar);
    rc = dj_runs_add(*ret, NULL);
    if (rc == 0)
        rc = dj_runs_next(*ret);
    dj_runs_rewind(*ret);
    (void)dj_runs_on_progress(*ret, NULL, NULL);
    return DJ_MIN(dj_said_by(dj, rc, err), 0);
}

static int list_own(struct syncing *syncing, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(syncing->cli, "looking for runs", 0);
    int rc = list_current(syncing->cli->dj, bar, &syncing->own, err);

    return rc == 0 ? list_ids(syncing->cli->dj, &syncing->own_ids, err) : rc;
}

/* What is wrong with one run does not keep the others. */
static int pass_over(struct syncing *syncing, int code, struct dj_bar *bar,
                     const struct dj_err *why, struct dj_err *err)
{
    if (dj_interrupt_code() != 0)
        return -EINTR;
    if (code != -EBADMSG && code != -ENOENT && code != -EUCLEAN && code != -EMSGSIZE &&
        code != -EPROTONOSUPPORT && code != -EFBIG)
        return dj_err_set(err, -code, "%s", dj_err_text(why, code));
    dj_bar_hide(bar);
    fprintf(stderr, "dj: %s\n", dj_err_text(why, code));
    dj_bar_show(bar, false);
    syncing->failed++;
    return 0;
}

/* ---- a folder ---- */

static int pull_archive(struct syncing *syncing, const struct dj_folder_run *run,
                        struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    char hex[DJ_DIGEST_HEX_SIZE];
    struct dj_archive_input input = {.dj = syncing->cli->dj, .import = syncing->in, .only = hex,
                                     .brought = syncing->brought};
    int rc;

    dj_digest_hex(&run->id, hex);
    dj_buf_addf(&path, "%s/%s", syncing->other, run->name);
    input.path = dj_buf_str(&path);
    rc = dj_archive_runs(&input, err);
    syncing->brought = input.brought;
    return rc < 0 && dj_interrupt_code() == 0 ? dj_err_prefix(err, rc, "%s", dj_buf_str(&path))
                                              : rc;
}

static int pull_folder(struct syncing *syncing, const struct dj_list *runs, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(syncing->cli, "receiving", runs->n);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < runs->n; i++) {
        const struct dj_folder_run *run = DJ_LIST_AT(runs, struct dj_folder_run, i);
        dj_cleanup_err struct dj_err why = DJ_ERR_INIT;

        if (!dj_ids_has(syncing->own_ids, &run->id))
            rc = pull_archive(syncing, run, &why);
        if (rc < 0)
            rc = pass_over(syncing, rc, bar, &why, err);
        dj_bar_set(bar, i + 1, runs->n);
    }
    return rc;
}

static int push_archive(struct syncing *syncing, uint64_t instance, struct dj_err *err)
{
    struct dj *dj = syncing->cli->dj;
    struct dj_outgoing run;
    int rc = dj_outgoing_open(dj, instance, &run, err);

    if (rc < 0)
        return rc;
    rc = dj_folder_put(syncing->other, dj_daemon_store(dj), &run, err);
    syncing->sent += rc == 0;
    dj_outgoing_release(&run);
    return rc;
}

static int push_folder(struct syncing *syncing, const struct dj_list *there, struct dj_err *err)
{
    uint64_t n = dj_runs_count(syncing->own, NULL), done = 0;
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(syncing->cli, "sending", n);
    struct dj_ids *ids = NULL;
    int rc = 0;

    for (size_t i = 0; i < there->n; i++)
        dj_ids_add(&ids, &DJ_LIST_AT(there, struct dj_folder_run, i)->id);
    while (rc == 0 && dj_runs_next(syncing->own) == 1) {
        dj_cleanup_err struct dj_err why = DJ_ERR_INIT;

        if (dj_interrupt_code() != 0)
            rc = -EINTR;
        else if (!dj_ids_has_hex(ids, dj_runs_id(syncing->own)))
            rc = push_archive(syncing, dj_runs_instance(syncing->own), &why);
        if (rc < 0)
            rc = pass_over(syncing, rc, bar, &why, err);
        dj_bar_set(bar, ++done, n);
    }
    dj_ids_free(&ids);
    return rc;
}

static int sync_folder(struct syncing *syncing, struct dj_err *err)
{
    struct dj_list there;
    int rc = dj_folder_list(syncing->other, &there, err);

    if (rc < 0)
        return rc;
    syncing->in = dj_import_new(syncing->cli->dj, syncing->other);
    if (syncing->pull)
        rc = pull_folder(syncing, &there, err);
    if (rc == 0 && syncing->push)
        rc = push_folder(syncing, &there, err);
    dj_folder_release(&there);
    return rc;
}

/* ---- another store ---- */

static void keep_definition(struct syncing *syncing, const struct dj_export *run)
{
    struct dj_brought *one;
    const void *definition = NULL;
    size_t len = 0;

    for (size_t i = 0; i < syncing->brought.n; i++) {
        if (strcmp(DJ_LIST_AT(&syncing->brought, struct dj_brought, i)->task,
                   dj_export_task(run)) == 0)
            return;
    }
    (void)dj_export_text(run, "definition", &definition, &len);
    if (len == 0)
        return;
    one = dj_list_add(&syncing->brought, sizeof(*one));
    one->task = dj_xstrdup(dj_export_task(run));
    dj_buf_set(&one->definition, dj_bytes(definition, len));
}

static int transfer(struct syncing *syncing, struct dj *from, struct dj *to_store,
                    struct dj_import *to, uint64_t instance, struct dj_err *err)
{
    struct dj_export *run = dj_export_open(from, instance, to == syncing->in ? DJ_TEXTS : 0);
    int rc;

    if (run == NULL)
        return dj_said_by(from, -dj_error_code(from), err);
    rc = dj_said_by(to_store, dj_import_from(to, run), err);
    if (rc >= 0 && to == syncing->in)
        keep_definition(syncing, run);
    dj_export_close(run);
    return DJ_MIN(rc, 0);
}

struct direction {
    const char *what;
    struct dj *from, *to;
    struct dj_runs *runs;
    const struct dj_ids *there;
    struct dj_import *import;
};

static int transfer_all(struct syncing *syncing, const struct direction *way, struct dj_err *err)
{
    uint64_t n = dj_runs_count(way->runs, NULL), done = 0;
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(syncing->cli, way->what, n);
    int rc = 0;

    while (rc == 0 && dj_runs_next(way->runs) == 1) {
        dj_cleanup_err struct dj_err why = DJ_ERR_INIT;

        if (dj_interrupt_code() != 0)
            rc = -EINTR;
        else if (!dj_ids_has_hex(way->there, dj_runs_id(way->runs)))
            rc = transfer(syncing, way->from, way->to, way->import, dj_runs_instance(way->runs),
                          &why);
        if (rc < 0)
            rc = pass_over(syncing, rc, bar, &why, err);
        dj_bar_set(bar, ++done, n);
    }
    return rc == 0 ? dj_said_by(way->to, dj_import_drain(way->import), err) : rc;
}

static int sync_both(struct syncing *syncing, struct dj *other, struct dj_err *err)
{
    struct dj *own = syncing->cli->dj;
    struct dj_runs *theirs = NULL;
    struct dj_ids *ids = NULL;
    int rc = list_current(other, NULL, &theirs, err);

    if (rc == 0)
        rc = list_ids(other, &ids, err);
    syncing->in = dj_import_new(own, syncing->other);
    syncing->out = dj_import_new(other, dj_daemon_store(own));
    if (rc == 0 && syncing->pull)
        rc = transfer_all(syncing,
                          &(struct direction){"receiving", other, own, theirs, syncing->own_ids,
                                              syncing->in},
                          err);
    if (rc == 0 && syncing->push)
        rc = transfer_all(syncing,
                          &(struct direction){"sending", own, other, syncing->own, ids,
                                              syncing->out},
                          err);
    dj_runs_free(theirs);
    dj_ids_free(&ids);
    return rc;
}

static int sync_store(struct syncing *syncing, struct dj_err *err)
{
    struct dj *other = dj_new("dj " PACKAGE_VERSION);
    int rc = dj_said_by(other, dj_connect_to(other, syncing->other, 0), err);

    if (rc == 0 && dj_daemon_pid(other) == dj_daemon_pid(syncing->cli->dj))
        rc = dj_err_set(err, EINVAL, "%s is the socket of this very store", syncing->other);
    else if (rc == 0)
        rc = sync_both(syncing, other, err);
    if (syncing->out != NULL)
        (void)dj_import_drain(syncing->out);
    dj_free(other);
    return rc;
}

/* ---- told ---- */

static void print_json(const struct syncing *syncing, uint64_t sent)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "{\"sent\": %llu, \"failed\": %llu, ", (unsigned long long)sent,
                (unsigned long long)syncing->failed);
    dj_import_json(&text, syncing->in);
    dj_buf_addc(&text, '}');
    puts(dj_buf_str(&text));
}

static void print_counts(const struct syncing *syncing, uint64_t sent,
                         const struct dj_import_counts *in, size_t conflicts)
{
    if (sent == 0 && in->taken == 0) {
        printf("nothing to do: %zu run%s here, none to send and none to receive\n",
               dj_ids_count(syncing->own_ids), dj_ids_count(syncing->own_ids) == 1 ? "" : "s");
        return;
    }
    printf("sent %llu run%s, received %llu", (unsigned long long)sent, sent == 1 ? "" : "s",
           (unsigned long long)in->taken);
    if (conflicts != 0)
        printf("; %zu conflict%s", conflicts, conflicts == 1 ? "" : "s");
    putchar('\n');
}

static void tell(const struct syncing *syncing)
{
    struct dj_import_counts in = {0}, out = {0};
    size_t conflicts;
    uint64_t sent;

    (void)dj_import_counts(syncing->in, &in);
    (void)dj_import_counts(syncing->out, &out);
    sent = syncing->sent + out.taken;
    /* A conflict is seen on both sides, in the same words, when it goes both ways. */
    conflicts = dj_tell_conflicts(syncing->in);
    if (conflicts == 0)
        conflicts = dj_tell_conflicts(syncing->out);
    if (!syncing->define)
        dj_tell_waiting(syncing->cli, syncing->in);
    if (syncing->json)
        print_json(syncing, sent);
    else if (!syncing->cli->quiet)
        print_counts(syncing, sent, &in, conflicts);
}

static int sync_with(struct syncing *syncing, struct dj_err *err)
{
    struct stat st;
    int rc = stat(syncing->other, &st) < 0 ? dj_err_sys(err, errno, "%s", syncing->other) : 0;

    if (rc == 0 && !S_ISDIR(st.st_mode) && !S_ISSOCK(st.st_mode))
        return dj_err_set(err, EINVAL,
                          "%s is neither the socket of a daemon nor a folder; `dj import` takes an "
                          "archive", syncing->other);
    if (rc == 0)
        rc = dj_connect(syncing->cli, true, err);
    if (rc < 0)
        return rc;
    dj_interruptible(syncing->cli, 0);
    rc = list_own(syncing, err);
    if (rc == 0)
        rc = S_ISDIR(st.st_mode) ? sync_folder(syncing, err) : sync_store(syncing, err);
    if (rc == 0 && syncing->define)
        rc = dj_define_brought(syncing->cli, &syncing->brought, err);
    return rc;
}

static void release(struct syncing *syncing)
{
    dj_runs_free(syncing->own);
    dj_ids_free(&syncing->own_ids);
    dj_brought_release(&syncing->brought);
    dj_import_free(syncing->in);
    dj_import_free(syncing->out);
    free(syncing->other);
}

int dj_cmd_sync(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"push", no_argument, NULL, 'u'},   {"pull", no_argument, NULL, 'p'},
        {"define", no_argument, NULL, 'd'}, {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct syncing syncing = {.cli = cli};
    int option, rc, code;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == 'u')
            syncing.push = true;
        else if (option == 'p')
            syncing.pull = true;
        else if (option == 'd')
            syncing.define = true;
        else if (option == 'j')
            syncing.json = true;
        else
            return dj_bad_option(argv, option);
    }
    if (argc - optind != 1)
        return dj_usage("sync");
    if (!syncing.push && !syncing.pull)
        syncing.push = syncing.pull = true;
    syncing.other = dj_absolute(argv[optind]);
    rc = sync_with(&syncing, &err);
    code = rc < 0 ? dj_fail(rc, &err) : syncing.failed != 0 ? DJ_EX_FAILED : DJ_EX_OK;
    if (rc == 0)
        tell(&syncing);
    release(&syncing);
    return code;
}
