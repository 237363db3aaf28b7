#include "daemon/settings.h"

static const char *option_of(enum dj_setting setting)
{
    switch (setting) {
    case DJ_SET_CONNECT:
        return "option --socket";
    case DJ_SET_STORE:
        return "option --store";
    case DJ_SET_WORKERS:
        return "option --workers";
    case DJ_SET_RESOURCES:
        return "option --resource";
    default:
        return "option --quota";
    }
}

int dj_settings_load(struct dj_settings *settings, struct dj_err *err)
{
    struct dj_config fresh;
    int rc = dj_config_load(&fresh, err);

    for (int i = 0; rc == 0 && i < DJ_SET_COUNT; i++) {
        if (settings->given[i] != NULL)
            rc = dj_config_set(&fresh, (enum dj_setting)i, settings->given[i],
                               option_of((enum dj_setting)i), err);
    }
    if (rc < 0) {
        dj_config_release(&fresh);
        return rc;
    }
    dj_config_release(&settings->config);
    settings->config = fresh;
    return 0;
}

void dj_settings_release(struct dj_settings *settings)
{
    dj_config_release(&settings->config);
}

void dj_settings_limits(const struct dj_settings *settings, struct dj_engine_limits *ret)
{
    const struct dj_config_value *values = settings->config.values;

    *ret = (struct dj_engine_limits){
        .workers = values[DJ_SET_WORKERS].number,
        .resources = &settings->config.resources,
        .sessions = &settings->config.sessions,
        .launches = &settings->config.launches,
        .quota = values[DJ_SET_QUOTA].number,
        .keep_deleted_ms = values[DJ_SET_KEEP_DELETED].number,
        .events_size = values[DJ_SET_EVENTS_SIZE].number,
    };
}

int dj_settings_reload(void *cookie, struct dj_engine_limits *ret, struct dj_err *err)
{
    struct dj_settings *settings = cookie;
    int rc = dj_settings_load(settings, err);

    if (rc == 0)
        dj_settings_limits(settings, ret);
    return rc;
}
