/* The daemon and its store, as dj doctor sees them. (doctor.h) */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "lib/model/config.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* ---- the socket ---- */

/* 0 or -errno of connecting to it. */
static int knock(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    dj_cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(socket_path) >= sizeof(address.sun_path))
        return fd < 0 ? -errno : -ENAMETOOLONG;
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    return connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

/* True: somebody listens. */
static bool check_socket(struct dj_doctor *doctor, const char *socket_path)
{
    int code = knock(socket_path);
    struct stat st;

    if (code == 0)
        return true;
    if (lstat(socket_path, &st) == 0 && !S_ISSOCK(st.st_mode))
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "daemon",
                      "%s is there and is no socket, so no daemon can listen there; move it away",
                      socket_path);
    else if (code == -ENOENT)
        dj_doctor_say(doctor, DJ_DOCTOR_NOTE, "daemon",
                      "no daemon runs; dj up starts it, and dj get does so, too");
    else if (code == -ECONNREFUSED)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "daemon",
                      "nobody listens at %s: its daemon was killed; dj up starts a new one, which "
                      "takes the place of that socket",
                      socket_path);
    else
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "daemon",
                      "%s cannot be connected to (%s); name another socket with --connect",
                      socket_path, strerror(-code));
    return false;
}

static void check_version(struct dj_doctor *doctor)
{
    const struct dj *dj = doctor->cli->dj;
    const char *program = *dj_daemon_program(dj) == '\0' ? "of no name" : dj_daemon_program(dj);

    doctor->daemon_store = dj_xstrdup(dj_daemon_store(dj));
    doctor->daemon_mount = *dj_daemon_mount(dj) == '\0' ? NULL : dj_xstrdup(dj_daemon_mount(dj));
    if (strcmp(program, "djd " PACKAGE_VERSION) != 0)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "daemon",
                      "the daemon that runs is %s, and this is dj " PACKAGE_VERSION
                      "; dj down and dj up start the one that is installed, and no run is lost",
                      program);
    else
        dj_doctor_say(doctor, DJ_DOCTOR_OK, "daemon", "%s runs as process %" PRId64, program,
                      dj_daemon_pid(dj));
}

void dj_doctor_daemon(struct dj_doctor *doctor)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj *dj = dj_new(NULL);
    char *socket_path = NULL;
    int rc = dj_said_by(dj, dj_find_socket(dj, doctor->cli->connect, &socket_path), &err);
    bool listens = rc == 0 && check_socket(doctor, socket_path);

    dj_mem_free(socket_path);
    dj_free(dj);
    if (rc == 0 && !listens)
        return;
    if (rc == 0)
        rc = dj_connect(doctor->cli, false, &err);
    if (rc < 0)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "daemon", "%s", dj_err_text(&err, rc));
    else
        check_version(doctor);
}

/* ---- the store ---- */

static void check_place(struct dj_doctor *doctor, const char *store)
{
    static const char *const remote[] = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs",
                                         "fuse.sshfs", "ceph", "fuse.glusterfs"};
    dj_cleanup_buf struct dj_buf type = DJ_BUF_INIT;

    if (!dj_doctor_type(store, &type))
        return;
    for (size_t i = 0; i < DJ_ARRAY_SIZE(remote); i++) {
        if (dj_bytes_is(dj_buf_bytes(&type), remote[i])) {
            dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "store",
                          "%s is on a network file system (%s), where locks and syncs do not hold "
                          "what RocksDB needs; give a folder on a disk of this machine to dj up "
                          "--store",
                          store, remote[i]);
            return;
        }
    }
    dj_doctor_say(doctor, DJ_DOCTOR_OK, "store", "%s, on %s", store, dj_buf_str(&type));
}

static void check_owner(struct dj_doctor *doctor, const char *store, const struct stat *st)
{
    if (st->st_uid != geteuid())
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "store",
                      "%s belongs to user %u, and you are user %u; give a folder of your own to dj "
                      "up --store",
                      store, (unsigned)st->st_uid, (unsigned)geteuid());
    else if ((st->st_mode & 022) != 0)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "store",
                      "other users can write to %s; run: chmod go-w %s", store, store);
    else if (access(store, W_OK) < 0)
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "store",
                      "%s cannot be written (%s); run: chmod u+rwx %s", store, strerror(errno),
                      store);
}

static void check_room(struct dj_doctor *doctor, const char *store)
{
    const uint64_t least = UINT64_C(256) << 20, little = UINT64_C(2) << 30;
    dj_cleanup_buf struct dj_buf room = DJ_BUF_INIT;
    struct statvfs fs;
    uint64_t bytes;

    if (statvfs(store, &fs) < 0)
        return;
    bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    dj_people_size(&room, bytes);
    dj_doctor_say(doctor,
                  bytes < least    ? DJ_DOCTOR_PROBLEM
                  : bytes < little ? DJ_DOCTOR_NOTE
                                   : DJ_DOCTOR_OK,
                  "room", "%s are free on the disk of the store%s", dj_buf_str(&room),
                  bytes < little ? "; make room there, or delete runs and say gc to ctl" : "");
}

static void check_quarantine(struct dj_doctor *doctor, const char *store)
{
    dj_cleanup_buf struct dj_buf path = DJ_BUF_INIT;
    const struct dirent *entry;
    unsigned count = 0;
    DIR *folder;

    dj_buf_addf(&path, "%s/quarantine", store);
    folder = opendir(dj_buf_str(&path));
    while (folder != NULL && (entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    if (folder != NULL)
        closedir(folder);
    if (count != 0)
        dj_doctor_say(doctor, DJ_DOCTOR_NOTE, "store",
                      "%s has %u content%s that %s damaged on this disk; dj fsck --read-data looks "
                      "at the rest, and what is there may be removed",
                      dj_buf_str(&path), count, count == 1 ? "" : "s",
                      count == 1 ? "was" : "were");
}

void dj_doctor_store(struct dj_doctor *doctor)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_free char *store = NULL;
    struct stat st;
    int rc = 0;

    if (doctor->store != NULL)
        store = dj_absolute(doctor->store);
    else if (doctor->daemon_store != NULL)
        store = dj_xstrdup(doctor->daemon_store);
    else
        rc = dj_config_store(&store, &err);
    if (rc < 0) {
        dj_doctor_say(doctor, DJ_DOCTOR_PROBLEM, "store", "%s", dj_err_text(&err, rc));
        return;
    }
    if (stat(store, &st) < 0) {
        dj_doctor_say(doctor, errno == ENOENT ? DJ_DOCTOR_OK : DJ_DOCTOR_PROBLEM, "store",
                      errno == ENOENT ? "%s is not there, and dj up makes it"
                                      : "%s cannot be looked at; name another one with --store",
                      store);
        return;
    }
    check_place(doctor, store);
    check_owner(doctor, store, &st);
    check_room(doctor, store);
    check_quarantine(doctor, store);
}
