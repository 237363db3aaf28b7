/* dj map: options in, rows mapped. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/map.h"
#include "lib/model/session.h"
#include "lib/util/str.h"

enum { AS = 400, FRAME, LAZY, MAX_FAILS, FORCE, INCOGNITO, CACHED, LAUNCH, SESSION,
       TIMEOUT };

static int check_names(const struct dj_map_options *options, struct dj_err *err)
{
    static const char *const own[] = {"run", "status", "error"};

    if (*options->as == '\0')
        return dj_err_set(err, EINVAL, "--as: a column needs a name");
    for (size_t i = 0; i < DJ_ARRAY_SIZE(own); i++) {
        if (strcmp(options->as, own[i]) == 0)
            return dj_err_set(err, EINVAL, "--as %s: the column %s says how the call went",
                              own[i], own[i]);
    }
    if (options->lazy && options->flags != 0)
        return dj_err_set(err, EINVAL, "--lazy computes nothing, so it goes with no other of"
                          " --force, --incognito and --cached");
    if (options->frame != NULL && (options->lazy || options->timeout_ms != 0 ||
                                   (options->flags & ~(uint64_t)DJ_FORCE) != 0))
        return dj_err_set(err, EINVAL, "--frame stores rows for the daemon to compute, so it goes"
                          " with none of --lazy, --incognito, --cached and --timeout");
    if ((options->flags & DJ_FORCE) != 0 && (options->flags & DJ_CACHED) != 0)
        return dj_err_set(err, EINVAL, "--force computes and --cached never does");
    return 0;
}

static int max_fails(const char *text, uint64_t *ret, struct dj_err *err)
{
    int rc = dj_parse_uint(dj_bytes_of(text), ret, err);

    if (rc == 0 && *ret == 0)
        rc = dj_err_set(err, EINVAL, "it is 1 or more; -k goes on whatever fails");
    return rc < 0 ? dj_err_prefix(err, rc, "--max-fails") : 0;
}

/* 1: taken; 0: no such option. */
static int take_option(struct dj_map_options *options, int option, const char *value,
                       struct dj_err *err)
{
    switch (option) {
    case 'k':
        options->max_fails = 0;
        return 1;
    case AS:
        options->as = value;
        return 1;
    case FRAME:
        options->frame = value;
        return 1;
    case LAZY:
        options->lazy = true;
        return 1;
    case FORCE:
        options->flags |= DJ_FORCE;
        return 1;
    case INCOGNITO:
        options->flags |= DJ_INCOGNITO;
        return 1;
    case CACHED:
        options->flags |= DJ_CACHED;
        return 1;
    case MAX_FAILS:
        return max_fails(value, &options->max_fails, err) < 0 ? -EINVAL : 1;
    case SESSION:
        options->session = value;
        return dj_check_session(value, err) < 0 ? -EINVAL : 1;
    case LAUNCH:
        options->launch = value;
        return dj_check_launch(value, err) < 0 ? -EINVAL : 1;
    case TIMEOUT:
        return dj_parse_duration(dj_bytes_of(value), &options->timeout_ms, err) < 0 ? -EINVAL : 1;
    default:
        return 0;
    }
}

int dj_cmd_map(struct dj_cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"as", required_argument, NULL, AS},
        {"frame", required_argument, NULL, FRAME},
        {"lazy", no_argument, NULL, LAZY},
        {"max-fails", required_argument, NULL, MAX_FAILS},
        {"force", no_argument, NULL, FORCE},
        {"incognito", no_argument, NULL, INCOGNITO},
        {"cached", no_argument, NULL, CACHED},
        {"launch", required_argument, NULL, LAUNCH},
        {"session", required_argument, NULL, SESSION},
        {"timeout", required_argument, NULL, TIMEOUT},
        DJ_ROWS_LONGS,
        {NULL, 0, NULL, 0},
    };
    dj_cleanup_rows struct dj_rows rows = DJ_ROWS_INIT;
    struct dj_map_options options = {.as = "result", .max_fails = 1};
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int option, rc = 0;

    while (rc >= 0 && (option = getopt_long(argc, argv, "+:k" DJ_ROWS_SHORTS, longs, NULL)) != -1) {
        rc = take_option(&options, option, optarg, &err);
        if (rc == 0)
            rc = dj_rows_option(&rows, option, optarg, &err);
        if (rc == 0)
            return dj_bad_option(argv, option);
    }
    if (rc >= 0)
        rc = check_names(&options, &err);
    if (rc < 0)
        return dj_fail(rc, &err);
    if (optind == argc)
        return dj_usage("map");
    options.task = argv[optind];
    if (options.frame != NULL)
        return dj_map_store(cli, &options, &rows, argc - optind - 1, argv + optind + 1);
    return dj_map(cli, &options, &rows, argc - optind - 1, argv + optind + 1);
}
