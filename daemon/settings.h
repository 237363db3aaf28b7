/*
 * What djd was told: dj.conf, and the options of the command line that replace it.
 */
#ifndef DJ_DAEMON_SETTINGS_H
#define DJ_DAEMON_SETTINGS_H

#include "daemon/engine_open.h"
#include "lib/model/config.h"

struct dj_settings {
    const char *given[DJ_SET_COUNT]; /* by an option of the command line, else NULL */
    struct dj_config config;
};

/* dj_settings_load(settings, err): dj.conf with what was given; what was there stays on failure. */
int dj_settings_load(struct dj_settings *settings, struct dj_err *err) DJ_MUST_CHECK;
void dj_settings_release(struct dj_settings *settings);

void dj_settings_limits(const struct dj_settings *settings, struct dj_engine_limits *ret);
/* dj_settings_reload(settings, ret, err): load, and limits; for dj_engine_options. */
int dj_settings_reload(void *settings, struct dj_engine_limits *ret,
                       struct dj_err *err) DJ_MUST_CHECK;

#endif
