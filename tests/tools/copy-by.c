/*
 * copy-by sendfile|splice|mmap|fstat|backwards FROM TO: copies a file in just this way.
 * fstat: asks for the size of the open file first, and reads that much. backwards: the last page
 * first. Exit 0: the call gave as much as it said there was.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static int from, to;

static int fail(const char *what)
{
    fprintf(stderr, "copy-by: %s: %s\n", what, strerror(errno));
    return 1;
}

static off_t size_of(void)
{
    struct stat st;

    return fstat(from, &st) < 0 ? -1 : st.st_size;
}

static int by_sendfile(void)
{
    ssize_t n;

    while ((n = sendfile(to, from, NULL, 1 << 30)) > 0)
        ;
    return n < 0 ? fail("sendfile") : 0;
}

static int by_splice(void)
{
    int ends[2];
    ssize_t n;

    if (pipe(ends) < 0)
        return fail("pipe");
    while ((n = splice(from, NULL, ends[1], NULL, 65536, 0)) > 0) {
        while (n > 0) {
            ssize_t out = splice(ends[0], NULL, to, NULL, (size_t)n, 0);

            if (out <= 0)
                return fail("splice to the file");
            n -= out;
        }
    }
    return n < 0 ? fail("splice") : 0;
}

static int by_mmap(void)
{
    off_t size = size_of();
    void *map;

    if (size <= 0)
        return size < 0 ? fail("fstat") : 0;
    map = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, from, 0);
    if (map == MAP_FAILED)
        return fail("mmap");
    return write(to, map, (size_t)size) == size ? 0 : fail("write");
}

static int by_fstat(void)
{
    off_t size = size_of();
    char *bytes = malloc(size > 0 ? (size_t)size : 1);
    off_t done = 0;
    bool whole;

    while (done < size) {
        ssize_t n = read(from, bytes + done, (size_t)(size - done));

        if (n <= 0)
            return fail("read");
        done += n;
    }
    whole = write(to, bytes, (size_t)size) == size;
    free(bytes);
    return whole ? 0 : fail("write");
}

static int backwards(void)
{
    static char page[4096];

    for (off_t at = lseek(from, 0, SEEK_END) / 4096 * 4096; at >= 0; at -= 4096) {
        ssize_t n = pread(from, page, sizeof(page), at);

        if (n < 0 || pwrite(to, page, (size_t)n, at) != n)
            return fail("pread");
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    from = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return fail(argv[2]);
    to = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (to < 0)
        return fail(argv[3]);
    if (strcmp(argv[1], "sendfile") == 0)
        return by_sendfile();
    if (strcmp(argv[1], "splice") == 0)
        return by_splice();
    if (strcmp(argv[1], "mmap") == 0)
        return by_mmap();
    if (strcmp(argv[1], "fstat") == 0)
        return by_fstat();
    return strcmp(argv[1], "backwards") == 0 ? backwards() : 2;
}
