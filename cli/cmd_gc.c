/* dj gc: what no current task can reach, counted and dropped. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/model/json.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct waste {
    char *why;
    uint64_t runs, bytes;
};

struct collecting {
    struct dj_cli *cli;
    struct dj_list wastes; /* struct waste */
    uint64_t runs, bytes, kept;
};

static void release(struct collecting *collecting)
{
    for (size_t i = 0; i < collecting->wastes.n; i++)
        free(DJ_LIST_AT(&collecting->wastes, struct waste, i)->why);
    free(collecting->wastes.items);
    *collecting = (struct collecting){.cli = collecting->cli};
}

static void add(struct collecting *collecting, const struct dj_gc *gc)
{
    struct waste *waste = NULL;

    for (size_t i = 0; i < collecting->wastes.n && waste == NULL; i++) {
        struct waste *at = DJ_LIST_AT(&collecting->wastes, struct waste, i);

        if (strcmp(at->why, dj_gc_why(gc)) == 0)
            waste = at;
    }
    if (waste == NULL) {
        waste = dj_list_add(&collecting->wastes, sizeof(*waste));
        waste->why = dj_xstrdup(dj_gc_why(gc));
    }
    waste->runs += dj_gc_runs(gc);
    waste->bytes += dj_gc_bytes(gc);
    collecting->runs += dj_gc_runs(gc);
    collecting->bytes += dj_gc_bytes(gc);
}

static int walk(struct collecting *collecting, bool drop, struct dj_err *err)
{
    dj_cleanup_bar struct dj_bar *bar =
        dj_bar_begin(collecting->cli, drop ? "dropping" : "counting", 0);
    struct dj_gc *gc = dj_gc_open(collecting->cli->dj, drop ? DJ_DROP : 0);
    int rc = gc == NULL ? dj_refused(collecting->cli) : 1;

    while (rc == 1 && (rc = dj_gc_next(gc)) == 1) {
        add(collecting, gc);
        dj_bar_set(bar, collecting->runs, 0);
    }
    collecting->kept += dj_gc_kept(gc);
    dj_gc_close(gc);
    return dj_said(collecting->cli, rc, err);
}

/* ---- told ---- */

static void add_size(struct dj_buf *buf, uint64_t runs, uint64_t bytes)
{
    dj_buf_addf(buf, "%llu run%s, ", (unsigned long long)runs, runs == 1 ? "" : "s");
    dj_people_size(buf, bytes);
}

static void print_plain(const struct collecting *collecting, FILE *to, const char *did)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    for (size_t i = 0; i < collecting->wastes.n; i++) {
        const struct waste *waste = DJ_LIST_AT(&collecting->wastes, struct waste, i);

        dj_buf_addf(&text, "%s: ", waste->why);
        add_size(&text, waste->runs, waste->bytes);
        dj_buf_addc(&text, '\n');
    }
    dj_buf_addf(&text, "%s: ", did);
    add_size(&text, collecting->runs, collecting->bytes);
    if (collecting->kept != 0)
        dj_buf_addf(&text, "; %llu in use stay%s", (unsigned long long)collecting->kept,
                    collecting->kept == 1 ? "s" : "");
    fprintf(to, "%s\n", dj_buf_str(&text));
}

static void print_json(const struct collecting *collecting, bool dropped)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "{\"dropped\": %s, \"runs\": %llu, \"bytes\": %llu, \"kept\": %llu",
                dropped ? "true" : "false", (unsigned long long)collecting->runs,
                (unsigned long long)collecting->bytes, (unsigned long long)collecting->kept);
    for (size_t i = 0; i < collecting->wastes.n; i++) {
        const struct waste *waste = DJ_LIST_AT(&collecting->wastes, struct waste, i);

        dj_buf_adds(&text, ", ");
        dj_json_string(&text, dj_bytes_of(waste->why));
        dj_buf_addf(&text, ": {\"runs\": %llu, \"bytes\": %llu}", (unsigned long long)waste->runs,
                    (unsigned long long)waste->bytes);
    }
    printf("%s}\n", dj_buf_str(&text));
}

static void tell(const struct collecting *collecting, bool dropped, bool json)
{
    if (json)
        print_json(collecting, dropped);
    else if (!collecting->cli->quiet || !dropped)
        print_plain(collecting, stdout, dropped ? "dropped" : "to be dropped");
}

/* 1: yes; 0: no. Only a terminal can be asked. */
static int confirm(const struct collecting *collecting, struct dj_err *err)
{
    char line[16] = "";

    print_plain(collecting, stderr, "to be dropped, for good");
    if (!isatty(STDIN_FILENO))
        return dj_err_set(err, EINVAL, "nobody can be asked here; say --yes to drop them, or -n "
                          "to count only");
    fputs("drop them? [y/N] ", stderr);
    if (fgets(line, sizeof(line), stdin) == NULL)
        return 0;
    return line[0] == 'y' || line[0] == 'Y';
}

/* Counted first, unless it was said that all of it may go. */
static int decide(struct collecting *collecting, bool count_only, bool *yes, struct dj_err *err)
{
    int rc = walk(collecting, false, err);

    if (rc < 0 || count_only || collecting->runs == 0)
        return rc;
    rc = confirm(collecting, err);
    *yes = rc == 1;
    if (rc == 0)
        fputs("nothing was dropped\n", stderr);
    return DJ_MIN(rc, 0);
}

static int collect(struct dj_cli *cli, bool count_only, bool yes, bool json, struct dj_err *err)
{
    struct collecting collecting = {.cli = cli};
    bool asked = !count_only && !yes;
    int rc = dj_connect(cli, true, err);

    if (rc == 0 && !yes)
        rc = decide(&collecting, count_only, &yes, err);
    asked &= collecting.runs != 0;
    if (rc == 0 && yes) {
        release(&collecting);
        dj_interruptible(cli, 0);
        rc = walk(&collecting, true, err);
    }
    if (rc == 0 && (yes || !asked))
        tell(&collecting, yes, json);
    release(&collecting);
    return rc;
}

int dj_cmd_gc(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"yes", no_argument, NULL, 'y'}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    bool count_only = false, yes = false, json = false;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:n", longs, NULL)) != -1) {
        if (option == 'n')
            count_only = true;
        else if (option == 'y')
            yes = true;
        else if (option == 'j')
            json = true;
        else
            return dj_bad_option(argv, option);
    }
    if (optind != argc)
        return dj_usage("gc");
    if (count_only && yes) {
        fputs("dj: gc: -n counts only, and --yes drops: not both\n", stderr);
        return dj_usage("gc");
    }
    rc = collect(cli, count_only, yes, json, &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
