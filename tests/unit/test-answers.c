/* Answers in memory: found by their words, replaced, and let go when there are too many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/answers.h"
#include "lib/util/buf.h"
#include "tests/unit/tap.h"

enum { MAX_BYTES = 1 << 20 };

static void set_words(struct dj_list *words, const char *first, const char *second)
{
    dj_buf_set(&((struct dj_part_word *)dj_list_add(words, sizeof(struct dj_part_word)))->bytes,
               dj_bytes_of(first));
    if (second != NULL)
        dj_buf_set(&((struct dj_part_word *)dj_list_add(words, sizeof(struct dj_part_word)))->bytes,
                   dj_bytes_of(second));
}

static void release(struct dj_list *words)
{
    for (size_t i = 0; i < words->n; i++)
        dj_buf_release(&DJ_LIST_AT(words, struct dj_part_word, i)->bytes);
    free(words->items);
    *words = (struct dj_list){0};
}

static void keep(struct dj_answers *answers, uint32_t task, const char *first, const char *second,
                 uint64_t generation, const char *content)
{
    struct dj_answer answer = {{1, generation, 0}, DJ_BYTES_LIT("tasks/t/1"), dj_bytes_of(content)};
    struct dj_list words = {0};

    set_words(&words, first, second);
    dj_answers_keep(answers, task, false, &words, &answer);
    release(&words);
}

/* The generation of what is found, with that content; 0: nothing. */
static int found(struct dj_answers *answers, uint32_t task, const char *first, const char *second,
                 const char *content)
{
    struct dj_list words = {0};
    struct dj_answer answer;
    bool is = false;

    set_words(&words, first, second);
    is = dj_answers_find(answers, task, false, &words, &answer) &&
         dj_bytes_is(answer.run, "tasks/t/1") && dj_bytes_is(answer.content, content);
    if (second == NULL)
        is = is && !dj_answers_find(answers, task, true, &words, &answer);
    release(&words);
    return is ? (int)answer.basis.generation : 0;
}

static void test_words(void)
{
    struct dj_answers *answers = dj_answers_new(MAX_BYTES);

    is_int(found(answers, 1, "a", "b", "x"), 0, "nothing is there");
    keep(answers, 1, "a", "b", 5, "x");
    is_int(found(answers, 1, "a", "b", "x"), 5, "by the words");
    is_int(found(answers, 2, "a", "b", "x"), 0, "of that task alone");
    is_int(found(answers, 1, "ab", NULL, "x"), 0, "words are not run together");
    is_int(found(answers, 1, "a", NULL, "x"), 0, "fewer words");
    is_int(found(answers, 1, "b", "a", "x"), 0, "in another order");
    keep(answers, 1, "a", "b", 6, "");
    is_int(found(answers, 1, "a", "b", ""), 6, "a later one is in its place, an empty one, too");
    keep(answers, 1, "", NULL, 7, "y");
    is_int(found(answers, 1, "", NULL, "y"), 7, "an empty word, which is no name");
    dj_answers_free(answers);
    dj_answers_free(NULL);
}

static void test_many(void)
{
    struct dj_answers *answers = dj_answers_new(MAX_BYTES);
    char word[32], large[MAX_BYTES / 512] = "";
    int there = 0;

    for (int i = 1; i <= 100000; i++) {
        snprintf(word, sizeof(word), "%d", i);
        keep(answers, 1, word, NULL, (uint64_t)i, word);
        if (found(answers, 1, "1", NULL, "1") == 1)
            there++;
    }
    is_int(there, 100000, "what is asked for again and again stays");
    is_int(found(answers, 1, "100000", NULL, "100000"), 100000, "the last one is there");
    is_int(found(answers, 1, "2", NULL, "2"), 0, "the first ones are gone");
    there = 0;
    for (int i = 1; i <= 100000; i++) {
        snprintf(word, sizeof(word), "%d", i);
        there += found(answers, 1, word, NULL, word) == i;
    }
    is_int(there > 2000 && there < 10000, 1, "as many as the bytes are for");
    keep(answers, 1, "large", NULL, 3, "small");
    memset(large, 'x', sizeof(large) - 1);
    keep(answers, 1, "large", NULL, 4, large);
    is_int(found(answers, 1, "large", NULL, "small"), 0, "a large one takes the place of one");
    is_int(found(answers, 1, "large", NULL, large), 0, "and is not kept");
    dj_answers_free(answers);
}

int main(void)
{
    test_words();
    test_many();
    return tap_done();
}
