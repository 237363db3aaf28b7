/* Why a run failed, in a sentence. */
#include "daemon/failure.h"

#include <errno.h>
#include <signal.h>

#include "lib/model/exit.h"
#include "tests/unit/tap.h"

struct example {
    struct dj_rec_instance rec;
    const char *text;
    const char *log;
    bool abandoned;
    const char *want;
    int code;
};

static char alice[] = "alice";

static const struct example examples[] = {
    {{.how = DJ_EXIT_CODE, .code = 3}, NULL, "one\ntwo\n\n", false,
     "t/1 failed with exit code 3: two", EIO},
    {{.how = DJ_EXIT_CODE, .code = 3}, NULL, "", false, "t/1 failed with exit code 3", EIO},
    {{.how = DJ_EXIT_CODE, .code = 75, .try = 2, .tries = 4}, NULL, "no\x1bway", false,
     "t/1 failed with exit code 75 (try 2 of 4): no\\x1bway", EIO},
    {{.how = DJ_EXIT_SIGNAL, .code = SIGSEGV}, NULL, "x", false,
     "t/1 was ended by signal 11 (Segmentation fault): x", EIO},
    {{.how = DJ_EXIT_TIMEOUT, .bounds = {.timeout_ms = 90000}}, NULL, "x", false,
     "t/1 took longer than its timeout of 1m30s: x", ETIMEDOUT},
    {{.how = DJ_EXIT_TIMEOUT}, NULL, "", false, "t/1 took longer than its timeout", ETIMEDOUT},
    {{.how = DJ_EXIT_KILLED, .by = alice, .try = 2, .tries = 3}, NULL, "x", false,
     "t/1 was cancelled by alice", ECANCELED},
    {{.how = DJ_EXIT_KILLED}, NULL, "x", true,
     "t/1 was cancelled, since nobody waited for it any more", ECANCELED},
    {{.how = DJ_EXIT_KILLED}, NULL, "x", false, "t/1 was cancelled when its daemon was stopped",
     ECANCELED},
    {{.how = DJ_EXIT_NOT_STARTED, .code = ENOENT}, "x: not found in PATH", "", false,
     "t/1 could not be started: x: not found in PATH", EIO},
    {{.how = DJ_EXIT_NOT_STARTED, .code = ENOENT}, NULL, "", false,
     "t/1 could not be started: No such file or directory", EIO},
    {{.how = DJ_EXIT_LOST}, NULL, "x", false,
     "t/1 was lost: its processes ended without a trace", EOWNERDEAD},
    {{.how = DJ_EXIT_LOST, .lost = 3}, NULL, "x", false,
     "t/1 was lost 4 times: its processes ended without a trace", EOWNERDEAD},
    {{.how = DJ_EXIT_RESULT_LIMIT, .limit = 1 << 20, .reached = 1500000}, NULL, "x", false,
     "t/1 failed: its result grew to 1.4 MiB, and max_result is 1M", EIO},
    {{.how = DJ_EXIT_LOG_LIMIT, .limit = 1000, .reached = 2048}, NULL, "x", false,
     "t/1 failed: its log grew to 2.0 KiB, and max_log is 1000", EIO},
    {{.how = DJ_EXIT_FILES_LIMIT, .limit = 1 << 10, .reached = 2048}, NULL, "x", false,
     "t/1 failed: its files grew to 2.0 KiB, and max_files is 1K", EIO},
    {{.how = DJ_EXIT_MEMORY, .limit = 1 << 20, .reached = 1500000,
      .memory_guard = DJ_MEMORY_POLLING}, NULL, "x", false,
     "t/1 failed: it used 1.4 MiB of memory, and its limit is 1M", EIO},
    {{.how = DJ_EXIT_MEMORY, .limit = 1 << 20, .memory_guard = DJ_MEMORY_CGROUP}, NULL, "x", false,
     "t/1 failed: it used more memory than its limit of 1M", EIO},
    {{.how = DJ_EXIT_OUT_OF_MEMORY, .code = SIGKILL}, NULL, "x", false,
     "t/1 was ended by SIGKILL: probably the machine was out of memory", EIO},
    {{.how = DJ_EXIT_NOT_STORED, .code = ENOSPC}, "no space", "x", false, "t/1: no space", EIO},
    {{.how = DJ_EXIT_INPUT_CHANGED}, "/a", "x", false,
     "/a changed while t/1 was under way; what it made is not kept under this name", EIO},
    {{.how = DJ_EXIT_NO_RESULT, .code = EIO}, "it left no file", "x", false,
     "t/1: it left no file", EIO},
};

int main(void)
{
    for (size_t i = 0; i < DJ_ARRAY_SIZE(examples); i++) {
        const struct example *example = &examples[i];
        dj_cleanup_buf struct dj_buf sentence = DJ_BUF_INIT;
        struct dj_failure failure = {
            .task = "t", .name = DJ_BYTES_LIT("1"), .rec = &example->rec, .text = example->text,
            .log = dj_bytes_of(example->log), .abandoned = example->abandoned,
        };

        dj_failure_explain(&sentence, &failure);
        is_str(dj_buf_str(&sentence), example->want, "a sentence");
        is_int(dj_failure_errno(&example->rec), example->code, "its errno");
    }
    return tap_done();
}
