/* Writes that wait for others: seen by who looks, written once, refused together. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store_batch.h"
#include "daemon/store_late.h"
#include "tests/unit/tap.h"

/* What was written, as "+key=value" and "-key", a write a line. */
static struct dj_buf written = DJ_BUF_INIT;
static atomic_int failing;
static struct dj_late *more; /* of which another one comes during each write */
static pthread_mutex_t slow = PTHREAD_MUTEX_INITIALIZER;

static int add(struct dj_late *late, const char *key, const char *value, const char *count);

static int record(struct dj_store *store, const struct dj_store_batch *batch, struct dj_err *err)
{
    struct dj_bytes rest = dj_store_batch_steps(batch);
    struct dj_store_step step;

    (void)store;
    if (more != NULL && written.len < 100)
        (void)add(more, "m", "1", NULL);
    pthread_mutex_lock(&slow);
    pthread_mutex_unlock(&slow);
    if (atomic_load(&failing) != 0)
        return dj_err_set(err, atomic_load(&failing), "no room");
    while (dj_store_batch_next(&rest, &step)) {
        dj_buf_addc(&written, step.put ? '+' : '-');
        dj_buf_add_bytes(&written, step.key);
        if (step.put)
            dj_buf_addc(&written, '=');
        dj_buf_add_bytes(&written, step.value);
    }
    dj_buf_addc(&written, '\n');
    return 0;
}

static int add(struct dj_late *late, const char *key, const char *value, const char *count)
{
    struct dj_store_batch *batch = dj_store_batch_new(), *tail = dj_store_batch_new();
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int code;

    if (value == NULL)
        dj_store_batch_delete(batch, dj_bytes_of(key));
    else
        dj_store_batch_put(batch, dj_bytes_of(key), dj_bytes_of(value));
    if (count != NULL)
        dj_store_batch_put(tail, dj_bytes_of("n"), dj_bytes_of(count));
    code = dj_late_add(late, batch, count == NULL ? NULL : tail, &err);
    dj_store_batch_free(batch);
    dj_store_batch_free(tail);
    return code;
}

static void written_is(const char *want, const char *why)
{
    is_str(dj_buf_str(&written), want, "%s", why);
    dj_buf_clear(&written);
}

static bool has(struct dj_late *late, const char *key)
{
    return dj_late_has(late, dj_bytes_of(key));
}

static void test_groups(struct dj_late *late)
{
    is_int(dj_late_settle(late, NULL), 0, "with nothing that waits there is nothing to write");
    written_is("", "and nothing is");
    ok(add(late, "b", "1", "1") == 0 && add(late, "a", "2", "2") == 0, "two come");
    written_is("", "and wait");
    ok(has(late, "a") && has(late, "b") && has(late, "n"), "who looks for them finds that");
    ok(!has(late, "c"), "and for another one that it is not there");
    is_int(dj_late_settle(late, NULL), 0, "they are written");
    written_is("+a=2+b=1+n=2\n", "in one go, by their keys, with the last tail");
    ok(!has(late, "a") && !has(late, "n"), "and wait no more");
    ok(add(late, "a", "3", NULL) == 0 && add(late, "a", NULL, NULL) == 0 &&
           add(late, "a", "4", NULL) == 0,
       "one key three times");
    is_int(dj_late_settle(late, NULL), 0, "is written");
    written_is("+a=3-a+a=4\n", "in the order in which it came");
}

static void test_many(struct dj_late *late)
{
    size_t lines = 0;
    char key[32];
    bool all = true;

    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        all = all && add(late, key, "v", NULL) == 0;
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof(key), "key %d", i);
        all = all && has(late, key);
    }
    ok(all && !has(late, "key 5000"), "thousands wait and are found");
    is_int(dj_late_settle(late, NULL), 0, "they are written");
    for (size_t i = 0; i < written.len; i++)
        lines += written.data[i] == '\n';
    is_int((long long)lines, 1, "in one go");
    dj_buf_clear(&written);
}

static void test_large(struct dj_late *late)
{
    char *value = malloc(600 * 1024);

    memset(value, 'x', 600 * 1024 - 1);
    value[600 * 1024 - 1] = '\0';
    ok(add(late, "a", value, NULL) == 0 && written.len == 0, "a large one waits");
    ok(add(late, "b", value, NULL) == 0 && written.len > 1024 * 1024,
       "with a second one that is enough: they are written at once");
    ok(!has(late, "a"), "and wait no more");
    dj_buf_clear(&written);
    free(value);
}

static void test_failure(struct dj_late *late)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;

    is_int(add(late, "a", "1", "1"), 0, "one waits");
    atomic_store(&failing, ENOSPC);
    is_int(dj_late_settle(late, &err), -ENOSPC, "its write fails");
    is_str(dj_err_text(&err, -ENOSPC), "no room", "with the store's sentence");
    atomic_store(&failing, 0);
    ok(!has(late, "a"), "it is gone");
    is_int(add(late, "b", "2", NULL), -ENOSPC, "what comes now is refused");
    is_int(dj_late_settle(late, NULL), -ENOSPC, "and so is what needs it written");
    written_is("", "nothing is written meanwhile");
    dj_late_over(late);
    is_int(dj_late_settle(late, NULL), 0, "when all have been told it goes on");
    is_int(add(late, "c", "3", NULL), 0, "with another one");
    is_int(dj_late_settle(late, NULL), 0, "that is written");
    written_is("+c=3\n", "alone");
}

/* Whoever was told that a sync failed is told of nothing else. */
static void test_over(struct dj_late *late)
{
    is_int(add(late, "a", "1", NULL), 0, "one waits when a sync fails");
    atomic_store(&failing, EIO);
    dj_late_over(late);
    atomic_store(&failing, 0);
    ok(!has(late, "a"), "its write fails, too, while all are told");
    is_int(dj_late_settle(late, NULL), 0, "which holds up nothing that comes after");
    is_int(add(late, "b", "2", NULL), 0, "neither who comes");
    is_int(dj_late_settle(late, NULL), 0, "nor who needs it written");
    written_is("+b=2\n", "and is");
    is_int(add(late, "c", "3", NULL), 0, "one waits");
    dj_late_over(late);
    written_is("+c=3\n", "that can be written: it is, while all are told");
}

static void test_endless(struct dj_late *late)
{
    more = late;
    is_int(add(late, "a", "1", NULL), 0, "one waits, and others come as long as it is written");
    is_int(dj_late_settle(late, NULL), 0, "who needs it written");
    more = NULL;
    written_is("+a=1\n", "does not wait for those");
    is_int(dj_late_settle(late, NULL), 0, "they are written");
    written_is("+m=1\n", "by the next");
}

static void *settle(void *cookie)
{
    return (void *)(intptr_t)dj_late_settle(cookie, NULL);
}

static void test_threads(struct dj_late *late)
{
    pthread_t thread;
    void *code;

    (void)!add(late, "a", "1", NULL);
    pthread_mutex_lock(&slow);
    pthread_create(&thread, NULL, settle, late);
    /* Whether the other has it by now or not: it is there for who looks, and another can come. */
    ok(has(late, "a"), "what is being written is found");
    is_int(add(late, "b", "2", NULL), 0, "another one comes meanwhile");
    ok(has(late, "a") && has(late, "b"), "and is found, too");
    pthread_mutex_unlock(&slow);
    is_int(dj_late_settle(late, NULL), 0, "who needs both waits for the other thread");
    pthread_join(thread, &code);
    ok(strstr(dj_buf_str(&written), "+a=1") != NULL && strstr(dj_buf_str(&written), "+b=2") != NULL,
       "and both are written");
    ok(code == NULL && !has(late, "a") && !has(late, "b"), "by whichever");
    dj_buf_clear(&written);
}

int main(void)
{
    struct dj_late *late = dj_late_new(NULL, record);

    test_groups(late);
    test_many(late);
    test_large(late);
    test_failure(late);
    test_over(late);
    test_endless(late);
    test_threads(late);
    dj_late_free(late);
    dj_buf_release(&written);
    return tap_done();
}
