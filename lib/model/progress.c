#include "lib/model/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/util/clock.h"
#include "lib/util/str.h"

static struct dj_bytes last_line(struct dj_bytes text)
{
    struct dj_bytes line, last = {NULL, 0};

    while (dj_next_line(&text, &line)) {
        if (dj_strip(line).len != 0)
            last = dj_strip(line);
    }
    return last;
}

static bool parse(struct dj_bytes line, struct dj_progress *ret)
{
    const uint8_t *slash = line.len == 0 ? NULL : memchr(line.data, '/', line.len);
    size_t at;

    if (slash == NULL)
        return false;
    at = (size_t)(slash - line.data);
    return dj_parse_uint(dj_bytes(line.data, at), &ret->done, NULL) == 0 &&
           dj_parse_uint(dj_bytes_from(line, at + 1), &ret->total, NULL) == 0;
}

int dj_progress_parse(struct dj_bytes text, struct dj_progress *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    struct dj_bytes line = last_line(text);

    dj_add_printable(&shown, line);
    if (!parse(line, ret))
        return dj_err_set(err, EINVAL, "\"%s\" is no progress; write N/M, as 3/10",
                          dj_buf_str(&shown));
    if (ret->total == 0 || ret->total > DJ_PROGRESS_MAX)
        return dj_err_set(err, EINVAL, "progress of %s: the whole is from 1 to 2^53",
                          dj_buf_str(&shown));
    if (ret->done > ret->total)
        return dj_err_set(err, EINVAL, "progress of %s is more than the whole",
                          dj_buf_str(&shown));
    return 0;
}

/* Nobody wants to know the milliseconds of what is to come. */
static void add_rest(struct dj_buf *buf, uint64_t ns)
{
    uint64_t seconds = ns / DJ_NS_PER_S + (ns % DJ_NS_PER_S != 0);

    if (seconds < 60)
        dj_buf_addf(buf, "%" PRIu64 " s", seconds);
    else
        dj_people_duration(buf, seconds * DJ_NS_PER_S);
}

/* 100 only when nothing is left. */
static unsigned percent(uint64_t part, uint64_t whole)
{
    return (unsigned)((long double)part * 100 / (long double)whole);
}

/* All of it, from the start to the end; 0: nobody knows. */
static uint64_t estimate(const struct dj_progress_facts *facts)
{
    const struct dj_progress *said = &facts->said;

    if (said->done == 0)
        return facts->usual_ns;
    return (uint64_t)((long double)facts->took_ns * (long double)said->total /
                      (long double)said->done);
}

static void add_running(struct dj_buf *buf, const struct dj_progress_facts *facts)
{
    uint64_t whole = estimate(facts);

    if (whole == 0) {
        dj_buf_adds(buf, "after ");
        add_rest(buf, facts->took_ns);
        return;
    }
    if (facts->said.total == 0)
        dj_buf_addf(buf, "%u%% ", DJ_MIN(percent(facts->took_ns, whole), 99U));
    dj_buf_adds(buf, facts->took_ns > whole ? "late " : "eta ");
    add_rest(buf, facts->took_ns > whole ? facts->took_ns - whole : whole - facts->took_ns);
}

static void add_said(struct dj_buf *buf, const struct dj_progress *said)
{
    if (said->total != 0)
        dj_buf_addf(buf, "%" PRIu64 "/%" PRIu64 " %u%% ", said->done, said->total,
                    percent(said->done, said->total));
}

void dj_progress_print(struct dj_buf *buf, const struct dj_progress_facts *facts)
{
    switch (facts->status) {
    case DJ_ABSENT:
    case DJ_QUEUED:
        dj_buf_adds(buf, dj_status_name(facts->status));
        break;
    case DJ_WAITING:
    case DJ_RUNNING:
        add_said(buf, &facts->said);
        add_running(buf, facts);
        break;
    case DJ_FAILED:
    case DJ_CANCELLED:
    case DJ_LOST:
        add_said(buf, &facts->said);
        dj_buf_addf(buf, "%s after ", dj_status_name(facts->status));
        dj_people_duration(buf, facts->took_ns);
        break;
    default:
        dj_buf_adds(buf, "100% done in ");
        dj_people_duration(buf, facts->took_ns);
        break;
    }
}
