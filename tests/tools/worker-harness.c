#include "tests/tools/worker-harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/util/clock.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "tests/unit/tap.h"

struct fake_djd djd;
char top[64];
static char mark[64];      /* in the environment of every task of the present test */
uint64_t instances; /* the last number that was given to a run */
struct dj_msg_exited ended;
struct dj_msg_started started;
pid_t task_of[TASKS_REMEMBERED];
struct dj_msg_running running;
const char *text_read; /* by the last file_of() */
static int gate = -1;

static void forget_messages(void)
{
    dj_codec_release(dj_message_layout(DJ_MSG_EXITED), &ended);
    dj_codec_release(dj_message_layout(DJ_MSG_RUNNING), &running);
    memset(&started, 0, sizeof(started));
}

int bound(int ms)
{
    const char *factor = getenv("DJ_TIME_FACTOR");

    return factor == NULL ? ms : ms * atoi(factor);
}

/* One message of the worker into its global; its number, 0 when none came, -1 at the end. */
static int listen_once(int ms)
{
    struct dj_message_in message;
    int rc = fake_next(&djd, bound(ms), &message);
    int number;

    if (rc != 1)
        return rc;
    number = (int)message.number;
    if (number == DJ_MSG_EXITED) {
        dj_codec_release(dj_message_layout(DJ_MSG_EXITED), &ended);
        ended = *(struct dj_msg_exited *)message.fields;
        ((struct dj_msg_exited *)message.fields)->text = NULL;
    } else if (number == DJ_MSG_STARTED) {
        started = *(struct dj_msg_started *)message.fields;
        task_of[started.slot % TASKS_REMEMBERED] = (pid_t)started.pid;
    } else if (number == DJ_MSG_RUNNING) {
        dj_codec_release(dj_message_layout(DJ_MSG_RUNNING), &running);
        running = *(struct dj_msg_running *)message.fields;
        ((struct dj_msg_running *)message.fields)->slots = (struct dj_list){0};
    }
    dj_message_release(&message);
    return number;
}

bool hear(int want)
{
    int number;

    while ((number = listen_once(SOON)) > 0)
        if (number == want)
            return true;
    return false;
}

bool hear_end(uint64_t instance)
{
    while (hear(DJ_MSG_EXITED))
        if (ended.instance == instance)
            return true;
    return false;
}

void put_file(const char *path, const char *text, mode_t mode)
{
    if (dj_write_file(AT_FDCWD, path, dj_bytes_of(text), mode) < 0 || chmod(path, mode) < 0)
        bail_out("%s cannot be written", path);
}

void remove_all(const char *path)
{
    if (dj_remove_tree(AT_FDCWD, path) < 0)
        diag("%s is still there", path);
}

const char *in_top(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", top, name);
    return path;
}

void harness_begin(void)
{
    snprintf(top, sizeof(top), "/tmp/dj-worker.XXXXXX");
    if (mkdtemp(top) == NULL)
        bail_out("no folder in /tmp");
    mkfifo(in_top("gate"), 0600);
    gate = open(in_top("gate"), O_RDWR | O_CLOEXEC);
}

void harness_end(void)
{
    close(gate);
    remove_all(top);
}

void open_gate(void)
{
    if (write(gate, "on\n", 3) != 3)
        diag("the gate is stuck");
}

bool begin_with(const char *const *arguments)
{
    snprintf(mark, sizeof(mark), "DJ_TEST_MARK=%d-%" PRIu64, (int)getpid(), ++instances);
    if (fake_init(&djd, top) < 0)
        bail_out("%s: no socket", top);
    fake_spawn(&djd, arguments);
    return fake_accept(&djd, bound(SOON)) == 0 && hear(DJ_MSG_RUNNING);
}

bool begin(void)
{
    return begin_with(NULL);
}

void end(void)
{
    fake_release(&djd);
    forget_messages();
    remove_all(djd.work);
}

void add_word(struct dj_msg_run *run, const char *text)
{
    struct dj_part_word *word = dj_list_add(&run->argv, sizeof(*word));

    dj_buf_adds(&word->bytes, text);
}

void add_env(struct dj_msg_run *run, const char *name, const char *value)
{
    struct dj_part_pair *pair = dj_list_add(&run->env, sizeof(*pair));

    pair->name = dj_xstrdup(name);
    dj_buf_adds(&pair->value, value);
}

void add_file(struct dj_msg_run *run, const char *name, const char *content, bool executable)
{
    struct dj_part_file *file = dj_list_add(&run->files, sizeof(*file));

    file->name = dj_xstrdup(name);
    dj_buf_adds(&file->content, content);
    file->executable = executable;
}

struct dj_msg_run order_for(unsigned slot)
{
    struct dj_msg_run run = {.instance = ++instances, .attempt = 1, .slot = slot};

    add_env(&run, "PATH", "/usr/bin:/bin");
    add_env(&run, "DJ_TEST_MARK", strchr(mark, '=') + 1);
    add_env(&run, "GATE", in_top("gate"));
    return run;
}

struct dj_msg_run shell_order(unsigned slot, const char *script)
{
    struct dj_msg_run run = order_for(slot);

    add_word(&run, "sh");
    add_word(&run, "-c");
    add_word(&run, script);
    return run;
}

uint64_t send_order(struct dj_msg_run *run)
{
    uint64_t instance = run->instance;

    if (fake_send(&djd, DJ_MSG_RUN, run) < 0)
        instance = 0;
    dj_codec_release(dj_message_layout(DJ_MSG_RUN), run);
    return instance;
}

uint64_t send_shell(unsigned slot, const char *script)
{
    struct dj_msg_run run = shell_order(slot, script);

    return send_order(&run);
}

bool run_order(struct dj_msg_run *run)
{
    uint64_t instance = send_order(run);

    return instance != 0 && hear_end(instance);
}

bool run_shell(unsigned slot, const char *script)
{
    struct dj_msg_run run = shell_order(slot, script);

    return run_order(&run);
}

void take(void)
{
    struct dj_msg_taken taken = {ended.instance, ended.attempt, ended.slot};

    fake_send(&djd, DJ_MSG_TAKEN, &taken);
}

bool take_and_see(void)
{
    struct dj_msg_ping ping = {};

    take();
    return fake_send_id(&djd, DJ_MSG_PING, 1, &ping) == 0 && hear(DJ_MSG_OK);
}

void send_kill(uint64_t instance, unsigned slot)
{
    struct dj_msg_kill order = {instance, 1, slot};

    fake_send(&djd, DJ_MSG_KILL, &order);
}

const char *path_of(unsigned slot, const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%u/%s", djd.work, slot, name);
    return path;
}

const char *file_of(unsigned slot, const char *name)
{
    static struct dj_buf content;

    dj_buf_clear(&content);
    if (dj_read_file(AT_FDCWD, path_of(slot, name), 1 << 20, &content) < 0)
        return NULL;
    return text_read = dj_buf_str(&content);
}

bool exited_with(enum dj_exit_how how, uint64_t code)
{
    if (ended.how == how && ended.code == code)
        return true;
    diag("how %" PRIu64 ", code %" PRIu64 ", %s", ended.how, ended.code,
         ended.text == NULL ? "no text" : ended.text);
    return false;
}

void settle(void)
{
    struct timespec pause = {.tv_nsec = 5000000};

    nanosleep(&pause, NULL);
}

int count_tasks(void)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int n = 0;

    while ((entry = readdir(proc)) != NULL) {
        dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
        char path[300];

        snprintf(path, sizeof(path), "/proc/%s/environ", entry->d_name);
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' &&
            dj_read_file(AT_FDCWD, path, 1 << 20, &text) == 0)
            n += memmem(text.data, text.len, mark, strlen(mark)) != NULL;
    }
    closedir(proc);
    return n;
}

bool tasks_are(int want)
{
    for (int ms = 0; ms < bound(SOON); ms += 5) {
        if (count_tasks() == want)
            return true;
        settle();
    }
    diag("%d processes", count_tasks());
    return false;
}

bool appears(unsigned slot, const char *name)
{
    for (int ms = 0; ms < bound(SOON); ms += 5) {
        struct stat st;

        if (stat(path_of(slot, name), &st) == 0 && (S_ISDIR(st.st_mode) || st.st_size > 0))
            return true;
        settle();
    }
    return false;
}

pid_t parent_of(pid_t pid)
{
    char path[64];
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    const char *at;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    if (dj_read_file(AT_FDCWD, path, 1 << 16, &text) < 0)
        return 0;
    at = strstr(dj_buf_str(&text), "PPid:\t");
    return at == NULL ? 0 : (pid_t)strtol(at + 6, NULL, 10);
}

double seconds_since(uint64_t ns)
{
    return (double)(dj_clock_mono_ns() - ns) / 1e9;
}
