/* The event loop: what becomes of a link when its other end goes at a bad moment. */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/loop.h"
#include "lib/wire/frame.h"

#include "tests/unit/tap.h"

static struct dj_loop *loop;
static struct dj_link *links[2];
static int ends[2]; /* ours, of the same links */
static int gone;

static void send_on(struct dj_link *link, size_t len)
{
    dj_cleanup_buf struct dj_buf frame = DJ_BUF_INIT;
    size_t begin = dj_frame_begin(&frame);

    memset(dj_buf_room(&frame, len), 'x', len);
    frame.len += len;
    if (dj_frame_end(&frame, begin) < 0)
        exit(1);
    dj_link_send(link, dj_buf_bytes(&frame));
}

/* What the first end says is news for the second. */
static void on_frame(void *cookie, struct dj_bytes body)
{
    (void)body;
    is_int(*(int *)cookie, ends[0], "the first end is heard");
    send_on(links[1], 100);
}

static void on_gone(void *cookie)
{
    if (*(int *)cookie != ends[1])
        return;
    gone++;
    dj_loop_stop(loop);
}

/*
 * The second end goes with bytes that it has not read, so the next read of it is an error, and
 * before that there is something to be sent to it: both in one turn, since the first one's bytes
 * came before.
 */
static void go(void *cookie)
{
    static const char frame[] = {1, 0, 0, 0, 'x'};

    (void)cookie;
    send_on(links[1], 100);
    dj_link_flush(links[1]);
    if (write(ends[0], frame, sizeof(frame)) != sizeof(frame))
        exit(1);
    close(ends[1]);
}

static void *on_accepted(void *cookie, struct dj_link *link,
                         const struct dj_peer_credentials *credentials)
{
    static int n;

    (void)cookie;
    (void)credentials;
    links[n] = link;
    if (n == 1)
        dj_loop_later(loop, go, NULL);
    return &ends[n++];
}

static int connected(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        exit(1);
    return fd;
}

int main(void)
{
    static const struct dj_link_events events = {on_frame, on_gone};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    char folder[] = "/tmp/test-loop-XXXXXX", path[64];

    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof(path), "%s/socket", folder);
    loop = dj_loop_new();
    is_int(dj_loop_listen(loop, path, &events, on_accepted, NULL, &err), 0, "it listens");
    ends[0] = connected(path);
    ends[1] = connected(path);
    dj_loop_run(loop);
    is_int(gone, 1, "an end that is gone before it has heard all is gone once");
    dj_loop_free(loop);
    close(ends[0]);
    unlink(path);
    rmdir(folder);
    return tap_done();
}
