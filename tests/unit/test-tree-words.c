/* The tree: waiting, control words, deleting, edges, read-only mounts, names that are forgotten. */
#include "tests/unit/fake-mount.h"

static void test_wait(void)
{
    struct fake_asked *open, *asked;
    struct dj_call *call;
    uint64_t node, handle;

    setup();
    call = fake_call(engine, "f", "5");
    fake_run(engine, call);
    node = walk("tasks/f/5/wait").node;
    open = open_node(node, DJ_OPEN_READ);
    handle = opened(open)->handle;
    asked = read_at(node, handle, 0, DJ_OPEN_NONBLOCK);
    is_int(asked->code, -EAGAIN, "wait does not wait for O_NONBLOCK");
    fake_done(asked);
    asked = read_at(node, handle, 0, 0);
    ok(!asked->answered, "a read of wait waits");
    fake_fail(engine, call, "no");
    is_str(data_of(asked), "failed\n", "for any end");
    fake_done(asked);
    asked = read_at(node, handle, 7, 0);
    is_str(data_of(asked), "", "and is at its end");
    fake_done(asked);
    fake_run(engine, call);
    asked = read_at(node, handle, 0, 0);
    release(node, handle);
    fake_cancel(asked);
    is_int(asked->code, -EINTR, "closed and interrupted");
    fake_done(asked);
    fake_done(open);
    teardown();
}

static void test_ctl(void)
{
    struct fake_asked *open, *asked;
    struct fake_instance *instance;
    struct dj_call *call;
    uint64_t node, handle;

    setup();
    call = fake_call(engine, "f", "5");
    is_int(echo("tasks/f/5/ctl", "fly"), -EINVAL, "an unknown word fails in the write");
    is_int(echo("tasks/f/5/ctl", "delete"), -ENOENT, "and one with nothing to do");
    is_int(echo("tasks/f/5/ctl", "run\nfly\n"), -EINVAL, "all or nothing");
    is_int((int)engine->started, 0, "nothing");
    is_int(echo("tasks/f/5/ctl", "run\n"), 0, "run");
    is_int((int)engine->started, 1, "starts and does not wait");
    is_int(echo("tasks/f/5/ctl", "cancel"), 0, "cancel");
    is_text("tasks/f/5/status", "absent\n", "ends it");

    node = walk("tasks/f/5/ctl").node;
    open = open_node(node, DJ_OPEN_READ | DJ_OPEN_WRITE);
    handle = opened(open)->handle;
    asked = read_at(node, handle, 0, 0);
    ok(strncmp(data_of(asked), "run\nforce\n", 10) == 0, "without a write ctl reads as its words");
    fake_done(asked);
    asked = read_at(node, handle, 4096, 0);
    is_str(data_of(asked), "", "and ends");
    fake_done(asked);
    is_int(write_to(node, handle, 0, "incognito\n"), 0, "incognito");
    ok(engine->last_flags & DJ_GET_INCOGNITO, "is asked for at once");
    asked = read_at(node, handle, 10, DJ_OPEN_NONBLOCK);
    is_int(asked->code, -EAGAIN, "its reply is not there yet");
    fake_done(asked);
    asked = read_at(node, handle, 10, 0);
    ok(!asked->answered, "so a read waits");
    instance = fake_end(engine, call, "secret\n", 7);
    is_str(data_of(asked), "secret\n", "and gets the result");
    fake_done(asked);
    asked = read_at(node, handle, 17, 0);
    is_str(data_of(asked), "", "which ends");
    fake_done(asked);
    is_int((int)instance->holds, 1, "the instance lives as long as the reply");
    is_int(write_to(node, handle, 17, "delete\nforce\n"), 0, "two commands");
    is_int((int)instance->holds, 0, "end the reply before");
    asked = read_at(node, handle, 30, 0);
    is_str(data_of(asked), "deleted\n", "the first one's reply");
    fake_done(asked);
    asked = read_at(node, handle, 38, 0);
    ok(!asked->answered, "the second one's is waited for");
    fake_cancel(asked);
    is_int(asked->code, -EINTR, "or not");
    fake_done(asked);
    asked = read_at(node, handle, 38, 0);
    fake_fail(engine, call, "it broke");
    is_int(asked->code, -EIO, "a run that fails fails the read");
    fake_done(asked);
    is_text("tasks/f/5/ctl", "run\nforce\nincognito\ndelete\ncancel\ninvalidate\naccept\n"
            "refused: it broke\n", "and ctl tells why");
    is_int(write_to(node, handle, 0, "force"), 0, "a reply that is waited for");
    asked = read_at(node, handle, 5, 0);
    release(node, handle);
    is_int(asked->code, -EINTR, "ends with its handle");
    fake_done(asked);
    fake_done(open);
    teardown();
}

static void test_force(void)
{
    struct dj_call *call;
    struct fake_asked *asked;
    uint64_t old;

    setup();
    call = fake_call(engine, "f", "5");
    fake_end(engine, call, "old\n", 4);
    old = walk("tasks/f/5/result").node;
    is_int(echo("tasks/f/5/ctl", "force\n"), 0, "force");
    asked = open_node(old, DJ_OPEN_READ);
    ok(!asked->answered, "an open after it waits for the new instance");
    is_list("tasks/f/5",
            "args command ctl deps dependents history key log meta progress status why ",
            "which is not listed yet");
    fake_end(engine, call, "new\n", 4);
    is_int(asked->code, -ESTALE, "and is told to look again");
    fake_done(asked);
    is_text("tasks/f/5/result", "new\n", "it is there");
    teardown();
}

static void test_task_ctl(void)
{
    struct fake_asked *open, *asked;
    uint64_t node;

    setup();
    is_int(echo("tasks/g/.ctl", "run 3,4\nrun a=5,b=6\n"), 0, "run, in any spelling");
    is_int((int)engine->started, 2, "starts each");
    is_int(echo("tasks/g/.ctl", "run 3\n"), -EINVAL, "arguments that do not fit");
    is_int(echo("tasks/g/.ctl", "run 1,1\ndelete 7,7\n"), -ENOENT, "a run that is not stored");
    is_int((int)engine->started, 2, "nothing is done");
    is_int(echo("tasks/g/.ctl", "delete 3,4\ndelete 3,4\n"), -ENOENT, "twice is once too often");
    fake_end(engine, fake_call(engine, "g", "a=3,b=4"), "x", 1);
    is_int(echo("tasks/g/.ctl", "delete 3,4\n"), 0, "delete");
    is_int(echo("tasks/g/.ctl", "invalidate\ndelete all\n"), 0, "invalidate, delete all");

    node = walk("tasks/w/.ctl").node;
    open = open_node(node, DJ_OPEN_READ | DJ_OPEN_WRITE);
    is_int(write_to(node, opened(open)->handle, 0, "run %2Fx"), 0, "a file is looked at later");
    asked = read_at(node, opened(open)->handle, 8, 0);
    ok(!asked->answered && engine->resolved != NULL, "its reply waits for that");
    fake_resolve(engine, fake_call(engine, "f", "9"));
    ok(!asked->answered, "and for the run");
    fake_end(engine, fake_call(engine, "f", "9"), "9\n", 2);
    is_str(data_of(asked), "9\n", "then it is there");
    fake_done(asked);
    is_int(write_to(node, opened(open)->handle, 0, "force %2Fx"), 0, "again");
    asked = read_at(node, opened(open)->handle, 0, 0);
    fake_resolve(engine, NULL);
    is_int(asked->code, -ENOENT, "a file that is not there fails the read");
    fake_done(asked);
    is_int(write_to(node, opened(open)->handle, 0, "run %2Fx"), 0, "and again");
    release(node, opened(open)->handle);
    fake_resolve(engine, fake_call(engine, "f", "9"));
    fake_done(open);
    teardown();
}

static void test_delete(void)
{
    struct dj_call *call;

    setup();
    call = fake_call(engine, "f", "5");
    with_files(call);
    is_int(take_away("tasks/f/5/files/a", "x", false), 0, "rm in files/");
    is_int(take_away("tasks/f/5/files", "nothing", false), -ENOENT, "of what is there");
    is_int(take_away("tasks/f/5", "log", false), 0, "rm of a log");
    is_int(take_away("tasks/f/5", "files", true), 0, "rmdir of files/");
    is_int(take_away("tasks/f/5", "deps", true), 0, "rmdir of deps/");
    is_int(take_away("tasks/f/5", "nothing", false), -ENOENT, "what is not there is not removed");
    is_int((int)engine->deletes, 0, "do nothing");
    is_int(take_away("tasks/f/5", "result", false), 0, "rm of the result");
    is_int((int)engine->deletes, 1, "deletes the run");
    is_int(take_away("tasks/f", "5", true), 0, "the rmdir behind it is fine");
    fake_end(engine, call, "x", 1);
    is_int(take_away("tasks/f", "5", true), 0, "rmdir alone");
    is_int((int)engine->deletes, 2, "deletes, too");
    is_int(take_away("tasks/g", "3,4", false), -EPERM, "another spelling is not taken away");
    is_int(take_away("tasks/f", "abc", true), -EINVAL, "nor what is no run");
    caller_uid = geteuid() + 1;
    fake_end(engine, call, "x", 1);
    is_int(take_away("tasks/f", "5", true), -EACCES, "nor by others");
    teardown();
}

static void test_edges(void)
{
    struct dj_list edges = {0};
    struct fake_instance *run;
    struct fake_asked *asked;
    struct dj_call *child, *parent;

    setup();
    child = fake_call(engine, "f", "5");
    parent = fake_call(engine, "g", "a=1,b=2");
    fake_end(engine, child, "x", 1);
    run = fake_run(engine, parent);
    fake_edge(&edges, child->number, 1);
    run->state.edges = &edges;
    is_list("tasks/g/a=1,b=2/deps", "f,5 ", "what a live run has called");
    is_list("tasks/f/5/dependents", "g,a=1,b=2 ", "and who called");
    fake_end(engine, parent, "y", 1);
    is_list("tasks/g/a=1,b=2/deps", "f,5 ", "what an ended one has");
    is_str(link_of(walk("tasks/g/a=1,b=2/deps/f,5").node, &asked), "../../../f/5", "as a link");
    fake_done(asked);
    is_str(link_of(walk("tasks/f/5/dependents/g,a=1,b=2").node, &asked), "../../../g/a=1,b=2",
           "both ways");
    fake_done(asked);
    is_int(missing("tasks/f/5/deps", "g,a=1,b=2"), -ENOENT, "but not the wrong way");
    is_int(missing("tasks/f/5/dependents", "nonsense"), -ENOENT, "nor what is no run");
    fake_end(engine, parent, "y", 1);
    is_list("tasks/f/5/dependents", "", "a newer instance that did not call hides the old");
    is_int(take_away("tasks/f/5/dependents", "g,a=1,b=2", false), 0, "rm of a link does nothing");
    free(edges.items);
    teardown();
}

static void test_readonly(void)
{
    struct fake_asked *asked;
    struct dj_call *call;

    setup();
    call = fake_call(engine, "f", "5");
    fake_end(engine, call, "120\n", 4);
    fake_fail(engine, fake_call(engine, "f", "6"), "no");
    fake_run(engine, fake_call(engine, "f", "7"));
    peer = &reader;
    is_list("tasks/f", "5 6 ", "a read-only mount lists ended runs");
    is_list("tasks/f/5",
            "args command deps dependents files history key log meta status why result ",
            "without ctl");
    is_int(missing("tasks/f", "8"), -ENOENT, "what was not computed is not there");
    is_int(missing("tasks/f", "7"), -ENOENT, "nor what is under way");
    is_int(missing("tasks/f/6", "result"), -ENOENT, "nor the result of a failed run");
    is_int(missing("tasks/f/5", "wait"), -ENOENT, "nor anything that waits");
    is_text("tasks/f/5/result", "120\n", "what is there is there");
    asked = read_at(walk("tasks/f/5/status").node, 0, 0, 0);
    is_str(data_of(asked), "done\n", "without an open");
    fake_done(asked);
    is_int(echo("tasks/f/.version", "3"), -EROFS, "nothing is written");
    is_int(take_away("tasks/f", "5", true), -EROFS, "or taken away");
    call->current = 0;
    asked = open_node(UINT64_C(4) << 60 | UINT64_C(1) << 20, DJ_OPEN_READ);
    is_int(asked->code, -ENOENT, "a result that became stale is not computed");
    fake_done(asked);
    is_int((int)engine->started, 3, "truly");
    teardown();
}

static void test_forget(void)
{
    struct dj_msg_forget forget = {0};
    struct dj_message_in message = {.number = DJ_MSG_FORGET, .fields = &forget};
    struct dj_part_forgotten *part;
    struct fake_asked *asked;
    uint64_t folder, result, again;

    setup();
    folder = walk("tasks/f/5").node;
    result = look(folder, "result", NULL).node;
    part = dj_list_add(&forget.nodes, sizeof(*part));
    part->node = folder;
    part->count = 1;
    dj_tree_notice(engine, peer, &message);
    asked = ask(DJ_MSG_GETATTR, &(struct dj_msg_getattr){.node = result});
    is_int(asked->code, 0, "a folder that was forgotten before its file");
    fake_done(asked);
    part->node = result;
    dj_tree_notice(engine, peer, &message);
    asked = ask(DJ_MSG_GETATTR, &(struct dj_msg_getattr){.node = folder});
    is_int(asked->code, -ESTALE, "with its last file it is gone");
    fake_done(asked);
    again = walk("tasks/f/5").node;
    ok(again != folder, "and gets a new number");
    free(forget.nodes.items);
    dj_tree_peer_gone(engine, &mount);
    asked = ask(DJ_MSG_GETATTR, &(struct dj_msg_getattr){.node = again});
    is_int(asked->code, -ESTALE, "a mount that is gone has forgotten everything");
    fake_done(asked);
    teardown();
}

static void test_restore(void)
{
    struct dj_msg_restore restore = {0};
    struct dj_part_named *name;
    struct dj_part_forgotten *held;
    struct fake_instance *instance;
    struct fake_asked *asked;
    uint64_t node;

    setup();
    node = walk("tasks/f/77").node;
    instance = fake_end(engine, fake_call(engine, "f", "5"), "x", 1);
    dj_tree_end(engine);
    asked = ask(DJ_MSG_GETATTR, &(struct dj_msg_getattr){.node = node});
    is_int(asked->code, -ESTALE, "a new daemon does not know the old one's names");
    fake_done(asked);
    name = dj_list_add(&restore.names, sizeof(*name));
    name->node = node;
    name->task = dj_xstrdup("f");
    dj_buf_adds(&name->name, "77");
    name->count = 2;
    held = dj_list_add(&restore.held, sizeof(*held));
    held->node = UINT64_C(4) << 60 | instance->number << 20;
    held->count = 1;
    asked = ask(DJ_MSG_RESTORE, &restore);
    is_int(asked->code, 0, "until the mount tells it");
    fake_done(asked);
    dj_codec_release(dj_message_layout(DJ_MSG_RESTORE), &restore);
    asked = open_node(look(node, "result", NULL).node, DJ_OPEN_READ);
    ok(!asked->answered, "then they work as before");
    fake_end(engine, fake_call(engine, "f", "77"), "y", 1);
    fake_done(asked);
    is_int((int)instance->holds, 1, "and what is open is held");
    release(UINT64_C(4) << 60 | instance->number << 20, 0);
    is_int((int)instance->holds, 0, "until it is closed");
    is_int((intmax_t)walk("tasks/f/77").node, (intmax_t)node, "the name has its old node");
    teardown();
}

static void test_changed(void)
{
    struct dj_call *call;
    unsigned before;

    setup();
    call = fake_call(engine, "f", "5");
    fake_end(engine, call, "x", 1);
    before = mount.changed;
    dj_tree_changed(engine, call);
    is_int((int)(mount.changed - before), 0, "a mount that has not looked is not told");
    walk("tasks/f/5/result");
    dj_tree_changed(engine, call);
    is_int((int)(mount.changed - before), 1, "one that has is");
    dj_tree_changed(engine, call);
    is_int((int)(mount.changed - before), 1, "once");
    for (int i = 0; i < 5000; i++) {
        walk("tasks/f/5/result");
        dj_tree_changed(engine, call);
    }
    ok(mount.changed - before < 4000, "and not at any rate: %u", mount.changed - before);
    dj_message_release(&mount.last);
    mount.last = (struct dj_message_in){0};
    teardown();
}

/* To a mount that sees no opens nothing is dropped: what cannot be named is told as a whole. */
static void test_anew(void)
{
    struct dj_call *call, *other;

    setup();
    call = fake_call(engine, "f", "5");
    other = fake_call(engine, "f", "6");
    fake_end(engine, call, "x", 1);
    peer = &reader;
    dj_tree_changed(engine, NULL);
    is_int((int)reader.anew, 0, "a read-only mount that has not looked is not told");
    ok(walk("tasks/f/5/result").ttl_ms > 600000, "what it is told of holds for long");
    is_int((int)walk("tasks/f/5/status").ttl_ms, 0, "but not a text that changes");
    dj_tree_changed(engine, other);
    is_int((int)reader.changed, 0, "of another call it need not hear");
    dj_tree_changed(engine, call);
    dj_tree_changed(engine, call);
    is_int((int)reader.changed, 2, "of each change of what it knows it hears");
    dj_tree_changed(engine, NULL);
    dj_tree_changed(engine, NULL);
    is_int((int)reader.anew, 1, "one that has looked is told once that all is new");
    dj_tree_changed(engine, call);
    is_int((int)reader.changed, 2, "and then knows nothing that could be wrong");
    walk("tasks/f/5/result");
    for (int i = 0; i < 5000; i++)
        dj_tree_changed(engine, call);
    is_int((int)reader.anew, 2, "so it is when there is too much to name");
    is_int((int)mount.anew, 0, "a mount that computes is never told so");
    fake_find(engine, call->current)->rec.files = 1;
    is_int((int)walk("tasks/f/5/result").ttl_ms, 1000, "what rests on a file holds for a second");
    dj_message_release(&reader.last);
    reader.last = (struct dj_message_in){0};
    teardown();
}

int main(void)
{
    test_wait();
    test_ctl();
    test_force();
    test_task_ctl();
    test_delete();
    test_edges();
    test_readonly();
    test_forget();
    test_restore();
    test_changed();
    test_anew();
    return tap_done();
}
