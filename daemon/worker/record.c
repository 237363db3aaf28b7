#include "daemon/worker/record.h"

#include <errno.h>
#include <stddef.h>

#include "lib/util/fdio.h"

#define SPEC_MAGIC UINT64_C(0x31636570732d6a64) /* dj-spec1 */
#define EXIT_MAGIC UINT64_C(0x31746978652d6a64) /* dj-exit1 */

enum { SPEC_OFFSET = 0, EXIT_OFFSET = 1024 };

/* FNV-1a: told apart must be whole from torn, not honest from forged. */
static uint64_t sum_of(const void *record, size_t size)
{
    const uint8_t *byte = record;
    uint64_t sum = UINT64_C(14695981039346656037);

    for (size_t i = sizeof(struct dj_record_head); i < size; i++)
        sum = (sum ^ byte[i]) * UINT64_C(1099511628211);
    return sum;
}

static int write_record(int fd, struct dj_record_head *head, uint64_t magic, size_t size,
                        uint64_t offset)
{
    head->magic = magic;
    head->sum = sum_of(head, size);
    return dj_pwrite_full(fd, head, size, offset);
}

static int read_record(int fd, struct dj_record_head *head, uint64_t magic, size_t size,
                       uint64_t offset)
{
    ssize_t n = dj_pread_full(fd, head, size, offset);

    if (n < 0)
        return (int)n;
    if ((size_t)n != size || head->magic != magic || head->sum != sum_of(head, size))
        return -ENODATA;
    return 0;
}

int dj_spec_write(int fd, struct dj_spec_record *spec)
{
    return write_record(fd, &spec->head, SPEC_MAGIC, sizeof(*spec), SPEC_OFFSET);
}

int dj_exit_write(int fd, struct dj_exit_record *ended)
{
    return write_record(fd, &ended->head, EXIT_MAGIC, sizeof(*ended), EXIT_OFFSET);
}

int dj_spec_read(int fd, struct dj_spec_record *ret)
{
    return read_record(fd, &ret->head, SPEC_MAGIC, sizeof(*ret), SPEC_OFFSET);
}

int dj_exit_read(int fd, uint64_t instance, uint64_t attempt, struct dj_exit_record *ret)
{
    int rc = read_record(fd, &ret->head, EXIT_MAGIC, sizeof(*ret), EXIT_OFFSET);

    if (rc < 0)
        return rc;
    ret->text[sizeof(ret->text) - 1] = '\0';
    ret->host[sizeof(ret->host) - 1] = '\0';
    return ret->instance == instance && ret->attempt == attempt ? 0 : -ENODATA;
}
