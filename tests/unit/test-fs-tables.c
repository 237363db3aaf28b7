/* The small tables of djfs: named nodes, holds, stale threads, links. */
#include "fs/holds.h"
#include "fs/links.h"
#include "fs/names.h"
#include "fs/removed.h"
#include "fs/stale.h"

#include "tests/unit/tap.h"

#define NAMED(n) (UINT64_C(3) << 60 | (n))
#define CALL(n) (UINT64_C(5) << 60 | (n))

static const struct dj_part_named *listed(const struct dj_list *list, uint64_t node)
{
    for (size_t i = 0; i < list->n; i++) {
        const struct dj_part_named *part = DJ_LIST_AT(list, struct dj_part_named, i);

        if (part->node == node)
            return part;
    }
    return NULL;
}

static void test_names(void)
{
    struct dj_names names = {0};
    struct dj_msg_restore restore = {0};
    const struct dj_part_named *part;

    dj_names_seen(&names, DJ_NODE_ROOT, DJ_BYTES_LIT("tasks"), 100);
    dj_names_seen(&names, 100, DJ_BYTES_LIT("factorial"), 200);
    dj_names_seen(&names, 200, DJ_BYTES_LIT("77"), NAMED(0x4d00));
    dj_names_seen(&names, NAMED(0x4d00), DJ_BYTES_LIT("result"), NAMED(0x4d01));
    dj_names_seen(&names, NAMED(0x4d00), DJ_BYTES_LIT("result"), NAMED(0x4d01));
    dj_names_seen(&names, 200, DJ_BYTES_LIT("5"), CALL(5));
    is_int((int)dj_names_count(&names), 2, "only named nodes are counted");

    dj_names_list(&names, &restore.names);
    part = listed(&restore.names, NAMED(0x4d01));
    ok(part != NULL && part->count == 2, "looked up twice, counted twice");
    is_str(part == NULL ? "" : part->task, "factorial", "a file has its folder's task");
    ok(part != NULL && dj_bytes_is(dj_buf_bytes(&part->name), "77"), "and its folder's name");
    part = listed(&restore.names, NAMED(0x4d00));
    ok(part != NULL && dj_bytes_is(dj_buf_bytes(&part->name), "77"), "the folder's own name");
    dj_codec_release(dj_message_layout(DJ_MSG_RESTORE), &restore);

    ok(dj_names_forget(&names, NAMED(0x4d01), 1), "a named node is for the daemon to know");
    is_int((int)dj_names_count(&names), 2, "one look-up is left");
    dj_names_forget(&names, NAMED(0x4d01), 1);
    is_int((int)dj_names_count(&names), 1, "none is left");
    ok(!dj_names_forget(&names, CALL(5), 1), "other nodes are nobody's business");
    dj_names_forget(&names, NAMED(0x4d00), 9);
    is_int((int)dj_names_count(&names), 0, "too many is none");
    dj_names_release(&names);
}

static void test_holds(void)
{
    struct dj_holds holds = {0};
    struct dj_msg_restore restore = {0};

    dj_holds_open(&holds, 7, true);
    dj_holds_open(&holds, 7, false);
    dj_holds_open(&holds, 7, true);
    dj_holds_open(&holds, 8, false);
    dj_holds_list(&holds, &restore.held);
    ok(restore.held.n == 1, "only what djd holds is restored");
    ok(DJ_LIST_AT(&restore.held, struct dj_part_forgotten, 0)->count == 2, "as often as asked");
    dj_codec_release(dj_message_layout(DJ_MSG_RESTORE), &restore);
    ok(dj_holds_close(&holds, 7) == 0 && dj_holds_close(&holds, 7) == 0, "held while it is open");
    ok(dj_holds_close(&holds, 7) == 2, "the last opener's close pays for all");
    ok(dj_holds_close(&holds, 8) == 0, "nothing is owed for what djfs answered alone");
    ok(dj_holds_close(&holds, 9) == 0, "nor for what was never open");
    dj_holds_release(&holds);
}

static void test_stale(void)
{
    struct dj_stale stale = {0};

    is_int((int)dj_stale_recall(&stale, 1, 0), 0, "nothing is remembered at first");
    dj_stale_note(&stale, 1, 71, 1000);
    dj_stale_note(&stale, 2, 72, 1001);
    is_int((int)dj_stale_recall(&stale, 1, 1002), 71, "a thread's node");
    is_int((int)dj_stale_recall(&stale, 1, 1003), 0, "is told once");
    is_int((int)dj_stale_recall(&stale, 2, 1001 + DJ_STALE_MS + 1), 0, "and only for a moment");
    dj_stale_note(&stale, 3, 73, 9000);
    dj_stale_note(&stale, 3, 74, 9001);
    is_int((int)dj_stale_recall(&stale, 3, 9002), 74, "the newest counts");
    dj_stale_note(&stale, 4, 75, 9003);
    dj_stale_release(&stale);
}

static void test_removed(void)
{
    struct dj_removed removed = {0};
    struct dj_bytes five = DJ_BYTES_LIT("5");
    uint64_t first;

    is_int((int)dj_removed_generation(&removed, 1, five), 0, "nothing was taken away");
    dj_removed_note(&removed, 1, five);
    first = dj_removed_generation(&removed, 1, five);
    ok(first != 0, "what was taken away is another one now");
    is_int((int)dj_removed_generation(&removed, 2, five), 0, "in another folder it is not");
    is_int((int)dj_removed_generation(&removed, 1, DJ_BYTES_LIT("")), 0, "nor by another name");
    dj_removed_note(&removed, 1, five);
    ok(dj_removed_generation(&removed, 1, five) > first, "and another one each time");
    for (uint64_t i = 0; i < DJ_REMOVED_MAX; i++)
        dj_removed_note(&removed, 10 + i, five);
    is_int((int)dj_removed_generation(&removed, 1, five), 0, "the oldest are not remembered");
    ok(dj_removed_generation(&removed, 10, five) != 0, "the others are");
    dj_removed_release(&removed);
}

static void keep(struct dj_links *links, uint64_t node, const char *target, int64_t now_ms)
{
    struct dj_part_dirent entry = {.attr = {.node = node, .ttl_ms = 1000}};

    dj_buf_adds(&entry.target, target);
    dj_links_keep(links, &entry, now_ms);
    dj_buf_release(&entry.target);
}

static void test_links(void)
{
    static struct dj_links links;
    const char *found;

    keep(&links, 7, "../7", 0);
    keep(&links, 8, "../8", 0);
    keep(&links, 9, "", 0);
    found = dj_links_find(&links, 7, 999);
    is_str(found == NULL ? "" : found, "../7", "a link is known for as long as its attributes");
    ok(dj_links_find(&links, 7, 1000) == NULL, "and no longer");
    ok(dj_links_find(&links, 9, 0) == NULL, "one that came without a target is asked for");
    keep(&links, 8 + DJ_LINKS_KEPT, "../x", 0);
    ok(dj_links_find(&links, 8, 0) == NULL, "one that is listed later takes the place");
    dj_links_release(&links);
    ok(dj_links_find(&links, 7, 0) == NULL, "another daemon is asked");
}

int main(void)
{
    test_names();
    test_holds();
    test_stale();
    test_removed();
    test_links();
    return tap_done();
}
