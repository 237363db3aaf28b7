#include "daemon/worker/session_table.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/fdio.h"

int dj_sessions_map(int dir, struct dj_sessions **ret, struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(dir, "sessions", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    struct stat st;
    void *map;

    if (fd < 0)
        return dj_err_sys(err, -fd, "cannot open the file sessions");
    if (fstat(fd, &st) < 0)
        return dj_err_sys(err, errno, "sessions");
    /* Never cut: a mount that has it mapped would die of SIGBUS. */
    if (st.st_size < (off_t)sizeof(**ret) && ftruncate(fd, sizeof(**ret)) < 0)
        return dj_err_sys(err, errno, "cannot make room in the file sessions");
    map = mmap(NULL, sizeof(**ret), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return dj_err_sys(err, errno, "cannot map the file sessions");
    *ret = map;
    return 0;
}

void dj_sessions_set(struct dj_sessions *sessions, uint32_t slot, uint64_t run, pid_t session,
                     pid_t reaper)
{
    struct dj_session_entry *entry = &sessions->entry[slot];
    uint64_t used = atomic_load(&sessions->used);

    atomic_store(&entry->run, 0);
    atomic_store(&entry->session, (uint32_t)session);
    atomic_store(&entry->reaper, (uint32_t)reaper);
    atomic_store(&entry->run, run);
    while (used <= slot && !atomic_compare_exchange_weak(&sessions->used, &used, slot + 1))
        ;
    atomic_fetch_add(&sessions->changes, 1);
}

void dj_sessions_clear(struct dj_sessions *sessions, uint32_t slot)
{
    struct dj_session_entry *entry = &sessions->entry[slot];

    atomic_store(&entry->run, 0);
    atomic_store(&entry->session, 0);
    atomic_store(&entry->reaper, 0);
}

pid_t dj_sessions_pid(const struct dj_sessions *sessions, uint32_t slot, uint64_t run)
{
    const struct dj_session_entry *entry = &sessions->entry[slot];
    pid_t pid = (pid_t)atomic_load(&entry->session);

    return atomic_load(&entry->run) == run ? pid : 0;
}
