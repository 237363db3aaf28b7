/* A store checked: by its daemon, or by a djd that is started for it. (dj.h) */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/client/client.h"
#include "lib/util/fdio.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"
#include "lib/wire/frame.h"

_Static_assert((int)DJ_READ_DATA == DJ_FSCK_READ_DATA && (int)DJ_REPAIR == DJ_FSCK_REPAIR,
               "dj.h has the flags of the protocol");

enum { READ_SIZE = 65536, WAIT_MS = 100 };

struct dj_fsck {
    struct dj_child child;
    unsigned flags;
    struct dj_message_in answer; /* a FSCKED */
    size_t at;                   /* the finding, from 1; 0: none */
    bool begun, end;
    uint64_t serial;             /* of the connection that checks */
    /* by a djd of its own */
    pid_t pid, owner;            /* pid 0: the daemon checks */
    int in;
    struct dj_buf read;
};

/* ---- a djd of its own ------------------------------------------------------------------------ */

static int start(struct dj_fsck *fsck, const char *store, struct dj_err *err)
{
    dj_cleanup_free char *program = dj_program("djd"), *dir = dj_absolute(store);
    char check[] = "--fsck", option[] = "--store", read_data[] = "--read-data";
    char repair[] = "--repair";
    char *argv[7] = {program, check, option, dir};
    size_t argc = 4;
    posix_spawn_file_actions_t actions;
    int fds[2], rc;

    if (fsck->flags & DJ_READ_DATA)
        argv[argc++] = read_data;
    if (fsck->flags & DJ_REPAIR)
        argv[argc++] = repair;
    if (pipe2(fds, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    rc = posix_spawnp(&fsck->pid, program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (rc != 0) {
        close(fds[0]);
        fsck->pid = 0;
        return dj_err_sys(err, rc, "cannot run %s", program);
    }
    fsck->in = fds[0];
    fsck->owner = getpid();
    return 0;
}

/* 1: a message; 0: more has to be read. */
static int take_frame(struct dj_fsck *fsck, struct dj_err *err)
{
    struct dj_bytes body;
    size_t used;
    int rc = dj_frame_next(dj_buf_bytes(&fsck->read), &body, &used);

    if (rc != 1)
        return rc < 0 ? dj_err_set(err, EPROTO, "djd answered something else than findings") : 0;
    rc = dj_message_decode(body, &fsck->answer, err);
    dj_buf_consume(&fsck->read, used);
    if (rc == 0 && fsck->answer.number != DJ_MSG_FSCKED)
        rc = dj_err_set(err, EPROTO, "djd answered something else than findings");
    if (rc < 0) {
        dj_message_release(&fsck->answer);
        fsck->answer = (struct dj_message_in){0};
    }
    return rc < 0 ? rc : 1;
}

static int read_slice(struct dj_fsck *fsck)
{
    struct dj *dj = fsck->child.dj;
    struct pollfd polled[2] = {{.fd = fsck->in, .events = POLLIN},
                               {.fd = dj->wake_fd, .events = POLLIN}};
    int rc;

    while ((rc = take_frame(fsck, &dj->err)) == 0) {
        ssize_t n;

        if (poll(polled, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            return dj_err_sys(&dj->err, errno, "poll");
        }
        if (polled[1].revents != 0)
            return -EINTR;
        n = read(fsck->in, dj_buf_room(&fsck->read, READ_SIZE), READ_SIZE);
        if (n == 0)
            return dj_err_set(&dj->err, EIO, "the check ended before its end");
        if (n < 0 && errno != EINTR)
            return dj_err_sys(&dj->err, errno, "the check");
        fsck->read.len += n < 0 ? 0 : (size_t)n;
    }
    return DJ_MIN(rc, 0);
}

/* ---- slice by slice -------------------------------------------------------------------------- */

static int ask_slice(struct dj_fsck *fsck)
{
    struct dj *dj = fsck->child.dj;
    struct dj_msg_fsck ask = {.begin = !fsck->begun, .flags = fsck->flags};
    int rc = dj_interrupted(dj);

    if (rc == 0 && fsck->begun && fsck->serial != dj->serial)
        rc = dj_err_set(&dj->err, ENOTCONN, "the check ended with its connection");
    if (rc == 0)
        rc = dj_connection_call(dj->connection, DJ_MSG_FSCK, &ask, DJ_MSG_FSCKED, &fsck->answer,
                                &dj->err);
    if (rc < 0)
        fsck->answer = (struct dj_message_in){0};
    fsck->begun = true;
    fsck->serial = dj->serial;
    return rc;
}

static void forget_slice(struct dj_fsck *fsck)
{
    if (fsck->answer.fields != NULL)
        dj_message_release(&fsck->answer);
    fsck->answer = (struct dj_message_in){0};
    fsck->at = 0;
}

static const struct dj_msg_fscked *slice_of(const struct dj_fsck *fsck)
{
    static const struct dj_msg_fscked none;

    return fsck == NULL || fsck->answer.fields == NULL ? &none : fsck->answer.fields;
}

static int next_slice(struct dj_fsck *fsck)
{
    const struct dj_msg_fscked *slice;
    int rc;

    forget_slice(fsck);
    rc = fsck->pid != 0 ? read_slice(fsck) : ask_slice(fsck);
    if (rc < 0)
        return rc;
    slice = slice_of(fsck);
    if (slice->code != 0)
        return dj_err_set(&fsck->child.dj->err, slice->code < 4096 ? (int)slice->code : EPROTO,
                          "%s", slice->error == NULL ? "the check cannot go on" : slice->error);
    fsck->end = slice->end;
    fsck->at = slice->findings.n != 0;
    return 1;
}

struct dj_fsck *dj_fsck_open(struct dj *dj, const char *store, unsigned flags)
{
    struct dj_fsck *fsck;
    int rc = store == NULL ? dj_begin(dj) : dj_fresh(dj);

    if (rc < 0)
        return NULL;
    fsck = dj_xcalloc(1, sizeof(*fsck));
    fsck->flags = flags;
    fsck->in = -1;
    dj_child_add(dj, &fsck->child);
    if ((flags & ~(unsigned)(DJ_READ_DATA | DJ_REPAIR)) != 0)
        rc = dj_err_set(&dj->err, EINVAL, "dj_fsck_open: there are no flags %#x", flags);
    else if (store != NULL)
        rc = start(fsck, store, &dj->err);
    if (dj_end(dj, rc) == 0)
        return fsck;
    dj_fsck_close(fsck);
    return NULL;
}

/* One that is started needs no connection. */
static int begin(struct dj_fsck *fsck)
{
    if (fsck == NULL || fsck->pid == 0)
        return dj_child_begin(fsck == NULL ? NULL : &fsck->child);
    return fsck->child.dj == NULL ? -ENOTCONN : dj_begin_alone(fsck->child.dj);
}

int dj_fsck_next(struct dj_fsck *fsck)
{
    int rc;

    if (fsck != NULL && fsck->at != 0 && fsck->at < slice_of(fsck)->findings.n) {
        fsck->at++;
        return 1;
    }
    if (fsck != NULL && fsck->end) {
        fsck->at = 0;
        return 0;
    }
    rc = begin(fsck);
    if (rc < 0)
        return rc;
    rc = dj_end(fsck->child.dj, next_slice(fsck));
    return rc == 1 && fsck->end && fsck->at == 0 ? 0 : rc;
}

/* ---- told ------------------------------------------------------------------------------------ */

static const struct dj_part_finding *now(const struct dj_fsck *fsck)
{
    static const struct dj_part_finding none;
    const struct dj_msg_fscked *slice = slice_of(fsck);

    return fsck == NULL || fsck->at == 0 || fsck->at > slice->findings.n
               ? &none
               : DJ_LIST_AT(&slice->findings, struct dj_part_finding, fsck->at - 1);
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

const char *dj_fsck_kind(const struct dj_fsck *fsck)
{
    return or_empty(now(fsck)->kind);
}

const char *dj_fsck_where(const struct dj_fsck *fsck)
{
    return or_empty(now(fsck)->where);
}

const char *dj_fsck_text(const struct dj_fsck *fsck)
{
    return or_empty(now(fsck)->text);
}

const char *dj_fsck_repaired(const struct dj_fsck *fsck)
{
    return or_empty(now(fsck)->repaired);
}

int dj_fsck_progress(const struct dj_fsck *fsck, struct dj_fsck_progress *ret)
{
    const struct dj_msg_fscked *slice = slice_of(fsck);

    if (fsck == NULL || ret == NULL)
        return -EINVAL;
    *ret = (struct dj_fsck_progress){.phase = or_empty(slice->phase),
                                     .done = slice->done,
                                     .total = slice->total,
                                     .records = slice->records,
                                     .files = slice->files,
                                     .bytes = slice->bytes};
    return 0;
}

void dj_fsck_close(struct dj_fsck *fsck)
{
    if (fsck == NULL)
        return;
    dj_child_remove(&fsck->child);
    forget_slice(fsck);
    dj_close(fsck->in);
    if (fsck->pid != 0 && fsck->owner == getpid()) {
        if (!fsck->end)
            kill(fsck->pid, SIGTERM);
        while (waitpid(fsck->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    dj_buf_release(&fsck->read);
    free(fsck);
}
