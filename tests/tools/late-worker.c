/*
 * A worker that loses a run and tells its end all the same: what a daemon must not believe.
 *
 * As djw it is started with --connect SOCKET --work FOLDER. The first run that it is given it
 * forgets: it connects anew and says that the run's slot has another one, which nobody knows and
 * which never ends. When the run comes again, as the next
 * attempt, it first tells the end of the first attempt with the result "late", then, when that was
 * TAKEN, the end of the second with "right". Every later run ends well with "right" at once.
 * What it hears is in FOLDER/heard, a line a message: run or taken, instance, attempt, slot.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/client/connection.h"
#include "lib/model/exit.h"
#include "lib/util/fdio.h"

enum { UNKNOWN = 1000000 };

static const char *socket_path, *work;
static struct dj_connection *connection;
static struct dj_msg_exited lost; /* the first run */
static struct dj_msg_exited next; /* its next attempt */
static bool forgotten, connect_anew;

static void note(const char *what, uint64_t instance, uint64_t attempt, uint64_t slot)
{
    char path[512];
    FILE *file;

    snprintf(path, sizeof(path), "%s/heard", work);
    file = fopen(path, "ae");
    if (file == NULL)
        exit(1);
    fprintf(file, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", what, instance, attempt, slot);
    fclose(file);
}

static void put(uint64_t slot, const char *name, const char *text)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%" PRIu64, work, slot);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/%" PRIu64 "/%s", work, slot, name);
    if (dj_write_file(AT_FDCWD, path, dj_bytes_of(text), 0644) < 0)
        exit(1);
}

static void tell_end(struct dj_msg_exited *ended, const char *result)
{
    put(ended->slot, "out", result);
    put(ended->slot, "err", "");
    ended->how = DJ_EXIT_CODE;
    ended->result_size = strlen(result);
    (void)dj_connection_post(connection, DJ_MSG_EXITED, 0, ended);
}

static void on_run(const struct dj_msg_run *run)
{
    struct dj_msg_exited ended = {
        .instance = run->instance, .attempt = run->attempt, .slot = run->slot};

    note("run", run->instance, run->attempt, run->slot);
    if (!forgotten) {
        forgotten = connect_anew = true;
        lost = ended;
    } else if (run->instance == lost.instance) {
        next = ended;
        tell_end(&lost, "late\n");
    } else {
        tell_end(&ended, "right\n");
    }
}

static void on_message(void *cookie, const struct dj_message_in *message)
{
    const struct dj_msg_taken *taken = message->fields;

    (void)cookie;
    if (message->number == DJ_MSG_RUN) {
        on_run(message->fields);
    } else if (message->number == DJ_MSG_TAKEN) {
        note("taken", taken->instance, taken->attempt, taken->slot);
        if (taken->instance == next.instance && taken->attempt != next.attempt)
            tell_end(&next, "right\n");
    } else if (message->number == DJ_MSG_STOP) {
        exit(0);
    }
}

static void greet(void)
{
    struct dj_greeting greeting = {.role = DJ_ROLE_WORKER, .program = "late", .place = work};
    struct dj_msg_running running = {.capacity = 64};

    if (forgotten)
        *(struct dj_part_slot_state *)dj_list_add(&running.slots,
                                                  sizeof(struct dj_part_slot_state)) =
            (struct dj_part_slot_state){.instance = UNKNOWN, .attempt = 1, .slot = lost.slot};

    dj_connection_free(connection);
    connect_anew = false;
    if (dj_connection_open(socket_path, &greeting, &connection, NULL) < 0)
        exit(1);
    dj_connection_on_message(connection, on_message, NULL);
    (void)dj_connection_post(connection, DJ_MSG_RUNNING, 0, &running);
    dj_codec_release(dj_message_layout(DJ_MSG_RUNNING), &running);
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    socket_path = argv[2];
    work = argv[4];
    mkdir(work, 0700);
    greet();
    for (;;) {
        struct pollfd place = {.fd = dj_connection_fd(connection),
                               .events = dj_connection_events(connection)};

        (void)poll(&place, 1, -1);
        if (dj_connection_handle(connection, place.revents) < 0)
            return 0;
        if (connect_anew)
            greet();
    }
}
