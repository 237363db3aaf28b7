/* dj fsck: the store checked, by its daemon or by a djd that is started for it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/model/config.h"
#include "lib/model/json.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct checking {
    struct dj_cli *cli;
    struct dj_bar *bar;
    unsigned flags;
    bool json;
    struct dj_buf objects;   /* --json: the findings */
    uint64_t found, repaired;
    struct dj_fsck_progress progress;
};

/* ---- what is told ---- */

static void add_object(struct dj_buf *buf, const struct dj_fsck *finding)
{
    bool repaired = *dj_fsck_repaired(finding) != '\0';

    dj_buf_adds(buf, buf->len == 0 ? "{\"kind\": " : ", {\"kind\": ");
    dj_json_string(buf, dj_bytes_of(dj_fsck_kind(finding)));
    dj_buf_adds(buf, ", \"where\": ");
    dj_json_string(buf, dj_bytes_of(dj_fsck_where(finding)));
    dj_buf_adds(buf, ", \"text\": ");
    dj_json_string(buf, dj_bytes_of(dj_fsck_text(finding)));
    dj_buf_adds(buf, ", \"repaired\": ");
    if (repaired)
        dj_json_string(buf, dj_bytes_of(dj_fsck_repaired(finding)));
    dj_buf_adds(buf, repaired ? "}" : "null}");
}

static void print_finding(const struct dj_fsck *finding)
{
    printf("%s: %s: %s", dj_fsck_kind(finding), dj_fsck_where(finding), dj_fsck_text(finding));
    if (*dj_fsck_repaired(finding) != '\0')
        printf(" (repaired: %s)", dj_fsck_repaired(finding));
    putchar('\n');
}

static void take_finding(struct checking *checking, const struct dj_fsck *fsck)
{
    checking->found++;
    checking->repaired += *dj_fsck_repaired(fsck) != '\0';
    if (checking->json) {
        add_object(&checking->objects, fsck);
        return;
    }
    dj_bar_hide(checking->bar);
    print_finding(fsck);
    fflush(stdout);
    dj_bar_show(checking->bar, false);
}

static void take(struct checking *checking, const struct dj_fsck *fsck)
{
    if (*dj_fsck_kind(fsck) != '\0')
        take_finding(checking, fsck);
    (void)dj_fsck_progress(fsck, &checking->progress);
    if (checking->bar == NULL)
        checking->bar = dj_bar_begin(checking->cli, "fsck", 0);
    dj_bar_what(checking->bar, checking->progress.phase);
    dj_bar_set(checking->bar, checking->progress.done, checking->progress.total);
}

static void print_summary(const struct checking *checking, const char *store)
{
    dj_cleanup_buf struct dj_buf size = DJ_BUF_INIT;

    if (checking->json) {
        dj_buf_adds(&size, "{\"store\": ");
        dj_json_string(&size, dj_bytes_of(store));
        printf("%s, \"records\": %llu, \"files\": %llu, \"hashed\": %llu, \"findings\": [%s]}\n",
               dj_buf_str(&size), (unsigned long long)checking->progress.records,
               (unsigned long long)checking->progress.files,
               (unsigned long long)checking->progress.bytes,
               dj_buf_str(&checking->objects));
        return;
    }
    if (checking->cli->quiet)
        return;
    printf("%s: %llu records, %llu files", store, (unsigned long long)checking->progress.records,
           (unsigned long long)checking->progress.files);
    if (checking->flags & DJ_READ_DATA) {
        dj_people_size(&size, checking->progress.bytes);
        printf(", %s hashed", dj_buf_str(&size));
    }
    printf(": %llu finding%s", (unsigned long long)checking->found,
           checking->found == 1 ? "" : "s");
    if (checking->flags & DJ_REPAIR)
        printf(", %llu repaired", (unsigned long long)checking->repaired);
    putchar('\n');
}

/* store NULL: by the daemon that has it, else by a djd of its own. */
static int check(struct checking *checking, const char *store, struct dj_err *err)
{
    struct dj *dj = checking->cli->dj;
    struct dj_fsck *fsck;
    int rc;

    if (store == NULL)
        dj_interruptible(checking->cli, 0);
    fflush(stdout);
    fsck = dj_fsck_open(dj, store, checking->flags);
    rc = fsck == NULL ? dj_refused(checking->cli) : 1;
    while (rc == 1 && (rc = dj_fsck_next(fsck)) == 1)
        take(checking, fsck);
    rc = dj_said(checking->cli, rc, err);
    (void)dj_fsck_progress(fsck, &checking->progress);
    checking->progress.phase = NULL; /* it goes with the check */
    dj_fsck_close(fsck);
    return rc;
}

/* ---- the command ---- */

static bool same_folder(const char *a, const char *b)
{
    dj_cleanup_free char *first = realpath(a, NULL), *second = realpath(b, NULL);

    return first != NULL && second != NULL && strcmp(first, second) == 0;
}

/* The store of the running daemon, else the one that was named or is one's own. */
static int check_store(struct checking *checking, const char *named, char **ret,
                       struct dj_err *err)
{
    struct dj_cli *cli = checking->cli;
    int rc = dj_connect(cli, false, err);

    if (rc < 0 && rc != -ENOTCONN)
        return rc;
    if (rc == 0 && (named == NULL || same_folder(named, dj_daemon_store(cli->dj)))) {
        *ret = dj_xstrdup(dj_daemon_store(cli->dj));
        return check(checking, NULL, err);
    }
    dj_err_release(err);
    if (cli->dj == NULL)
        cli->dj = dj_new("dj " PACKAGE_VERSION);
    *ret = named == NULL ? NULL : dj_absolute(named);
    rc = named == NULL ? dj_config_store(ret, err) : 0;
    return rc < 0 ? rc : check(checking, *ret, err);
}

int dj_cmd_fsck(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"read-data", no_argument, NULL, 'd'}, {"repair", no_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},      {"store", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct checking checking = {.cli = cli};
    dj_cleanup_free char *store = NULL;
    const char *named = NULL;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == 'd')
            checking.flags |= DJ_READ_DATA;
        else if (option == 'r')
            checking.flags |= DJ_REPAIR;
        else if (option == 'j')
            checking.json = true;
        else if (option == 's')
            named = optarg;
        else
            return dj_bad_option(argv, option);
    }
    if (optind != argc)
        return dj_usage("fsck");
    rc = check_store(&checking, named, &store, &err);
    dj_bar_end(checking.bar);
    if (rc == 0)
        print_summary(&checking, store);
    dj_buf_release(&checking.objects);
    if (rc < 0)
        return dj_fail(rc, &err);
    return checking.found == checking.repaired ? DJ_EX_OK : DJ_EX_FAILED;
}
