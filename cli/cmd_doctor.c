/* dj doctor: the checks one after the other, and what is said of them. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "lib/model/json.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

static const char *const levels[] = {"ok", "note", "problem"};

static void add_object(struct dj_doctor *doctor, enum dj_doctor_level level, const char *check,
                       const struct dj_buf *text)
{
    struct dj_buf *buf = &doctor->objects;

    dj_buf_addf(buf, "%s{\"level\": \"%s\", \"check\": \"%s\", \"text\": ",
                buf->len == 0 ? "" : ", ", levels[level], check);
    dj_json_string(buf, dj_buf_bytes(text));
    dj_buf_addc(buf, '}');
}

void dj_doctor_say(struct dj_doctor *doctor, enum dj_doctor_level level, const char *check,
                   const char *format, ...)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    doctor->said++;
    doctor->problems += level == DJ_DOCTOR_PROBLEM;
    if (doctor->json)
        add_object(doctor, level, check, &text);
    else if (!doctor->cli->quiet || level == DJ_DOCTOR_PROBLEM)
        printf("%s: %s: %s\n", levels[level], check, dj_buf_str(&text));
}

char *dj_doctor_path(const char *path)
{
    const char *root = getenv("DJ_DOCTOR_ROOT");
    struct dj_buf buf = DJ_BUF_INIT;

    dj_buf_addf(&buf, "%s%s", root == NULL ? "" : root, path);
    return dj_buf_steal(&buf);
}

static DJ_NORETURN void become(char **argv, int out)
{
    int null = open("/dev/null", O_RDWR);

    dup2(null, STDIN_FILENO);
    dup2(null, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

bool dj_doctor_first_line(char **argv, struct dj_buf *ret)
{
    enum { SHOWN = 4096 };
    int fds[2], status = -1;
    uint8_t *newline;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return false;
    fflush(stdout);
    pid = fork();
    if (pid == 0)
        become(argv, fds[1]);
    close(fds[1]);
    if (pid > 0)
        (void)!dj_read_fd(fds[0], SHOWN, ret);
    close(fds[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    newline = ret->len == 0 ? NULL : memchr(ret->data, '\n', ret->len);
    if (newline != NULL)
        dj_buf_truncate(ret, (size_t)(newline - ret->data));
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int dj_cmd_doctor(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"json", no_argument, NULL, 'j'}, {"store", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    struct dj_doctor doctor = {.cli = cli};
    int option;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        if (option == 'j')
            doctor.json = true;
        else if (option == 's')
            doctor.store = optarg;
        else
            return dj_bad_option(argv, option);
    }
    if (argc - optind > 1)
        return dj_usage("doctor");
    doctor.mount = optind < argc ? argv[optind] : NULL;
    dj_doctor_programs(&doctor);
    dj_doctor_fuse(&doctor);
    dj_doctor_timeouts(&doctor);
    dj_doctor_daemon(&doctor);
    dj_doctor_store(&doctor);
    dj_doctor_mounts(&doctor);
    if (doctor.json)
        printf("{\"problems\": %u, \"checks\": [%s]}\n", doctor.problems,
               dj_buf_str(&doctor.objects));
    dj_buf_release(&doctor.objects);
    free(doctor.daemon_store);
    free(doctor.daemon_mount);
    return doctor.problems == 0 ? DJ_EX_OK : DJ_EX_FAILED;
}
