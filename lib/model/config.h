/*
 * dj.conf: what people fix once for dj, djd and djfs, and where each value comes from.
 *
 * Two files are read, the system's and then the user's, whose values replace the others:
 * $DJ_SYSCONFDIR/dj/dj.conf (what configure was told, mostly /etc) and
 * $XDG_CONFIG_HOME/dj/dj.conf, else ~/.config/dj/dj.conf. A file that is not there is fine; one
 * with an error is refused with file and line. A variable of the environment replaces both, and an
 * option of the command line replaces all. A [session NAME] or [launch NAME] of the user's file
 * replaces the system's of that name as a whole. man/dj.conf.5 describes the format.
 *
 * dj_config_parse() is pure; dj_config_load() reads files and the environment. Thread-safe.
 */
#ifndef DJ_MODEL_CONFIG_H
#define DJ_MODEL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/model/codec.h"
#include "lib/util/bytes.h"
#include "lib/util/err.h"

enum dj_setting {
    DJ_SET_CONNECT,      /* the socket of the daemon; none: your own, else the system's */
    DJ_SET_EVENTS_SIZE,  /* bytes of the log of events */
    DJ_SET_KEEP_DELETED, /* milliseconds that deleted runs stay */
    DJ_SET_MOUNT,        /* where `dj up` mounts; none: /dj or ~/dj */
    DJ_SET_QUOTA,        /* bytes; none */
    DJ_SET_RESOURCES,    /* of the default session; none */
    DJ_SET_STORE,
    DJ_SET_WAIT,         /* milliseconds that a mount waits for a daemon that is away */
    DJ_SET_WORKERS,
    DJ_SET_COUNT
};

struct dj_config_value {
    char *text;      /* as it was written; NULL: none */
    uint64_t number; /* what it means, where it is no path; 0: none */
    char *origin;    /* "built in", "/etc/dj/dj.conf:3", "environment DJ_CONNECT", "option --x" */
};

struct dj_config {
    struct dj_config_value values[DJ_SET_COUNT];
    struct dj_list resources; /* struct dj_resource: what DJ_SET_RESOURCES means */
    struct dj_list sessions;  /* struct dj_session_spec: of [session NAME], by name once each */
    struct dj_list launches;  /* struct dj_launch_spec: of [launch NAME] likewise */
};

/* dj_config_load(ret, err): everything but options. -EINVAL, or what reading a file gave. Release
 * in any case. */
int dj_config_load(struct dj_config *ret, struct dj_err *err) DJ_MUST_CHECK;
void dj_config_release(struct dj_config *config);
#define dj_cleanup_config DJ_CLEANUP(dj_config_release)

/* dj_config_store(ret, err): the store that is meant when nobody names one; malloc'd. */
int dj_config_store(char **ret, struct dj_err *err) DJ_MUST_CHECK;

/* dj_config_set(config, setting, text, origin, err): -EINVAL for what the setting does not take;
 * the sentence begins with the origin. */
int dj_config_set(struct dj_config *config, enum dj_setting setting, const char *text,
                  const char *origin, struct dj_err *err) DJ_MUST_CHECK;

/* dj_config_parse(config, file, home, text, err): the values of one file; home is for ~/, or NULL.
 * Nothing of a file with an error is taken. */
int dj_config_parse(struct dj_config *config, const char *file, const char *home,
                    struct dj_bytes text, struct dj_err *err) DJ_MUST_CHECK;

const char *dj_setting_name(enum dj_setting setting);
/* dj_setting_find(name, ret, err): -ENOENT, with the nearest there is. */
int dj_setting_find(struct dj_bytes name, enum dj_setting *ret, struct dj_err *err) DJ_MUST_CHECK;

#endif
