#include "fs/answers.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uthash.h>

#include "fs/mapping.h"
#include "lib/util/mem.h"

/* The table's own side of an answer; uthash keeps these in the order of use, oldest first. */
struct dj_answer_place {
    uint64_t node;
    struct dj_answer *answer;
    UT_hash_handle hh;
};

static int open_content(const char *path, uint64_t size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size) {
        close(fd);
        return -1;
    }
    return fd;
}

struct dj_answer *dj_answer_new(uint64_t node, struct dj_msg_opened *opened)
{
    struct dj_answer *answer;
    int fd = -1;

    if (!opened->has_content) {
        if (opened->path == NULL || *opened->path == '\0')
            return NULL;
        fd = open_content(opened->path, opened->size);
        if (fd < 0)
            return NULL;
    }
    answer = dj_xcalloc(1, sizeof(*answer));
    answer->node = node;
    answer->flags = opened->flags;
    answer->generation = opened->generation;
    answer->bucket = opened->bucket;
    answer->fd = fd;
    answer->refs = 1;
    answer->size = opened->size;
    if (fd < 0) {
        answer->content = opened->content;
        answer->size = opened->content.len;
        dj_buf_init(&opened->content);
    }
    return answer;
}

struct dj_answer *dj_answer_ref(struct dj_answer *answer)
{
    answer->refs++;
    return answer;
}

void dj_answer_unref(struct dj_answer *answer)
{
    if (answer == NULL || --answer->refs > 0)
        return;
    if (answer->fd >= 0)
        close(answer->fd);
    dj_buf_release(&answer->content);
    free(answer);
}

void dj_answers_init(struct dj_answers *answers)
{
    *answers = (struct dj_answers){
        .max_count = 65536,
        .max_bytes = 64U << 20,
        .max_files = 256,
    };
}

static void drop(struct dj_answers *answers, struct dj_answer_place *place)
{
    struct dj_answer *answer = place->answer;

    HASH_DEL(answers->table, place);
    answers->count--;
    answers->bytes -= answer->content.len;
    answers->files -= answer->fd >= 0;
    dj_answer_unref(answer);
    free(place);
}

static void drop_all(struct dj_answers *answers)
{
    while (answers->table != NULL)
        drop(answers, answers->table);
}

int dj_answers_map(struct dj_answers *answers, const char *path, struct dj_err *err)
{
    const void *map = NULL;

    if (!answers->lasting)
        drop_all(answers);
    dj_mapping_close(answers->generations, sizeof(struct dj_generations));
    answers->generations = NULL;
    if (path != NULL && *path != '\0') {
        int code = dj_mapping_open(path, sizeof(struct dj_generations), &map, err);

        if (code < 0)
            return code;
    }
    answers->generations = map;
    return 0;
}

void dj_answers_release(struct dj_answers *answers)
{
    drop_all(answers);
    dj_mapping_close(answers->generations, sizeof(struct dj_generations));
    answers->generations = NULL;
}

static struct dj_answer_place *find(struct dj_answers *answers, uint64_t node)
{
    struct dj_answer_place *place;

    HASH_FIND(hh, answers->table, &node, sizeof(node), place);
    return place;
}

static void touch(struct dj_answers *answers, struct dj_answer_place *place)
{
    if (place->hh.next == NULL)
        return; /* the youngest already */
    HASH_DEL(answers->table, place);
    HASH_ADD(hh, answers->table, node, sizeof(place->node), place);
}

void dj_answers_add(struct dj_answers *answers, struct dj_answer *answer)
{
    struct dj_answer_place *place = find(answers, answer->node);

    if (place != NULL)
        drop(answers, place);
    if (answer->content.len > answers->max_bytes / 4)
        return;
    if (!answers->lasting &&
        (!(answer->flags & DJ_OPENED_CACHED) || answers->generations == NULL))
        return;
    place = dj_xcalloc(1, sizeof(*place));
    place->node = answer->node;
    place->answer = dj_answer_ref(answer);
    HASH_ADD(hh, answers->table, node, sizeof(place->node), place);
    answers->count++;
    answers->bytes += answer->content.len;
    answers->files += answer->fd >= 0;
    while (answers->count > answers->max_count || answers->bytes > answers->max_bytes ||
           answers->files > answers->max_files)
        drop(answers, answers->table);
}

bool dj_answers_hold(const struct dj_answers *answers, const struct dj_answer *answer)
{
    return answers->lasting ||
           (answers->generations != NULL && (answer->flags & DJ_OPENED_CACHED) &&
            dj_generation(answers->generations, answer->bucket) == answer->generation);
}

void dj_answers_forget(struct dj_answers *answers, uint64_t node)
{
    struct dj_answer_place *place = find(answers, node);

    if (place != NULL)
        drop(answers, place);
}

struct dj_answer *dj_answers_get(struct dj_answers *answers, uint64_t node)
{
    struct dj_answer_place *place = find(answers, node);

    if (place == NULL)
        return NULL;
    if (!dj_answers_hold(answers, place->answer)) {
        drop(answers, place);
        return NULL;
    }
    touch(answers, place);
    return place->answer;
}
