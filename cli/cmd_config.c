/* dj config: what is fixed in dj.conf, and where each value comes from. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/table.h"
#include "lib/model/config.h"
#include "lib/model/launch.h"
#include "lib/model/resource.h"
#include "lib/model/session.h"
#include "lib/util/mem.h"

static const struct dj_column columns[] = {
    {"SETTING", "setting", false},
    {"VALUE", "value", false},
    {"FROM", "origin", false},
};

/* Where nobody names a socket, the one that is found. */
static int load(const struct dj_cli *cli, struct dj_config *ret, struct dj_err *err)
{
    struct dj *dj;
    char *socket = NULL;
    int rc = dj_config_load(ret, err);

    if (rc == 0 && cli->connect != NULL && cli->connect[0] != '\0')
        rc = dj_config_set(ret, DJ_SET_CONNECT, cli->connect, "option --connect", err);
    if (rc < 0 || ret->values[DJ_SET_CONNECT].text != NULL)
        return rc;
    dj = dj_new(NULL);
    rc = dj_said_by(dj, dj_find_socket(dj, NULL, &socket), err);
    if (rc == 0)
        rc = dj_config_set(ret, DJ_SET_CONNECT, socket, "built in", err);
    dj_mem_free(socket);
    dj_free(dj);
    return rc;
}

static void add_row(struct dj_table *table, enum dj_setting setting,
                    const struct dj_config_value *value)
{
    dj_table_row(table);
    dj_table_text(table, dj_bytes_of(dj_setting_name(setting)));
    if (value->text == NULL)
        dj_table_none(table);
    else
        dj_table_text(table, dj_bytes_of(value->text));
    dj_table_text(table, dj_bytes_of(value->origin));
}

/* [session NAME], by what a call would say for a new one like it. */
static void add_session(struct dj_table *table, const struct dj_session_spec *session)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_buf_addf(&name, "session %s", session->name);
    if (session->workers != 0)
        dj_buf_addf(&value, "workers=%" PRIu64 "%s", session->workers,
                    session->resources.n == 0 ? "" : ", ");
    dj_resources_print(&value, &session->resources);
    dj_table_row(table);
    dj_table_text(table, dj_buf_bytes(&name));
    if (value.len == 0)
        dj_table_none(table);
    else
        dj_table_text(table, dj_buf_bytes(&value));
    dj_table_text(table, dj_bytes_of(session->origin));
}

static void add_launch(struct dj_table *table, const struct dj_launch_spec *spec)
{
    dj_cleanup_buf struct dj_buf name = DJ_BUF_INIT, value = DJ_BUF_INIT;

    dj_buf_addf(&name, "launch %s", spec->name);
    dj_launch_print(&value, &spec->launch);
    dj_table_row(table);
    dj_table_text(table, dj_buf_bytes(&name));
    dj_table_text(table, dj_buf_bytes(&value));
    dj_table_text(table, dj_bytes_of(spec->origin));
}

static int print(struct dj_table *table, bool json, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf out = DJ_BUF_INIT;

    if (!json)
        return dj_table_show(table, true, err);
    dj_table_json(&out, table);
    dj_buf_addc(&out, '\n');
    return dj_write_out(dj_buf_bytes(&out));
}

/* The value alone, for scripts; nothing when there is none. */
static int print_value(const struct dj_config_value *value)
{
    if (value->text != NULL)
        puts(value->text);
    return 0;
}

static int config(struct dj_cli *cli, const char *name, bool json, struct dj_err *err)
{
    dj_cleanup_config struct dj_config config = {0};
    dj_cleanup_table struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
    enum dj_setting setting = DJ_SET_COUNT;
    int rc = name == NULL ? 0 : dj_setting_find(dj_bytes_of(name), &setting, err);

    if (rc == 0)
        rc = load(cli, &config, err);
    if (rc < 0)
        return rc;
    if (name != NULL && !json)
        return print_value(&config.values[setting]);
    for (int i = 0; i < DJ_SET_COUNT; i++) {
        if (name == NULL || i == (int)setting)
            add_row(table, (enum dj_setting)i, &config.values[i]);
    }
    for (size_t i = 0; name == NULL && i < config.sessions.n; i++)
        add_session(table, DJ_LIST_AT(&config.sessions, struct dj_session_spec, i));
    for (size_t i = 0; name == NULL && i < config.launches.n; i++)
        add_launch(table, DJ_LIST_AT(&config.launches, struct dj_launch_spec, i));
    return print(table, json, err);
}

int dj_cmd_config(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    bool json = false;
    int rc = dj_json_option(argc, argv, &json);

    if (rc != DJ_EX_OK)
        return rc;
    if (argc - optind > 1)
        return dj_usage("config");
    rc = config(cli, optind < argc ? argv[optind] : NULL, json, &err);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
