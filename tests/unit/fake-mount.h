/*
 * A mount's side of the tree's messages, for tests: look up, open, read, write, list, over the
 * canned engine of fake-engine.h. Each test begins with setup() and ends with teardown().
 */
#ifndef DJ_TESTS_UNIT_FAKE_MOUNT_H
#define DJ_TESTS_UNIT_FAKE_MOUNT_H

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/node.h"
#include "daemon/tree.h"
#include "lib/util/mem.h"
#include "tests/unit/fake-engine.h"
#include "tests/unit/tap.h"

DJ_UNUSED static struct dj_engine *engine;
DJ_UNUSED static struct dj_peer mount = {.facts = {.role = DJ_ROLE_MOUNT}};
DJ_UNUSED static struct dj_peer reader = {.facts = {.role = DJ_ROLE_MOUNT, .readonly = true}};
DJ_UNUSED static struct dj_peer *peer = &mount;
DJ_UNUSED static uint64_t caller_run;
DJ_UNUSED static uint64_t caller_uid;

DJ_UNUSED static struct dj_part_caller caller(void)
{
    return (struct dj_part_caller){.pid = 1, .uid = caller_uid, .gid = 0, .run = caller_run};
}

DJ_UNUSED static struct fake_asked *ask(uint64_t number, const void *fields)
{
    struct fake_asked *asked = fake_ask(engine, peer, number, fields);

    dj_tree_handle(&asked->request);
    return asked;
}

/* The entry of a name; its node is 0 and the code is set when there is none. */
DJ_UNUSED static struct dj_part_attr look(uint64_t folder, const char *name, int *ret_code)
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
DJ_UNUSED static struct dj_part_attr walk(const char *path)
{
    dj_cleanup_free char *copy = dj_xstrdup(path);
    struct dj_part_attr attr = {.node = DJ_NODE_ROOT};
    char *rest = copy;
    char *name;

    while ((name = strsep(&rest, "/")) != NULL && attr.node != 0)
        attr = look(attr.node, name, NULL);
    return attr;
}

DJ_UNUSED static int missing(const char *folder, const char *name)
{
    int code;

    look(*folder == '\0' ? DJ_NODE_ROOT : walk(folder).node, name, &code);
    return code;
}

DJ_UNUSED static struct fake_asked *open_node(uint64_t node, uint64_t flags)
{
    struct dj_msg_open open = {.node = node, .flags = flags, .caller = caller()};

    return ask(DJ_MSG_OPEN, &open);
}

DJ_UNUSED static struct dj_msg_opened *opened(struct fake_asked *asked)
{
    return asked->reply.fields;
}

DJ_UNUSED static struct fake_asked *read_at(uint64_t node, uint64_t handle, uint64_t offset,
                                            uint64_t flags)
{
    struct dj_msg_read read = {.node = node, .handle = handle, .offset = offset, .size = 4096,
                               .flags = flags, .caller = caller()};

    return ask(DJ_MSG_READ, &read);
}

DJ_UNUSED static const char *data_of(struct fake_asked *asked)
{
    if (!asked->answered)
        return "(waits)";
    if (asked->code != 0)
        return strerror(-asked->code);
    return dj_buf_str(&((struct dj_msg_data *)asked->reply.fields)->bytes);
}

DJ_UNUSED static int write_to(uint64_t node, uint64_t handle, uint64_t offset, const char *text)
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

DJ_UNUSED static void release(uint64_t node, uint64_t handle)
{
    struct dj_msg_release fields = {.node = node, .handle = handle};
    struct dj_message_in message = {.number = DJ_MSG_RELEASE, .fields = &fields};

    dj_tree_notice(engine, peer, &message);
}

/* Opens to write, writes, closes: as `echo TEXT > PATH`. */
DJ_UNUSED static int echo(const char *path, const char *text)
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
DJ_UNUSED static char *cat(const char *path)
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

DJ_UNUSED static void is_text(const char *path, const char *want, const char *name)
{
    dj_cleanup_free char *text = cat(path);

    is_str(text, want, "%s", name);
}

/* All names of a folder, page by page, each followed by a blank. */
DJ_UNUSED static void list(uint64_t node, uint64_t page, struct dj_buf *buf)
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

DJ_UNUSED static void is_list(const char *path, const char *want, const char *name)
{
    struct dj_buf buf = DJ_BUF_INIT;
    uint64_t node = *path == '\0' ? DJ_NODE_ROOT : walk(path).node;

    list(node, 0, &buf);
    is_str(dj_buf_str(&buf), want, "%s", name);
    list(node, 1, &buf);
    is_str(dj_buf_str(&buf), want, "%s, one by one", name);
    dj_buf_release(&buf);
}

DJ_UNUSED static const char *link_of(uint64_t node, struct fake_asked **ret)
{
    struct dj_msg_readlink readlink = {.node = node, .caller = caller()};

    *ret = ask(DJ_MSG_READLINK, &readlink);
    if (!(*ret)->answered)
        return "(waits)";
    if ((*ret)->code != 0)
        return strerror(-(*ret)->code);
    return dj_buf_str(&((struct dj_msg_link *)(*ret)->reply.fields)->target);
}

DJ_UNUSED static int take_away(const char *folder, const char *name, bool is_folder)
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

DJ_UNUSED static void setup(void)
{
    engine = fake_engine();
    caller_uid = geteuid();
    fake_define(engine, "[f]\ncommand = true\nparams = n:int\n"
                        "[g]\ncommand = true\nparams = a:int, b:int\n"
                        "[w]\ncommand = true\nparams = text:file\n");
}

DJ_UNUSED static void teardown(void)
{
    dj_tree_peer_gone(engine, &mount);
    dj_tree_peer_gone(engine, &reader);
    dj_tree_end(engine);
    fake_free(engine);
    peer = &mount;
    caller_run = 0;
}

/* A run that left files. */
DJ_UNUSED static struct fake_instance *with_files(struct dj_call *call)
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

#endif
