/* dj fsck: the store checked, by its daemon or by a djd that is started for it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/progress_bar.h"
#include "lib/model/config.h"
#include "lib/model/json.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"
#include "lib/wire/frame.h"

struct checking {
    struct dj_cli *cli;
    struct dj_bar *bar;
    uint64_t flags;
    bool json;
    struct dj_buf objects;   /* --json: the findings */
    uint64_t found, repaired;
    uint64_t records, files, bytes;
    bool end;
};

/* ---- what is told ---- */

static void add_object(struct dj_buf *buf, const struct dj_part_finding *finding)
{
    dj_buf_adds(buf, buf->len == 0 ? "{\"kind\": " : ", {\"kind\": ");
    dj_json_string(buf, dj_bytes_of(finding->kind));
    dj_buf_adds(buf, ", \"where\": ");
    dj_json_string(buf, dj_bytes_of(finding->where));
    dj_buf_adds(buf, ", \"text\": ");
    dj_json_string(buf, dj_bytes_of(finding->text));
    dj_buf_adds(buf, ", \"repaired\": ");
    if (finding->repaired == NULL)
        dj_buf_adds(buf, "null}");
    else
        dj_json_string(buf, dj_bytes_of(finding->repaired));
    dj_buf_adds(buf, finding->repaired == NULL ? "" : "}");
}

static void print_finding(const struct dj_part_finding *finding)
{
    printf("%s: %s: %s", finding->kind, finding->where, finding->text);
    if (finding->repaired != NULL)
        printf(" (repaired: %s)", finding->repaired);
    putchar('\n');
}

/* One answer; 0 or -errno. */
static int take(struct checking *checking, const struct dj_msg_fscked *fscked, struct dj_err *err)
{
    if (fscked->code != 0)
        return dj_err_set(err, (int)fscked->code, "%s", fscked->error);
    if (fscked->findings.n != 0)
        dj_bar_hide(checking->bar);
    for (size_t i = 0; i < fscked->findings.n; i++) {
        const struct dj_part_finding *finding =
            DJ_LIST_AT(&fscked->findings, struct dj_part_finding, i);

        checking->found++;
        checking->repaired += finding->repaired != NULL;
        if (checking->json)
            add_object(&checking->objects, finding);
        else
            print_finding(finding);
    }
    if (fscked->findings.n != 0) {
        fflush(stdout);
        dj_bar_show(checking->bar, false);
    }
    checking->records = fscked->records;
    checking->files = fscked->files;
    checking->bytes = fscked->bytes;
    checking->end = fscked->end;
    if (checking->bar == NULL && !fscked->end)
        checking->bar = dj_bar_begin(checking->cli, "fsck", 0);
    dj_bar_what(checking->bar, fscked->phase);
    dj_bar_set(checking->bar, fscked->done, fscked->total);
    return 0;
}

static void print_summary(const struct checking *checking, const char *store)
{
    dj_cleanup_buf struct dj_buf size = DJ_BUF_INIT;

    if (checking->json) {
        dj_buf_adds(&size, "{\"store\": ");
        dj_json_string(&size, dj_bytes_of(store));
        printf("%s, \"records\": %llu, \"files\": %llu, \"hashed\": %llu, \"findings\": [%s]}\n",
               dj_buf_str(&size), (unsigned long long)checking->records,
               (unsigned long long)checking->files, (unsigned long long)checking->bytes,
               dj_buf_str(&checking->objects));
        return;
    }
    if (checking->cli->quiet)
        return;
    printf("%s: %llu records, %llu files", store, (unsigned long long)checking->records,
           (unsigned long long)checking->files);
    if (checking->flags & DJ_FSCK_READ_DATA) {
        dj_people_size(&size, checking->bytes);
        printf(", %s hashed", dj_buf_str(&size));
    }
    printf(": %llu finding%s", (unsigned long long)checking->found,
           checking->found == 1 ? "" : "s");
    if (checking->flags & DJ_FSCK_REPAIR)
        printf(", %llu repaired", (unsigned long long)checking->repaired);
    putchar('\n');
}

/* ---- by the daemon that has the store ---- */

static int ask_daemon(struct checking *checking, struct dj_err *err)
{
    struct dj_msg_fsck ask = {.begin = true, .flags = checking->flags};
    struct dj_message_in answer;
    int rc = 0;

    dj_interruptible(checking->cli, 0);
    while (rc == 0 && !checking->end) {
        rc = dj_interrupt_code() != 0 ? -EINTR
                                      : dj_connection_call(checking->cli->connection, DJ_MSG_FSCK,
                                                           &ask, DJ_MSG_FSCKED, &answer, err);
        if (rc < 0)
            break;
        rc = take(checking, answer.fields, err);
        dj_message_release(&answer);
        ask.begin = false;
    }
    return rc;
}

/* ---- by a djd of its own ---- */

static DJ_NORETURN void become(const char *store, uint64_t flags, int out)
{
    dj_cleanup_free char *program = dj_program("djd"), *dir = dj_xstrdup(store);
    char fsck[] = "--fsck", option[] = "--store", read_data[] = "--read-data";
    char repair[] = "--repair";
    char *argv[7] = {program, fsck, option, dir};
    size_t argc = 4;

    if (flags & DJ_FSCK_READ_DATA)
        argv[argc++] = read_data;
    if (flags & DJ_FSCK_REPAIR)
        argv[argc++] = repair;
    dup2(out, STDOUT_FILENO);
    execvp(argv[0], argv);
    fprintf(stderr, "dj: cannot run %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* The frames that are whole. */
static int take_frames(struct checking *checking, struct dj_buf *in, struct dj_err *err)
{
    struct dj_message_in message;
    struct dj_bytes body;
    size_t used;
    int rc;

    while ((rc = dj_frame_next(dj_buf_bytes(in), &body, &used)) == 1) {
        rc = dj_message_decode(body, &message, err);
        if (rc == 0 && message.number != DJ_MSG_FSCKED)
            rc = dj_err_set(err, EPROTO, "djd answered something else than findings");
        if (rc == 0)
            rc = take(checking, message.fields, err);
        dj_message_release(&message);
        dj_buf_consume(in, used);
        if (rc < 0)
            break;
    }
    return rc;
}

static int read_findings(struct checking *checking, int fd, struct dj_err *err)
{
    enum { STEP = 65536 };
    dj_cleanup_buf struct dj_buf in = DJ_BUF_INIT;
    int rc = 0;

    while (rc == 0) {
        ssize_t n = read(fd, dj_buf_room(&in, STEP), STEP);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        in.len += (size_t)n;
        rc = take_frames(checking, &in, err);
    }
    if (rc == 0 && !checking->end)
        rc = dj_err_set(err, EIO, "the check ended before its end");
    return rc;
}

static int check_alone(struct checking *checking, const char *store, struct dj_err *err)
{
    int fds[2], rc, status;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return dj_err_sys(err, errno, "pipe");
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        become(store, checking->flags, fds[1]);
    close(fds[1]);
    rc = pid < 0 ? dj_err_sys(err, errno, "fork") : read_findings(checking, fds[0], err);
    close(fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return rc;
}

/* ---- the command ---- */

static bool same_folder(const char *a, const char *b)
{
    dj_cleanup_free char *first = realpath(a, NULL), *second = realpath(b, NULL);

    return first != NULL && second != NULL && strcmp(first, second) == 0;
}

/* The store of the running daemon, else the one that was named or is one's own. */
static int check_store(struct checking *checking, const char *named, char **ret,
                       struct dj_err *err)
{
    const char *of_daemon;
    int rc = dj_connect(checking->cli, false, err);

    if (rc < 0 && rc != -ENOTCONN)
        return rc;
    of_daemon = rc == 0 ? dj_connection_welcome(checking->cli->connection)->store : NULL;
    if (of_daemon != NULL && (named == NULL || same_folder(named, of_daemon))) {
        *ret = dj_xstrdup(of_daemon);
        return ask_daemon(checking, err);
    }
    dj_err_release(err);
    *ret = named == NULL ? NULL : dj_absolute(named);
    rc = named == NULL ? dj_config_store(ret, err) : 0;
    return rc < 0 ? rc : check_alone(checking, *ret, err);
}

int dj_cmd_fsck(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"read-data", no_argument, NULL, 'd'}, {"repair", no_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},      {"store", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct checking checking = {.cli = cli};
    dj_cleanup_free char *store = NULL;
    const char *named = NULL;
    int option, rc;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == 'd')
            checking.flags |= DJ_FSCK_READ_DATA;
        else if (option == 'r')
            checking.flags |= DJ_FSCK_REPAIR;
        else if (option == 'j')
            checking.json = true;
        else if (option == 's')
            named = optarg;
        else
            return dj_bad_option(argv, option);
    }
    if (optind != argc)
        return dj_usage("fsck");
    rc = check_store(&checking, named, &store, &err);
    dj_bar_end(checking.bar);
    if (rc == 0)
        print_summary(&checking, store);
    dj_buf_release(&checking.objects);
    if (rc < 0)
        return dj_fail(rc, &err);
    return checking.found == checking.repaired ? DJ_EX_OK : DJ_EX_FAILED;
}
