/* The tree: what it shows, and what opening does. */
#include <fcntl.h>

#include "lib/proto/dirnames.h"
#include "tests/unit/fake-mount.h"

static void test_root(void)
{
    dj_cleanup_free char *status = NULL;
    struct fake_asked *asked;

    setup();
    is_list("", "README ctl events tasks status sessions frames ", "the root");
    is_list("tasks", "f g w ", "tasks");
    is_int(missing("", "nothing"), -ENOENT, "no such file");
    is_int(missing("tasks", "nothing"), -ENOENT, "an unknown task");
    is_int(missing("", "self"), -ENOENT, "self outside of runs");
    status = cat("status");
    ok(strstr(status, "workers 4\nbusy 1\n") == status, "status: one fact a line");
    is_int((int)walk("status").size, (int)strlen(status), "with its true size");
    ok(strstr(status, "\nlock db exclusive since 1970-01-01 ") != NULL &&
       strstr(status, " waiting 2 by fac/3 (pid 7)\n") != NULL, "a line for each lock");
    is_int(walk("tasks").mode, S_IFDIR | 0555, "tasks is a folder");
    is_int(echo("status", "x"), -EACCES, "status is not written to");
    is_int(echo("ctl", "pause\n"), 0, "a word for the root");
    ok(engine->paused, "is done");
    is_int(echo("ctl", "resume\ngc\n"), 0, "two words");
    ok(!engine->paused && engine->gcs == 1, "are done");
    is_int(echo("ctl", "gc\nfly\n"), -EINVAL, "a bad word among good ones");
    is_int((int)engine->gcs, 1, "does nothing at all");
    is_text("ctl", "gc\npause\nresume\nreload\nrefused: \"fly\" is not a control word here; these "
            "are: gc, pause, resume, reload\n", "which ctl tells");
    is_int(echo("ctl", "gc\ngc"), -EINVAL, "a last line that may be cut");
    is_int((int)engine->gcs, 1, "does nothing, either");
    caller_uid = geteuid() + 1;
    is_int(echo("ctl", "gc"), -EACCES, "others change nothing");
    caller_uid = geteuid();
    is_int(take_away("tasks", "f", true), -EPERM, "a task is not taken away by rmdir");
    asked = ask(DJ_MSG_STATFS, &(struct dj_msg_statfs){});
    is_int((intmax_t)((struct dj_msg_space *)asked->reply.fields)->bytes_total, 1 << 30, "statfs");
    fake_done(asked);
    teardown();
}

static void test_sessions(void)
{
    setup();
    is_list("sessions", "default ", "the sessions");
    is_list("sessions/default", "max_workers resources status ctl ", "what a session has");
    is_list("sessions/default/resources", "ram ", "and its resources");
    is_text("sessions/default/max_workers", "4\n", "its workers");
    is_text("sessions/default/resources/ram", "128\n", "how much there is of one");
    is_text("sessions/default/status",
            "workers 4\nbusy 1\nqueued 0\nwaiting 0\nresource ram 1.5 of 128\n", "its status");
    is_int((int)walk("sessions/default/status").size, 60, "with its true size");
    is_int(missing("sessions", "other"), -ENOENT, "another one");
    is_int(missing("sessions", "self"), -ENOENT, "self outside of runs");
    is_int(missing("sessions/default", "nothing"), -ENOENT, "another file of it");
    is_int(missing("sessions/default/resources", "gpu"), -ENOENT, "another resource");
    is_int(echo("sessions/default/resources/ram", "64.5"), 0, "a resource is written");
    is_text("sessions/default/resources/ram", "64.5\n", "and reads back");
    is_int(echo("sessions/default/resources/ram", "x"), -EINVAL, "but no word");
    is_int(echo("sessions/default/max_workers", "0"), -EINVAL, "nor no workers");
    is_int(echo("sessions/default/status", "x"), -EACCES, "status is not written to");
    is_int(echo("sessions/default/ctl", "fly"), -EINVAL, "no control word");
    is_int(echo("sessions/default/ctl", "set ram=3\nset ram=4"), -EINVAL, "one at a time");
    is_int(echo("sessions/default/ctl", "set ram=128"), 0, "a resource is set");
    is_text("sessions/default/resources/ram", "128\n", "and there");
    is_int(echo("sessions/default/ctl", "reserve ram=1"), -EINVAL, "outside of a run");
    teardown();
}

static void test_self(void)
{
    struct fake_asked *asked;

    setup();
    caller_run = fake_run(engine, fake_call(engine, "g", "a=3,b=4"))->number;
    is_list("", "README ctl events self tasks status sessions frames ", "in a run, self is there");
    is_str(link_of(walk("self").node, &asked), "tasks/g/a=3,b=4", "and leads to the run");
    fake_done(asked);
    teardown();
}

static void append(const char *text)
{
    dj_buf_adds(&engine->events, text);
}

static void test_events(void)
{
    struct fake_asked *open, *asked;
    uint64_t handle;

    setup();
    append("one\ntwo\n");
    is_int((int)walk("events").size, 8, "events has its true size");
    open = open_node(walk("events").node, DJ_OPEN_READ);
    handle = opened(open)->handle;
    ok(opened(open)->flags & DJ_OPENED_DIRECT, "and is never cached");
    asked = read_at(walk("events").node, handle, 0, 0);
    is_str(data_of(asked), "one\ntwo\n", "from the start");
    fake_done(asked);
    asked = read_at(walk("events").node, handle, 8, 0);
    is_str(data_of(asked), "", "the end is an end");
    fake_done(asked);
    append("three\n");
    asked = read_at(walk("events").node, handle, 8, 0);
    is_str(data_of(asked), "three\n", "what came since");
    fake_done(asked);
    engine->events_begin = 8;
    asked = read_at(walk("events").node, handle, 4, 0);
    is_str(data_of(asked), "three\n", "dropped lines are skipped");
    fake_done(asked);
    asked = read_at(walk("events").node, handle, 10, 0);
    is_str(data_of(asked), "", "and the offsets go on behind them");
    fake_done(asked);
    is_int((int)walk("events").size, 6, "the file is shorter now");
    asked = read_at(walk("events").node, 0, 0, 0);
    is_str(data_of(asked), "three\n", "without a handle, too");
    fake_done(asked);
    release(walk("events").node, handle);
    fake_done(open);
    teardown();
}

static void test_task(void)
{
    struct fake_asked *open, *asked;
    uint64_t node;
    char *large;

    setup();
    fake_end(engine, fake_call(engine, "f", "5"), "120\n", 4);
    fake_fail(engine, fake_call(engine, "f", "7"), "no");
    fake_end(engine, fake_call(engine, "f", "10"), "x", 1);
    is_list("tasks/f", "10 5 7 ", "a task lists its runs and nothing else");
    is_text("tasks/f/.version", "1\n", ".version");
    is_int(echo("tasks/f/.version", "2\n"), 0, "is written");
    is_text("tasks/f/.version", "2\n", "and reads back as written");
    is_int(echo("tasks/f/.version", "\n"), -EINVAL, "an empty one is refused");
    is_int(echo("tasks/f/.version", "a\nb\n"), -EINVAL, "and two lines are");
    is_text("tasks/f/.status", "queued 0\nwaiting 0\nrunning 0\ndone 2\nfailed 1\n"
            "cancelled 0\nlost 0\nstale 0\nevicted 0\n", "runs by state");
    is_int(echo("tasks/f/.status", "x"), -EACCES, ".status is not written to");

    node = walk("tasks/f/.definition").node;
    is_int(echo("tasks/f/.definition", "[f]\ncommand = echo {n}\nparams = n:int\n"), 0,
           "a new definition");
    open = open_node(node, DJ_OPEN_READ | DJ_OPEN_WRITE);
    asked = read_at(node, opened(open)->handle, 0, 0);
    ok(strstr(data_of(asked), "echo {n}") != NULL, "reads back");
    fake_done(asked);
    is_int(write_to(node, opened(open)->handle, 0, "[f]\nparams = n:int\n"), -EINVAL,
           "one without a command is refused");
    is_int(write_to(node, opened(open)->handle, 0, "[g]\ncommand = true\n"), -EINVAL,
           "and one of another task");
    is_int(write_to(node, opened(open)->handle, 9, "params = n:int\n"), -EFBIG,
           "and one in pieces");
    large = malloc(200 * 1024);
    memset(large, '#', 200 * 1024 - 1);
    large[200 * 1024 - 1] = '\0';
    is_int(write_to(node, opened(open)->handle, 0, large), -EFBIG, "and a large one");
    free(large);
    release(node, opened(open)->handle);
    fake_done(open);
    asked = ask(DJ_MSG_GETATTR, &(struct dj_msg_getattr){.node = node});
    is_int(asked->code, 0, "a task's node stays");
    fake_done(asked);
    is_int(take_away("tasks/f", ".version", false), -EPERM, "a task's own files stay");
    teardown();
}

static void test_names(void)
{
    struct fake_asked *asked;
    struct dj_part_attr attr;
    dj_cleanup_free char *text = NULL;

    setup();
    is_int(missing("tasks/f", ".git"), -ENOENT, "a leading dot");
    is_int(missing("tasks/f", "abc"), -EINVAL, "an argument of the wrong type");
    text = cat("tasks/f/.ctl");
    ok(strstr(text, "refused: ") != NULL && strstr(text, "abc") != NULL, "which .ctl tells: %s",
       text);
    attr = walk("tasks/g/3,4");
    is_int(attr.mode, S_IFLNK | 0777, "another spelling is a link");
    is_str(link_of(attr.node, &asked), "a=3,b=4", "to the canonical name");
    fake_done(asked);
    is_int(walk("tasks/g/a=3,b=4").mode, S_IFDIR | 0755, "which is a folder");
    attr = walk("tasks/w/%2Fdata%2Fx.txt");
    is_int(attr.mode, S_IFLNK | 0777, "a name that needs a look at a file is a link");
    is_str(link_of(attr.node, &asked), "(waits)", "and its end comes later");
    ok(engine->resolved != NULL, "when the file has been looked at");
    fake_resolve(engine, fake_call(engine, "f", "5"));
    ok(asked->answered && asked->code == 0, "then the link is answered");
    fake_done(asked);
    link_of(attr.node, &asked);
    fake_cancel(asked);
    is_int(asked->code, -EINTR, "or interrupted");
    fake_resolve(engine, NULL);
    fake_done(asked);
    is_int((int)engine->started, 0, "nothing of this starts a run");
    teardown();
}

static void test_placeholder(void)
{
    struct fake_asked *asked, *other;
    struct dj_part_attr folder, attr, then;
    struct fake_instance *instance;
    struct dj_call *call;

    setup();
    folder = walk("tasks/f/5");
    is_int(DJ_NODE_KIND(folder.node), DJ_NODE_NAMED, "a run without a record has a named node");
    is_list("tasks/f", "", "and is not listed");
    is_list("tasks/f/5", "args command ctl deps dependents history key log meta status why ",
            "it has no result to list");
    attr = walk("tasks/f/5/result");
    is_int(attr.mode, S_IFREG | 0444, "but one that can be named");
    ok(attr.size == 0 && attr.mtime_ns != 0 && attr.ttl_ms == 0, "empty, with a time");
    is_text("tasks/f/5/status", "absent\n", "status");
    is_int((int)engine->started, 0, "looking starts nothing");

    asked = open_node(attr.node, DJ_OPEN_READ | DJ_OPEN_NONBLOCK);
    is_int(asked->code, -EAGAIN, "O_NONBLOCK does not, either");
    fake_done(asked);
    is_int((int)engine->started, 0, "truly");
    asked = open_node(attr.node, DJ_OPEN_READ);
    ok(!asked->answered, "an open waits");
    is_int((int)engine->started, 1, "and computes");
    other = open_node(attr.node, DJ_OPEN_READ | DJ_OPEN_CURRENT);
    call = fake_call(engine, "f", "5");
    is_list("tasks/f", "5 ", "a run under way is listed");
    is_list("tasks/f/5",
            "args command ctl deps dependents history key log meta progress status why ",
            "without a result");
    instance = fake_end(engine, call, "120\n", 4);
    is_int(asked->code, -ESTALE, "then it is told to look again");
    fake_done(asked);
    ok(other->code == 0 && opened(other)->handle != 0, "unless it asked for what is current");
    ok(!(opened(other)->flags & (DJ_OPENED_IMMUTABLE | DJ_OPENED_CACHED)), "which is not cached");
    is_str(dj_buf_str(&opened(other)->content), "120\n", "but right");
    is_int((int)instance->holds, 1, "and held");
    release(attr.node, opened(other)->handle);
    is_int((int)instance->holds, 0, "until it is closed");
    fake_done(other);

    then = walk("tasks/f/5/result");
    is_int(DJ_NODE_KIND(then.node), DJ_NODE_INSTANCE, "now the result is an instance");
    ok(then.size == 4 && then.ino == attr.ino && then.node != attr.node,
       "of true size, with the inode number of the placeholder");
    is_int((intmax_t)walk("tasks/f/5").node, (intmax_t)folder.node, "its folder stays what it was");
    asked = open_node(attr.node, DJ_OPEN_READ);
    is_int(asked->code, -ESTALE, "the placeholder is stale for ever");
    fake_done(asked);
    is_list("tasks/f/5",
            "args command ctl deps dependents files history key log meta status why result ",
            "result is listed, as the last");
    teardown();
}

static void test_interrupt(void)
{
    struct fake_asked *asked;

    setup();
    asked = open_node(walk("tasks/f/5/result").node, DJ_OPEN_READ);
    fake_cancel(asked);
    is_int(asked->code, -EINTR, "an open is interrupted");
    fake_done(asked);
    link_of(walk("tasks/f/5/files").node, &asked);
    fake_cancel(asked);
    is_int(asked->code, -EINTR, "and a readlink");
    fake_done(asked);
    is_int((int)engine->cancelled, 2, "the engine hears of both");
    asked = open_node(walk("tasks/f/6/result").node, DJ_OPEN_READ);
    fake_fail(engine, fake_call(engine, "f", "6"), "it exited with 1");
    is_int(asked->code, -EIO, "a failed run is EIO");
    is_str(asked->sentence, "it exited with 1", "with its sentence");
    fake_done(asked);
    is_text("tasks/f/6/error", "it exited with 1\n", "which error has, too");
    is_list("tasks/f/6", "args command ctl deps dependents error history key log meta status why ",
            "and is listed");
    fake_run(engine, fake_call(engine, "f", "6"));
    is_text("tasks/f/6/error", "", "until the next try begins");
    is_list("tasks/f/6",
            "args command ctl deps dependents history key log meta progress status why ",
            "and is not listed any more");
    is_text("tasks/f/8/error", "", "nor is it there for what was never run");
    teardown();
}

static void test_history(void)
{
    struct fake_instance *first;
    struct fake_asked *asked;
    struct dj_call *call;
    struct dj_part_attr attr;

    setup();
    is_list("tasks/f/5/history", "", "what was never run has no history");
    call = fake_call(engine, "f", "5");
    first = fake_end(engine, call, "one\n", 4);
    fake_entry(first, "a", 0040755, "");
    fake_entry(first, "a/b", 0100644, "deep");
    is_list("tasks/f/5/history", "", "the instance that is shown is not listed");
    is_text("tasks/f/5/history/1/result", "one\n", "but can be named");
    ok(walk("tasks/f/5/history/1/result").ino != walk("tasks/f/5/result").ino,
       "and is a file of its own");
    call->current = 0;
    fake_fail(engine, call, "no");
    is_list("tasks/f/5/history", "1 ", "a try that failed is shown, what was before is history");
    fake_end(engine, call, "three\n", 6);
    is_list("tasks/f/5/history", "1 2 ", "oldest first");
    is_list("tasks/f/5/history/1", "files log meta result ", "one that was done");
    is_list("tasks/f/5/history/2", "files log meta ", "one that was not has no result");
    is_int(missing("tasks/f/5/history/2", "result"), -ENOENT, "by name neither");
    is_int(missing("tasks/f/5/history", "4"), -ENOENT, "one that is not there");
    is_int(missing("tasks/f/5/history", "01"), -ENOENT, "a number has one spelling");
    caller_run = fake_run(engine, fake_call(engine, "g", "a=3,b=4"))->number;
    is_text("tasks/f/5/history/1/result", "one\n", "an old result is read");
    is_text("tasks/f/5/history/1/files/a/b", "deep", "and its files");
    is_int((int)engine->notes, 0, "which is no call of the run that reads");
    caller_run = 0;
    attr = walk("tasks/f/5/history/2/meta");
    asked = open_node(attr.node, DJ_OPEN_READ);
    ok(opened(asked)->flags & DJ_OPENED_IMMUTABLE && opened(asked)->size == attr.size &&
           strstr((char *)opened(asked)->content.data, "\"error\": \"no\"") != NULL,
       "meta of the one that failed tells why");
    is_int((int)fake_find(engine, 2)->holds, 1, "and holds it while it is open");
    release(attr.node, 0);
    is_int((int)fake_find(engine, 2)->holds, 0, "until it is closed");
    fake_done(asked);
    is_int(take_away("tasks/f/5/history/1/files/a", "b", false), 0, "rm -r goes through it");
    is_int(take_away("tasks/f/5/history/1", "log", false), 0, "whatever it meets");
    is_int(take_away("tasks/f/5/history", "1", true), 0, "and up again");
    is_int((int)engine->deletes, 0, "nothing is taken away by that");
    teardown();
}

static void test_instance(void)
{
    struct fake_asked *asked;
    struct dj_part_attr attr;
    struct fake_instance *first, *second;
    struct dj_call *call;
    uint64_t old;

    setup();
    engine->generation = 77;
    call = fake_call(engine, "f", "5");
    first = fake_end(engine, call, "one\n", 4);
    attr = walk("tasks/f/5/result");
    old = attr.node;
    asked = open_node(old, DJ_OPEN_READ);
    is_int((int)opened(asked)->flags, DJ_OPENED_IMMUTABLE | DJ_OPENED_CACHED, "kept for ever");
    ok(opened(asked)->handle == 0 && opened(asked)->generation == 77 &&
           opened(asked)->bucket == dj_call_bucket(call), "until the bucket changes");
    is_int((int)first->holds, 1, "an open instance is held");
    fake_done(asked);

    caller_run = 99;
    asked = open_node(old, DJ_OPEN_READ);
    is_int((intmax_t)engine->last_run, 99, "a run's open is a call");
    fake_done(asked);
    caller_run = 0;

    second = fake_end(engine, call, "second\n", 7);
    asked = open_node(old, DJ_OPEN_READ);
    is_int(asked->code, -ESTALE, "the old instance is not opened again");
    fake_done(asked);
    asked = open_node(old, DJ_OPEN_READ | DJ_OPEN_CURRENT);
    is_str(dj_buf_str(&opened(asked)->content), "second\n", "by those who must have it: the new");
    release(old, opened(asked)->handle);
    fake_done(asked);
    asked = read_at(old, 0, 0, 0);
    is_str(data_of(asked), "one\n", "who has it open goes on reading the old");
    fake_done(asked);
    attr = walk("tasks/f/5/result");
    ok(attr.node != old && attr.size == 7, "the name leads to the new one");
    release(old, 0);
    release(old, 0);
    is_int((int)first->holds, 0, "every open is released");
    second->gone = true;
    asked = ask(DJ_MSG_GETATTR, &(struct dj_msg_getattr){.node = attr.node});
    is_int(asked->code, -ESTALE, "what has been purged is stale");
    fake_done(asked);
    asked = open_node(UINT64_C(4) << 60 | UINT64_C(999) << 20, DJ_OPEN_READ);
    is_int(asked->code, -ESTALE, "and what never was");
    fake_done(asked);
    teardown();
}

/* How many bytes came ahead with the look-up of a name; -1: nothing did. */
static int ahead(uint64_t folder, const char *name, uint64_t max, struct dj_part_attr *ret)
{
    struct dj_msg_lookup lookup = {.node = folder, .caller = caller(), .ahead = max};
    const struct dj_part_ahead *part;
    struct fake_asked *asked;
    int bytes = -1;

    dj_buf_adds(&lookup.name, name);
    asked = ask(DJ_MSG_LOOKUP, &lookup);
    dj_buf_release(&lookup.name);
    if (asked->code == 0 && ((struct dj_msg_entry *)asked->reply.fields)->ahead.n == 1) {
        part = DJ_LIST_AT(&((struct dj_msg_entry *)asked->reply.fields)->ahead,
                          struct dj_part_ahead, 0);
        bytes = (int)part->content.len;
        if (part->generation != engine->generation)
            bytes = -2;
        if (ret != NULL)
            *ret = part->attr;
    }
    fake_done(asked);
    return bytes;
}

static void test_ahead(void)
{
    struct dj_part_attr came = {0}, asked_for;
    struct dj_call *call;
    uint64_t task;
    int started;

    setup();
    engine->generation = 77;
    task = walk("tasks/f").node;
    is_int(ahead(task, "5", 100, NULL), -1, "a run that was never computed brings nothing");
    call = fake_call(engine, "f", "7");
    fake_end(engine, call, "one\n", 4);
    started = (int)engine->started;
    is_int(ahead(task, "7", 100, &came), 4, "a run brings its result along");
    asked_for = walk("tasks/f/7/result");
    ok(came.node == asked_for.node && came.ino == asked_for.ino && came.size == 4 &&
           came.ttl_ms == asked_for.ttl_ms && came.mtime_ns == asked_for.mtime_ns,
       "with what a look-up of it would say");
    is_int(ahead(walk("tasks/f/7").node, "result", 100, &came), 4, "the result brings itself");
    ok(came.node == asked_for.node, "under its own node");
    is_int(ahead(task, "7", 0, NULL), -1, "who does not ask for it gets nothing");
    is_int(ahead(task, "7", 3, NULL), -1, "nor does who wants less");
    is_int(ahead(walk("tasks/f/7").node, "log", 100, NULL), -1, "nothing comes with a log");
    is_int(ahead(walk("tasks/f/7/history").node, "1", 100, NULL), -1, "nor with history");
    is_int((int)engine->started, started, "and nothing was started");
    caller_run = 99;
    is_int(ahead(task, "7", 100, NULL), -1, "to a run, whose opens are calls, neither");
    caller_run = 0;
    peer = &reader;
    is_int(ahead(task, "7", 100, NULL), 4, "through a read-only mount as well");
    peer = &mount;
    call->current = 0;
    is_int(ahead(task, "7", 100, NULL), -1, "one that is not current does not come");
    teardown();
}

/* The names that NEXT brings, and how many bytes of their results. */
static const char *next_runs(uint64_t node, const char *after, uint64_t max, uint64_t ahead,
                             struct dj_buf *said)
{
    struct dj_msg_next next = {.node = node, .max = max, .ahead = ahead, .caller = caller()};
    struct fake_asked *asked;

    dj_buf_adds(&next.after, after);
    asked = ask(DJ_MSG_NEXT, &next);
    dj_buf_release(&next.after);
    dj_buf_clear(said);
    if (asked->code != 0)
        dj_buf_adds(said, strerror(-asked->code));
    for (size_t i = 0; asked->code == 0 &&
                       i < ((struct dj_msg_next_runs *)asked->reply.fields)->runs.n; i++) {
        const struct dj_part_next_run *run =
            DJ_LIST_AT(&((struct dj_msg_next_runs *)asked->reply.fields)->runs,
                       struct dj_part_next_run, i);
        dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
        struct dj_part_attr folder;

        dj_buf_addf(&path, "tasks/f/%s", dj_buf_str(&run->name));
        folder = walk(dj_buf_str(&path));
        dj_buf_adds(&path, "/result");
        dj_buf_addf(said, "%s:%zu%s ", dj_buf_str(&run->name), run->ahead.content.len,
                    folder.node == run->attr.node && folder.ino == run->attr.ino &&
                            folder.ttl_ms == run->attr.ttl_ms &&
                            walk(dj_buf_str(&path)).node == run->ahead.attr.node
                        ? "" : "?");
    }
    fake_done(asked);
    return dj_buf_str(said);
}

/* The same, of runs by their names. */
static size_t named_runs(uint64_t node, const char *const *names)
{
    struct dj_msg_next next = {.node = node, .max = 9, .ahead = 100, .caller = caller()};
    struct fake_asked *asked;
    size_t n;

    for (; *names != NULL; names++) {
        struct dj_part_word *word = dj_list_add(&next.names, sizeof(*word));

        dj_buf_adds(&word->bytes, *names);
    }
    asked = ask(DJ_MSG_NEXT, &next);
    n = ((struct dj_msg_next_runs *)asked->reply.fields)->runs.n;
    fake_done(asked);
    dj_codec_release(dj_message_layout(DJ_MSG_NEXT), &next);
    return n;
}

static void test_next(void)
{
    dj_cleanup_buf struct dj_buf said = DJ_BUF_INIT;
    uint64_t task;

    setup();
    task = walk("tasks/f").node;
    is_str(next_runs(task, "", 9, 100, &said), "", "of no runs, none comes");
    fake_end(engine, fake_call(engine, "f", "5"), "one\n", 4);
    fake_end(engine, fake_call(engine, "f", "6"), "longer\n", 7);
    fake_fail(engine, fake_call(engine, "f", "7"), "no");
    fake_end(engine, fake_call(engine, "f", "8"), "", 0);
    is_str(next_runs(task, "", 9, 100, &said), "5:4 6:7 8:0 ", "those with results, as looked up");
    is_str(next_runs(task, "5", 9, 100, &said), "6:7 8:0 ", "behind a name");
    is_int((int)named_runs(task, (const char *const[]){"8", "99", "x", "7", "05", "5", NULL}), 2,
           "by names, those that are there and spelled so");
    is_str(next_runs(task, "", 2, 100, &said), "5:4 6:7 ", "so many");
    is_str(next_runs(task, "", 9, 5, &said), "5:4 8:0 ", "small ones");
    is_str(next_runs(walk("tasks").node, "", 9, 100, &said), strerror(EINVAL), "of tasks only");
    caller_run = 99;
    is_str(next_runs(task, "", 9, 100, &said), "", "a run is told nothing");
    caller_run = 0;
    peer = &reader;
    is_str(next_runs(task, "", 9, 100, &said), "", "nor a read-only mount");
    peer = &mount;
    teardown();
}

/* A page of at most two names behind a cookie and a name; what it says goes into `said`. */
static struct dj_dirname names_behind(uint64_t node, uint64_t cookie, const char *after,
                                      struct dj_buf *said)
{
    struct dj_msg_readdir readdir = {.node = node, .cookie = cookie, .max = 2,
                                     .flags = DJ_READDIR_NAMES, .caller = caller()};
    const struct dj_msg_dirents *page;
    struct dj_dirname last = {0};
    struct fake_asked *asked;
    struct dj_bytes rest;

    dj_buf_adds(&readdir.after, after);
    asked = ask(DJ_MSG_READDIR, &readdir);
    dj_buf_release(&readdir.after);
    page = asked->reply.fields;
    dj_buf_clear(said);
    rest = dj_buf_bytes(&page->names);
    while (dj_dirnames_next(&rest, &last) == 1)
        dj_buf_addf(said, "%s ", (const char *)last.name.data);
    dj_buf_addf(said, "%zu%s", page->entries.n, page->end ? " end" : "");
    fake_done(asked);
    return last;
}

static void test_plain_listing(void)
{
    dj_cleanup_buf struct dj_buf said = DJ_BUF_INIT;
    struct dj_dirname last;
    struct dj_part_attr attr;
    uint64_t task;

    setup();
    task = walk("tasks/f").node;
    names_behind(task, 0, "", &said);
    is_str(dj_buf_str(&said), "0 end", "names of no runs");
    fake_end(engine, fake_call(engine, "f", "5"), "1", 1);
    fake_end(engine, fake_call(engine, "f", "7"), "1", 1);
    fake_end(engine, fake_call(engine, "f", "9"), "1", 1);
    last = names_behind(task, 0, "", &said);
    is_str(dj_buf_str(&said), "5 7 0", "a page of names, and no entries");
    attr = walk("tasks/f/7");
    ok(last.ino == attr.ino && last.mode == attr.mode, "with the number and the type of each");
    names_behind(task, last.cookie, "7", &said);
    is_str(dj_buf_str(&said), "9 0 end", "the page behind it is the last");
    names_behind(task, last.cookie, "", &said);
    is_str(dj_buf_str(&said), "9 0 end", "also when only the cookie is known");
    names_behind(walk("tasks").node, 0, "", &said);
    is_str(dj_buf_str(&said), "2", "of another folder, entries come");
    peer = &reader;
    names_behind(task, 0, "", &said);
    is_str(dj_buf_str(&said), "2", "and to a read-only mount, where each is looked at");
    peer = &mount;
    teardown();
}

static void test_large(void)
{
    char path[] = "/tmp/test-tree-XXXXXX";
    dj_cleanup_free char *bytes = calloc(1, 600 * 1024);
    int fd = mkstemp(path);
    struct fake_instance *instance;
    struct fake_asked *asked;

    setup();
    fake_end(engine, fake_call(engine, "f", "1"), bytes, 600 * 1024);
    asked = open_node(walk("tasks/f/1/result").node, DJ_OPEN_READ);
    ok(!opened(asked)->has_content && opened(asked)->size == 600 * 1024,
       "middling content is read by its node");
    fake_done(asked);
    asked = read_at(walk("tasks/f/1/result").node, 0, 600 * 1024 - 10, 0);
    is_int((int)((struct dj_msg_data *)asked->reply.fields)->bytes.len, 10, "up to its end");
    fake_done(asked);
    instance = fake_end(engine, fake_call(engine, "f", "2"), "", 0);
    instance->rec.result.size = 2 << 20;
    instance->file = dj_xstrdup(path);
    if (write(fd, "large", 5) != 5 || ftruncate(fd, 2 << 20) < 0)
        abort();
    close(fd);
    asked = open_node(walk("tasks/f/2/result").node, DJ_OPEN_READ);
    is_str(opened(asked)->path, path, "large content is a file");
    fake_done(asked);
    asked = read_at(walk("tasks/f/2/result").node, 0, 0, 0);
    is_str(data_of(asked), "large", "which is read here for those who cannot");
    fake_done(asked);
    unlink(path);
    instance->rec.files = 3;
    asked = open_node(walk("tasks/f/2/result").node, DJ_OPEN_READ);
    is_int((int)opened(asked)->flags, DJ_OPENED_IMMUTABLE,
           "what depends on files is judged at each open");
    fake_done(asked);
    teardown();
}

static void test_files(void)
{
    struct fake_asked *asked;
    struct dj_call *call;
    struct dj_part_attr attr;
    uint64_t old;

    setup();
    call = fake_call(engine, "f", "5");
    attr = walk("tasks/f/5/files");
    is_int(attr.mode, S_IFLNK | 0777, "files of what was not computed is a link");
    is_str(link_of(attr.node, &asked), "(waits)", "that waits");
    with_files(call);
    is_str(dj_buf_str(&((struct dj_msg_link *)asked->reply.fields)->target), ".files-1",
           "and leads to the instance");
    fake_done(asked);
    is_int((intmax_t)walk("tasks/f/5/.files-1").node, (intmax_t)walk("tasks/f/5/files").node,
           "which is what files is now");
    is_int(missing("tasks/f/6", ".files-1"), -ENOENT, "in this run only");
    is_int(missing("tasks/f/5", ".files-x"), -ENOENT, "and by a number only");

    is_list("tasks/f/5/files", "a a.b link z ", "files");
    is_list("tasks/f/5/files/a", "b x ", "a folder in it");
    is_list("tasks/f/5/files/a/b", "c.txt ", "and one in that");
    is_int(missing("tasks/f/5/files", "b"), -ENOENT, "what is not there");
    is_int(missing("tasks/f/5/files/a", "b/c.txt"), -ENOENT, "a name is one component");
    is_int(walk("tasks/f/5/files/a").mode, S_IFDIR | 0700, "rm can go into any folder");
    is_int(walk("tasks/f/5/files/a/x").mode, S_IFREG | 0555, "programs stay programs");
    is_int(walk("tasks/f/5/files/a/b/c.txt").mode, S_IFREG | 0440, "and modes modes");
    is_int(walk("tasks/f/5/files/z").mode, S_IFREG | 0400, "but the owner reads everything");
    is_str(link_of(walk("tasks/f/5/files/link").node, &asked), "a/x", "links stay links");
    fake_done(asked);
    is_text("tasks/f/5/files/a/b/c.txt", "deep\n", "a file at depth");
    is_text("tasks/f/5/files/a.b", "dot\n", "a file that sorts behind a folder's content");

    caller_run = 9;
    asked = open_node(walk("tasks/f/5/files").node, DJ_OPEN_FOLDER);
    is_int((int)engine->notes, 1, "a run that lists files/ calls");
    fake_done(asked);
    asked = open_node(walk("tasks/f/5/files/a.b").node, DJ_OPEN_READ);
    is_int((int)engine->notes, 2, "and one that opens a file in it");
    fake_done(asked);
    caller_run = 0;

    old = walk("tasks/f/5/files/a/x").node;
    with_files(call);
    asked = open_node(old, DJ_OPEN_READ);
    is_int(asked->code, -ESTALE, "an old instance's file");
    fake_done(asked);
    asked = open_node(old, DJ_OPEN_READ | DJ_OPEN_CURRENT);
    is_str(dj_buf_str(&opened(asked)->content), "#!\n", "is the same path in the new one");
    release(old, opened(asked)->handle);
    fake_done(asked);
    call->current = 0;
    asked = open_node(walk("tasks/f/5/.files-2").node, DJ_OPEN_FOLDER);
    is_int(asked->code, 0, "a stale folder is listed still");
    fake_done(asked);
    caller_run = 9;
    asked = open_node(walk("tasks/f/5/.files-2").node, DJ_OPEN_FOLDER);
    is_int(asked->code, -ESTALE, "but not to a run");
    fake_done(asked);
    caller_run = 0;
    asked = open_node(old, DJ_OPEN_READ | DJ_OPEN_NONBLOCK);
    is_int(asked->code, -EAGAIN, "and nothing waits that must not");
    fake_done(asked);
    teardown();
}

static void test_log(void)
{
    char path[] = "/tmp/test-tree-XXXXXX";
    int fd = mkstemp(path);
    struct fake_asked *open, *asked;
    struct fake_instance *run;
    struct dj_call *call;
    uint64_t live;

    setup();
    call = fake_call(engine, "f", "5");
    is_int((int)walk("tasks/f/5/log").size, 0, "no log yet");
    run = fake_run(engine, call);
    run->state.log_path = path;
    if (write(fd, "half", 4) != 4)
        abort();
    live = walk("tasks/f/5/log").node;
    is_int((int)walk("tasks/f/5/log").size, 4, "a live log has its true size");
    open = open_node(live, DJ_OPEN_READ);
    ok(opened(open)->flags == DJ_OPENED_DIRECT && opened(open)->handle != 0, "and is not cached");
    asked = read_at(live, opened(open)->handle, 0, 0);
    is_str(data_of(asked), "half", "so far");
    fake_done(asked);
    fake_end(engine, call, "", 0);
    asked = read_at(live, opened(open)->handle, 0, 0);
    is_str(data_of(asked), "log\n", "under the same handle it goes on in the record");
    fake_done(asked);
    release(live, opened(open)->handle);
    fake_done(open);
    is_int(DJ_NODE_KIND(walk("tasks/f/5/log").node), DJ_NODE_INSTANCE, "then it is an instance's");
    open = open_node(walk("tasks/f/5/log").node, DJ_OPEN_READ);
    is_int((int)opened(open)->flags, DJ_OPENED_IMMUTABLE, "which never changes");
    fake_done(open);
    is_text("tasks/f/5/log", "log\n", "its text");
    close(fd);
    unlink(path);
    teardown();
}

static void test_texts(void)
{
    dj_cleanup_free char *meta = NULL, *readme = NULL;
    struct dj_call *call;

    setup();
    call = fake_call(engine, "g", "a=3,b=4");
    fake_end(engine, call, "12\n", 3);
    is_text("tasks/g/a=3,b=4/status", "done\n", "status");
    is_text("tasks/g/a=3,b=4/args", "{\"a\":3,\"b\":4}\n", "args");
    is_text("tasks/g/a=3,b=4/why", "hit\n", "why");
    is_text("tasks/g/a=5,b=4/why", "never run\n", "of what was never run, too");
    is_text("tasks/g/a=5,b=4/key", "instance 0\n", "and its key");
    meta = cat("tasks/g/a=3,b=4/meta");
    ok(strstr(meta, "\"task\": \"g\"") != NULL && strstr(meta, "\"status\": \"done\"") != NULL &&
           strstr(meta, "\"result\": {\"size\": 3") != NULL &&
           strstr(meta, "\"started\": \"2023-11-14T22:13:20.000000Z\"") != NULL,
       "meta tells of the run");
    is_int((int)walk("tasks/g/a=3,b=4/meta").size, (int)strlen(meta), "with its true size");
    call->current = 0;
    is_text("tasks/g/a=3,b=4/status", "stale\n", "a stale run");
    is_list("tasks/g/a=3,b=4", "args command ctl deps dependents history key log meta status why ",
            "lists no result");
    readme = cat("README");
    ok(strstr(readme, "/mnt/dj") != NULL, "README names the mount");
    teardown();
}

int main(void)
{
    test_root();
    test_self();
    test_sessions();
    test_events();
    test_task();
    test_names();
    test_placeholder();
    test_interrupt();
    test_history();
    test_instance();
    test_ahead();
    test_plain_listing();
    test_next();
    test_large();
    test_files();
    test_log();
    test_texts();
    return tap_done();
}
