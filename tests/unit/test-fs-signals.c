#include "fs/signals.h"

#include <unistd.h>

#include "tests/unit/tap.h"

static enum dj_signals judge(const char *thread, const char *process, const char *blocked)
{
    char text[512];

    snprintf(text, sizeof(text),
             "Name:\tcat\nSigQ:\t0/1\nSigPnd:\t%s\nShdPnd:\t%s\nSigBlk:\t%s\nSigIgn:\t0\n", thread,
             process, blocked);
    return dj_signals_judge(text);
}

int main(void)
{
    const char *none = "0000000000000000";

    is_int(judge(none, none, none), DJ_SIGNALS_HARMLESS, "nothing is pending: a tracer, a freezer");
    is_int(judge(none, "0000000000010000", none), DJ_SIGNALS_HARMLESS, "SIGCHLD");
    is_int(judge("000000001e420000", "0000000000010000", none), DJ_SIGNALS_HARMLESS,
           "CONT URG VTALRM PROF WINCH IO and CHLD together");
    is_int(judge("000000001e520000", none, none), DJ_SIGNALS_SERIOUS, "SIGTTIN among them");
    is_int(judge("000000001e520000", none, "0000000000100000"), DJ_SIGNALS_HARMLESS,
           "SIGTTIN among them, but blocked");
    is_int(judge("0000000010000000", none, none), DJ_SIGNALS_HARMLESS, "SIGIO");
    is_int(judge(none, "0000000000000002", none), DJ_SIGNALS_SERIOUS, "SIGINT with a handler");
    is_int(judge(none, "0000000000000002", "0000000000000002"), DJ_SIGNALS_HARMLESS,
           "SIGINT that is blocked");
    is_int(judge(none, "0000000000080000", none), DJ_SIGNALS_SERIOUS, "SIGTSTP: Ctrl-Z");
    is_int(judge("0000000000000100", "0000000000010000", none), DJ_SIGNALS_DEADLY, "SIGKILL");
    is_int(dj_signals_pending(getpid()), DJ_SIGNALS_HARMLESS, "this process");
    is_int(dj_signals_pending(0), DJ_SIGNALS_DEADLY, "a thread of another pid namespace");
    is_int(dj_signals_pending(0x3fffffff), DJ_SIGNALS_DEADLY, "a thread that is gone");
    return tap_done();
}
