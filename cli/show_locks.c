/* dj lock without a command: who holds which lock. (command.h) */
#include "cli/command.h"
#include "cli/table.h"
#include "lib/util/str.h"

static const struct dj_column columns[] = {
    {"LOCK", "lock", false}, {"MODE", "mode", false}, {"SINCE", "since", false},
    {"WAITING", "waiting", true}, {"BY", "by", false},
};

/* "lock NAME MODE since DAY TIME waiting N by WHO" */
static void add_row(struct dj_table *table, struct dj_bytes line)
{
    dj_cleanup_buf struct dj_buf since = DJ_BUF_INIT;
    struct dj_bytes name, mode, word, waiting;
    uint64_t count = 0;

    (void)dj_next_item(&line, &word);
    (void)dj_next_item(&line, &name);
    (void)dj_next_item(&line, &mode);
    (void)dj_next_item(&line, &word);
    while (dj_next_item(&line, &word) && !dj_bytes_is(word, "waiting")) {
        dj_buf_adds(&since, since.len == 0 ? "" : " ");
        dj_buf_add_bytes(&since, word);
    }
    (void)dj_next_item(&line, &waiting);
    (void)!dj_parse_uint(waiting, &count, NULL);
    (void)dj_next_item(&line, &word);
    while (line.len != 0 && line.data[0] == ' ')
        line = dj_bytes_from(line, 1);
    dj_table_row(table);
    dj_table_text(table, name);
    dj_table_text(table, mode);
    dj_table_text(table, dj_buf_bytes(&since));
    dj_table_number(table, count);
    dj_table_text(table, line);
}

int dj_show_locks(struct dj_cli *cli, bool json)
{
    dj_cleanup_table struct dj_table *table = dj_table_new(columns, DJ_ARRAY_SIZE(columns));
    dj_cleanup_buf struct dj_buf status = DJ_BUF_INIT, out = DJ_BUF_INIT;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_bytes rest, line;
    int rc = dj_connect(cli, true, &err);

    if (rc == 0)
        rc = dj_read_text(cli, "status", &status, &err);
    rest = dj_buf_bytes(&status);
    while (rc == 0 && dj_next_line(&rest, &line)) {
        if (dj_bytes_starts(line, DJ_BYTES_LIT("lock ")))
            add_row(table, line);
    }
    if (rc == 0 && json) {
        dj_table_json(&out, table);
        dj_buf_addc(&out, '\n');
        rc = dj_write_out(dj_buf_bytes(&out));
    } else if (rc == 0) {
        rc = dj_table_show(table, true, &err);
    }
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}
