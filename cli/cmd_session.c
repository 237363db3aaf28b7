/* dj session: who shares workers and resources, and changing it while the daemon runs. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "lib/model/json.h"
#include "lib/model/resource.h"
#include "lib/model/session.h"
#include "lib/util/str.h"

static const struct dj_column columns[] = {
    {"SESSION", "session", false}, {"BUSY", "busy", true},       {"WORKERS", "workers", true},
    {"QUEUED", "queued", true},    {"WAITING", "waiting", true}, {"RESOURCES", "resources", false},
};

static int read_status(struct dj_cli *cli, const char *name, struct dj_buf *ret,
                       struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;

    dj_buf_addf(&path, "sessions/%s/status", name);
    return dj_read_text(cli, dj_buf_str(&path), ret, err);
}

/* ---- showing --------------------------------------------------------------------------------- */

/* A line "resource ram 1.5 of 128". */
static void add_resource(struct dj_buf *shown, struct dj_buf *json, struct dj_bytes line)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT;
    struct dj_bytes word, held, total;

    (void)dj_next_item(&line, &word);
    (void)dj_next_item(&line, &word);
    dj_buf_add_bytes(&name, word);
    (void)dj_next_item(&line, &held);
    (void)dj_next_item(&line, &total);
    (void)dj_next_item(&line, &total);
    dj_buf_addf(shown, "%s%s ", shown->len == 0 ? "" : ", ", dj_buf_str(&name));
    dj_buf_add_bytes(shown, held);
    dj_buf_adds(shown, " of ");
    dj_buf_add_bytes(shown, total);
    dj_buf_addf(json, "%s\"%s\": {\"held\": ", json->len == 1 ? "" : ", ", dj_buf_str(&name));
    dj_buf_add_bytes(json, held);
    dj_buf_adds(json, ", \"total\": ");
    dj_buf_add_bytes(json, total);
    dj_buf_addc(json, '}');
}

static void add_row(struct dj_table *table, const char *name, const struct dj_buf *status)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT, json = DJ_BUF_INIT;
    uint64_t workers = 0, busy = 0, queued = 0, waiting = 0;
    struct dj_bytes rest = dj_buf_bytes(status), line;

    sscanf(dj_buf_str(status), "workers %" SCNu64 " busy %" SCNu64 " queued %" SCNu64
           " waiting %" SCNu64, &workers, &busy, &queued, &waiting);
    dj_buf_addc(&json, '{');
    while (dj_next_line(&rest, &line)) {
        if (dj_bytes_starts(line, DJ_BYTES_LIT("resource ")))
            add_resource(&shown, &json, line);
    }
    dj_buf_addc(&json, '}');
    dj_table_row(table);
    dj_table_text(table, dj_bytes_of(name));
    dj_table_number(table, busy);
    dj_table_number(table, workers);
    dj_table_number(table, queued);
    dj_table_number(table, waiting);
    dj_table_cell(table, shown.len == 0 ? DJ_BYTES_LIT("-") : dj_buf_bytes(&shown),
                  dj_buf_bytes(&json));
}

static int show(struct dj_cli *cli, const struct dj_list *names, bool json, struct dj_err *err)
{
    dj_cleanup_table struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;

    for (size_t i = 0; i < names->n; i++) {
        dj_cleanup_buf struct dj_buf status = DJ_BUF_INIT;
        const char *name = dj_buf_str(DJ_LIST_AT(names, struct dj_buf, i));
        int rc = strcmp(name, "self") == 0 && names->n > 1 ? -ENOENT
                                                           : read_status(cli, name, &status, err);

        if (rc == -ENOENT && names->n > 1) { /* a link, or one of a call's own that ended */
            dj_err_release(err);
            continue;
        }
        if (rc < 0)
            return rc;
        add_row(table, name, &status);
    }
    if (!json)
        return dj_table_show(table, true, err);
    dj_table_json(&out, table);
    dj_buf_addc(&out, '\n');
    return dj_write_out(dj_buf_bytes(&out));
}

/* ---- changing -------------------------------------------------------------------------------- */

/* All of it is right before anything is changed. */
static int check_changes(char **words, int n, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf resources = DJ_BUF_INIT;
    struct dj_list list = {0};
    bool workers = false;
    uint64_t number;
    int rc = 0;

    for (int i = 0; rc == 0 && i < n; i++) {
        if (strncmp(words[i], "workers=", strlen("workers=")) != 0) {
            dj_buf_addf(&resources, "%s%s", resources.len == 0 ? "" : ", ", words[i]);
            continue;
        }
        rc = dj_session_workers(dj_bytes_of(words[i] + strlen("workers=")), &number, err);
        if (rc == 0 && workers)
            rc = dj_err_set(err, EINVAL, "workers is named twice");
        workers = true;
    }
    if (rc == 0 && resources.len != 0)
        rc = dj_resources_parse(dj_buf_bytes(&resources), &list, err);
    dj_resources_release(&list);
    return rc;
}

int dj_cmd_session(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list names = {0};
    bool json = false;
    int rc = dj_json_option(argc, argv, &json);

    if (rc != DJ_EX_OK)
        return rc;
    if (optind + 1 < argc)
        rc = check_changes(argv + optind + 1, argc - optind - 1, &err);
    if (rc < 0) {
        fprintf(stderr, "dj: session: %s\n", dj_err_text(&err, rc));
        return DJ_EX_USAGE;
    }
    rc = dj_connect(cli, true, &err);
    for (int i = optind + 1; rc == 0 && i < argc; i++)
        rc = dj_said(cli, dj_session_set(cli->dj, argv[optind], argv[i]), &err);
    if (rc == 0 && optind < argc)
        dj_list_add_bytes(&names, dj_bytes_of(argv[optind]));
    else if (rc == 0)
        rc = dj_list_names(cli, "sessions", &names, &err);
    if (rc == 0 && optind + 1 >= argc)
        rc = show(cli, &names, json, &err);
    dj_bytes_list_release(&names);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
