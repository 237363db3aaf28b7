/* dj group: rows with equal values made one, their other columns lists. */
#include <errno.h>
#include <stdlib.h>
#include <uthash.h>

#include "cli/rows.h"
#include "lib/model/json.h"
#include "lib/util/mem.h"

struct group {
    struct dj_row row;  /* as it will be printed, but that its lists are open */
    size_t rows;        /* that it was made from */
    size_t *filled;     /* of each column, how many of them are in its list; 0: it is no list */
    size_t filled_cap;
    struct dj_buf key;
    UT_hash_handle hh;
};

struct grouping {
    struct dj_rows rows;
    int n;
    char **columns;
    struct group *groups; /* in the order of their first rows */
};

static bool is_key(const struct grouping *grouping, struct dj_bytes name)
{
    for (int i = 0; i < grouping->n; i++) {
        if (dj_bytes_is(name, grouping->columns[i]))
            return true;
    }
    return false;
}

/* Values that mean the same are one key: objects in any order, 1e0 and 1.0. */
static void key_of(const struct grouping *grouping, const struct dj_row *row, struct dj_buf *ret)
{
    for (int i = 0; i < grouping->n; i++) {
        struct dj_bytes value = dj_row_get(row, dj_bytes_of(grouping->columns[i]));

        if (value.len != 0 && dj_json_canonical(value, ret, NULL) < 0)
            dj_buf_add_bytes(ret, value);
        dj_buf_addc(ret, '\n');
    }
}

static void fill(struct dj_buf *list, size_t *filled, size_t want)
{
    for (; *filled < want; (*filled)++)
        dj_buf_adds(list, *filled == 0 ? "[null" : ",null");
}

/* A column that a row lacks is null in the list, and so is one that came later. */
static void add_row(const struct grouping *grouping, struct group *group, const struct dj_row *row)
{
    group->rows++;
    for (size_t i = 0; i < row->n; i++) {
        struct dj_bytes name = dj_buf_bytes(&row->cells[i].name);
        struct dj_bytes value = dj_buf_bytes(&row->cells[i].value);
        long at = dj_row_find(&group->row, name);
        struct dj_buf *list;

        if (at >= 0 && is_key(grouping, name))
            continue;
        list = at < 0 ? dj_row_set(&group->row, name) : &group->row.cells[at].value;
        at = at < 0 ? (long)group->row.n - 1 : at;
        if ((size_t)at >= group->filled_cap) {
            size_t cap = group->filled_cap;

            group->filled = dj_xgrow(group->filled, &group->filled_cap, (size_t)at + 1,
                                     sizeof(*group->filled));
            memset(group->filled + cap, 0, (group->filled_cap - cap) * sizeof(*group->filled));
        }
        if (is_key(grouping, name)) {
            dj_buf_add_bytes(list, value);
            continue;
        }
        fill(list, &group->filled[at], group->rows - 1);
        dj_buf_addc(list, group->filled[at]++ == 0 ? '[' : ',');
        dj_buf_add_bytes(list, value);
    }
}

static void take(struct grouping *grouping, const struct dj_row *row)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT;
    struct group *group;

    key_of(grouping, row, &key);
    HASH_FIND(hh, grouping->groups, key.data, key.len, group);
    if (group == NULL) {
        group = dj_xcalloc(1, sizeof(*group));
        group->key = key;
        key = (struct dj_buf)DJ_BUF_INIT;
        HASH_ADD_KEYPTR(hh, grouping->groups, group->key.data, group->key.len, group);
    }
    add_row(grouping, group, row);
}

static int put_group(struct grouping *grouping, struct group *group, struct dj_err *err)
{
    for (size_t i = 0; i < group->row.n; i++) {
        struct dj_cell *cell = &group->row.cells[i];

        if (is_key(grouping, dj_buf_bytes(&cell->name)))
            continue;
        fill(&cell->value, &group->filled[i], group->rows);
        dj_buf_addc(&cell->value, ']');
    }
    return dj_rows_put(&grouping->rows, &group->row, err);
}

static int run(struct grouping *grouping, struct dj_err *err)
{
    dj_cleanup_row struct dj_row row = DJ_ROW_INIT;
    int rc = dj_rows_open(&grouping->rows, err);

    while (rc == 0 && (rc = dj_rows_next(&grouping->rows, &row, err)) == 1) {
        take(grouping, &row);
        rc = 0;
    }
    for (struct group *group = grouping->groups; rc == 0 && group != NULL; group = group->hh.next)
        rc = put_group(grouping, group, err);
    return rc == 0 ? dj_rows_flush(&grouping->rows, err) : rc;
}

static void release(struct grouping *grouping)
{
    struct group *group, *next;

    HASH_ITER(hh, grouping->groups, group, next)
    {
        HASH_DEL(grouping->groups, group);
        dj_row_release(&group->row);
        dj_buf_release(&group->key);
        free(group->filled);
        free(group);
    }
    dj_rows_release(&grouping->rows);
}

int dj_cmd_group(struct dj_cli *cli DJ_UNUSED, int argc, char **argv)
{
    static const struct option longs[] = {DJ_ROWS_LONGS, {NULL, 0, NULL, 0}};
    struct grouping grouping = {.rows = DJ_ROWS_INIT};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int option, rc = 0;

    while (rc >= 0 && (option = getopt_long(argc, argv, "+:" DJ_ROWS_SHORTS, longs, NULL)) != -1) {
        rc = dj_rows_option(&grouping.rows, option, optarg, &err);
        if (rc == 0)
            return dj_bad_option(argv, option);
    }
    if (rc >= 0 && optind == argc)
        return dj_usage("group");
    if (rc < 0) {
        release(&grouping);
        return dj_fail(rc, &err);
    }
    grouping.n = argc - optind;
    grouping.columns = argv + optind;
    rc = run(&grouping, &err);
    release(&grouping);
    if (rc == 0)
        return DJ_EX_OK;
    (void)dj_rows_fail(rc, &err);
    return DJ_EX_FAILED;
}
