/* dj get, run, path: calls by task and arguments. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

enum { CHUNK = 256 * 1024 };

static int copy_file(const char *path, struct dj_err *err)
{
    dj_cleanup_close int fd = dj_open(AT_FDCWD, path, O_RDONLY, 0);
    dj_cleanup_free uint8_t *chunk = dj_xmalloc(CHUNK);
    ssize_t n;
    int rc;

    if (fd < 0)
        return dj_err_sys(err, -fd, "%s", path);
    while ((n = dj_read_full(fd, chunk, CHUNK)) > 0) {
        rc = dj_write_out(dj_bytes(chunk, (size_t)n));
        if (rc < 0)
            return dj_err_sys(err, -rc, "cannot write");
    }
    return n < 0 ? dj_err_sys(err, (int)-n, "%s", path) : 0;
}

static int print_result(const struct dj_msg_result *result, struct dj_err *err)
{
    int rc;

    if (result->note != NULL)
        fprintf(stderr, "dj: %s\n", result->note);
    if (!result->has_content)
        return copy_file(result->path, err);
    rc = dj_write_out(dj_buf_bytes(&result->content));
    return rc < 0 ? dj_err_sys(err, -rc, "cannot write") : 0;
}

static void fill(struct dj_msg_get *get, int argc, char **argv)
{
    dj_cleanup_free char *cwd = getcwd(NULL, 0);

    get->task = dj_xstrdup(argv[0]);
    get->cwd = dj_xstrdup(cwd == NULL ? "" : cwd);
    for (int i = 1; i < argc; i++) {
        struct dj_part_word *word = dj_list_add(&get->words, sizeof(*word));

        dj_buf_adds(&word->bytes, argv[i]);
    }
}

static int ask(struct dj_cli *cli, struct dj_msg_get *get, enum dj_message want)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_message_in answer;
    int rc = dj_connect(cli, true, &err);

    if (rc == 0) {
        dj_interruptible(cli, get->timeout_ms);
        rc = dj_connection_call(cli->connection, DJ_MSG_GET, get, want, &answer, &err);
    }
    dj_codec_release(dj_message_layout(DJ_MSG_GET), get);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (want == DJ_MSG_RESULT)
        rc = print_result(answer.fields, &err);
    dj_message_release(&answer);
    return rc < 0 ? dj_fail(rc, &err) : DJ_EX_OK;
}

int dj_cmd_get(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"force", no_argument, NULL, 'f'},    {"incognito", no_argument, NULL, 'i'},
        {"cached", no_argument, NULL, 'c'},   {"timeout", required_argument, NULL, 't'},
        {NULL, 0, NULL, 0},
    };
    struct dj_msg_get get = {0};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int option;

    while ((option = getopt_long(argc, argv, "+:", longs, NULL)) != -1) {
        switch (option) {
        case 'f':
            get.flags |= DJ_GET_FORCE;
            break;
        case 'i':
            get.flags |= DJ_GET_INCOGNITO;
            break;
        case 'c':
            get.flags |= DJ_GET_CACHED;
            break;
        case 't':
            if (dj_parse_duration(dj_bytes_of(optarg), &get.timeout_ms, &err) < 0)
                return dj_fail(-EINVAL, &err);
            break;
        default:
            return dj_bad_option(argv, option);
        }
    }
    if (optind == argc)
        return dj_usage("get");
    fill(&get, argc - optind, argv + optind);
    return ask(cli, &get, DJ_MSG_RESULT);
}

int dj_cmd_run(struct dj_cli *cli, int argc, char **argv)
{
    struct dj_msg_get get = {.flags = DJ_GET_START};

    if (argc < 2)
        return dj_usage("run");
    fill(&get, argc - 1, argv + 1);
    return ask(cli, &get, DJ_MSG_OK);
}

int dj_cmd_path(struct dj_cli *cli, int argc, char **argv)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_msg_path path = {0};
    struct dj_msg_get get = {0};
    struct dj_message_in answer;
    int rc;

    if (argc < 2)
        return dj_usage("path");
    fill(&get, argc - 1, argv + 1);
    path.task = get.task;
    path.words = get.words;
    path.cwd = get.cwd;
    rc = dj_connect(cli, true, &err);
    if (rc == 0)
        rc = dj_connection_call(cli->connection, DJ_MSG_PATH, &path, DJ_MSG_OK, &answer, &err);
    dj_codec_release(dj_message_layout(DJ_MSG_PATH), &path);
    if (rc < 0)
        return dj_fail(rc, &err);
    puts(((struct dj_msg_ok *)answer.fields)->text);
    dj_message_release(&answer);
    return DJ_EX_OK;
}
