/* The machine and the installation, as dj doctor sees them. (doctor.h) */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "lib/util/fdio.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { FILE_MAX_SIZE = 65536 };

/* ---- programs ---- */

static void check_program(struct dj_doctor *doctor, const char *name)
{
    dj_cleanup_free char *path = dj_program(name);
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT, want = DJ_BUF_INIT;
    char option[] = "--version";
    char *argv[] = {path, option, NULL};

    dj_buf_addf(&want, "%s " PACKAGE_VERSION, name);
    if (!dj_doctor_first_line(argv, &line))
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "programs",
                      "%s cannot be run; install it beside dj, or say in DJ_BINDIR where it is",
                      path);
    else if (!dj_bytes_equal(dj_buf_bytes(&line), dj_buf_bytes(&want)))
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "programs",
                      "%s says that it is %s, and this is dj " PACKAGE_VERSION
                      "; install all programs from one version",
                      path, dj_buf_str(&line));
    else
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "programs", "%s, %s", dj_buf_str(&line), path);
}

void dj_doctor_programs(struct dj_doctor *doctor)
{
    check_program(doctor, "djd");
    check_program(doctor, "djfs");
}

/* ---- FUSE ---- */

static void check_device(struct dj_doctor *doctor)
{
    dj_cleanup_free char *path = dj_doctor_path("/dev/fuse");
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDWR, 0);
    struct utsname kernel;

    if (fd >= 0) {
        uname(&kernel);
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "fuse", "/dev/fuse can be opened, on Linux %s",
                      kernel.release);
    } else if (fd == -EACCES || fd == -EPERM) {
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "fuse",
                      "you may not open /dev/fuse, so nothing can be mounted; run as root: chmod "
                      "666 /dev/fuse (a container also needs --cap-add SYS_ADMIN)");
    } else {
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "fuse",
                      "/dev/fuse cannot be opened (%s), so nothing can be mounted; run as root: "
                      "modprobe fuse, or start the container with --device /dev/fuse; dj get, dj "
                      "ls and dj cat work without",
                      strerror(-fd));
    }
}

static void check_fusermount(struct dj_doctor *doctor)
{
    char name[] = "fusermount3", option[] = "--version";
    char *argv[] = {name, option, NULL};
    dj_cleanup_buf struct dj_buf line = DJ_BUF_INIT;

    if (dj_doctor_first_line(argv, &line))
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "fuse", "%s", dj_buf_str(&line));
    else
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "fuse",
                      "fusermount3 cannot be run, and mounting needs it; install the package "
                      "fuse3");
}

static bool has_line(struct dj_bytes text, const char *word)
{
    struct dj_bytes line;

    while (dj_next_line(&text, &line)) {
        if (dj_bytes_is(dj_strip(line), word))
            return true;
    }
    return false;
}

/* Root needs no permission for allow_other. */
static void check_allow_other(struct dj_doctor *doctor)
{
    dj_cleanup_free char *path = dj_doctor_path("/etc/fuse.conf");
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;

    (void)!dj_read_file(AT_FDCWD, path, FILE_MAX_SIZE, &text);
    if (geteuid() == 0 || has_line(dj_buf_bytes(&text), "user_allow_other"))
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "allow_other",
                      "you may mount with -o allow_other, so that other users see the tree");
    else
        dj_doctor_say(doctor, DJ_DOCTOR_NOTE, "allow_other",
                      "/etc/fuse.conf has no line user_allow_other, so only you see what you "
                      "mount; add that line as root for mounts with -o allow_other");
}

void dj_doctor_fuse(struct dj_doctor *doctor)
{
    check_device(doctor);
    check_fusermount(doctor);
    check_allow_other(doctor);
}

/* ---- a kernel that loses patience ---- */

static uint64_t setting(const char *path)
{
    dj_cleanup_free char *at = dj_doctor_path(path);
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    uint64_t number;

    if (dj_read_file(AT_FDCWD, at, FILE_MAX_SIZE, &text) < 0 ||
        dj_parse_uint(dj_strip(dj_buf_bytes(&text)), &number, NULL) < 0)
        return 0;
    return number;
}

void dj_doctor_timeouts(struct dj_doctor *doctor)
{
    static const char *const names[] = {"default_request_timeout", "max_request_timeout"};
    bool set = false;

    for (size_t i = 0; i < DJ_ARRAY_SIZE(names); i++) {
        dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
        uint64_t seconds;

        dj_buf_addf(&path, "/proc/sys/fs/fuse/%s", names[i]);
        seconds = setting(dj_buf_str(&path));
        if (seconds == 0)
            continue;
        set = true;
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "timeout",
                      "the kernel ends a whole mount when one open takes longer than %llu s, and "
                      "opening a result waits for its run; run as root: sysctl fs.fuse.%s=0, and "
                      "mount again",
                      (unsigned long long)seconds, names[i]);
    }
    if (!set)
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "timeout", "the kernel sets no time for an open");
}
