/* An answer that comes in one piece with that of a blocking call is not left in the buffer. */
#include "lib/client/connection.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/tools/fake-djd.h"
#include "tests/unit/tap.h"

enum { MS = 20000 };

static void count(void *cookie, const struct dj_message_in *message)
{
    *(int *)cookie += message->number == DJ_MSG_OK;
}

/* Two requests, answered in one write: the later one first. */
static int serve(struct fake_djd *djd)
{
    struct dj_message_in first, second;
    struct dj_buf *out;

    if (fake_accept(djd, MS) < 0 || fake_next(djd, MS, &first) != 1 ||
        fake_next(djd, MS, &second) != 1)
        return 1;
    out = dj_stream_out(&djd->stream);
    for (int i = 0; i < 2; i++) {
        size_t begin = dj_frame_begin(out);

        dj_message_encode(out, DJ_MSG_OK, i == 0 ? second.id : first.id, &(struct dj_msg_ok){0});
        if (dj_frame_end(out, begin) < 0)
            return 1;
    }
    dj_message_release(&first);
    dj_message_release(&second);
    return dj_stream_flush(&djd->stream) != 0 || fake_next(djd, MS, &first) == 1;
}

int main(void)
{
    const struct dj_greeting greeting = {.role = DJ_ROLE_CLIENT, .program = "test"};
    struct dj_connection *connection = NULL;
    const struct dj_msg_ping ping = {};
    struct dj_message_in answer;
    char dir[] = "/tmp/dj-test-XXXXXX";
    struct fake_djd djd;
    int answered = 0, status = -1;
    pid_t pid;

    if (mkdtemp(dir) == NULL || fake_init(&djd, dir) < 0)
        return 99;
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        _exit(serve(&djd));
    is_int(dj_connection_open(djd.socket, &greeting, &connection, NULL), 0, "connected");
    (void)dj_connection_ask(connection, DJ_MSG_PING, &ping, count, &answered);
    is_int(dj_connection_call(connection, DJ_MSG_PING, &ping, DJ_MSG_OK, &answer,
                              NULL),
           0, "a blocking call is answered");
    dj_message_release(&answer);
    is_int(answered, 1, "and so is the request before it, which nothing would wake us for");
    dj_connection_free(connection);
    waitpid(pid, &status, 0);
    is_int(status, 0, "the daemon was content");
    fake_release(&djd);
    rmdir(dir);
    return tap_done();
}
