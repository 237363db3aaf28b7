/*
 * djd: the daemon. Reads its options, puts the parts together, runs the loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/dispatch.h"
#include "daemon/fsck.h"
#include "daemon/ready.h"
#include "daemon/settings.h"
#include "daemon/tree.h"
#include "lib/model/resource.h"
#include "lib/util/digest.h"
#include "lib/util/fdio.h"
#include "lib/util/helper_program.h"
#include "lib/util/log.h"
#include "lib/util/mem.h"
#include "lib/util/store_path.h"
#include "lib/util/str.h"
#include "lib/wire/socket_path.h"

/*
 * jemalloc looks for this name. Two threads have most of the work, and what was given back is the
 * kernel's again within a second.
 */
extern const char *malloc_conf;
__attribute__((visibility("default"))) const char *malloc_conf =
    "narenas:2,dirty_decay_ms:1000";

enum { WORKERS_MAX = 65536 };

struct options {
    struct dj_settings settings;
    struct dj_buf resources;
    char *store;
    char *socket;
    int ready_fd;
    bool memory;
    bool fsck;
    uint64_t fsck_flags;
};

static void usage(FILE *out)
{
    fputs("usage: djd [--store DIR] [--socket PATH] [--workers N] [--resource NAME=N]...\n"
          "           [--quota SIZE] [--ready-fd FD] [--memory] [-v]\n"
          "       djd --fsck [--read-data] [--repair] [--store DIR]\n"
          "\n"
          "What is not said here is as dj.conf has it, see `dj config`.\n"
          "\n"
          "  --store DIR     where runs are kept; made when it is not there (default: your own)\n"
          "  --socket PATH   where to listen (default: your own daemon's socket)\n"
          "  --workers N     runs at a time (default: the number of processors)\n"
          "  --resource NAME=N\n"
          "                  what runs can reserve of the default session, as ram=128\n"
          "  --quota SIZE    what runs may leave in all, as 500M or 2G; beyond it they fail\n"
          "  --ready-fd FD   write a newline there when clients can connect\n"
          "  --memory        keep records in memory only; nothing survives\n"
          "  --fsck          check a store that no daemon has open, for `dj fsck`; in frames\n"
          "  -v              say more\n"
          "      --help, --version\n",
          out);
}

/* Each --resource adds to those before it; twice the same name is refused with all of them. */
static int add_resource(struct dj_buf *resources, const char *text)
{
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    struct dj_list list = {0};
    int rc;

    dj_buf_addf(resources, "%s%s", resources->len == 0 ? "" : ", ", text);
    rc = dj_resources_parse(dj_buf_bytes(resources), &list, &err);
    if (rc < 0)
        fprintf(stderr, "djd: --resource %s: %s\n", text, dj_err_text(&err, rc));
    dj_resources_release(&list);
    return rc;
}

static int parse(int argc, char **argv, struct options *ret)
{
    enum { STORE = 256, SOCKET, WORKERS, RESOURCE, QUOTA, READY, MEMORY, FSCK, READ_DATA, REPAIR,
           HELP, VERSION_ };
    static const struct option longs[] = {
        {"store", required_argument, NULL, STORE},   {"socket", required_argument, NULL, SOCKET},
        {"workers", required_argument, NULL, WORKERS}, {"quota", required_argument, NULL, QUOTA},
        {"resource", required_argument, NULL, RESOURCE},
        {"ready-fd", required_argument, NULL, READY},
        {"memory", no_argument, NULL, MEMORY},       {"help", no_argument, NULL, HELP},
        {"fsck", no_argument, NULL, FSCK},           {"read-data", no_argument, NULL, READ_DATA},
        {"repair", no_argument, NULL, REPAIR},
        {"version", no_argument, NULL, VERSION_},    {NULL, 0, NULL, 0},
    };
    uint64_t number;
    int option;

    *ret = (struct options){.ready_fd = -1};
    while ((option = getopt_long(argc, argv, "v", longs, NULL)) != -1) {
        switch (option) {
        case STORE:
            ret->settings.given[DJ_SET_STORE] = optarg;
            break;
        case SOCKET:
            ret->settings.given[DJ_SET_CONNECT] = optarg;
            break;
        case WORKERS:
            ret->settings.given[DJ_SET_WORKERS] = optarg;
            if (dj_parse_uint(dj_bytes_of(optarg), &number, NULL) < 0 || number == 0 ||
                number > WORKERS_MAX) {
                fprintf(stderr, "djd: --workers %s is not a number from 1 to %d\n", optarg,
                        WORKERS_MAX);
                return 2;
            }
            break;
        case RESOURCE:
            if (add_resource(&ret->resources, optarg) < 0)
                return 2;
            ret->settings.given[DJ_SET_RESOURCES] = dj_buf_str(&ret->resources);
            break;
        case QUOTA:
            ret->settings.given[DJ_SET_QUOTA] = optarg;
            if (dj_parse_size(dj_bytes_of(optarg), &number, NULL) < 0 || number == 0) {
                fprintf(stderr, "djd: --quota %s is not a size; 500M and 2G are\n", optarg);
                return 2;
            }
            break;
        case READY:
            if (dj_parse_uint(dj_bytes_of(optarg), &number, NULL) < 0 || number > 65535) {
                fprintf(stderr, "djd: --ready-fd %s is not a descriptor\n", optarg);
                return 2;
            }
            ret->ready_fd = (int)number;
            break;
        case MEMORY:
            ret->memory = true;
            break;
        case FSCK:
            ret->fsck = true;
            break;
        case READ_DATA:
            ret->fsck_flags |= DJ_FSCK_READ_DATA;
            break;
        case REPAIR:
            ret->fsck_flags |= DJ_FSCK_REPAIR;
            break;
        case HELP:
            usage(stdout);
            return -1;
        case VERSION_:
            puts("djd " PACKAGE_VERSION);
            return -1;
        case 'v':
            dj_log_verbose();
            break;
        default:
            return 2;
        }
    }
    if (optind != argc) {
        fprintf(stderr, "djd: %s is one word too many\n", argv[optind]);
        usage(stderr);
        return 2;
    }
    return 0;
}

static void stop(void *loop)
{
    dj_loop_stop(loop);
}

static void on_signal(void *loop)
{
    dj_loop_stop(loop);
}

static int serve(struct options *options, struct dj_err *err)
{
    struct dj_loop *loop = dj_loop_new();
    struct dj_store *store = NULL;
    struct dj_engine *engine = NULL;
    struct dj_dispatch *dispatch = NULL;
    dj_cleanup_free char *worker = dj_helper_program("djw");
    struct dj_engine_options engine_options = {.socket = options->socket,
                                               .worker_program = worker,
                                               .reload = dj_settings_reload,
                                               .reload_cookie = &options->settings};
    int rc;

    rc = options->memory ? dj_store_open_memory(options->store, &store, err)
                         : dj_store_open_rocksdb(options->store, &store, err);
    if (rc == 0 && dj_store_notice(store) != NULL)
        dj_log_warning("%s", dj_store_notice(store));
    dj_settings_limits(&options->settings, &engine_options.limits);
    if (rc == 0)
        rc = dj_engine_new(loop, store, &engine_options, &engine, err);
    if (rc == 0) {
        dispatch = dj_dispatch_new(engine, stop, loop);
        rc = dj_loop_listen(loop, options->socket, &dj_dispatch_events, dj_dispatch_accept,
                            dispatch, err);
    }
    if (rc == 0)
        rc = dj_loop_on_signals(loop, on_signal, loop);
    if (rc == 0) {
        dj_engine_start(engine);
        dj_tell_ready(options->ready_fd);
        dj_loop_run(loop);
        unlink(options->socket);
    }
    if (engine != NULL)
        dj_engine_stop(engine, false);
    dj_loop_free(loop);
    if (engine != NULL) {
        dj_engine_forget_asks(engine);
        dj_tree_end(engine);
    }
    dj_engine_free(engine);
    dj_dispatch_free(dispatch);
    dj_store_close(store);
    return rc;
}

static char *copy_or_null(const char *text)
{
    return text == NULL ? NULL : dj_xstrdup(text);
}

/* The store and the socket as they were given, or as dj.conf has them, or the usual ones. */
static int find_places(struct options *options, struct dj_err *err)
{
    const struct dj_config_value *values = options->settings.config.values;
    int rc = dj_settings_load(&options->settings, err);

    if (rc < 0)
        return rc;
    options->store = copy_or_null(values[DJ_SET_STORE].text);
    options->socket = copy_or_null(values[DJ_SET_CONNECT].text);
    if (options->store == NULL)
        rc = dj_store_path(&options->store, err);
    if (rc == 0 && options->socket == NULL && !options->fsck)
        rc = dj_own_socket_path(true, &options->socket, err);
    return rc;
}

int main(int argc, char **argv)
{
    struct options options;
    dj_cleanup_err struct dj_err err = DJ_ERR_INIT;
    int rc;

    dj_log_setup("djd");
    rc = parse(argc, argv, &options);
    if (rc != 0)
        return rc < 0 ? 0 : rc;
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    rc = find_places(&options, &err);
    if (rc == 0 && options.fsck)
        rc = dj_fsck_alone(options.store, options.fsck_flags, STDOUT_FILENO, &err);
    else if (rc == 0)
        rc = serve(&options, &err);
    if (rc < 0)
        dj_log_error("%s", dj_err_text(&err, rc));
    free(options.store);
    free(options.socket);
    dj_settings_release(&options.settings);
    dj_buf_release(&options.resources);
    return rc < 0 ? 1 : 0;
}
