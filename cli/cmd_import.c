/* dj import: the runs of archives, taken into the store. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/archive/archive.h"
#include "cli/command.h"
#include "cli/exchange.h"
#include "cli/progress_bar.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

struct importing {
    struct dj_cli *cli;
    bool check, define, json;
    struct dj_list brought; /* struct dj_brought */
    uint64_t read;
};

static int import_one(struct importing *importing, struct dj_import *import, const char *path,
                      struct dj_err *err)
{
    struct dj_archive_input input = {.path = path, .dj = importing->cli->dj, .import = import,
                                     .brought = importing->brought};
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    int rc;

    input.bar = dj_bar_begin(importing->cli, importing->check ? "checking" : "importing", 0);
    rc = dj_archive_runs(&input, err);
    dj_bar_end(input.bar);
    importing->brought = input.brought;
    importing->read += input.runs;
    if (rc == 0 || dj_interrupt_code() != 0)
        return rc;
    if (strncmp(dj_err_text(err, rc), path, strlen(path)) != 0)
        rc = dj_err_prefix(err, rc, "%s", shown);
    return rc;
}

/* ---- told ---- */

static void print_json(const struct importing *importing, const struct dj_import *import)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    dj_buf_addf(&text, "{\"read\": %llu, ", (unsigned long long)importing->read);
    dj_import_json(&text, import);
    dj_buf_addc(&text, '}');
    puts(dj_buf_str(&text));
}

static void print_counts(const struct importing *importing,
                         const struct dj_import_counts *counts, size_t conflicts)
{
    dj_cleanup_buf struct dj_buf size = DJ_BUF_INIT;

    if (importing->check) {
        printf("%llu run%s, all good\n", (unsigned long long)importing->read,
               importing->read == 1 ? "" : "s");
        return;
    }
    if (counts->taken == 0) {
        printf("nothing new: %llu run%s there already\n",
               (unsigned long long)(counts->there + counts->same),
               counts->there + counts->same == 1 ? " is" : "s are");
        return;
    }
    dj_people_size(&size, counts->bytes);
    printf("%llu run%s imported, %s", (unsigned long long)counts->taken,
           counts->taken == 1 ? "" : "s", dj_buf_str(&size));
    if (counts->there + counts->same != 0)
        printf("; %llu there already", (unsigned long long)(counts->there + counts->same));
    if (conflicts != 0)
        printf("; %zu conflict%s", conflicts, conflicts == 1 ? "" : "s");
    putchar('\n');
}

/* What is true by now: definitions that came along may have made hits. */
static void tell(const struct importing *importing, const struct dj_import *import, int code)
{
    struct dj_import_counts counts = {0};
    size_t conflicts;

    (void)dj_import_counts(import, &counts);
    conflicts = dj_tell_conflicts(import);
    if (!importing->check && !importing->define)
        dj_tell_waiting(importing->cli, import);
    if (importing->json)
        print_json(importing, import);
    else if (code == 0 && !importing->cli->quiet)
        print_counts(importing, &counts, conflicts);
    else if (code < 0 && counts.taken != 0)
        fprintf(stderr, "dj: %llu run%s before that %s imported\n",
                (unsigned long long)counts.taken, counts.taken == 1 ? "" : "s",
                counts.taken == 1 ? "is" : "are");
}

static int import_all(struct importing *importing, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_import *import = NULL;
    int rc = 0, code;

    if (!importing->check)
        rc = dj_connect(importing->cli, true, &err);
    if (rc == 0 && !importing->check) {
        import = dj_import_new(importing->cli->dj, "");
        dj_interruptible(importing->cli, 0);
    }
    for (int i = 0; rc == 0 && i < argc; i++) {
        dj_cleanup_free char *from = dj_absolute(argv[i]);

        if (import != NULL)
            (void)dj_import_origin(import,
                                   strcmp(argv[i], "-") == 0 ? "standard input" : from);
        rc = import_one(importing, import, argv[i], &err);
    }
    if (rc == 0 && importing->define)
        rc = dj_define_brought(importing->cli, &importing->brought, &err);
    code = rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
    if (import != NULL || importing->check)
        tell(importing, import, rc);
    dj_import_free(import);
    dj_brought_release(&importing->brought);
    return code;
}

int dj_cmd_import(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"check", no_argument, NULL, 'c'},
        {"define", no_argument, NULL, 'd'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    struct importing importing = {.cli = cli};
    int option;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == 'c')
            importing.check = true;
        else if (option == 'd')
            importing.define = true;
        else if (option == 'j')
            importing.json = true;
        else
            return dj_bad_option(argv, option);
    }
    if (optind == argc)
        return dj_usage("import");
    if (importing.check && importing.define) {
        fputs("dj: import: --check changes nothing, so it cannot define\n", stderr);
        return dj_usage("import");
    }
    return import_all(&importing, argc - optind, argv + optind);
}
