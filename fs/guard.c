#include "fs/guard.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fs/fuse.h"
#include "lib/util/fdio.h"

enum { ROOM = 4 << 20 }; /* the kernel gives nothing to who has no room for the largest write */

int dj_channel_open(struct fuse_session *session)
{
    uint32_t number = (uint32_t)fuse_session_fd(session);
    int fd = dj_open(AT_FDCWD, "/dev/fuse", O_RDWR | O_NONBLOCK, 0);
    int code;

    if (fd < 0 || ioctl(fd, FUSE_DEV_IOC_CLONE, &number) == 0)
        return fd;
    code = -errno;
    dj_close(fd);
    return code;
}

/* One request, if there is one; false when the mount is over. */
static bool refuse_one(int channel, void *room)
{
    struct fuse_in_header *in = room;
    struct fuse_out_header out = {.len = sizeof(out), .error = -ENOTCONN};
    ssize_t n = read(channel, room, ROOM);

    if (n < (ssize_t)sizeof(*in))
        return n >= 0 || errno != ENODEV;
    out.unique = in->unique;
    if (in->opcode != FUSE_FORGET && in->opcode != FUSE_BATCH_FORGET &&
        in->opcode != FUSE_INTERRUPT)
        (void)!write(channel, &out, sizeof(out));
    return true;
}

static void refuse_all(int channel, int process)
{
    void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct pollfd places[] = {{.fd = process, .events = POLLIN},
                              {.fd = channel, .events = POLLIN}};

    while (room != MAP_FAILED && (poll(places, 2, -1) >= 0 || errno == EINTR)) {
        if (places[0].revents != 0)
            return;
        if (places[1].revents != 0 && !refuse_one(channel, room))
            places[1].fd = -1;
    }
}

static void close_all_but(int one, int two, int three)
{
    for (int fd = 0; fd <= DJ_MAX(one, DJ_MAX(two, three)); fd++) {
        if (fd != one && fd != two && fd != three)
            close(fd);
    }
    close_range((unsigned)DJ_MAX(one, DJ_MAX(two, three)) + 1, ~0U, 0);
}

static void DJ_NORETURN guard(int channel, int alive, int process)
{
    sigset_t all;
    char byte;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "djfs-guard");
    close_all_but(channel, alive, process);
    (void)!chdir("/");
    while (read(alive, &byte, 1) < 0 && errno == EINTR)
        continue;
    refuse_all(channel, process);
    _exit(0);
}

void dj_guard_start(struct fuse_session *session)
{
    int channel = dj_channel_open(session);
    int process = channel < 0 ? -1 : pidfd_open(getpid(), 0);
    int ends[2];

    if (process < 0 || pipe2(ends, O_CLOEXEC) < 0) {
        dj_close(channel);
        dj_close(process);
        return;
    }
    /* Our end of the pipe is open as long as we are. */
    if (fork() == 0)
        guard(channel, ends[0], process);
    close(ends[0]);
    close(channel);
    close(process);
}
