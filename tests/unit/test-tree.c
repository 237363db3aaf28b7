/*
 * The tree, message by message, over a canned engine.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/node.h"
#include "daemon/tree.h"
#include "lib/util/mem.h"
#include "tests/unit/fake-engine.h"
#include "tests/unit/tap.h"

static struct dj_engine *engine;
static struct dj_peer mount = {.facts = {.role = DJ_ROLE_MOUNT}};
static struct dj_peer reader = {.facts = {.role = DJ_ROLE_MOUNT, .readonly = true}};
static struct dj_peer *peer = &mount;
static uint64_t caller_run;
static uint64_t caller_uid;

static struct dj_part_caller caller(void)
{
    return (struct dj_part_caller){.pid = 1, .uid = caller_uid, .gid = 0, .run = caller_run};
}

static struct fake_asked *ask(uint64_t number, const void *fields)
{
    struct fake_asked *asked = fake_ask(engine, peer, number, fields);

    dj_tree_handle(&asked->request);
    return asked;
}

/* The entry of a name; its node is 0 and the code is set when there is none. */
static struct dj_part_attr look(uint64_t folder, const char *name, int *ret_code)
{
    struct dj_msg_lookup lookup = {.node = folder, .caller = caller()};
    struct dj_part_attr attr = {0};
    struct fake_asked *asked;

    dj_buf_adds(&lookup.name, name);
    asked = ask(DJ_MSG_LOOKUP, &lookup);
    dj_buf_release(&lookup.name);
    if (asked->code == 0)
        attr = ((struct dj_msg_entry *)asked->reply.fields)->attr;
    if (ret_code != NULL)
        *ret_code = asked->code;
    fake_done(asked);
    return attr;
}

/* A path from the root; 0 when it is not there. */
static struct dj_part_attr walk(const char *path)
{
    dj_cleanup_free char *copy = dj_xstrdup(path);
    struct dj_part_attr attr = {.node = DJ_NODE_ROOT};
    char *rest = copy;
    char *name;

    while ((name = strsep(&rest, "/")) != NULL && attr.node != 0)
        attr = look(attr.node, name, NULL);
    return attr;
}

static int missing(const char *folder, const char *name)
{
    int code;

    look(*folder == '\0' ? DJ_NODE_ROOT : walk(folder).node, name, &code);
    return code;
}

static struct fake_asked *open_node(uint64_t node, uint64_t flags)
{
    struct dj_msg_open open = {.node = node, .flags = flags, .caller = caller()};

    return ask(DJ_MSG_OPEN, &open);
}

static struct dj_msg_opened *opened(struct fake_asked *asked)
{
    return asked->reply.fields;
}

static struct fake_asked *read_at(uint64_t node, uint64_t handle, uint64_t offset, uint64_t flags)
{
    struct dj_msg_read read = {.node = node, .handle = handle, .offset = offset, .size = 4096,
                               .flags = flags, .caller = caller()};

    return ask(DJ_MSG_READ, &read);
}

static const char *data_of(struct fake_asked *asked)
{
    if (!asked->answered)
        return "(waits)";
    if (asked->code != 0)
        return strerror(-asked->code);
    return dj_buf_str(&((struct dj_msg_data *)asked->reply.fields)->bytes);
}

static int write_to(uint64_t node, uint64_t handle, uint64_t offset, const char *text)
{
    struct dj_msg_write write = {.node = node, .handle = handle, .offset = offset,
                                 .caller = caller()};
    struct fake_asked *asked;
    int code;

    dj_buf_adds(&write.bytes, text);
    asked = ask(DJ_MSG_WRITE, &write);
    dj_buf_release(&write.bytes);
    code = asked->answered ? asked->code : 1;
    fake_done(asked);
    return code;
}

static void release(uint64_t node, uint64_t handle)
{
    struct dj_msg_release fields = {.node = node, .handle = handle};
    struct dj_message_in message = {.number = DJ_MSG_RELEASE, .fields = &fields};

    dj_tree_notice(engine, peer, &message);
}

/* Opens to write, writes, closes: as `echo TEXT > PATH`. */
static int echo(const char *path, const char *text)
{
    uint64_t node = walk(path).node;
    struct fake_asked *asked = open_node(node, DJ_OPEN_WRITE);
    int code = asked->code;

    if (code == 0) {
        uint64_t handle = opened(asked)->handle;

        code = write_to(node, handle, 0, text);
        release(node, handle);
    }
    fake_done(asked);
    return code;
}

/* A small file, or what its open failed with. */
static char *cat(const char *path)
{
    struct fake_asked *asked = open_node(walk(path).node, DJ_OPEN_READ);
    char *text;

    if (!asked->answered)
        return dj_xstrdup("(waits)");
    if (asked->code != 0)
        text = dj_xstrdup(strerror(-asked->code));
    else
        text = dj_xstrdup(dj_buf_str(&opened(asked)->content));
    if (asked->code == 0 && opened(asked)->handle == 0)
        release(walk(path).node, 0);
    fake_done(asked);
    return text;
}

static void is_text(const char *path, const char *want, const char *name)
{
    dj_cleanup_free char *text = cat(path);

    is_str(text, want, "%s", name);
}

/* All names of a folder, page by page, each followed by a blank. */
static void list(uint64_t node, uint64_t page, struct dj_buf *buf)
{
    struct dj_msg_readdir readdir = {.node = node, .max = page, .caller = caller()};
    bool end = false;

    dj_buf_clear(buf);
    while (!end) {
        struct fake_asked *asked = ask(DJ_MSG_READDIR, &readdir);
        const struct dj_msg_dirents *dirents = asked->reply.fields;

        if (asked->code != 0) {
            dj_buf_addf(buf, "(%s)", strerror(-asked->code));
            fake_done(asked);
            break;
        }
        for (size_t i = 0; i < dirents->entries.n; i++) {
            const struct dj_part_dirent *entry =
                DJ_LIST_AT(&dirents->entries, struct dj_part_dirent, i);

            dj_buf_addf(buf, "%s ", dj_buf_str(&entry->name));
            readdir.cookie = entry->cookie;
            dj_buf_set(&readdir.after, dj_buf_bytes(&entry->name));
        }
        end = dirents->end || dirents->entries.n == 0;
        fake_done(asked);
    }
    dj_buf_release(&readdir.after);
}

static void is_list(const char *path, const char *want, const char *name)
{
    struct dj_buf buf = DJ_BUF_INIT;
    uint64_t node = *path == '\0' ? DJ_NODE_ROOT : walk(path).node;

    list(node, 0, &buf);
    is_str(dj_buf_str(&buf), want, "%s", name);
    list(node, 1, &buf);
    is_str(dj_buf_str(&buf), want, "%s, one by one", name);
    dj_buf_release(&buf);
}

static const char *link_of(uint64_t node, struct fake_asked **ret)
{
    struct dj_msg_readlink readlink = {.node = node, .caller = caller()};

    *ret = ask(DJ_MSG_READLINK, &readlink);
    if (!(*ret)->answered)
        return "(waits)";
    if ((*ret)->code != 0)
        return strerror(-(*ret)->code);
    return dj_buf_str(&((struct dj_msg_link *)(*ret)->reply.fields)->target);
}

static int take_away(const char *folder, const char *name, bool is_folder)
{
    struct dj_msg_unlink unlink = {.node = walk(folder).node, .folder = is_folder,
                                   .caller = caller()};
    struct fake_asked *asked;
    int code;

    dj_buf_adds(&unlink.name, name);
    asked = ask(DJ_MSG_UNLINK, &unlink);
    dj_buf_release(&unlink.name);
    code = asked->code;
    fake_done(asked);
    return code;
}

static void setup(void)
{
    engine = fake_engine();
    caller_uid = geteuid();
    fake_define(engine, "[f]\ncommand = true\nparams = n:int\n"
                        "[g]\ncommand = true\nparams = a:int, b:int\n"
                        "[w]\ncommand = true\nparams = text:file\n");
}

static void teardown(void)
{
    dj_tree_peer_gone(engine, &mount);
    dj_tree_peer_gone(engine, &reader);
    dj_tree_end(engine);
    fake_free(engine);
    peer = &mount;
    caller_run = 0;
}

/* ---- the parts ------------------------------------------------------------------------------- */

static void test_root(void)
{
    dj_cleanup_free char *status = NULL;
    struct fake_asked *asked;

    setup();
    is_list("", "README ctl events tasks status ", "the root");
    is_list("tasks", "f g w ", "tasks");
    is_int(missing("", "nothing"), -ENOENT, "no such file");
    is_int(missing("tasks", "nothing"), -ENOENT, "an unknown task");
    is_int(missing("", "self"), -ENOENT, "self outside of runs");
    status = cat("status");
    ok(strstr(status, "workers 4\nbusy 1\n") == status, "status: one fact a line");
    is_int((int)walk("status").size, (int)strlen(status), "with its true size");
    is_int(walk("tasks").mode, S_IFDIR | 0555, "tasks is a folder");
    is_int(echo("status", "x"), -EACCES, "status is not written to");
    is_int(echo("ctl", "pause\n"), 0, "a word for the root");
    ok(engine->paused, "is done");
    is_int(echo("ctl", "resume\ngc"), 0, "two words");
    ok(!engine->paused && engine->gcs == 1, "are done");
    is_int(echo("ctl", "gc\nfly"), -EINVAL, "a bad word among good ones");
    is_int((int)engine->gcs, 1, "does nothing at all");
    is_text("ctl", "gc\npause\nresume\nrefused: \"fly\" is not a control word here; these are: gc, "
            "pause, resume\n", "which ctl tells");
    caller_uid = geteuid() + 1;
    is_int(echo("ctl", "gc"), -EACCES, "others change nothing");
    caller_uid = geteuid();
    is_int(take_away("tasks", "f", true), -EPERM, "a task is not taken away by rmdir");
    asked = ask(DJ_MSG_STATFS, &(struct dj_msg_statfs){});
    is_int((intmax_t)((struct dj_msg_space *)asked->reply.fields)->bytes_total, 1 << 30, "statfs");
    fake_done(asked);
    teardown();
}

static void test_self(void)
{
    struct fake_asked *asked;

    setup();
    caller_run = fake_run(engine, fake_call(engine, "g", "a=3,b=4"))->number;
    is_list("", "README ctl events self tasks status ", "in a run, self is there");
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
    is_list("tasks/f/5", "args ctl deps dependents log meta status ", "it has no result to list");
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
    is_list("tasks/f/5", "args ctl deps dependents log meta status ", "without a result");
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
    is_list("tasks/f/5", "args ctl deps dependents files log meta status result ",
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

static struct fake_instance *with_files(struct dj_call *call)
{
    struct fake_instance *instance = fake_end(engine, call, "r\n", 2);

    fake_entry(instance, "a", S_IFDIR | 0500, "");
    fake_entry(instance, "a/b", S_IFDIR | 0755, "");
    fake_entry(instance, "a/b/c.txt", S_IFREG | 0640, "deep\n");
    fake_entry(instance, "a/x", S_IFREG | 0755, "#!\n");
    fake_entry(instance, "a.b", S_IFREG | 0600, "dot\n");
    fake_entry(instance, "link", S_IFLNK | 0777, "a/x");
    fake_entry(instance, "z", S_IFREG | 0000, "");
    return instance;
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
    meta = cat("tasks/g/a=3,b=4/meta");
    ok(strstr(meta, "\"task\": \"g\"") != NULL && strstr(meta, "\"status\": \"done\"") != NULL &&
           strstr(meta, "\"result\": {\"size\": 3") != NULL &&
           strstr(meta, "\"started\": \"2023-11-14T22:13:20.000000Z\"") != NULL,
       "meta tells of the run");
    is_int((int)walk("tasks/g/a=3,b=4/meta").size, (int)strlen(meta), "with its true size");
    call->current = 0;
    is_text("tasks/g/a=3,b=4/status", "stale\n", "a stale run");
    is_list("tasks/g/a=3,b=4", "args ctl deps dependents log meta status ", "lists no result");
    readme = cat("README");
    ok(strstr(readme, "/mnt/dj") != NULL, "README names the mount");
    teardown();
}

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
    is_int(echo("tasks/f/5/ctl", "run\nfly"), -EINVAL, "all or nothing");
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
    is_text("tasks/f/5/ctl", "run\nforce\nincognito\ndelete\ncancel\ninvalidate\n"
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
    is_list("tasks/f/5", "args ctl deps dependents log meta status ", "which is not listed yet");
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
    is_list("tasks/f/5", "args deps dependents files log meta status result ", "without ctl");
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

int main(void)
{
    test_root();
    test_self();
    test_events();
    test_task();
    test_names();
    test_placeholder();
    test_interrupt();
    test_instance();
    test_large();
    test_files();
    test_log();
    test_texts();
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
    return tap_done();
}
