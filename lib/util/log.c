#include "lib/util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/util/buf.h"

static const char *program_name = "dj";
static enum dj_log_level level_now = DJ_LOG_INFO;
static bool to_journal;

static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    /* The variable is inherited by children whose stderr is something else: so compare. */
    if (stream == NULL || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
        return false;
    return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void dj_log_setup(const char *program)
{
    static const char *const names[] = {
        [DJ_LOG_QUIET] = "quiet", [DJ_LOG_ERROR] = "error", [DJ_LOG_WARNING] = "warning",
        [DJ_LOG_INFO] = "info",   [DJ_LOG_DEBUG] = "debug",
    };
    const char *wanted = getenv("DJ_LOG");

    program_name = program;
    to_journal = stderr_is_journal();
    for (size_t i = 0; wanted != NULL && i < DJ_ARRAY_SIZE(names); i++) {
        if (strcmp(wanted, names[i]) == 0)
            level_now = (enum dj_log_level)i;
    }
}

void dj_log_verbose(void)
{
    if (level_now < DJ_LOG_DEBUG)
        level_now++;
}

void dj_log_set_level(enum dj_log_level level)
{
    level_now = level;
}

bool dj_log_enabled(enum dj_log_level level)
{
    return level != DJ_LOG_QUIET && level <= level_now;
}

static void add_one_line(struct dj_buf *line, struct dj_bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (byte == '\n')
            dj_buf_adds(line, "\\n");
        else if (byte != '\t' && (byte < 32 || byte == 127))
            dj_buf_addf(line, "\\x%02x", byte);
        else
            dj_buf_addc(line, byte);
    }
    dj_buf_addc(line, '\n');
}

void dj_log(enum dj_log_level level, const char *format, ...)
{
    static const char *const priority[] = {
        [DJ_LOG_ERROR] = "<3>", [DJ_LOG_WARNING] = "<4>", [DJ_LOG_INFO] = "<6>",
        [DJ_LOG_DEBUG] = "<7>"};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT, line = DJ_BUF_INIT;
    int saved = errno;
    va_list args;

    if (!dj_log_enabled(level))
        return;
    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    if (to_journal)
        dj_buf_adds(&line, priority[level]);
    else
        dj_buf_addf(&line, "%s: %s", program_name, level == DJ_LOG_WARNING ? "warning: " : "");
    add_one_line(&line, dj_buf_bytes(&text));
    while (write(STDERR_FILENO, line.data, line.len) < 0 && errno == EINTR)
        continue;
    errno = saved;
}
