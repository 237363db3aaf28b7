/*
 * A request of dj.h from the inside. It stands in one list of its connection: it is idle, waiting,
 * over and not given out yet, and then idle again. When its connection goes, dj is NULL.
 */
#ifndef DJ_CLIENT_REQUEST_H
#define DJ_CLIENT_REQUEST_H

#include "lib/client/client.h"

enum dj_request_state { DJ_REQUEST_NEW, DJ_REQUEST_WAITING, DJ_REQUEST_OVER };

/* Bytes in memory, or a file that is mapped when it is asked for. */
struct dj_content {
    struct dj_buf bytes;
    char *path;       /* NULL: in memory */
    uint64_t offset;  /* where they begin in the file */
    void *map;
    size_t map_len;
};

struct dj_request {
    struct dj *dj;
    struct dj_requests *list; /* of dj, where it stands */
    TAILQ_ENTRY(dj_request) link;
    enum dj_request_state state;
    enum dj_message number;
    void *fields;         /* of the message, owned */
    struct dj_list *env;  /* of pairs in it, or NULL */
    uint64_t id;
    uint64_t timeout_ms;
    uint64_t deadline_ns; /* 0: none */
    int tries;            /* at giving what the daemon wants of the environment */
    bool performed;       /* somebody blocks for it: it is idle when it is over */
    bool cancelled;
    bool timed_out;
    void *cookie;
    dj_done_fn *done;
    void *done_cookie;
    /* what came of it */
    int code;
    char *error, *note;
    struct dj_content content, log;
    uint64_t instance;
    int exit;
    bool computed;
    char *run, *status;
    uint64_t progress_done, progress_total, took_ns, usual_ns;
};

/* dj_request_new(dj, number, size): an empty one; size is that of the message. */
struct dj_request *dj_request_new(struct dj *dj, enum dj_message number, size_t size);

/* dj_request_move(request, list): to another list of its connection. */
void dj_request_move(struct dj_request *request, struct dj_requests *list);

/* dj_request_answer(cookie, message): the answer to it, from the connection. */
void dj_request_answer(void *cookie, const struct dj_message_in *message);

/* dj_request_name(request, task): whose run it is: a task, or the path of a run. */
int dj_request_name(struct dj_request *request, const char *task);

/* dj_content_tell(content, ret, ret_len): a file is mapped; -errno. */
int dj_content_tell(struct dj_content *content, const void **ret, size_t *ret_len) DJ_MUST_CHECK;
void dj_content_release(struct dj_content *content);

/* dj_check_words(dj, n, words, lens, ret_bytes): of a call; -EINVAL, -E2BIG. (batch.c) */
int dj_check_words(struct dj *dj, int n, const char *const *words, const size_t *lens,
                   size_t *ret_bytes) DJ_MUST_CHECK;
void dj_add_words(struct dj_list *list, int n, const char *const *words, const size_t *lens);

#endif
