#include <pthread.h>
#include <stdlib.h>

#include "daemon/engine_impl.h"
#include "lib/util/mem.h"

/* The mount points of those who are connected; one that is mounted twice is in it twice. There is
 * one engine in a process. */
static struct dj_list mounts; /* struct dj_buf */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void mounts_add(struct dj_bytes place)
{
    pthread_mutex_lock(&mutex);
    if (place.len > 1)
        dj_list_add_bytes(&mounts, place);
    pthread_mutex_unlock(&mutex);
}

static void remove_at(size_t i)
{
    struct dj_buf *last = DJ_LIST_AT(&mounts, struct dj_buf, mounts.n - 1);
    struct dj_buf *mount = DJ_LIST_AT(&mounts, struct dj_buf, i);

    dj_buf_release(mount);
    *mount = *last;
    mounts.n--;
}

void mounts_remove(struct dj_bytes place)
{
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < mounts.n; i++) {
        if (dj_bytes_equal(dj_list_bytes(&mounts, i), place)) {
            remove_at(i);
            break;
        }
    }
    pthread_mutex_unlock(&mutex);
}

size_t path_mount(struct dj_bytes path)
{
    size_t len = 0;

    pthread_mutex_lock(&mutex);
    for (size_t i = 0; len == 0 && i < mounts.n; i++) {
        struct dj_bytes place = dj_list_bytes(&mounts, i);

        if (dj_bytes_starts(path, place) &&
            (path.len == place.len || path.data[place.len] == '/'))
            len = place.len;
    }
    pthread_mutex_unlock(&mutex);
    return len;
}

bool path_in_mount(struct dj_bytes path)
{
    size_t len = path_mount(path);

    return len != 0 && path.len > len;
}
