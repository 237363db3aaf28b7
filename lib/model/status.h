/*
 * The states that users see, with their names as `status` shows them.
 */
#ifndef DJ_MODEL_STATUS_H
#define DJ_MODEL_STATUS_H

enum dj_status {
    DJ_ABSENT,
    DJ_QUEUED,
    DJ_WAITING, /* for a run that it called */
    DJ_RUNNING,
    DJ_DONE,
    DJ_FAILED,
    DJ_CANCELLED,
    DJ_LOST,
    DJ_STALE,   /* done, but a premise does not hold any more */
    DJ_EVICTED,
    DJ_STATUS_COUNT
};

const char *dj_status_name(enum dj_status status);

#endif
