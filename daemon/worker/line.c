#include "daemon/worker/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/util/fdio.h"
#include "lib/util/mem.h"

enum { PACKET_MAX = 64 << 10 };

/* The words of argv, those of envp, the working directory, the file of the result, the folder of
 * cgroups and that to launch from follow, each with its NUL. */
struct head {
    uint64_t instance;
    uint64_t attempt;
    uint64_t start_ns;
    struct dj_part_limits limits;
    uint32_t slot;
    uint32_t argc;
    uint32_t envc;
    uint32_t has_cwd;
    uint32_t has_result;
    uint32_t has_cgroup;
    uint32_t has_launched;
    uint64_t lost_ms;
    uint64_t oom_kills;
};

int dj_line_open(int ret[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0 ? -errno : 0;
}

static struct iovec part_of(const char *text)
{
    return (struct iovec){(void *)(uintptr_t)text, text == NULL ? 0 : strlen(text) + 1};
}

static uint32_t count(char *const *vector)
{
    uint32_t n = 0;

    while (vector[n] != NULL)
        n++;
    return n;
}

int dj_line_send_order(int line, const struct dj_order_build *build)
{
    const struct dj_order *order = &build->order;
    struct head head = {
        .instance = order->instance,
        .attempt = order->attempt,
        .start_ns = order->start_ns,
        .limits = order->limits,
        .slot = order->slot,
        .argc = count(order->argv),
        .envc = count(order->envp),
        .has_cwd = order->cwd != NULL,
        .has_result = order->result != NULL,
        .has_cgroup = order->cgroup != NULL,
        .has_launched = order->launched != NULL,
        .lost_ms = order->lost_ms,
        .oom_kills = order->oom_kills,
    };
    struct iovec parts[] = {
        {&head, sizeof(head)},
        {build->text.data, build->text.len},
        part_of(order->cwd),
        part_of(order->result),
        part_of(order->cgroup),
        part_of(order->launched),
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = DJ_ARRAY_SIZE(parts)};
    size_t size = 0;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(parts); i++)
        size += parts[i].iov_len;
    if (size > PACKET_MAX)
        return -E2BIG;
    return sendmsg(line, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int dj_line_take_end(int line, struct dj_exit_record *ret)
{
    ssize_t n = recv(line, ret, sizeof(*ret), MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    ret->text[sizeof(ret->text) - 1] = '\0';
    ret->host[sizeof(ret->host) - 1] = '\0';
    return n == sizeof(*ret) ? 1 : -EPIPE;
}

/* The next of the strings that stand one behind the other. */
static char *next_text(char **at)
{
    char *text = *at;

    *at += strlen(text) + 1;
    return text;
}

static void unpack(struct dj_line_order *into, const struct head *head)
{
    char *at = into->packet + sizeof(*head);
    size_t n = 0;

    into->vector = dj_xgrow(into->vector, &into->cap, (size_t)head->argc + head->envc + 2,
                            sizeof(*into->vector));
    into->order = (struct dj_order){
        .instance = head->instance,
        .attempt = head->attempt,
        .start_ns = head->start_ns,
        .limits = head->limits,
        .slot = head->slot,
        .oom_kills = head->oom_kills,
        .lost_ms = head->lost_ms,
        .argv = into->vector,
        .envp = into->vector + head->argc + 1,
    };
    for (uint32_t i = 0; i < head->argc; i++)
        into->vector[n++] = next_text(&at);
    into->vector[n++] = NULL;
    for (uint32_t i = 0; i < head->envc; i++)
        into->vector[n++] = next_text(&at);
    into->vector[n] = NULL;
    into->order.cwd = head->has_cwd ? next_text(&at) : NULL;
    into->order.result = head->has_result ? next_text(&at) : NULL;
    into->order.cgroup = head->has_cgroup ? next_text(&at) : NULL;
    into->order.launched = head->has_launched ? next_text(&at) : NULL;
}

int dj_line_wait(int line, struct dj_line_order *into)
{
    struct head head;
    ssize_t n;

    if (into->packet == NULL)
        into->packet = dj_xmalloc(PACKET_MAX);
    do
        n = recv(line, into->packet, PACKET_MAX, 0);
    while (n < 0 && errno == EINTR);
    if (n < (ssize_t)sizeof(head))
        return n < 0 ? -errno : -EPIPE;
    memcpy(&head, into->packet, sizeof(head));
    unpack(into, &head);
    return 0;
}

int dj_line_send_end(int line, const struct dj_exit_record *ended)
{
    return send(line, ended, sizeof(*ended), MSG_NOSIGNAL) < 0 ? -errno : 0;
}
