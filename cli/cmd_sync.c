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
#include "cli/sync_folder.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct syncing {
    struct dj_cli *cli;
    char *other;             /* a folder, or a socket */
    bool push, pull, define, json;
    struct dj_selection own; /* what we may send */
    struct dj_ids *own_ids;  /* all that we have */
    struct dj_list brought;
    struct dj_intake *in, *out; /* out: another store only */
    uint64_t sent;           /* archives written */
    uint64_t failed;
};

/* ---- what there is ---- */

static int list_ids(struct dj_connection *connection, struct dj_ids **ret, struct dj_err *err)
{
    struct dj_selection all = {.connection = connection, .flags = DJ_RUNS_ALL};
    int rc = dj_select(&all, NULL, NULL, err);

    for (size_t i = 0; rc == 0 && i < all.chosen.n; i++)
        dj_ids_add(ret, &DJ_LIST_AT(&all.chosen, struct dj_chosen, i)->id);
    dj_selection_release(&all);
    return rc;
}

static int list_current(struct dj_connection *connection, struct dj_bar *bar,
                        struct dj_selection *ret, struct dj_err *err)
{
    int rc;

    *ret = (struct dj_selection){.connection = connection, .flags = DJ_RUNS_CALLS, .bar = bar};
    rc = dj_select(ret, NULL, NULL, err);
    if (rc == 0)
        rc = dj_select_called(ret, err);
    dj_select_sort(ret);
    ret->bar = NULL;
    return rc;
}

static int list_own(struct syncing *syncing, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(syncing->cli, "looking for runs", 0);
    int rc = list_current(syncing->cli->connection, bar, &syncing->own, err);

    return rc == 0 ? list_ids(syncing->cli->connection, &syncing->own_ids, err) : rc;
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
    struct dj_archive_input input = {.intake = syncing->in, .only = hex,
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
    struct dj_connection *connection = syncing->cli->connection;
    struct dj_outgoing run;
    int rc = dj_outgoing_open(connection, instance, true, &run, err);

    if (rc < 0)
        return rc;
    rc = dj_folder_put(syncing->other, dj_connection_welcome(connection)->store, &run, err);
    syncing->sent += rc == 0;
    dj_outgoing_release(&run);
    return rc;
}

static int push_folder(struct syncing *syncing, const struct dj_list *there, struct dj_err *err)
{
    const struct dj_list *own = &syncing->own.chosen;
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(syncing->cli, "sending", own->n);
    struct dj_ids *ids = NULL;
    int rc = 0;

    for (size_t i = 0; i < there->n; i++)
        dj_ids_add(&ids, &DJ_LIST_AT(there, struct dj_folder_run, i)->id);
    for (size_t i = 0; rc == 0 && i < own->n; i++) {
        const struct dj_chosen *chosen = DJ_LIST_AT(own, struct dj_chosen, i);
        dj_cleanup_err struct dj_err why = DJ_ERR_INIT;

        if (dj_interrupt_code() != 0)
            rc = -EINTR;
        else if (!dj_ids_has(ids, &chosen->id))
            rc = push_archive(syncing, chosen->instance, &why);
        if (rc < 0)
            rc = pass_over(syncing, rc, bar, &why, err);
        dj_bar_set(bar, i + 1, own->n);
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
    syncing->in = dj_intake_new(syncing->cli->connection, syncing->other);
    if (syncing->pull)
        rc = pull_folder(syncing, &there, err);
    if (rc == 0 && syncing->push)
        rc = push_folder(syncing, &there, err);
    dj_folder_release(&there);
    return rc;
}

/* ---- another store ---- */

struct sending {
    struct dj_intake *to;
    const struct dj_rec_content *content;
    struct dj_buf *whole; /* of a small run */
    uint64_t offset;
};

static int send_piece(void *cookie, struct dj_bytes piece, struct dj_err *err)
{
    struct sending *sending = cookie;
    uint64_t offset = sending->offset;

    sending->offset += piece.len;
    if (sending->whole == NULL)
        return dj_intake_piece(sending->to, sending->content, offset, piece, err);
    dj_buf_add_bytes(sending->whole, piece);
    return 0;
}

static int send_content(struct dj_outgoing *run, struct dj_intake *to,
                        const struct dj_rec_content *content, struct dj_list *contents,
                        struct dj_err *err)
{
    struct sending sending = {.to = to, .content = content};

    if (content->size == 0)
        return 0;
    if (contents != NULL)
        sending.whole = dj_list_add(contents, sizeof(*sending.whole));
    return dj_outgoing_content(run, content, send_piece, &sending, err);
}

static int send_all(struct dj_outgoing *run, struct dj_intake *to, struct dj_list *contents,
                    struct dj_err *err)
{
    const struct dj_rec_instance *rec = &run->carried.instance;
    int rc = send_content(run, to, &rec->manifest, contents, err);

    if (rc == 0)
        rc = send_content(run, to, &rec->result, contents, err);
    if (rc == 0)
        rc = send_content(run, to, &rec->log, contents, err);
    for (size_t i = 0; rc == 0 && i < run->manifest.entries.n; i++)
        rc = send_content(run, to,
                          &DJ_LIST_AT(&run->manifest.entries, struct dj_rec_entry, i)->content,
                          contents, err);
    return rc;
}

static void keep_definition(struct syncing *syncing, const struct dj_msg_exported *run)
{
    struct dj_brought *one;

    for (size_t i = 0; i < syncing->brought.n; i++) {
        if (strcmp(DJ_LIST_AT(&syncing->brought, struct dj_brought, i)->task, run->task) == 0)
            return;
    }
    if (run->definition.len == 0)
        return;
    one = dj_list_add(&syncing->brought, sizeof(*one));
    one->task = dj_xstrdup(run->task);
    dj_buf_set(&one->definition, dj_buf_bytes(&run->definition));
}

static int transfer(struct syncing *syncing, struct dj_connection *from, struct dj_intake *to,
                    uint64_t instance, struct dj_err *err)
{
    struct dj_list contents = {0};
    struct dj_outgoing run;
    bool small;
    int rc = dj_outgoing_open(from, instance, to == syncing->in, &run, err);

    if (rc < 0)
        return rc;
    small = dj_carried_bytes(&run.carried.instance) <= DJ_INTAKE_SMALL &&
            run.manifest.entries.n <= DJ_INTAKE_FILES;
    rc = small ? 1 : dj_intake_probe(to, dj_buf_bytes(&run.run->record), err);
    if (rc == 1) {
        rc = send_all(&run, to, small ? &contents : NULL, err);
        if (rc == 0)
            rc = dj_intake_take(to, &run.carried, dj_buf_bytes(&run.run->record), &contents, err);
    }
    if (rc == 0 && to == syncing->in)
        keep_definition(syncing, run.run);
    dj_bytes_list_release(&contents);
    dj_outgoing_release(&run);
    return rc;
}

static int transfer_all(struct syncing *syncing, const char *what,
                        const struct dj_selection *from, const struct dj_ids *there,
                        struct dj_intake *to, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar = dj_bar_begin(syncing->cli, what, from->chosen.n);
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < from->chosen.n; i++) {
        const struct dj_chosen *chosen = DJ_LIST_AT(&from->chosen, struct dj_chosen, i);
        dj_cleanup_err struct dj_err why = DJ_ERR_INIT;

        if (dj_interrupt_code() != 0)
            rc = -EINTR;
        else if (!dj_ids_has(there, &chosen->id))
            rc = transfer(syncing, from->connection, to, chosen->instance, &why);
        if (rc < 0)
            rc = pass_over(syncing, rc, bar, &why, err);
        dj_bar_set(bar, i + 1, from->chosen.n);
    }
    return rc == 0 ? dj_intake_drain(to, err) : rc;
}

static int sync_both(struct syncing *syncing, struct dj_connection *other, struct dj_err *err)
{
    struct dj_selection theirs = {0};
    struct dj_ids *ids = NULL;
    int rc = list_current(other, NULL, &theirs, err);

    if (rc == 0)
        rc = list_ids(other, &ids, err);
    syncing->in = dj_intake_new(syncing->cli->connection, syncing->other);
    syncing->out = dj_intake_new(other, dj_connection_welcome(syncing->cli->connection)->store);
    if (rc == 0 && syncing->pull)
        rc = transfer_all(syncing, "receiving", &theirs, syncing->own_ids, syncing->in, err);
    if (rc == 0 && syncing->push)
        rc = transfer_all(syncing, "sending", &syncing->own, ids, syncing->out, err);
    dj_selection_release(&theirs);
    dj_ids_free(&ids);
    return rc;
}

static int sync_store(struct syncing *syncing, struct dj_err *err)
{
    const struct dj_msg_welcome *own = dj_connection_welcome(syncing->cli->connection);
    struct dj_connection *other;
    int rc = dj_connect_other(syncing->other, &other, err);

    if (rc < 0)
        return rc;
    if (dj_connection_welcome(other)->pid == own->pid)
        rc = dj_err_set(err, EINVAL, "%s is the socket of this very store", syncing->other);
    else
        rc = sync_both(syncing, other, err);
    if (syncing->out != NULL)
        (void)!dj_intake_drain(syncing->out, NULL);
    dj_connection_free(other);
    return rc;
}

/* ---- told ---- */

static void add_conflicts(struct dj_intake_counts *both, const struct dj_intake_counts *more)
{
    for (size_t i = 0; i < more->conflicts.n; i++)
        dj_list_add_bytes(&both->conflicts, dj_list_bytes(&more->conflicts, i));
}

static void print_json(const struct syncing *syncing, uint64_t sent,
                       const struct dj_intake_counts *in)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "{\"sent\": %llu, \"failed\": %llu, ", (unsigned long long)sent,
                (unsigned long long)syncing->failed);
    dj_intake_json(&text, in);
    dj_buf_addc(&text, '}');
    puts(dj_buf_str(&text));
}

static void print_counts(const struct syncing *syncing, uint64_t sent,
                         const struct dj_intake_counts *in, size_t conflicts)
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
    static const struct dj_intake_counts none;
    const struct dj_intake_counts *in = syncing->in == NULL ? &none
                                                            : dj_intake_counts(syncing->in);
    const struct dj_intake_counts *out = syncing->out == NULL ? &none
                                                              : dj_intake_counts(syncing->out);
    struct dj_intake_counts shown = {.tasks = syncing->define ? none.tasks : in->tasks};
    uint64_t sent = syncing->sent + out->taken;

    /* A conflict is seen on both sides, in the same words, when it goes both ways. */
    add_conflicts(&shown, in->conflicts.n != 0 ? in : out);
    dj_tell_intake(syncing->cli, &shown);
    if (syncing->json)
        print_json(syncing, sent, in);
    else if (!syncing->cli->quiet)
        print_counts(syncing, sent, in, shown.conflicts.n);
    dj_bytes_list_release(&shown.conflicts);
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
    dj_selection_release(&syncing->own);
    dj_ids_free(&syncing->own_ids);
    dj_brought_release(&syncing->brought);
    dj_intake_free(syncing->in);
    dj_intake_free(syncing->out);
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
