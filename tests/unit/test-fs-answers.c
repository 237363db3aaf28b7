#include "fs/ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/tap.h"

static struct dj_generations *generations;
static char path[] = "/tmp/test-fs-answers-XXXXXX";

static void make_generations(void)
{
    int fd = mkstemp(path);

    if (fd < 0 || ftruncate(fd, sizeof(*generations)) < 0)
        exit(1);
    generations = mmap(NULL, sizeof(*generations), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    atomic_store(&generations->all, 1000);
}

static struct dj_answer *answer(uint64_t node, size_t size, uint64_t flags)
{
    struct dj_msg_opened opened = {.flags = flags, .has_content = true, .bucket = node};
    struct dj_answer *result;

    opened.generation = dj_generation(generations, node);
    memset(dj_buf_room(&opened.content, size), 'x', size);
    opened.content.len = size;
    result = dj_answer_new(node, &opened);
    dj_codec_release(dj_message_layout(DJ_MSG_OPENED), &opened);
    return result;
}

static void keep(struct dj_answers *answers, uint64_t node, size_t size, uint64_t flags)
{
    struct dj_answer *made = answer(node, size, flags);

    dj_answers_add(answers, made);
    dj_answer_unref(made);
}

static void test_files(void)
{
    struct dj_msg_opened opened = {.size = sizeof(*generations), .path = path};
    struct dj_answer *made = dj_answer_new(1, &opened);

    ok(made != NULL && made->fd >= 0, "a path is opened");
    dj_answer_unref(made);
    opened.size--;
    ok(dj_answer_new(1, &opened) == NULL, "a file of another size is not believed");
    opened.path = (char[]){"/nonexistent"};
    ok(dj_answer_new(1, &opened) == NULL, "one that is not there neither");
    opened.path = NULL;
    ok(dj_answer_new(1, &opened) == NULL, "without content and path reads must ask");
}

/* Found, and told. */
static bool find(struct dj_aheads *aheads, struct dj_answers *answers, uint64_t folder,
                 int64_t now_ms, struct dj_part_attr *ret)
{
    struct dj_msg_next ask;

    if (!dj_aheads_find(aheads, answers, folder, now_ms, ret))
        return false;
    dj_aheads_told(aheads, answers, &ask);
    return true;
}

static bool find_run(struct dj_aheads *aheads, struct dj_answers *answers, uint64_t task,
                     struct dj_bytes name, int64_t now_ms, struct dj_part_attr *ret,
                     struct dj_msg_next *ret_ask)
{
    *ret_ask = (struct dj_msg_next){0};
    if (!dj_aheads_run(aheads, answers, task, name, now_ms, ret))
        return false;
    dj_aheads_told(aheads, answers, ret_ask);
    return true;
}

/* What came with the entry of a folder. */
static void take(struct dj_aheads *aheads, struct dj_answers *answers, uint64_t folder,
                 uint64_t node, const char *content)
{
    struct dj_msg_entry entry = {.attr = {.node = folder}};
    struct dj_part_ahead *ahead = dj_list_add(&entry.ahead, sizeof(*ahead));

    *ahead = (struct dj_part_ahead){.attr = {.node = node, .size = strlen(content),
                                             .ttl_ms = 1000},
                                    .bucket = 3, .generation = dj_generation(generations, 3)};
    dj_buf_adds(&ahead->content, content);
    dj_aheads_take(aheads, answers, &entry, 0);
    dj_codec_release(dj_message_layout(DJ_MSG_ENTRY), &entry);
}

#define FOLDER(n) (UINT64_C(2) << 60 | (n))
#define RESULT(n) (UINT64_C(4) << 60 | (n))

static void test_ahead(struct dj_answers *answers)
{
    static struct dj_aheads aheads;
    struct dj_part_attr attr = {0};

    take(&aheads, answers, FOLDER(1), RESULT(1), "one");
    ok(dj_answers_get(answers, RESULT(1)) == NULL, "what is not looked up takes no place");
    ok(!find(&aheads, answers, FOLDER(2), 0, &attr), "another folder");
    ok(find(&aheads, answers, FOLDER(1), 400, &attr), "a result that came ahead");
    ok(attr.node == RESULT(1) && attr.size == 3 && attr.ttl_ms == 600,
       "is believed for the rest of its time");
    ok(dj_answers_get(answers, RESULT(1)) != NULL, "and its content can be opened then");
    ok(!find(&aheads, answers, FOLDER(1), 400, &attr), "who looks again, asks");
    take(&aheads, answers, FOLDER(1), RESULT(1), "one");
    ok(!find(&aheads, answers, FOLDER(1), 1000, &attr), "and when the time is over");
    take(&aheads, answers, FOLDER(1), RESULT(1), "one");
    atomic_fetch_add(&generations->bucket[3], 1);
    ok(!find(&aheads, answers, FOLDER(1), 0, &attr), "nor when its bucket changed");
    ok(dj_answers_get(answers, RESULT(1)) == NULL, "nor is the content");
    take(&aheads, answers, FOLDER(1), RESULT(2), "two");
    dj_aheads_forget(&aheads, FOLDER(2));
    ok(find(&aheads, answers, FOLDER(1), 0, &attr), "told of another run");
    take(&aheads, answers, FOLDER(1), RESULT(2), "two");
    dj_aheads_forget(&aheads, FOLDER(1));
    ok(!find(&aheads, answers, FOLDER(1), 0, &attr), "told of a change");
    take(&aheads, answers, RESULT(4), RESULT(4), "four");
    ok(dj_answers_get(answers, RESULT(4)) != NULL, "what is of the node itself can be opened");
    take(&aheads, answers, FOLDER(5), FOLDER(5), "");
    ok(!find(&aheads, answers, FOLDER(5), 0, &attr), "only instances are believed");
    for (uint64_t i = 1; i <= 2000; i++)
        take(&aheads, answers, FOLDER(i), RESULT(i), "x");
    ok(find(&aheads, answers, FOLDER(2000), 0, &attr) && attr.node == RESULT(2000),
       "the latest is there, however many came");
    dj_aheads_release(&aheads);
    ok(!find(&aheads, answers, FOLDER(2000), 0, &attr), "another daemon is asked");
}

/* `n` runs of task 7 that come: 1, 2, … */
static void come(struct dj_aheads *aheads, uint64_t n)
{
    struct dj_msg_next_runs runs = {0};

    for (uint64_t i = 1; i <= n; i++) {
        struct dj_part_next_run *run = dj_list_add(&runs.runs, sizeof(*run));

        dj_buf_addf(&run->name, "%llu", (unsigned long long)i);
        run->attr = (struct dj_part_attr){.node = FOLDER(i), .ttl_ms = 1000};
        run->ahead.attr = (struct dj_part_attr){.node = RESULT(i), .size = 1, .ttl_ms = 500};
        run->ahead.bucket = 4;
        run->ahead.generation = dj_generation(generations, 4);
        dj_buf_adds(&run->ahead.content, "x");
    }
    dj_aheads_came(aheads, 7, &runs, 0);
    dj_codec_release(dj_message_layout(DJ_MSG_NEXT_RUNS), &runs);
}

static bool is_asked(struct dj_msg_next *ask, const char *after)
{
    bool asked = ask->node == 7 && dj_bytes_is(dj_buf_bytes(&ask->after), after);

    dj_codec_release(dj_message_layout(DJ_MSG_NEXT), ask);
    return asked;
}

/* Looked up and read, without what comes ahead of its turn. */
static bool read_one(struct dj_aheads *aheads, struct dj_answers *answers, struct dj_msg_next *ask)
{
    struct dj_part_attr attr;

    take(aheads, answers, FOLDER(900), RESULT(900), "y");
    find(aheads, answers, FOLDER(900), 0, &attr);
    return dj_aheads_looked(aheads, 7, DJ_BYTES_LIT("900"), ask);
}

static void test_runs(struct dj_answers *answers)
{
    static struct dj_aheads aheads;
    struct dj_part_attr attr = {0};
    struct dj_msg_next ask = {0};
    struct dj_bytes two = DJ_BYTES_LIT("2");
    int more = 0;

    ok(!read_one(&aheads, answers, &ask) && !read_one(&aheads, answers, &ask) &&
           !read_one(&aheads, answers, &ask), "who reads a few runs gets no others");
    ok(read_one(&aheads, answers, &ask) && is_asked(&ask, "900"), "then the next are asked for");
    ok(!read_one(&aheads, answers, &ask), "once at a time");
    come(&aheads, 4);
    ok(!find_run(&aheads, answers, 8, two, 0, &attr, &ask), "not in another task");
    ok(find_run(&aheads, answers, 7, two, 100, &attr, &ask) && attr.node == FOLDER(2) &&
           attr.ttl_ms == 400, "a run that came, for the rest of the time");
    ok(is_asked(&ask, "4"), "and those behind the last are asked for");
    ok(find(&aheads, answers, FOLDER(2), 100, &attr) && attr.node == RESULT(2) &&
           attr.ttl_ms == 400, "with its result");
    ok(!find_run(&aheads, answers, 7, two, 100, &attr, &ask), "who looks again, asks");
    ok(!find_run(&aheads, answers, 7, DJ_BYTES_LIT("1"), 500, &attr, &ask),
       "nor is it there when the time is over");
    come(&aheads, 4);
    ok(find_run(&aheads, answers, 7, DJ_BYTES_LIT("3"), 0, &attr, &ask) && ask.node == 0,
       "who was too slow for them gets no others yet");
    atomic_fetch_add(&generations->bucket[4], 1);
    ok(!find_run(&aheads, answers, 7, DJ_BYTES_LIT("4"), 0, &attr, &ask),
       "not when its bucket changed");
    come(&aheads, 4);
    dj_aheads_forget(&aheads, FOLDER(4));
    ok(!find_run(&aheads, answers, 7, DJ_BYTES_LIT("4"), 0, &attr, &ask),
       "nor when told of a change");
    for (int i = 0; i < 3000; i++) {
        come(&aheads, 4);
        if (read_one(&aheads, answers, &ask)) {
            more += (int)ask.max;
            dj_codec_release(dj_message_layout(DJ_MSG_NEXT), &ask);
        }
    }
    ok(more > 0 && more < 150, "who reads here and there has few runs come for nothing: %d", more);
    ok(find_run(&aheads, answers, 7, two, 0, &attr, &ask), "what came is wanted");
    for (int i = 0, asked = 0; i < 3000; i++) {
        asked += read_one(&aheads, answers, &ask);
        dj_codec_release(dj_message_layout(DJ_MSG_NEXT), &ask);
        if (asked == 3) {
            more = i;
            break;
        }
        come(&aheads, 4);
    }
    ok(more < 100, "then more is asked for soon: %d", more);
    dj_aheads_release(&aheads);
}

/* The names that are asked for when these have been looked up and read. */
static const char *counted(const char *const *names, struct dj_answers *answers,
                           struct dj_buf *said)
{
    static struct dj_aheads aheads;
    struct dj_msg_next ask = {0};

    dj_buf_clear(said);
    for (; *names != NULL; names++) {
        struct dj_part_attr attr;

        dj_aheads_named(&aheads, dj_bytes_of(*names));
        take(&aheads, answers, FOLDER(900), RESULT(900), "y");
        find(&aheads, answers, FOLDER(900), 0, &attr);
        if (!dj_aheads_looked(&aheads, 7, dj_bytes_of(*names), &ask))
            continue;
        for (size_t i = 0; i < ask.names.n; i++)
            dj_buf_addf(said, "%s ", dj_buf_str(&DJ_LIST_AT(&ask.names, struct dj_part_word,
                                                            i)->bytes));
        dj_buf_addf(said, "behind %s", dj_buf_str(&ask.after));
        dj_codec_release(dj_message_layout(DJ_MSG_NEXT), &ask);
    }
    dj_aheads_release(&aheads);
    aheads = (struct dj_aheads){0};
    return dj_buf_str(said);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_counted(struct dj_answers *answers)
{
    dj_cleanup_buf struct dj_buf said = DJ_BUF_INIT;

    is_str(counted(NAMES("7", "8", "9", "10"), answers, &said), "11 12 13 14 behind 10",
           "names that count go on");
    is_str(counted(NAMES("4", "2", "0", "-2"), answers, &said), "-4 -6 -8 -10 behind -2",
           "also down, by twos");
    is_str(counted(NAMES("1", "10", "100", "1000"), answers, &said), "behind 1000",
           "the order of a listing is none");
    is_str(counted(NAMES("1", "1", "1", "1"), answers, &said), "behind 1", "nor is staying");
    is_str(counted(NAMES("1", "2", "x", "3"), answers, &said), "behind 3",
           "nor with a word between");
    is_str(counted(NAMES("07", "08", "09", "010"), answers, &said), "behind 010",
           "what no number is written like is a word");
    is_str(counted(NAMES("-0", "1", "2", "-"), answers, &said), "behind -", "a sign as well");
    is_str(counted(NAMES("9999999999999996", "9999999999999997", "9999999999999998",
                         "9999999999999999"), answers, &said),
           "behind 9999999999999999", "and so is a long one");
}

int main(void)
{
    struct dj_answers answers;
    struct dj_answer *held;
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    make_generations();
    dj_answers_init(&answers);
    keep(&answers, 1, 10, DJ_OPENED_CACHED);
    ok(dj_answers_get(&answers, 1) == NULL, "without generations nothing is repeated");
    is_int(dj_answers_map(&answers, "/nonexistent", &err), -ENOENT, "a file that is not there");
    is_int(dj_answers_map(&answers, path, &err), 0, "the generations are mapped");

    keep(&answers, 1, 10, DJ_OPENED_CACHED);
    keep(&answers, 2, 10, 0);
    ok(dj_answers_get(&answers, 1) != NULL, "a cached answer is found");
    ok(dj_answers_get(&answers, 2) == NULL, "one that djd did not say may be repeated is not");
    atomic_fetch_add(&generations->bucket[5], 1);
    ok(dj_answers_get(&answers, 1) != NULL, "another bucket changed");
    held = dj_answer_ref(dj_answers_get(&answers, 1));
    atomic_fetch_add(&generations->bucket[1], 1);
    ok(dj_answers_get(&answers, 1) == NULL, "its bucket changed");
    ok(held->content.len == 10 && held->content.data[9] == 'x', "who reads from it still can");
    dj_answer_unref(held);
    keep(&answers, 1, 10, DJ_OPENED_CACHED);
    atomic_fetch_add(&generations->all, 1);
    ok(dj_answers_get(&answers, 1) == NULL, "everything changed");

    test_ahead(&answers);
    test_runs(&answers);
    test_counted(&answers);
    answers.max_count = 3;
    for (uint64_t node = 10; node < 13; node++)
        keep(&answers, node, 1, DJ_OPENED_CACHED);
    dj_answers_get(&answers, 10);
    keep(&answers, 13, 1, DJ_OPENED_CACHED);
    ok(dj_answers_get(&answers, 11) == NULL, "the one that was not used for longest falls out");
    ok(dj_answers_get(&answers, 10) != NULL, "one that was used stays");
    answers.max_bytes = 100;
    keep(&answers, 14, 26, DJ_OPENED_CACHED);
    ok(dj_answers_get(&answers, 14) == NULL, "one that takes over a quarter is not kept");
    for (uint64_t node = 20; node < 30; node++)
        keep(&answers, node, 25, DJ_OPENED_CACHED);
    ok(answers.bytes <= 100, "bounded by bytes");
    keep(&answers, 29, 5, DJ_OPENED_CACHED);
    ok(dj_answers_get(&answers, 29)->content.len == 5, "a newer answer replaces the older");
    test_files();
    dj_answers_release(&answers);
    ok(answers.count == 0 && answers.bytes == 0 && answers.files == 0, "nothing is left");
    munmap(generations, sizeof(*generations));
    unlink(path);
    return tap_done();
}
