/*
 * A number that a child of fork() does not have in common with its parent. (client.h)
 *
 * getpid() would do, but is a call of the kernel, and who makes a hundred thousand calls would ask
 * for it half a million times. So the number lies in a page that is empty in a child, whatever the
 * way in which that was made.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/client/client.h"

static _Atomic uint64_t *page; /* NULL: there is no such page here */
static _Atomic uint64_t marks; /* given out so far, in our parents, too */

static void make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *made = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (made == MAP_FAILED)
        return;
    if (madvise(made, size, MADV_WIPEONFORK) == 0)
        page = made;
    else
        munmap(made, size);
}

uint64_t dj_process_mark(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    uint64_t mark, none = 0;

    pthread_once(&once, make_page);
    if (page == NULL)
        return (uint64_t)getpid();
    mark = atomic_load(page);
    if (mark != 0)
        return mark;
    mark = atomic_fetch_add(&marks, 1) + 1;
    return atomic_compare_exchange_strong(page, &none, mark) ? mark : none;
}
