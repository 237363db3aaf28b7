/* A shared object with tasks, for tests/hosts.bats: all that djfs/task.h offers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <djfs/task.h>

/* tmp(name): a file of the test, whose folder the environment names. */
static const char *tmp(struct dj_run *run, const char *name)
{
    static _Thread_local char path[512];

    (void)run;
    snprintf(path, sizeof(path), "%s/%s", getenv("TEST_TMP"), name);
    return path;
}

static void note(struct dj_run *run, const char *file, const char *text)
{
    FILE *stream = fopen(tmp(run, file), "a");

    fprintf(stream, "%s\n", text);
    fclose(stream);
}

static void wait_for(struct dj_run *run, const char *file)
{
    while (access(tmp(run, file), F_OK) < 0 && !dj_cancelled(run))
        usleep(5000);
}

DJ_TASK(factorial, "params = n:int")
{
    int64_t n = dj_arg_int(run, "n");
    const char *below;

    if (n == 0)
        return dj_printf(run, "1\n");
    below = dj_getf(run, NULL, "factorial/%lld", (long long)n - 1);
    return below == NULL ? -1 : dj_printf(run, "%lld\n", atoll(below) * (long long)n);
}

DJ_TASK(square, "params = n:int")
{
    int64_t n = dj_arg_int(run, "n");

    return dj_printf(run, "%lld\n", (long long)(n * n));
}

DJ_TASK(typed, "params = i:int f:float b:bool s l:int* t:file\n"
               "default.s = word\n"
               "help = What each kind of argument looks like.")
{
    size_t len;
    const char *bytes = dj_arg_bytes(run, "s", &len);

    dj_printf(run, "i=%lld f=%g b=%d s=%s (%zu)", (long long)dj_arg_int(run, "i"),
              dj_arg_float(run, "f"), dj_arg_bool(run, "b"), bytes, len);
    for (size_t i = 0; i < dj_arg_count(run, "l"); i++)
        dj_printf(run, " l[%zu]=%s", i, dj_arg_at(run, "l", i));
    dj_printf(run, " t=%s", strrchr(dj_arg(run, "t"), '/') + 1);
    return dj_printf(run, " none=%s\n", dj_arg(run, "none") == NULL ? "NULL" : "there");
}

DJ_TASK(writes, "params = n")
{
    FILE *stream = fopen("own.txt", "w");

    fprintf(stream, "of %s\n", dj_arg(run, "n"));
    fclose(stream);
    note(run, "inside", dj_arg(run, "n"));
    wait_for(run, "go");
    dj_log(run, "wrote own.txt of %s", dj_arg(run, "n"));
    return dj_write(run, "done\n", 5);
}

DJ_TASK(stays, "params = n")
{
    FILE *stream;

    note(run, "inside", dj_arg(run, "n"));
    wait_for(run, "go");
    stream = fopen("late.txt", "w");
    fprintf(stream, "%s\n", dj_arg(run, "n"));
    fclose(stream);
    return 0;
}

DJ_TASK(large, "params = n:int")
{
    for (int64_t i = 0; i < dj_arg_int(run, "n"); i++)
        dj_write(run, "0123456789abcdef", 16);
    for (int i = 0; i < 3000; i++)
        dj_log(run, "line %d", i);
    return 0;
}

DJ_TASK(fails, "params = n")
{
    dj_log(run, "before it fails");
    return dj_fail(run, "there is no %s", dj_arg(run, "n"));
}

DJ_TASK(code, "")
{
    (void)run;
    return 7;
}

/* Ends the process in one of several ways, when somebody says so. */
DJ_TASK(ends, "params = how n\ndefault.n = 0")
{
    const char *how = dj_arg(run, "how");

    dj_log(run, "about to end by %s", how);
    note(run, "inside", how);
    wait_for(run, "end");
    if (strcmp(how, "segv") == 0)
        *(volatile int *)(uintptr_t)dj_arg_int(run, "none") = 1;
    if (strcmp(how, "abort") == 0)
        abort();
    if (strcmp(how, "exit") == 0)
        exit(3);
    if (strcmp(how, "kill") == 0 && access(tmp(run, "killed"), F_OK) < 0) {
        note(run, "killed", how);
        kill(getpid(), SIGKILL);
    }
    return dj_printf(run, "%s went on\n", how);
}

/* Recursion without end: the stack of the thread is full. */
static int deeper(int n)
{
    volatile char room[4096];

    room[0] = (char)n;
    return deeper(n + 1) + room[0];
}

DJ_TASK(overflows, "")
{
    return dj_printf(run, "%d\n", deeper(0));
}

DJ_TASK(waits, "params = n")
{
    note(run, "begun", dj_arg(run, "n"));
    wait_for(run, "go");
    return dj_cancelled(run) ? dj_fail(run, "cancelled") : dj_printf(run, "%s\n", dj_arg(run, "n"));
}

DJ_TASK(stubborn, "params = n")
{
    note(run, "begun", dj_arg(run, "n"));
    while (access(tmp(run, "go"), F_OK) < 0)
        usleep(5000);
    return dj_printf(run, "%s\n", dj_arg(run, "n"));
}

/* Reads by the mount, as any program does. */
DJ_TASK(reads, "params = n:int")
{
    char path[512], line[64] = "";
    FILE *stream;

    snprintf(path, sizeof(path), "%s/tasks/square/%s/result", getenv("DJ"), dj_arg(run, "n"));
    stream = fopen(path, "r");
    if (stream == NULL || fgets(line, sizeof(line), stream) == NULL)
        return dj_fail(run, "cannot read %s", path);
    fclose(stream);
    return dj_printf(run, "read %s", line);
}

DJ_TASK(calls, "params = path")
{
    const char *text = dj_get(run, NULL, dj_arg(run, "path"));

    return text == NULL ? dj_printf(run, "no: %s\n", dj_run_error(run))
                        : dj_printf(run, "yes: %s", text);
}

DJ_TASK(reserves, "params = n")
{
    if (dj_reserve(run, "ram=6") < 0)
        return dj_fail(run, "%s", dj_run_error(run));
    note(run, "reserved", dj_arg(run, "n"));
    wait_for(run, dj_arg(run, "n"));
    if (dj_release(run, NULL) < 0)
        return dj_fail(run, "%s", dj_run_error(run));
    dj_progress(run, 3, 10);
    wait_for(run, "go");
    return 0;
}
