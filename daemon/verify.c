#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/checksum.h"
#include "daemon/engine_impl.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"

/*
 * Content compared with its digest before the first of its bytes are given after a start; a file
 * with its checksum (checksum.h), and only with its digest when that differs or is not known.
 *
 * What a run has just left was hashed when it was taken in, and counts as read. What is small is
 * looked at on the loop, the rest on a pool thread. Which content was found good is forgotten when
 * there is too much of it, and looked at once more.
 */

enum { VERIFIED_MAX = 200000, VERIFY_HERE = 64 * 1024 };

struct verified {
    struct dj_digest digest;
    UT_hash_handle hh;
};

/* One content of a job. */
struct checked {
    struct dj_digest digest;
    uint64_t size;
    int code;     /* it cannot be read */
    bool differs;
};

struct verifying {
    struct dj_engine *engine;
    struct dj_store *store;
    uint64_t instance;
    struct dj_list checks; /* struct checked */
    dj_verified_fn *done;
    void *cookie;
};

/* ---- what was found good ---- */

void verified_forget_all(struct dj_engine *engine)
{
    struct verified *each, *next;

    HASH_ITER(hh, engine->verified, each, next)
    {
        HASH_DEL(engine->verified, each);
        free(each);
    }
}

void verified_forget(struct dj_engine *engine, const struct dj_digest *digest)
{
    struct verified *found;

    HASH_FIND(hh, engine->verified, digest, sizeof(*digest), found);
    if (found == NULL)
        return;
    HASH_DEL(engine->verified, found);
    free(found);
}

bool verified_has(struct dj_engine *engine, const struct dj_digest *digest)
{
    struct verified *found;

    HASH_FIND(hh, engine->verified, digest, sizeof(*digest), found);
    return found != NULL;
}

void verified_add(struct dj_engine *engine, const struct dj_digest *digest)
{
    struct verified *verified;

    if (verified_has(engine, digest))
        return;
    if (HASH_COUNT(engine->verified) >= VERIFIED_MAX)
        verified_forget_all(engine);
    verified = dj_xcalloc(1, sizeof(*verified));
    verified->digest = *digest;
    HASH_ADD(hh, engine->verified, digest, sizeof(verified->digest), verified);
}

/* ---- looking ---- */

static bool is_it(struct dj_bytes bytes, const struct dj_digest *digest)
{
    struct dj_digest is;

    dj_digest_bytes(bytes, &is);
    return dj_digest_equal(&is, digest);
}

/* Whether the file has the checksum that the instance's reference has; false says nothing. */
static bool sum_agrees(struct dj_store *store, const struct checked *checked, uint64_t instance,
                       int fd)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_checksum is;

    dj_key_reference(&key, &checked->digest, instance);
    return dj_store_get(store, dj_buf_bytes(&key), &value) == 0 && value.len == sizeof(is.b) &&
           dj_checksum_fd(fd, &is) == 0 && memcmp(is.b, value.data, sizeof(is.b)) == 0;
}

static void look_at_file(struct dj_store *store, uint64_t instance, struct checked *checked)
{
    dj_cleanup_close int fd = dj_content_open(store, &checked->digest);
    struct dj_digest is;

    if (fd < 0) {
        checked->code = fd;
        return;
    }
    if (sum_agrees(store, checked, instance, fd))
        return;
    checked->code = lseek(fd, 0, SEEK_SET) < 0 ? -errno : dj_digest_fd(fd, &is, NULL);
    checked->differs = checked->code == 0 && !dj_digest_equal(&is, &checked->digest);
}

/* On any thread. */
static void look(struct dj_store *store, uint64_t instance, struct checked *checked)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;

    if (checked->size > DJ_CONTENT_INLINE_MAX) {
        look_at_file(store, instance, checked);
        return;
    }
    dj_key_content(&key, &checked->digest);
    checked->code = dj_store_get(store, dj_buf_bytes(&key), &value);
    checked->differs = checked->code == 0 && !is_it(dj_buf_bytes(&value), &checked->digest);
}

/* Descriptors that are used up, or memory, say nothing about the content. */
static bool is_bad(const struct checked *checked)
{
    return checked->differs ||
           (checked->code < 0 && checked->code != -EMFILE && checked->code != -ENFILE &&
            checked->code != -ENOMEM && checked->code != -EINTR);
}

/* 0 good, -EUCLEAN: it was bad and is set aside, other errors: that cannot be told. */
static int judge(struct dj_engine *engine, const struct checked *checked, struct dj_err *err)
{
    /* Meanwhile a run may have left the same, good. */
    if (verified_has(engine, &checked->digest))
        return 0;
    if (is_bad(checked)) {
        content_corrupt(engine, &checked->digest, checked->size, checked->code);
        return dj_err_set(err, EUCLEAN,
                          "what was stored is damaged, and has been set aside; asking again "
                          "computes it anew");
    }
    if (checked->code < 0)
        return dj_err_sys(err, -checked->code, "stored content cannot be read");
    verified_add(engine, &checked->digest);
    return 0;
}

bool content_good(struct dj_engine *engine, const struct dj_rec_content *content,
                  struct dj_bytes bytes)
{
    struct checked checked = {.digest = content->digest, .size = content->size};

    if (verified_has(engine, &content->digest))
        return true;
    checked.differs = bytes.len != content->size || !is_it(bytes, &content->digest);
    return judge(engine, &checked, NULL) == 0;
}

int content_unread(struct dj_engine *engine, const struct dj_rec_content *content, int code)
{
    struct checked checked = {.digest = content->digest, .size = content->size, .code = code,
                              .differs = code == 0};

    verified_forget(engine, &content->digest);
    return judge(engine, &checked, NULL);
}

bool dj_content_at_hand(struct dj_engine *engine, const struct dj_rec_content *content, size_t max,
                        struct dj_buf *ret)
{
    dj_cleanup_buf struct dj_buf key = DJ_BUF_INIT, value = DJ_BUF_INIT;
    struct dj_bytes bytes = dj_buf_bytes(&content->bytes);

    if (content->size > DJ_MIN(max, (size_t)VERIFY_HERE))
        return false;
    if (content->size == 0)
        return true;
    if (!content->here) {
        dj_key_content(&key, &content->digest);
        if (dj_store_get(engine->store, dj_buf_bytes(&key), &value) < 0)
            return false;
        bytes = dj_buf_bytes(&value);
    }
    if (bytes.len != content->size ||
        ((content->here || !verified_has(engine, &content->digest)) &&
         !is_it(bytes, &content->digest)))
        return false;
    if (!content->here)
        verified_add(engine, &content->digest);
    dj_buf_add_bytes(ret, bytes);
    return true;
}

/* ---- a job ---- */

static void work(void *cookie)
{
    struct verifying *verifying = cookie;

    for (size_t i = 0; i < verifying->checks.n; i++)
        look(verifying->store, verifying->instance,
             DJ_LIST_AT(&verifying->checks, struct checked, i));
}

static void worked(void *cookie)
{
    struct verifying *verifying = cookie;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code = 0;

    for (size_t i = 0; i < verifying->checks.n; i++) {
        int one = judge(verifying->engine, DJ_LIST_AT(&verifying->checks, struct checked, i),
                        &err);

        code = one < 0 ? one : code;
    }
    verifying->done(verifying->cookie, code, code == 0 ? NULL : dj_err_text(&err, code));
    dj_instance_release(verifying->engine, verifying->instance);
    free(verifying->checks.items);
    free(verifying);
}

static int begin(struct dj_engine *engine, uint64_t instance, struct dj_list *checks,
                 dj_verified_fn *done, void *cookie)
{
    struct verifying *verifying;

    if (checks->n == 0)
        return 0;
    verifying = dj_xcalloc(1, sizeof(*verifying));
    *verifying = (struct verifying){engine, engine->store, instance, *checks, done, cookie};
    dj_instance_hold(engine, instance);
    dj_loop_job(engine->loop, work, worked, verifying);
    return 1;
}

/* What is in the record itself, or small; 1: a job has to look. */
static int look_here(struct dj_engine *engine, uint64_t instance,
                     const struct dj_rec_content *content, struct dj_err *err)
{
    struct checked checked = {.digest = content->digest, .size = content->size};

    if (content->size == 0)
        return 0;
    if (content->here) {
        if (is_it(dj_buf_bytes(&content->bytes), &content->digest))
            return 0;
        instance_corrupt(engine, instance, "a part of its record does not match its digest");
        return dj_err_set(err, EUCLEAN,
                          "what was stored is damaged; asking again computes it anew");
    }
    if (verified_has(engine, &content->digest))
        return 0;
    if (content->size > VERIFY_HERE)
        return 1;
    look(engine->store, instance, &checked);
    return judge(engine, &checked, err);
}

int dj_verify(struct dj_engine *engine, uint64_t instance,
              const struct dj_rec_content *const *contents, size_t n, dj_verified_fn *done,
              void *cookie, struct dj_err *err)
{
    struct dj_list checks = {0};
    int bad = 0;

    for (size_t i = 0; i < n; i++) {
        int code = look_here(engine, instance, contents[i], err);

        if (code == 1)
            *(struct checked *)dj_list_add(&checks, sizeof(struct checked)) =
                (struct checked){.digest = contents[i]->digest, .size = contents[i]->size};
        bad = code < 0 ? code : bad;
    }
    if (bad == 0)
        return begin(engine, instance, &checks, done, cookie);
    free(checks.items);
    return bad;
}
