/*
 * bench-spawn [RUNS [ROUNDS]]: what a run costs through djw, side by side with xargs -P2.
 *
 * Each run is a two-line shell script that prints its argument. In turn, in one folder:
 *
 *   xargs -P2 to files   the script itself sends stdout and stderr to two new files
 *   xargs -P2            the same without files: the floor, nothing is kept
 *   djw, 2 slots         a fake daemon gives RUN with an argument file, reads the result and
 *                        gives TAKEN
 *
 * Printed are milliseconds a run (min, median, max of the rounds) and the ratios, taken within each
 * round. Nothing is synced by any of them. The folder is made below $TMPDIR or /var/tmp.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/tools/fake-djd.h"

enum { SLOTS = 2, ROUNDS_MAX = 99, WAIT_MS = 60000 };
enum { TO_FILES, FLOOR, DJW, WAYS };

static const char *const way_names[WAYS] = {"xargs -P2 to files", "xargs -P2", "djw, 2 slots"};
static char top[128];

static void DJ_NORETURN give_up(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void put_script(const char *name, const char *text)
{
    if (dj_write_file(AT_FDCWD, name, dj_bytes_of(text), 0755) < 0)
        give_up(name);
}

/* ---- xargs ------------------------------------------------------------------------------- */

static void run_xargs(const char *script, unsigned runs)
{
    char line[256];
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        snprintf(line, sizeof(line), "seq %u | xargs -P%d -n1 %s > /dev/null", runs, SLOTS, script);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        give_up("xargs");
}

/* Fresh folders each time: ext4 searches long for an inode while many were freed a moment ago. */
static void run_to_files(unsigned runs)
{
    static unsigned round;
    char script[64];

    snprintf(script, sizeof(script), "%u", ++round);
    if (mkdir(script, 0755) < 0)
        give_up(script);
    snprintf(script, sizeof(script), "./to-files.sh %u", round);
    run_xargs(script, runs);
}

/* ---- djw --------------------------------------------------------------------------------- */

static void add_env(struct dj_msg_run *run, const char *name, const char *value)
{
    struct dj_part_pair *pair = dj_list_add(&run->env, sizeof(*pair));

    pair->name = dj_xstrdup(name);
    dj_buf_adds(&pair->value, value);
}

static void send_run(struct fake_djd *djd, unsigned slot, unsigned number)
{
    struct dj_msg_run run = {.instance = number, .attempt = 1, .slot = slot};
    struct dj_part_file *file;
    struct dj_part_word *word = dj_list_add(&run.argv, sizeof(*word));

    dj_buf_addf(&word->bytes, "%s/job.sh", top);
    word = dj_list_add(&run.argv, sizeof(*word));
    dj_buf_addf(&word->bytes, "%u", number);
    add_env(&run, "PATH", getenv("PATH"));
    add_env(&run, "HOME", "/");
    file = dj_list_add(&run.files, sizeof(*file));
    file->name = dj_xstrdup("args.json");
    dj_buf_addf(&file->content, "{\"n\":%u}\n", number);
    if (fake_send(djd, DJ_MSG_RUN, &run) < 0)
        give_up("RUN");
    dj_codec_release(dj_message_layout(DJ_MSG_RUN), &run);
}

static void take_in(struct fake_djd *djd, const struct dj_msg_exited *ended)
{
    dj_cleanup_buf struct dj_buf result = DJ_BUF_INIT;
    struct dj_msg_taken taken = {ended->instance, ended->attempt, ended->slot};
    char path[256];

    snprintf(path, sizeof(path), "%s/%" PRIu64 "/out", djd->work, ended->slot);
    if (ended->how != DJ_EXIT_CODE || ended->code != 0 ||
        dj_read_file(AT_FDCWD, path, 4096, &result) < 0 ||
        strtoull(dj_buf_str(&result), NULL, 10) != ended->instance)
        give_up("a run went wrong");
    fake_send(djd, DJ_MSG_TAKEN, &taken);
}

static void run_djw(struct fake_djd *djd, unsigned runs)
{
    struct dj_message_in message;
    unsigned sent = 0, done = 0;

    while (sent < SLOTS && sent < runs) {
        send_run(djd, sent, sent + 1);
        sent++;
    }
    while (done < runs) {
        if (fake_next(djd, WAIT_MS, &message) != 1)
            give_up("djw");
        if (message.number == DJ_MSG_EXITED) {
            const struct dj_msg_exited *ended = message.fields;
            unsigned slot = (unsigned)ended->slot;

            take_in(djd, ended);
            done++;
            if (sent < runs)
                send_run(djd, slot, ++sent);
        }
        dj_message_release(&message);
    }
}

/* ---- figures ----------------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static void print_line(const char *name, const double *values, unsigned n, const char *unit)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, n * sizeof(*values));
    qsort(sorted, n, sizeof(*sorted), by_value);
    printf("%-32s min %6.3f  median %6.3f  max %6.3f %s\n", name, sorted[0], sorted[n / 2],
           sorted[n - 1], unit);
}

static void print_ratio(double (*ms)[ROUNDS_MAX], int way, unsigned rounds)
{
    double ratio[ROUNDS_MAX];
    char name[64];

    for (unsigned i = 0; i < rounds; i++)
        ratio[i] = ms[DJW][i] / ms[way][i];
    snprintf(name, sizeof(name), "djw / %s", way_names[way]);
    print_line(name, ratio, rounds, "");
}

static double measure(int way, struct fake_djd *djd, unsigned runs)
{
    uint64_t begun = dj_clock_mono_ns();

    if (way == TO_FILES)
        run_to_files(runs);
    else if (way == FLOOR)
        run_xargs("./job.sh", runs);
    else
        run_djw(djd, runs);
    return (double)(dj_clock_mono_ns() - begun) / 1e6 / runs;
}

static void make_folder(void)
{
    const char *tmp = getenv("TMPDIR");

    snprintf(top, sizeof(top), "%.64s/dj-spawn.XXXXXX", tmp == NULL ? "/var/tmp" : tmp);
    if (mkdtemp(top) == NULL || chdir(top) < 0)
        give_up(top);
    put_script("job.sh", "#!/bin/sh\necho \"$1\"\n");
    put_script("to-files.sh", "#!/bin/sh\nexec > \"$1/$2.out\" 2> \"$1/$2.err\"\necho \"$2\"\n");
}

int main(int argc, char **argv)
{
    unsigned runs = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000;
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 5;
    double ms[WAYS][ROUNDS_MAX];
    struct fake_djd djd;

    if (runs < 1 || rounds < 1 || rounds > ROUNDS_MAX) {
        fputs("usage: bench-spawn [RUNS [ROUNDS]]\n", stderr);
        return 2;
    }
    make_folder();
    if (fake_init(&djd, top) < 0)
        give_up("socket");
    fake_spawn(&djd, NULL);
    if (fake_accept(&djd, WAIT_MS) < 0)
        give_up("djw");
    run_djw(&djd, 20);
    for (unsigned round = 0; round < rounds; round++)
        for (int way = 0; way < WAYS; way++)
            ms[way][round] = measure(way, &djd, runs);
    fake_release(&djd);
    for (int way = 0; way < WAYS; way++)
        print_line(way_names[way], ms[way], rounds, "ms");
    print_ratio(ms, TO_FILES, rounds);
    print_ratio(ms, FLOOR, rounds);
    if (chdir("/") < 0 || dj_remove_tree(AT_FDCWD, top) < 0)
        fprintf(stderr, "bench-spawn: %s is still there\n", top);
    return 0;
}
