#include "daemon/failure.h"

#include <errno.h>
#include <string.h>

#include "lib/model/exit.h"
#include "lib/util/str.h"

static void add_last_line(struct dj_buf *buf, struct dj_bytes log)
{
    struct dj_bytes line, last = {NULL, 0};

    while (dj_next_line(&log, &line)) {
        if (dj_strip(line).len != 0)
            last = dj_strip(line);
    }
    if (last.len != 0) {
        dj_buf_adds(buf, ": ");
        dj_add_printable(buf, last);
    }
}

static void add_sentence(struct dj_buf *buf, const char *text)
{
    dj_buf_adds(buf, ": ");
    dj_add_printable(buf, dj_strip(dj_bytes_of(text)));
}

static void add_limit(struct dj_buf *buf, const struct dj_rec_instance *rec, const char *what,
                      const char *option)
{
    dj_buf_addf(buf, " failed: its %s grew to ", what);
    dj_people_size(buf, rec->reached);
    dj_buf_addf(buf, ", and %s is ", option);
    dj_print_size(buf, rec->limit);
}

static void add_memory(struct dj_buf *buf, const struct dj_rec_instance *rec)
{
    dj_buf_adds(buf, " failed: it used ");
    if (rec->memory_guard == DJ_MEMORY_POLLING) {
        dj_people_size(buf, rec->reached);
        dj_buf_adds(buf, " of memory, and its limit is ");
    } else {
        dj_buf_adds(buf, "more memory than its limit of ");
    }
    dj_print_size(buf, rec->limit);
}

static void add_timeout(struct dj_buf *buf, const struct dj_rec_instance *rec)
{
    dj_buf_adds(buf, " took longer than its timeout");
    if (rec->bounds.timeout_ms != 0) {
        dj_buf_adds(buf, " of ");
        dj_print_duration(buf, rec->bounds.timeout_ms);
    }
}

static void add_cancelled(struct dj_buf *buf, const struct dj_failure *failure)
{
    const char *by = failure->rec->by;

    dj_buf_adds(buf, " was cancelled");
    if (by != NULL && *by != '\0')
        dj_buf_addf(buf, " by %s", by);
    else if (failure->abandoned)
        dj_buf_adds(buf, ", since nobody waited for it any more");
    else
        dj_buf_adds(buf, " when its daemon was stopped");
}

static void add_lost(struct dj_buf *buf, const struct dj_rec_instance *rec)
{
    if (rec->lost == 0)
        dj_buf_adds(buf, " was lost: its processes ended without a trace");
    else
        dj_buf_addf(buf, " was lost %llu times: its processes ended without a trace",
                    (unsigned long long)rec->lost + 1);
}

static void add_what(struct dj_buf *buf, const struct dj_failure *failure)
{
    const struct dj_rec_instance *rec = failure->rec;
    const char *text = failure->text;

    switch (rec->how) {
    case DJ_EXIT_CODE:
        dj_buf_addf(buf, " failed with exit code %llu", (unsigned long long)rec->code);
        break;
    case DJ_EXIT_SIGNAL:
        dj_buf_addf(buf, " was ended by signal %llu (%s)", (unsigned long long)rec->code,
                    strsignal((int)rec->code));
        break;
    case DJ_EXIT_TIMEOUT:
        add_timeout(buf, rec);
        break;
    case DJ_EXIT_KILLED:
        add_cancelled(buf, failure);
        break;
    case DJ_EXIT_NOT_STARTED:
        dj_buf_addf(buf, " could not be started: %s",
                    text == NULL ? strerror((int)rec->code) : text);
        break;
    case DJ_EXIT_RESULT_LIMIT:
        add_limit(buf, rec, "result", "max_result");
        break;
    case DJ_EXIT_LOG_LIMIT:
        add_limit(buf, rec, "log", "max_log");
        break;
    case DJ_EXIT_FILES_LIMIT:
        add_limit(buf, rec, "files", "max_files");
        break;
    case DJ_EXIT_MEMORY:
        add_memory(buf, rec);
        break;
    case DJ_EXIT_OUT_OF_MEMORY:
        dj_buf_adds(buf, " was ended by SIGKILL: probably the machine was out of memory");
        break;
    case DJ_EXIT_NOT_STORED:
    case DJ_EXIT_NO_RESULT:
        dj_buf_addf(buf, ": %s", text == NULL ? "what it left could not be stored" : text);
        break;
    case DJ_EXIT_INPUT_CHANGED:
        dj_buf_adds(buf, " was under way; what it made is not kept under this name");
        break;
    default:
        add_lost(buf, rec);
        break;
    }
}

/* Where the log is no explanation of the end: nobody asked the program, or it is what was wrong. */
static bool log_explains(uint64_t how)
{
    return how == DJ_EXIT_CODE || how == DJ_EXIT_SIGNAL || how == DJ_EXIT_TIMEOUT ||
           how == DJ_EXIT_NOT_STARTED; /* which a launching program may have explained */
}

void dj_failure_explain(struct dj_buf *buf, const struct dj_failure *failure)
{
    const struct dj_rec_instance *rec = failure->rec;

    if (rec->how == DJ_EXIT_INPUT_CHANGED)
        dj_buf_addf(buf, "%s changed while ", failure->text);
    if (failure->task != NULL)
        dj_buf_addf(buf, "%s/", failure->task);
    dj_add_printable(buf, failure->name);
    add_what(buf, failure);
    if (rec->tries > 1 && rec->how != DJ_EXIT_KILLED)
        dj_buf_addf(buf, " (try %llu of %llu)", (unsigned long long)rec->try,
                    (unsigned long long)rec->tries);
    if (rec->how == DJ_EXIT_CODE && failure->text != NULL && *failure->text != '\0')
        add_sentence(buf, failure->text); /* of the task itself */
    else if (log_explains(rec->how))
        add_last_line(buf, failure->log);
}

int dj_failure_errno(const struct dj_rec_instance *rec)
{
    switch (rec->how) {
    case DJ_EXIT_TIMEOUT:
        return ETIMEDOUT;
    case DJ_EXIT_KILLED:
        return ECANCELED;
    case DJ_EXIT_LOST:
        return EOWNERDEAD;
    default:
        return EIO;
    }
}
