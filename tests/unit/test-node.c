/* Node ids and named nodes. */
#include "daemon/named.h"
#include "daemon/node.h"
#include "lib/proto/messages.h"
#include "tests/unit/fake-engine.h"
#include "tests/unit/tap.h"

static void test_pack(void)
{
    static const struct dj_node nodes[] = {
        {DJ_NODE_FIXED, DJ_FIXED_ROOT, 0},
        {DJ_NODE_FIXED, DJ_FIXED_TASKS, 0},
        {DJ_NODE_TASK, 1, DJ_TASK_CTL},
        {DJ_NODE_CALL, 1000000, DJ_RUN_ALIAS},
        {DJ_NODE_NAMED, (UINT64_C(1) << 52) - 1, DJ_RUN_RESULT},
        {DJ_NODE_INSTANCE, (UINT64_C(1) << 40) - 1, (1U << 20) - 1},
        {DJ_NODE_INSTANCE, 7, DJ_INSTANCE_LOG},
        {DJ_NODE_HISTORY, 7, DJ_INSTANCE_FOLDER},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(nodes); i++) {
        uint64_t id = dj_node_pack(nodes[i]);
        struct dj_node node = {0};

        ok(dj_node_unpack(id, &node) && node.kind == nodes[i].kind &&
               node.number == nodes[i].number && node.leaf == nodes[i].leaf,
           "node %zu survives packing", i);
        is_int(DJ_NODE_KIND(id), nodes[i].kind, "and its kind is in the top bits");
    }
    is_int((intmax_t)dj_node_pack(nodes[0]), DJ_NODE_ROOT, "the root is FUSE's root");
}

static void test_refused(void)
{
    static const uint64_t ids[] = {
        0,                                       /* no node */
        DJ_FIXED_COUNT,                          /* no such fixed one */
        UINT64_C(1) << 60 | 1 << 8 | 99,         /* no such leaf */
        UINT64_C(2) << 60 | DJ_RUN_RESULT,       /* number 0 */
        UINT64_C(4) << 60 | 1 << 20 | 5,         /* between the leaves and the entries */
        UINT64_C(4) << 60 | 1 << 20 | 4,         /* only in history */
        UINT64_C(6) << 60 | 1 << 8 | 99,         /* no such leaf of a session */
        UINT64_C(7) << 60 | 1 << 8 | 99,         /* no such leaf of a frame */
        UINT64_C(8) << 60 | 1 << 8,              /* no such kind */
        UINT64_MAX,
    };
    struct dj_node node;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(ids); i++)
        ok(!dj_node_unpack(ids[i], &node), "made-up id %zu is refused", i);
    is_int((intmax_t)dj_node_pack((struct dj_node){DJ_NODE_CALL, UINT64_C(1) << 52, 0}), 0,
           "a number that does not fit gives no node");
    is_int((intmax_t)dj_node_pack((struct dj_node){DJ_NODE_INSTANCE, 1, 1U << 20}), 0,
           "neither does an entry");
}

static void test_ino(void)
{
    uint64_t ino = dj_node_ino(1, DJ_BYTES_LIT("5"), DJ_RUN_RESULT, DJ_BYTES_LIT(""));

    ok(ino > 1023, "inode numbers keep clear of the fixed nodes");
    ok(ino == dj_node_ino(1, DJ_BYTES_LIT("5"), DJ_RUN_RESULT, DJ_BYTES_LIT("")), "are the same");
    ok(ino != dj_node_ino(2, DJ_BYTES_LIT("5"), DJ_RUN_RESULT, DJ_BYTES_LIT("")), "differ by task");
    ok(ino != dj_node_ino(1, DJ_BYTES_LIT("6"), DJ_RUN_RESULT, DJ_BYTES_LIT("")), "by name");
    ok(ino != dj_node_ino(1, DJ_BYTES_LIT("5"), DJ_RUN_LOG, DJ_BYTES_LIT("")), "by file");
    ok(dj_node_ino(1, DJ_BYTES_LIT("ab"), DJ_RUN_FILES, DJ_BYTES_LIT("c")) !=
           dj_node_ino(1, DJ_BYTES_LIT("a"), DJ_RUN_FILES, DJ_BYTES_LIT("bc")),
       "and name and path do not run into each other");
}

static void test_named(void)
{
    struct dj_engine *engine = fake_engine();
    struct dj_named_count *one = NULL, *two = NULL;
    struct dj_nameds nameds;
    struct dj_named *named, *other;
    struct dj_call *call;
    struct dj_task *task;
    uint64_t number;

    fake_define(engine, "[f]\ncommand = true\nparams = n:int\n");
    task = dj_task_by_name(engine, DJ_BYTES_LIT("f"));
    call = fake_call(engine, "f", "5");
    dj_nameds_init(&nameds);
    named = dj_named_get(&nameds, task, DJ_BYTES_LIT("5"), call);
    number = named->number;
    ok(dj_named_get(&nameds, task, DJ_BYTES_LIT("5"), call) == named, "one entry a name");
    ok(dj_named_by_number(&nameds, number) == named, "found by its number");
    dj_named_add(named, &one, 2);
    dj_named_add(named, &two, 1);
    ok(dj_named_known(named, one) && dj_named_known(named, two), "two mounts know it");
    dj_named_forget(&nameds, &one, number, 2);
    ok(!dj_named_known(named, one), "one has forgotten it");
    ok(dj_named_by_number(&nameds, number) == named, "it stays for the other");
    dj_named_forget(&nameds, &one, number, 5);
    ok(dj_named_by_number(&nameds, number) == named, "forgetting what is not known does nothing");

    other = dj_named_get(&nameds, task, DJ_BYTES_LIT("5"), NULL);
    ok(other != named && other->number != number, "a name that means something else is a new one");
    ok(dj_named_find(&nameds, task, DJ_BYTES_LIT("5")) == other, "which is found by the name");
    ok(dj_named_by_number(&nameds, number) == named, "the old one by its number only");
    dj_named_add(other, &two, 1);
    dj_named_forget_all(&nameds, &two);
    ok(dj_named_by_number(&nameds, number) == NULL, "gone with the last mount");

    ok(dj_named_restore(&nameds, task, DJ_BYTES_LIT("7"), NULL, NULL, 12345)->number == 12345,
       "an old number is taken over");
    named = dj_named_restore(&nameds, task, DJ_BYTES_LIT("7"), NULL, NULL, 12345);
    ok(named != NULL, "twice is fine");
    ok(dj_named_restore(&nameds, task, DJ_BYTES_LIT("8"), NULL, NULL, 12345) == NULL,
       "for another name it is not");
    dj_nameds_release(&nameds);
    is_int(call->refs, 0, "no reference is left");
    fake_free(engine);
}

int main(void)
{
    test_pack();
    test_refused();
    test_ino();
    test_named();
    return tap_done();
}
