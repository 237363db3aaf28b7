#include "lib/model/exit.h"

#include <string.h>

#include "lib/util/macros.h"

static const char *const words[DJ_EXIT_HOW_COUNT] = {
    [DJ_EXIT_CODE] = "exit",
    [DJ_EXIT_SIGNAL] = "signal",
    [DJ_EXIT_TIMEOUT] = "timeout",
    [DJ_EXIT_KILLED] = "cancelled",
    [DJ_EXIT_NOT_STARTED] = "not-started",
    [DJ_EXIT_LOST] = "lost",
    [DJ_EXIT_RESULT_LIMIT] = "max_result",
    [DJ_EXIT_LOG_LIMIT] = "max_log",
    [DJ_EXIT_MEMORY] = "memory",
    [DJ_EXIT_FILES_LIMIT] = "max_files",
    [DJ_EXIT_OUT_OF_MEMORY] = "out-of-memory",
    [DJ_EXIT_NOT_STORED] = "not-stored",
    [DJ_EXIT_NO_RESULT] = "no-result",
    [DJ_EXIT_INPUT_CHANGED] = "input-changed",
};

const char *dj_exit_word(uint64_t how)
{
    return how < DJ_EXIT_HOW_COUNT ? words[how] : "unknown";
}

bool dj_exit_of_word(struct dj_bytes word, enum dj_exit_how *ret)
{
    for (unsigned how = 0; how < DJ_EXIT_HOW_COUNT; how++) {
        if (dj_bytes_is(word, words[how])) {
            *ret = (enum dj_exit_how)how;
            return true;
        }
    }
    return false;
}

const char *dj_memory_guard_word(uint64_t guard)
{
    static const char *const names[] = {"none", "cgroup", "polling"};

    return guard < DJ_ARRAY_SIZE(names) ? names[guard] : "unknown";
}

enum dj_status dj_exit_state(uint64_t how, uint64_t code)
{
    switch (how) {
    case DJ_EXIT_CODE:
        return code == 0 ? DJ_DONE : DJ_FAILED;
    case DJ_EXIT_KILLED:
        return DJ_CANCELLED;
    case DJ_EXIT_LOST:
        return DJ_LOST;
    default:
        return DJ_FAILED;
    }
}

bool dj_exit_remembered(uint64_t how)
{
    switch (how) {
    case DJ_EXIT_KILLED:
    case DJ_EXIT_NOT_STARTED:
    case DJ_EXIT_LOST:
    case DJ_EXIT_OUT_OF_MEMORY:
    case DJ_EXIT_NOT_STORED:
    case DJ_EXIT_INPUT_CHANGED:
        return false;
    default:
        return how < DJ_EXIT_HOW_COUNT;
    }
}

const char *dj_signal_name(uint64_t number)
{
    return number > 0 && number < 65 ? sigabbrev_np((int)number) : NULL;
}
