/* Amounts, lists of resources, and what may be said of a session. */
#include <errno.h>

#include "lib/model/resource.h"
#include "lib/model/session.h"
#include "tests/unit/tap.h"

static void amount(const char *text, const char *want)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;
    uint64_t value, again;
    int rc = dj_amount_parse(dj_bytes_of(text), &value, &err);

    if (want == NULL) {
        is_int(rc, -EINVAL, "%s is refused", text);
        return;
    }
    if (!ok(rc == 0, "%s is an amount", text))
        return;
    dj_amount_print(&buf, value);
    is_str(dj_buf_str(&buf), want, "and prints as %s", want);
    ok(dj_amount_parse(dj_buf_bytes(&buf), &again, NULL) == 0 && again == value,
       "which reads as the same");
}

static void amounts(void)
{
    amount("1", "1");
    amount("1.5", "1.5");
    amount("0.000001", "0.000001");
    amount("00001.500", "1.5");
    amount("0", "0");
    amount("0.10", "0.1");
    amount(".5", "0.5");
    amount("1000000000000", "1000000000000");
    amount("1000000000000.1", NULL);
    amount("1000000000001", NULL);
    amount("18446744073709551616", NULL);
    amount("99999999999999999999999999", NULL);
    amount("0.0000001", NULL);
    amount("1.", NULL);
    amount("", NULL);
    amount(".", NULL);
    amount("-1", NULL);
    amount("+1", NULL);
    amount("1e3", NULL);
    amount("1,5", NULL);
    amount("1 ", NULL);
    amount("nan", NULL);
}

static void list(const char *text, const char *want, const char *sentence)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;
    struct dj_list parsed;
    int rc = dj_resources_parse(dj_bytes_of(text), &parsed, &err);

    dj_resources_print(&buf, &parsed);
    if (want == NULL) {
        is_int(rc, -EINVAL, "\"%s\" is refused", text);
        is_str(dj_err_text(&err, rc), sentence, "with its sentence");
        is_int((long)parsed.n, 0, "and leaves nothing");
    } else {
        is_int(rc, 0, "\"%s\" is a list", text);
        is_str(dj_buf_str(&buf), want, "which is this");
    }
    dj_resources_release(&parsed);
}

static void lists(void)
{
    list("ram=1.5", "ram=1.5", NULL);
    list("ram:1.5, gpu=1", "ram=1.5, gpu=1", NULL);
    list("ram=1 gpu=2  tpu_v3-x.1=3", "ram=1, gpu=2, tpu_v3-x.1=3", NULL);
    list("", NULL, "no resource is named; write NAME=N, such as ram=1.5");
    list("ram", NULL, "\"ram\" has no amount; write NAME=N, such as ram=1.5");
    list("ram=0", NULL, "\"ram=0\" asks for nothing");
    list("ram=1, ram=2", NULL, "ram is named twice");
    list("workers=2", NULL, "workers are no resource: a session has max_workers");
    list("ram=-1", NULL, "\"-1\" is not an amount: a number such as 2 or 1.5, of at most six places"
                         " and at most 1000000000000");
    list("=1", NULL, "\"\" is not the name of a resource: letters, digits and _.-, at most 64, a"
                     " letter first");
    list("a/b=1", NULL, "\"a/b\" is not the name of a resource: letters, digits and _.-, at most"
                        " 64, a letter first");
    list("1a=1", NULL, "\"1a\" is not the name of a resource: letters, digits and _.-, at most 64,"
                       " a letter first");
}

static void arithmetic(void)
{
    struct dj_list has = {0}, copy;

    dj_resources_add(&has, "ram", DJ_AMOUNT_ONE / 10);
    dj_resources_add(&has, "ram", DJ_AMOUNT_ONE / 5);
    ok(dj_resources_amount(&has, "ram") == 3 * DJ_AMOUNT_ONE / 10, "0.1 and 0.2 are 0.3");
    ok(dj_resources_amount(&has, "gpu") == 0, "what is not there is nothing");
    dj_resources_add(&has, "gpu", DJ_AMOUNT_ONE);
    dj_resources_copy(&copy, &has);
    is_int(dj_resources_subtract(&has, "ram", DJ_AMOUNT_ONE), -ERANGE, "more than there is");
    ok(dj_resources_amount(&has, "ram") == 3 * DJ_AMOUNT_ONE / 10, "changes nothing");
    is_int(dj_resources_subtract(&has, "ram", 3 * DJ_AMOUNT_ONE / 10), 0, "all of it");
    is_int((long)has.n, 1, "leaves the others");
    ok(dj_resources_amount(&has, "gpu") == DJ_AMOUNT_ONE, "as they were");
    is_int((long)copy.n, 2, "a copy is one");
    dj_resources_release(&has);
    dj_resources_release(&copy);
}

static void session(const char *text, const char *want, const char *sentence)
{
    dj_cleanup_session_spec struct dj_session_spec spec = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    dj_cleanup_buf struct dj_buf buf = DJ_BUF_INIT;
    int rc = dj_session_parse(dj_bytes_of(text), &spec, &err);

    if (want == NULL) {
        is_int(rc, -EINVAL, "\"%s\" is refused", text);
        is_str(dj_err_text(&err, rc), sentence, "with its sentence");
        return;
    }
    dj_session_print(&buf, &spec);
    is_int(rc, 0, "\"%s\" is a session", text);
    is_str(dj_buf_str(&buf), want, "namely this");
}

static void sessions(void)
{
    session("default", "default", NULL);
    session("cluster-1", "cluster-1", NULL);
    session("new", "new", NULL);
    session("new,workers=10,ram=128", "new, workers=10, ram=128", NULL);
    session("new ram:1.5 workers:2 gpu=1", "new, workers=2, ram=1.5, gpu=1", NULL);
    session("", NULL, "no session is named");
    session("a/b", NULL, "\"a/b\" is not the name of a session: letters, digits and _.-, at most"
                         " 64");
    session("cluster,ram=1", NULL, "cluster is a session that there is: only a new one is given"
                                   " workers and resources here");
    session("new,workers=0", NULL, "the number of workers is one from 1 to 65536");
    session("new,workers=1,workers=1", NULL, "workers is named twice");
    session("new,ram=1,ram=1", NULL, "ram is named twice");
    session("new,ram", NULL, "\"ram\" has no amount; write NAME=N, such as ram=1.5");
    is_int(dj_session_name_ok(DJ_BYTES_LIT("a100"), NULL), 0, "a name for dj.conf");
    is_int(dj_session_name_ok(DJ_BYTES_LIT("new"), NULL), -EINVAL, "one that has a meaning");
    is_int(dj_session_name_ok(DJ_BYTES_LIT("self"), NULL), -EINVAL, "another one");
    is_int(dj_session_name_ok(DJ_BYTES_LIT("new-7"), NULL), -EINVAL, "one that djfs gives");
}

int main(void)
{
    amounts();
    lists();
    arithmetic();
    sessions();
    return tap_done();
}
