/*
 * tree-fixture SOCKET FOLDER [MS]: a daemon of canned files, for tests of djfs alone.
 *
 *     /README  /ctl  /stats  /self
 *     /tasks/echo/NAME/{result,log,files,wait,status,ctl}
 *
 * Every NAME is a run. `done` (100 003 bytes) and `big` (10 000 003 bytes) have been computed; any
 * other is computed MS milliseconds after its first open, except those that begin with "never",
 * which end when /ctl gets the word `release`. A name that begins with z gives no bytes, m 10 MB,
 * anything else 70 000. The run's ctl takes `force` and `delete`, which also end open waits.
 *
 * Finished instances are noted in FOLDER, so that a fixture that was killed and started again knows
 * them; placeholders are only known again when a mount restores them. /stats counts what was asked.
 * fixture-faults.h says what it can do wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/proto/generations.h"
#include "lib/proto/messages.h"
#include "lib/proto/sessions.h"
#include "lib/util/mem.h"
#include "lib/wire/stream.h"
#include "tests/tools/fixture-faults.h"

#define TTL_MS 3600000
#define INLINE_MAX (1 << 20)
#define PEERS_MAX 64

enum leaf { FOLDER, RESULT, LOG, FILES, WAIT, STATUS, CTL, IN_FILES, LEAVES };
static const char *const leaf_names[] = {"", "result", "log", "files", "wait", "status", "ctl"};

enum kind { PLAIN = 1, NAMED = 3, INSTANCE = 4, CALL = 5 };
enum plain { TASKS = 1, ECHO, README, ROOT_CTL, STATS, SELF };

struct run {
    const char *name;
    uint64_t current;   /* instance, 0: none */
    int64_t start_ms;   /* of the one under way, 0: none */
    bool ever;
};

struct waiter {
    int peer;
    uint64_t id;
    size_t run;
    uint64_t number;    /* OPEN, READLINK or READ */
    bool current;       /* OPEN with DJ_OPEN_CURRENT: gets bytes instead of ESTALE */
};

struct name {
    char *name;
    size_t run;
    UT_hash_handle hh;
};

static struct name *names;
static struct run *runs;
static size_t n_runs, cap_runs;
static struct { size_t run; } *instances;
static size_t n_instances, cap_instances;
static struct waiter *waiters;
static size_t n_waiters, cap_waiters;
static struct dj_stream peers[PEERS_MAX];
static bool peer_used[PEERS_MAX];
static bool peer_readonly[PEERS_MAX];
static struct dj_generations *generations;
static const char *folder;
static int64_t run_ms = 1000;
static FILE *notes;
static uint64_t count_of[80];
static uint64_t next_handle = 1;
static int64_t held, named_count, cancels;
static char ctl_reply[256] = "release\n";
static uint64_t ctl_begin; /* where the first read after a write was: the reply begins there */
static bool ctl_written;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t node_of(enum kind kind, uint64_t index, unsigned leaf)
{
    return (uint64_t)kind << 60 | index << 8 | leaf;
}

static uint64_t index_of(uint64_t node)
{
    return node << 4 >> 12;
}

static unsigned leaf_of(uint64_t node)
{
    return node & 0xff;
}

/* ---- runs and their content ----------------------------------------------------------------- */

static size_t run_at(size_t index, const char *name)
{
    while (n_runs <= index) {
        runs = dj_xgrow(runs, &cap_runs, n_runs + 1, sizeof(*runs));
        runs[n_runs++] = (struct run){0};
    }
    if (runs[index].name == NULL) {
        struct name *entry = dj_xcalloc(1, sizeof(*entry));

        entry->name = dj_xstrdup(name);
        entry->run = index;
        runs[index].name = entry->name;
        HASH_ADD_KEYPTR(hh, names, entry->name, strlen(entry->name), entry);
    }
    return index;
}

static size_t run_of(const char *name)
{
    struct name *entry;

    HASH_FIND_STR(names, name, entry);
    if (entry != NULL)
        return entry->run;
    return run_at(n_runs, name);
}

static uint64_t size_of(uint64_t instance)
{
    const char *name = runs[instances[instance - 1].run].name;

    if (strcmp(name, "done") == 0)
        return 100003;
    if (strcmp(name, "big") == 0)
        return 10000003;
    return *name == 'z' ? 0 : *name == 'm' ? 10000003 : 70000;
}

static void content_of(uint64_t instance, struct dj_buf *buf)
{
    uint64_t size = size_of(instance);
    uint64_t state = instance * UINT64_C(0x9e3779b97f4a7c15);

    dj_buf_addf(buf, "%s %llu\n", runs[instances[instance - 1].run].name,
                (unsigned long long)instance);
    while (buf->len < size) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
        dj_buf_addc(buf, "abcdefghijklmnopqrstuvwxyz012345\n"[(state >> 33) % 33]);
    }
    dj_buf_truncate(buf, size);
}

static char *path_of(uint64_t instance)
{
    char *path;

    if (asprintf(&path, "%s/content-%llu", folder, (unsigned long long)instance) < 0)
        abort();
    return path;
}

static void add_instance(size_t run)
{
    instances = dj_xgrow(instances, &cap_instances, n_instances + 1, sizeof(*instances));
    instances[n_instances++].run = run;
    runs[run].current = n_instances;
    runs[run].start_ms = 0;
    runs[run].ever = true;
    if (size_of(n_instances) > INLINE_MAX) {
        dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;
        dj_cleanup_free char *path = path_of(n_instances);
        int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);

        if (fd < 0 && errno == EEXIST)
            return;
        content_of(n_instances, &buf);
        if (fd < 0 || write(fd, buf.data, buf.len) != (ssize_t)buf.len)
            abort();
        close(fd);
    }
}

static void finish_new(size_t run)
{
    add_instance(run);
    fprintf(notes, "%zu %s\n", run, runs[run].name);
    fflush(notes);
}

static void load(void)
{
    dj_cleanup_free char *path = NULL;
    char name[256];
    size_t index;
    FILE *file;

    if (asprintf(&path, "%s/instances", folder) < 0)
        abort();
    file = fopen(path, "r");
    while (file != NULL && fscanf(file, "%zu %255s", &index, name) == 2)
        add_instance(run_at(index, name));
    if (file != NULL)
        fclose(file);
    notes = fopen(path, "a");
    if (notes == NULL)
        abort();
    if (n_instances == 0) {
        finish_new(run_of("done"));
        finish_new(run_of("big"));
    }
}

/* ---- nodes -------------------------------------------------------------------------------- */

static uint64_t node_of_leaf(size_t run, enum leaf leaf)
{
    const struct run *r = &runs[run];

    if ((leaf == RESULT || leaf == FILES) && r->current != 0)
        return node_of(INSTANCE, r->current, leaf);
    return node_of(r->ever ? CALL : NAMED, run, leaf);
}

static size_t run_of_node(uint64_t node)
{
    if (DJ_NODE_KIND(node) == INSTANCE)
        return instances[index_of(node) - 1].run;
    return index_of(node);
}

static void log_of(size_t run, struct dj_buf *buf)
{
    int64_t lines = runs[run].start_ms == 0 ? 10 : (now_ms() - runs[run].start_ms) / 100;

    for (int64_t i = 0; i < lines; i++)
        dj_buf_addf(buf, "line %lld of %s\n", (long long)i, runs[run].name);
}

static void status_of(size_t run, struct dj_buf *buf)
{
    const struct run *r = &runs[run];

    dj_buf_adds(buf, r->start_ms != 0 ? "running\n" : r->current != 0 ? "done\n" : "absent\n");
}

static void stats(struct dj_buf *buf)
{
    static const struct { unsigned number; const char *name; } shown[] = {
        {DJ_MSG_LOOKUP, "lookup"}, {DJ_MSG_GETATTR, "getattr"}, {DJ_MSG_READDIR, "readdir"},
        {DJ_MSG_OPEN, "open"}, {DJ_MSG_READ, "read"}, {DJ_MSG_RELEASE, "release"},
        {DJ_MSG_FORGET, "forget"}, {DJ_MSG_RESTORE, "restore"},
    };

    for (size_t i = 0; i < DJ_ARRAY_SIZE(shown); i++)
        dj_buf_addf(buf, "%s %llu\n", shown[i].name,
                    (unsigned long long)count_of[shown[i].number]);
    dj_buf_addf(buf, "waiting %zu\nheld %lld\nnamed %lld\ncancel %lld\n", n_waiters,
                (long long)held, (long long)named_count, (long long)cancels);
}

static uint64_t content_size(uint64_t node)
{
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;

    if (DJ_NODE_KIND(node) == INSTANCE)
        return size_of(index_of(node));
    if (DJ_NODE_KIND(node) == PLAIN && index_of(node) == README)
        dj_buf_adds(&buf, "canned files\n");
    else if (DJ_NODE_KIND(node) == PLAIN && index_of(node) == STATS)
        return 4096; /* at the most */
    else if (DJ_NODE_KIND(node) != PLAIN && leaf_of(node) == LOG)
        log_of(run_of_node(node), &buf);
    else if (DJ_NODE_KIND(node) != PLAIN && leaf_of(node) == STATUS)
        status_of(run_of_node(node), &buf);
    return buf.len;
}

static void attr_of(uint64_t node, struct dj_part_attr *ret)
{
    unsigned leaf = leaf_of(node);
    bool plain = DJ_NODE_KIND(node) == PLAIN;
    bool instance = DJ_NODE_KIND(node) == INSTANCE;
    uint64_t index = index_of(node);
    unsigned mode = S_IFREG | 0444;

    if (node == DJ_NODE_ROOT || (plain && (index == TASKS || index == ECHO)) ||
        (!plain && (leaf == FOLDER || (leaf == FILES && instance))))
        mode = S_IFDIR | 0755;
    else if ((plain && index == SELF) || (!plain && leaf == FILES))
        mode = S_IFLNK | 0777;
    else if ((plain && index == ROOT_CTL) || (!plain && leaf == CTL))
        mode = S_IFREG | 0666;
    *ret = (struct dj_part_attr){
        .node = node, .ino = node, .mode = mode, .nlink = 1,
        .size = content_size(node), .mtime_ns = UINT64_C(1700000000000000000),
        .ttl_ms = !plain && (leaf == LOG || leaf == STATUS) ? 0 : TTL_MS};
    if (!plain && node != DJ_NODE_ROOT) /* the same for placeholder and instances */
        ret->ino = node_of(CALL, run_of_node(node), leaf);
}

/* ---- answers ------------------------------------------------------------------------------ */

static void say(int peer, uint64_t id, enum dj_message number, const void *fields)
{
    struct dj_buf *out;
    size_t begin;

    if (!peer_used[peer])
        return;
    out = dj_stream_out(&peers[peer]);
    begin = dj_frame_begin(out);
    if (!faults_garble(number, out))
        dj_message_encode(out, number, id, fields);
    if (dj_frame_end(out, begin) < 0)
        abort();
    if (dj_stream_flush(&peers[peer]) < 0)
        fprintf(stderr, "tree-fixture: a peer went away\n");
}

static void refuse(int peer, uint64_t id, int code, const char *text)
{
    struct dj_msg_error error = {.code = (uint64_t)code, .text = dj_xstrdup(text)};

    say(peer, id, DJ_MSG_ERROR, &error);
    free(error.text);
}

static void say_ok(int peer, uint64_t id)
{
    struct dj_msg_ok ok = {0};

    say(peer, id, DJ_MSG_OK, &ok);
}

static void say_entry(int peer, uint64_t id, uint64_t node)
{
    struct dj_msg_entry entry = {0};

    attr_of(node, &entry.attr);
    say(peer, id, DJ_MSG_ENTRY, &entry);
}

static void say_opened(int peer, uint64_t id, struct dj_msg_opened *opened)
{
    say(peer, id, DJ_MSG_OPENED, opened);
    dj_codec_release(dj_message_layout(DJ_MSG_OPENED), opened);
}

static void open_instance(int peer, uint64_t id, uint64_t instance, bool other)
{
    struct dj_msg_opened opened = {0};

    opened.bucket = instances[instance - 1].run % DJ_GENERATION_BUCKETS;
    opened.generation = dj_generation(generations, opened.bucket);
    opened.flags = DJ_OPENED_IMMUTABLE | DJ_OPENED_CACHED;
    opened.size = size_of(instance);
    if (other)
        opened.handle = next_handle++ << 8 | RESULT;
    else
        held++;
    if (opened.size <= INLINE_MAX) {
        opened.has_content = true;
        content_of(instance, &opened.content);
    } else {
        opened.path = path_of(instance);
    }
    say_opened(peer, id, &opened);
}

static void wake(size_t run, int code, const char *text)
{
    size_t kept = 0;

    for (size_t i = 0; i < n_waiters; i++) {
        struct waiter *w = &waiters[i];

        if (w->run != run) {
            waiters[kept++] = *w;
        } else if (code != 0 && w->number != DJ_MSG_READ) {
            refuse(w->peer, w->id, code, text);
        } else if (w->number == DJ_MSG_OPEN && w->current) {
            open_instance(w->peer, w->id, runs[run].current, true);
        } else if (w->number == DJ_MSG_OPEN) {
            refuse(w->peer, w->id, ESTALE, "look again");
        } else if (w->number == DJ_MSG_READLINK) {
            struct dj_msg_link link = {0};

            dj_buf_addf(&link.target, ".instance-%llu", (unsigned long long)runs[run].current);
            say(w->peer, w->id, DJ_MSG_LINK, &link);
            dj_buf_release(&link.target);
        } else {
            struct dj_msg_data data = {0};

            status_of(run, &data.bytes);
            say(w->peer, w->id, DJ_MSG_DATA, &data);
            dj_buf_release(&data.bytes);
        }
    }
    n_waiters = kept;
}

static void wait_for(int peer, uint64_t id, size_t run, uint64_t number, bool current)
{
    waiters = dj_xgrow(waiters, &cap_waiters, n_waiters + 1, sizeof(*waiters));
    waiters[n_waiters++] = (struct waiter){peer, id, run, number, current};
    if (runs[run].start_ms == 0)
        runs[run].start_ms = now_ms();
}

static void finish_due(bool all)
{
    static int64_t looked_ms;

    if (!all && now_ms() - looked_ms < 10)
        return;
    looked_ms = now_ms();
    for (size_t i = 0; i < n_runs; i++) {
        struct run *r = &runs[i];
        bool never = r->name != NULL && strncmp(r->name, "never", 5) == 0;

        if (r->start_ms == 0 || (never ? !all : now_ms() - r->start_ms < run_ms))
            continue;
        finish_new(i);
        wake(i, 0, NULL);
    }
}

/* ---- requests ------------------------------------------------------------------------------ */

static void on_lookup(int peer, uint64_t id, const struct dj_msg_lookup *m)
{
    static const struct { uint64_t folder; const char *name; uint64_t index; } plain[] = {
        {DJ_NODE_ROOT, "tasks", TASKS}, {DJ_NODE_ROOT, "README", README},
        {DJ_NODE_ROOT, "ctl", ROOT_CTL}, {DJ_NODE_ROOT, "stats", STATS},
        {DJ_NODE_ROOT, "self", SELF}, {UINT64_C(1) << 60 | TASKS << 8, "echo", ECHO},
    };
    const char *name = dj_buf_str(&m->name);

    for (size_t i = 0; i < DJ_ARRAY_SIZE(plain); i++) {
        if (m->node == plain[i].folder && strcmp(name, plain[i].name) == 0) {
            say_entry(peer, id, node_of(PLAIN, plain[i].index, 0));
            return;
        }
    }
    if (m->node == node_of(PLAIN, ECHO, 0) && *name != '.') {
        size_t run = run_of(name);

        named_count += !runs[run].ever;
        say_entry(peer, id, node_of(runs[run].ever ? CALL : NAMED, run, FOLDER));
        return;
    }
    if (m->node == node_of(PLAIN, ECHO, 0) || DJ_NODE_KIND(m->node) == PLAIN ||
        m->node == DJ_NODE_ROOT) {
        refuse(peer, id, ENOENT, "no such file");
        return;
    }
    if (DJ_NODE_KIND(m->node) == INSTANCE && leaf_of(m->node) == FILES &&
        strcmp(name, "copy") == 0) {
        say_entry(peer, id, node_of(INSTANCE, index_of(m->node), IN_FILES));
        return;
    }
    for (unsigned leaf = 1; leaf < DJ_ARRAY_SIZE(leaf_names); leaf++) {
        if (leaf_of(m->node) == FOLDER && strcmp(name, leaf_names[leaf]) == 0) {
            uint64_t node = node_of_leaf(run_of_node(m->node), leaf);

            if (peer_readonly[peer] && (leaf == RESULT || leaf == FILES) &&
                DJ_NODE_KIND(node) != INSTANCE)
                break;
            named_count += DJ_NODE_IS_NAMED(node);
            say_entry(peer, id, node);
            return;
        }
    }
    refuse(peer, id, ENOENT, "no such file");
}

static void on_open(int peer, uint64_t id, const struct dj_msg_open *m)
{
    struct dj_msg_opened opened = {0};
    size_t run;

    if (DJ_NODE_KIND(m->node) == INSTANCE)
        held += (m->flags & DJ_OPEN_FOLDER) || leaf_of(m->node) == IN_FILES;
    if ((m->flags & DJ_OPEN_FOLDER) || leaf_of(m->node) == IN_FILES) {
        say_opened(peer, id, &opened);
        return;
    }
    if (DJ_NODE_KIND(m->node) == PLAIN) {
        opened.flags = DJ_OPENED_DIRECT;
        opened.has_content = true;
        if (index_of(m->node) == STATS)
            stats(&opened.content);
        else if (index_of(m->node) == README)
            dj_buf_adds(&opened.content, "canned files\n");
        else
            opened.handle = next_handle++ << 8 | CTL;
        say_opened(peer, id, &opened);
        return;
    }
    run = run_of_node(m->node);
    if (leaf_of(m->node) != RESULT) {
        opened.handle = next_handle++ << 8 | leaf_of(m->node);
        opened.flags = DJ_OPENED_DIRECT;
        say_opened(peer, id, &opened);
    } else if (m->flags & DJ_OPEN_WRITE) {
        refuse(peer, id, EACCES, "a result is not written");
    } else if (runs[run].current == 0 || runs[run].start_ms != 0) {
        if (m->flags & DJ_OPEN_NONBLOCK)
            refuse(peer, id, EAGAIN, "not computed");
        else
            wait_for(peer, id, run, DJ_MSG_OPEN, (m->flags & DJ_OPEN_CURRENT) != 0);
    } else if (m->node == node_of(INSTANCE, runs[run].current, RESULT)) {
        open_instance(peer, id, runs[run].current, false);
    } else if (m->flags & DJ_OPEN_CURRENT) {
        open_instance(peer, id, runs[run].current, true);
    } else {
        refuse(peer, id, ESTALE, "look again");
    }
}

static void on_read(int peer, uint64_t id, const struct dj_msg_read *m)
{
    struct dj_msg_data data = {0};
    uint64_t begin = 0;
    size_t run = DJ_NODE_KIND(m->node) == PLAIN ? 0 : run_of_node(m->node);

    if (DJ_NODE_KIND(m->node) == INSTANCE)
        content_of(index_of(m->node), &data.bytes);
    else if (m->handle == 0 && DJ_NODE_KIND(m->node) == PLAIN && index_of(m->node) == README)
        dj_buf_adds(&data.bytes, "canned files\n");
    else if (m->handle == 0 && DJ_NODE_KIND(m->node) == PLAIN && index_of(m->node) == STATS)
        stats(&data.bytes);
    else if (leaf_of(m->node) == LOG)
        log_of(run, &data.bytes);
    else if (leaf_of(m->node) == STATUS)
        status_of(run, &data.bytes);
    else if (leaf_of(m->node) == WAIT && runs[run].start_ms != 0 && m->offset == 0)
        return wait_for(peer, id, run, DJ_MSG_READ, false);
    else if (leaf_of(m->node) == WAIT)
        status_of(run, &data.bytes);
    else
        dj_buf_adds(&data.bytes, ctl_reply);
    if (ctl_written && (DJ_NODE_KIND(m->node) == PLAIN || leaf_of(m->node) == CTL)) {
        ctl_begin = m->offset;
        ctl_written = false;
    }
    if (DJ_NODE_KIND(m->node) == PLAIN || leaf_of(m->node) == CTL)
        begin = ctl_begin;
    dj_buf_consume(&data.bytes, DJ_MIN(m->offset - begin, data.bytes.len));
    dj_buf_truncate(&data.bytes, DJ_MIN(m->size, data.bytes.len));
    say(peer, id, DJ_MSG_DATA, &data);
    dj_buf_release(&data.bytes);
}

static void change(size_t run)
{
    struct dj_msg_changed changed = {0};
    struct dj_part_changed_name *name = dj_list_add(&changed.names, sizeof(*name));

    name->node = node_of(CALL, run, FOLDER);
    dj_buf_adds(&name->name, "result");
    for (int i = 0; i < PEERS_MAX; i++)
        say(i, 0, DJ_MSG_CHANGED, &changed);
    dj_codec_release(dj_message_layout(DJ_MSG_CHANGED), &changed);
}

static void on_write(int peer, uint64_t id, const struct dj_msg_write *m)
{
    const char *word = dj_buf_str(&m->bytes);
    bool root = DJ_NODE_KIND(m->node) == PLAIN;
    size_t run = root ? 0 : run_of_node(m->node);

    if (root && strncmp(word, "release", 7) == 0) {
        finish_due(true);
    } else if (root && strncmp(word, "die", 3) == 0) {
        _exit(3); /* in the middle of a write: nobody can know whether it was done */
    } else if (!root && (strncmp(word, "force", 5) == 0 || strncmp(word, "delete", 6) == 0)) {
        atomic_fetch_add(&generations->bucket[run % DJ_GENERATION_BUCKETS], 1);
        runs[run].current = 0;
        if (*word == 'f')
            runs[run].start_ms = now_ms();
        else
            wake(run, ECANCELED, "deleted");
        change(run);
    } else {
        refuse(peer, id, EINVAL, "unknown word");
        return;
    }
    ctl_written = true;
    snprintf(ctl_reply, sizeof(ctl_reply), "did %.100s", word);
    say_ok(peer, id);
}

static void on_readdir(int peer, uint64_t id, const struct dj_msg_readdir *m)
{
    static const char *const root_names[] = {"README", "ctl", "self", "stats", "tasks"};
    static const enum plain root_nodes[] = {README, ROOT_CTL, SELF, STATS, TASKS};
    struct dj_msg_dirents page = {.end = true};
    uint64_t cookie = 0;

    for (size_t i = 0; i < n_runs + LEAVES + 10; i++) {
        struct dj_part_dirent *entry;
        const char *name = NULL;
        uint64_t node = 0;

        if (m->node == DJ_NODE_ROOT && i < 5) {
            name = root_names[i];
            node = node_of(PLAIN, root_nodes[i], 0);
        } else if (m->node == node_of(PLAIN, TASKS, 0) && i == 0) {
            name = "echo";
            node = node_of(PLAIN, ECHO, 0);
        } else if (m->node == node_of(PLAIN, ECHO, 0) && i < n_runs && runs[i].ever) {
            name = runs[i].name;
            node = node_of(CALL, i, FOLDER);
        } else if (DJ_NODE_KIND(m->node) == INSTANCE && i == 0) {
            name = "copy";
            node = node_of(INSTANCE, index_of(m->node), IN_FILES);
        } else if (DJ_NODE_KIND(m->node) >= NAMED && leaf_of(m->node) == FOLDER && i > 0 &&
                   i < DJ_ARRAY_SIZE(leaf_names) && i != WAIT &&
                   ((i != RESULT && i != FILES) || runs[run_of_node(m->node)].current != 0)) {
            name = leaf_names[i];
            node = node_of_leaf(run_of_node(m->node), i);
        }
        if (name == NULL || ++cookie <= m->cookie)
            continue;
        if (page.entries.n == m->max) {
            page.end = false;
            break;
        }
        entry = dj_list_add(&page.entries, sizeof(*entry));
        entry->cookie = cookie;
        dj_buf_adds(&entry->name, name);
        attr_of(node, &entry->attr);
    }
    say(peer, id, DJ_MSG_DIRENTS, &page);
    dj_codec_release(dj_message_layout(DJ_MSG_DIRENTS), &page);
}

static void on_readlink(int peer, uint64_t id, const struct dj_msg_readlink *m)
{
    struct dj_msg_link link = {0};

    if (DJ_NODE_KIND(m->node) != PLAIN)
        return wait_for(peer, id, run_of_node(m->node), DJ_MSG_READLINK, false);
    dj_buf_addf(&link.target, "run-%llu", (unsigned long long)m->caller.run);
    say(peer, id, DJ_MSG_LINK, &link);
    dj_buf_release(&link.target);
}

static void on_cancel(int peer, uint64_t id)
{
    cancels++;
    for (size_t i = 0; i < n_waiters; i++) {
        if (waiters[i].peer == peer && waiters[i].id == id) {
            waiters[i] = waiters[--n_waiters];
            refuse(peer, id, EINTR, "given up");
            return;
        }
    }
}

static void on_hello(int peer, uint64_t id, const struct dj_msg_hello *m)
{
    struct dj_msg_welcome welcome = {.version = DJ_PROTOCOL_VERSION, .pid = (uint64_t)getpid()};

    faults_greeted();
    peer_readonly[peer] = (m->flags & DJ_HELLO_READONLY) != 0;
    welcome.program = dj_xstrdup("tree-fixture");
    welcome.store = dj_xstrdup(folder);
    if (asprintf(&welcome.generations, "%s/generations", folder) < 0 ||
        asprintf(&welcome.sessions, "%s/sessions", folder) < 0)
        abort();
    say(peer, id, DJ_MSG_WELCOME, &welcome);
    dj_codec_release(dj_message_layout(DJ_MSG_WELCOME), &welcome);
}

static void on_restore(int peer, uint64_t id, const struct dj_msg_restore *m)
{
    for (size_t i = 0; i < m->names.n; i++) {
        const struct dj_part_named *part = DJ_LIST_AT(&m->names, struct dj_part_named, i);

        if (strcmp(part->task, "echo") != 0)
            fprintf(stderr, "tree-fixture: restored a name of task %s\n", part->task);
        run_at(index_of(part->node), dj_buf_str(&part->name));
        named_count += (int64_t)part->count;
    }
    for (size_t i = 0; i < m->held.n; i++)
        held += (int64_t)DJ_LIST_AT(&m->held, struct dj_part_forgotten, i)->count;
    say_ok(peer, id);
}

static void on_message(int peer, const struct dj_message_in *in)
{
    const void *fields = in->fields;

    count_of[in->number % DJ_ARRAY_SIZE(count_of)]++;
    switch (in->number) {
    case DJ_MSG_HELLO:
        on_hello(peer, in->id, fields);
        break;
    case DJ_MSG_CANCEL:
        on_cancel(peer, ((const struct dj_msg_cancel *)fields)->id);
        break;
    case DJ_MSG_LOOKUP:
        on_lookup(peer, in->id, fields);
        break;
    case DJ_MSG_GETATTR:
        say_entry(peer, in->id, ((const struct dj_msg_getattr *)fields)->node);
        break;
    case DJ_MSG_READDIR:
        on_readdir(peer, in->id, fields);
        break;
    case DJ_MSG_READLINK:
        on_readlink(peer, in->id, fields);
        break;
    case DJ_MSG_OPEN:
        on_open(peer, in->id, fields);
        break;
    case DJ_MSG_READ:
        on_read(peer, in->id, fields);
        break;
    case DJ_MSG_WRITE:
        on_write(peer, in->id, fields);
        break;
    case DJ_MSG_RELEASE:
        held -= ((const struct dj_msg_release *)fields)->handle == 0;
        break;
    case DJ_MSG_FORGET: {
        const struct dj_msg_forget *forget = fields;

        for (size_t i = 0; i < forget->nodes.n; i++)
            named_count -=
                (int64_t)DJ_LIST_AT(&forget->nodes, struct dj_part_forgotten, i)->count;
        break;
    }
    case DJ_MSG_UNLINK:
        refuse(peer, in->id, EPERM, "nothing is deleted here");
        break;
    case DJ_MSG_STATFS: {
        struct dj_msg_space space = {UINT64_C(1) << 30, UINT64_C(1) << 29, 1000, 500};

        say(peer, in->id, DJ_MSG_SPACE, &space);
        break;
    }
    case DJ_MSG_STOP:
        faults_stop();
        break;
    case DJ_MSG_RESTORE:
        on_restore(peer, in->id, fields);
        break;
    default:
        refuse(peer, in->id, ENOSYS, "a fixture does not know this");
    }
}

/* ---- the loop ------------------------------------------------------------------------------ */

static void drop_peer(int peer)
{
    size_t kept = 0;

    peer_used[peer] = false;
    dj_stream_release(&peers[peer]);
    for (size_t i = 0; i < n_waiters; i++) {
        if (waiters[i].peer != peer)
            waiters[kept++] = waiters[i];
    }
    n_waiters = kept;
}

static void serve_peer(int peer, short revents)
{
    struct dj_bytes body;
    int code = 0;

    if (revents & POLLOUT)
        code = dj_stream_flush(&peers[peer]);
    if (revents & (POLLIN | POLLHUP))
        code = dj_stream_read(&peers[peer]);
    while ((code == 0 || code == -EAGAIN) && dj_stream_next(&peers[peer], &body) > 0) {
        struct dj_message_in in;
        dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

        if (dj_message_decode(body, &in, &err) < 0) {
            fprintf(stderr, "tree-fixture: %s\n", dj_err_text(&err, -EBADMSG));
            code = -EBADMSG;
            break;
        }
        on_message(peer, &in);
        dj_message_release(&in);
    }
    if (code < 0 && code != -EAGAIN)
        drop_peer(peer);
}

static void accept_peer(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    for (int i = 0; fd >= 0 && i < PEERS_MAX; i++) {
        if (peer_used[i])
            continue;
        dj_stream_init(&peers[i], fd);
        peer_used[i] = true;
        return;
    }
}

static void *map(const char *name, size_t size)
{
    dj_cleanup_free char *path = NULL;
    void *map;
    int fd;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    if (strcmp(name, "generations") == 0)
        unlink(path);
    fd = open(path, O_RDWR | O_CREAT, 0644);
    if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
        abort();
    map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        abort();
    close(fd);
    return map;
}

static int listen_on(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    unlink(path);
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0) {
        perror("tree-fixture");
        exit(1);
    }
    chmod(path, 0666);
    return fd;
}

int main(int argc, char **argv)
{
    int listener;

    if (argc < 3) {
        fputs("usage: tree-fixture SOCKET FOLDER [MS]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    folder = argv[2];
    faults_find(folder);
    if (argc > 3)
        run_ms = atoll(argv[3]);
    generations = map("generations", sizeof(struct dj_generations));
    atomic_store(&generations->all, (uint64_t)time(NULL) * 1000);
    map("sessions", sizeof(struct dj_sessions));
    load();
    listener = listen_on(argv[1]);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[PEERS_MAX + 1] = {{.fd = listener, .events = POLLIN}};

        for (int i = 0; i < PEERS_MAX; i++) {
            fds[i + 1].fd = peer_used[i] ? peers[i].fd : -1;
            fds[i + 1].events = POLLIN;
            if (peer_used[i] && dj_stream_wants_write(&peers[i]))
                fds[i + 1].events |= POLLOUT;
        }
        poll(fds, PEERS_MAX + 1, 10);
        if (fds[0].revents != 0)
            accept_peer(listener);
        for (int i = 0; i < PEERS_MAX; i++) {
            if (peer_used[i] && fds[i + 1].revents != 0)
                serve_peer(i, fds[i + 1].revents);
        }
        finish_due(false);
    }
}
