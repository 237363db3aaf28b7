/*
 * A main() for fuzz targets that are built without libFuzzer: any compiler will do, and CI fuzzes a
 * little in every run. It takes libFuzzer's options that the build uses, so one command line works
 * for both:
 *
 *     fuzz-NAME [-max_total_time=SECONDS] [-seed=N] [-max_len=N] [-runs=N] [FILE | FOLDER]…
 *
 * First every input given is run as it is. Then, until SECONDS are over or N runs were made, inputs
 * are made from them: bytes and bits changed, runs of bytes cut out, doubled and swapped in from
 * another input. Nothing guides the mutation; libFuzzer does that better. The input that is being
 * run is written to crash-NAME in the working folder when a signal ends the process or a sanitizer
 * finds something.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The sanitizers call this before they end the process. */
__attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)(void));

struct input {
    uint8_t *data;
    size_t size;
};

static struct input *inputs;
static size_t input_count;
static size_t max_len = 4096;
static char crash_path[NAME_MAX + 1];
static const uint8_t *current;
static size_t current_size;

static void *checked(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "standalone fuzzing: no memory\n");
        exit(2);
    }
    return memory;
}

/* Only what a signal handler may do. */
static void save_current(void)
{
    int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const uint8_t *at = current;
    size_t left = current_size;

    while (fd >= 0 && left > 0) {
        ssize_t done = write(fd, at, left);

        if (done <= 0)
            break;
        at += done;
        left -= (size_t)done;
    }
    if (fd >= 0)
        close(fd);
}

static void on_signal(int number)
{
    save_current();
    signal(number, SIG_DFL);
    raise(number);
}

static void add_input(uint8_t *data, size_t size)
{
    inputs = checked(realloc(inputs, (input_count + 1) * sizeof(*inputs)));
    inputs[input_count++] = (struct input){.data = data, .size = size};
}

static void add_file(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t *data = NULL;
    size_t size = 0, cap = 0;

    if (file == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    for (;;) {
        size_t got;

        if (size == cap) {
            cap = cap * 2 + 4096;
            data = checked(realloc(data, cap));
        }
        got = fread(data + size, 1, cap - size, file);
        if (got == 0)
            break;
        size += got;
    }
    fclose(file);
    add_input(data, size);
}

static void add_folder(const char *path)
{
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);

    if (count < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char name[PATH_MAX];
        struct stat st;

        if (snprintf(name, sizeof(name), "%s/%s", path, entries[i]->d_name) < (int)sizeof(name) &&
            stat(name, &st) == 0 && S_ISREG(st.st_mode))
            add_file(name);
        free(entries[i]);
    }
    free(entries);
}

static void add_path(const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        add_folder(path);
    else
        add_file(path);
}

static uint64_t state;

/* splitmix64: small, and every seed is as good as another. */
static uint64_t next_random(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(size_t limit)
{
    return limit == 0 ? 0 : (size_t)(next_random() % limit);
}

static size_t cut(uint8_t *data, size_t size)
{
    size_t at = below(size), len = 1 + below(size - at);

    memmove(data + at, data + at + len, size - at - len);
    return size - len;
}

/* Puts len bytes from `from` in at a random place, as far as they fit. */
static size_t put_in(uint8_t *data, size_t size, const uint8_t *from, size_t len)
{
    size_t at = below(size + 1);

    if (len > max_len - size)
        len = max_len - size;
    memmove(data + at + len, data + at, size - at);
    memcpy(data + at, from, len);
    return size + len;
}

static size_t put_in_part(uint8_t *data, size_t size, const uint8_t *other, size_t other_size)
{
    size_t start = below(other_size), len = 1 + below(other_size - start);
    uint8_t *part = checked(malloc(len));

    memcpy(part, other + start, len);
    size = put_in(data, size, part, len);
    free(part);
    return size;
}

static size_t mutate_once(uint8_t *data, size_t size)
{
    static const uint8_t telling[] = {0, 1, 0x7f, 0x80, 0xff, '\n', '"', '%', '=', ',', '{', '/'};
    uint8_t bytes[8];
    const struct input *other = &inputs[below(input_count)];

    switch (below(8)) {
    case 0:
        if (size > 0)
            data[below(size)] ^= (uint8_t)(1u << below(8));
        return size;
    case 1:
        if (size > 0)
            data[below(size)] = (uint8_t)next_random();
        return size;
    case 2:
        if (size > 0)
            data[below(size)] = telling[below(sizeof(telling))];
        return size;
    case 3:
        return size > 0 ? cut(data, size) : size;
    case 4:
        return size > 0 ? put_in_part(data, size, data, size) : size;
    case 5:
        return other->size > 0 ? put_in_part(data, size, other->data, other->size) : size;
    case 6:
        if (size > 0)
            data[below(size)] += (uint8_t)(next_random() % 9 - 4);
        return size;
    default:
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (uint8_t)next_random();
        return put_in(data, size, bytes, 1 + below(sizeof(bytes)));
    }
}

static void run(const uint8_t *data, size_t size)
{
    current = data;
    current_size = size;
    LLVMFuzzerTestOneInput(data, size);
}

static void run_mutated(uint8_t *scratch)
{
    const struct input *from = &inputs[below(input_count)];
    size_t size = from->size < max_len ? from->size : max_len;
    uint8_t *exact;

    memcpy(scratch, from->data, size);
    for (size_t i = 1 + below(6); i > 0; i--)
        size = mutate_once(scratch, size);
    /* A block of just this size, so that AddressSanitizer sees a read past the end. */
    exact = checked(malloc(size == 0 ? 1 : size));
    memcpy(exact, scratch, size);
    run(exact, size);
    free(exact);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool number_option(const char *argument, const char *name, long *ret)
{
    size_t len = strlen(name);

    if (strncmp(argument, name, len) != 0)
        return false;
    *ret = strtol(argument + len, NULL, 10);
    return true;
}

static void catch_ends(const char *program)
{
    static const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM};
    const char *name = strrchr(program, '/');

    snprintf(crash_path, sizeof(crash_path), "crash-%s", name == NULL ? program : name + 1);
    if (__sanitizer_set_death_callback != NULL)
        __sanitizer_set_death_callback(save_current);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        signal(signals[i], on_signal);
}

int main(int argc, char **argv)
{
    long seconds = 0, seed = 1, len = 4096, runs = -1, made = 0;
    uint8_t *scratch;
    double end;

    for (int i = 1; i < argc; i++) {
        if (number_option(argv[i], "-max_total_time=", &seconds) ||
            number_option(argv[i], "-seed=", &seed) || number_option(argv[i], "-max_len=", &len) ||
            number_option(argv[i], "-runs=", &runs))
            continue;
        if (argv[i][0] == '-') {
            fprintf(stderr, "%s: unknown option %s\n", argv[0], argv[i]);
            return 2;
        }
        add_path(argv[i]);
    }
    catch_ends(argv[0]);
    max_len = len > 0 ? (size_t)len : 4096;
    state = (uint64_t)seed;
    if (input_count == 0)
        add_input(checked(calloc(1, 1)), 0);

    for (size_t i = 0; i < input_count; i++) {
        alarm(10);
        run(inputs[i].data, inputs[i].size);
    }

    scratch = checked(malloc(max_len + 1));
    end = seconds_now() + (double)seconds;
    for (; runs < 0 ? seconds > 0 : made < runs; made++) {
        /* SIGALRM after 10 seconds: a loop without an end is found too. */
        if (made % 256 == 0) {
            alarm(10);
            if (seconds > 0 && seconds_now() >= end)
                break;
        }
        run_mutated(scratch);
    }
    alarm(0);
    fprintf(stderr, "%s: %zu inputs and %ld made from them, seed %ld: nothing found\n", argv[0],
            input_count, made, seed);
    free(scratch);
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].data);
    free(inputs);
    return 0;
}
