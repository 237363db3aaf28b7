#include "lib/model/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/model/launch.h"
#include "lib/model/resource.h"
#include "lib/model/section.h"
#include "lib/model/session.h"
#include "lib/util/fdio.h"
#include "lib/util/mem.h"
#include "lib/util/store_path.h"
#include "lib/util/str.h"

enum { FILE_MAX_BYTES = 1 << 20 };

/* ---- the settings ---------------------------------------------------------------------------- */

typedef int check_fn(struct dj_bytes text, uint64_t *ret, struct dj_err *err);

struct range {
    uint64_t min, max;
};

static const struct range events_range = {16 << 10, 4 << 20};

static bool is_within(uint64_t number, const struct range *range)
{
    return number >= range->min && number <= range->max;
}

static int check_path(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    (void)ret;
    return text.len != 0 ? 0 : dj_err_set(err, EINVAL, "the path is empty");
}

static int check_workers(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    if (dj_session_workers(text, ret, NULL) == 0)
        return 0;
    return dj_err_set(err, EINVAL, "it is a number from 1 to 65536");
}

static int check_quota(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    *ret = 0;
    if (dj_bytes_is(text, "none") || (dj_parse_size(text, ret, NULL) == 0 && *ret != 0))
        return 0;
    return dj_err_set(err, EINVAL, "it is a size, such as 500M or 2G, or none");
}

static int check_resources(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    struct dj_list list = {0};
    int code = 0;

    *ret = 0;
    if (!dj_bytes_is(text, "none"))
        code = dj_resources_parse(text, &list, err);
    *ret = list.n;
    dj_resources_release(&list);
    return code;
}

static int check_events_size(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    if (dj_parse_size(text, ret, NULL) == 0 && is_within(*ret, &events_range))
        return 0;
    return dj_err_set(err, EINVAL, "it is a size from 16K to 4M");
}

static int check_duration(struct dj_bytes text, uint64_t *ret, struct dj_err *err)
{
    if (dj_parse_duration(text, ret, NULL) == 0)
        return 0;
    return dj_err_set(err, EINVAL, "it is a time, such as 90s, 2h or 1d");
}

struct setting {
    const char *name;
    check_fn *check;
    const char *built_in; /* NULL: none, or it depends */
    const char *variable; /* of the environment, or NULL */
};

static const struct setting table[DJ_SET_COUNT] = {
    [DJ_SET_CONNECT] = {"connect", check_path, NULL, "DJ_CONNECT"},
    [DJ_SET_EVENTS_SIZE] = {"events_size", check_events_size, "256K", NULL},
    [DJ_SET_KEEP_DELETED] = {"keep_deleted", check_duration, "1d", NULL},
    [DJ_SET_MOUNT] = {"mount", check_path, NULL, NULL},
    [DJ_SET_QUOTA] = {"quota", check_quota, NULL, NULL},
    [DJ_SET_RESOURCES] = {"resources", check_resources, NULL, NULL},
    [DJ_SET_STORE] = {"store", check_path, NULL, NULL},
    [DJ_SET_WAIT] = {"wait", check_duration, "10s", NULL},
    [DJ_SET_WORKERS] = {"workers", check_workers, NULL, NULL},
};

const char *dj_setting_name(enum dj_setting setting)
{
    return table[setting].name;
}

int dj_setting_find(struct dj_bytes name, enum dj_setting *ret, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    const char *names[DJ_SET_COUNT], *nearest;

    for (int i = 0; i < DJ_SET_COUNT; i++) {
        names[i] = table[i].name;
        *ret = (enum dj_setting)i;
        if (dj_bytes_is(name, names[i]))
            return 0;
    }
    dj_add_printable(&shown, name);
    nearest = dj_nearest(name, names, DJ_SET_COUNT);
    if (nearest == NULL)
        return dj_err_set(err, ENOENT, "there is no setting \"%s\"; `dj config` lists them",
                          dj_buf_str(&shown));
    return dj_err_set(err, ENOENT, "there is no setting \"%s\"; did you mean \"%s\"?",
                      dj_buf_str(&shown), nearest);
}

/* ---- values ---------------------------------------------------------------------------------- */

static void value_release(struct dj_config_value *value)
{
    free(value->text);
    free(value->origin);
    *value = (struct dj_config_value){0};
}

static void sessions_release(struct dj_list *sessions)
{
    for (size_t i = 0; i < sessions->n; i++)
        dj_session_spec_release(DJ_LIST_AT(sessions, struct dj_session_spec, i));
    free(sessions->items);
    *sessions = (struct dj_list){0};
}

static void launches_release(struct dj_list *launches)
{
    for (size_t i = 0; i < launches->n; i++)
        dj_launch_spec_release(DJ_LIST_AT(launches, struct dj_launch_spec, i));
    free(launches->items);
    *launches = (struct dj_list){0};
}

void dj_config_release(struct dj_config *config)
{
    for (int i = 0; i < DJ_SET_COUNT; i++)
        value_release(&config->values[i]);
    dj_resources_release(&config->resources);
    sessions_release(&config->sessions);
    launches_release(&config->launches);
}

/* `none` is no text. */
static bool is_none(enum dj_setting setting, uint64_t number)
{
    return (setting == DJ_SET_QUOTA || setting == DJ_SET_RESOURCES) && number == 0;
}

int dj_config_set(struct dj_config *config, enum dj_setting setting, const char *text,
                  const char *origin, struct dj_err *err)
{
    struct dj_config_value *value = &config->values[setting];
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;
    uint64_t number = 0;
    int code = table[setting].check(dj_bytes_of(text), &number, err);

    if (code < 0) {
        dj_add_printable(&shown, dj_bytes_of(text));
        return dj_err_prefix(err, code, "%s: %s = %s", origin, table[setting].name,
                             dj_buf_str(&shown));
    }
    value_release(value);
    value->text = is_none(setting, number) ? NULL : dj_xstrdup(text);
    value->number = number;
    value->origin = dj_xstrdup(origin);
    if (setting == DJ_SET_RESOURCES) {
        dj_resources_release(&config->resources);
        if (value->text != NULL)
            code = dj_resources_parse(dj_bytes_of(text), &config->resources, err);
    }
    return code;
}

/* ---- sections -------------------------------------------------------------------------------- */

static int known_in_session(struct dj_bytes name, bool head DJ_UNUSED, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    if (dj_bytes_is(name, "workers") || dj_bytes_is(name, "resources"))
        return 0;
    dj_add_printable(&shown, name);
    return dj_err_set(err, EINVAL, "a session has workers and resources, and no \"%s\"",
                      dj_buf_str(&shown));
}

static int known_in_launch(struct dj_bytes name, bool head DJ_UNUSED, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf shown = DJ_BUF_INIT;

    if (dj_bytes_is(name, "launch"))
        return 0;
    dj_add_printable(&shown, name);
    return dj_err_set(err, EINVAL, "a section [launch NAME] has the line launch = MODE, and no"
                      " \"%s\"", dj_buf_str(&shown));
}

static int check_head(struct dj_bytes word, struct dj_bytes name, struct dj_err *err)
{
    int code;

    if (dj_bytes_is(word, "launch"))
        return dj_launch_name_ok(name, err);
    code = dj_session_name_ok(name, err);
    if (code == 0 && dj_bytes_is(name, DJ_SESSION_DEFAULT))
        code = dj_err_set(err, EINVAL, "the session default has the workers and resources above all"
                          " sections");
    return code;
}

/* [session NAME], [launch NAME]; the rest of the file belongs to it, up to the next head. */
static int begin_section(struct dj_section *section, struct dj_bytes line, unsigned number,
                         struct dj_err *err)
{
    struct dj_bytes word, name, more, rest = dj_bytes(line.data + 1, line.len - 2);
    int code;

    if (line.data[line.len - 1] != ']' || !dj_next_item(&rest, &word) ||
        (!dj_bytes_is(word, "session") && !dj_bytes_is(word, "launch")) ||
        !dj_next_item(&rest, &name) || dj_next_item(&rest, &more))
        return dj_at(section->file, number,
                     dj_err_set(err, EINVAL,
                                "a section of this file is [session NAME] or [launch NAME]"),
                     err);
    code = check_head(word, name, err);
    if (code < 0)
        return dj_at(section->file, number, code, err);
    *section = (struct dj_section){
        .file = section->file,
        .known = dj_bytes_is(word, "launch") ? known_in_launch : known_in_session,
        .name = dj_xmemdup0(name.data, name.len),
        .line = number,
    };
    return 0;
}

static struct dj_session_spec *find_session(struct dj_list *sessions, const char *name)
{
    for (size_t i = 0; i < sessions->n; i++) {
        struct dj_session_spec *spec = DJ_LIST_AT(sessions, struct dj_session_spec, i);

        if (strcmp(spec->name, name) == 0)
            return spec;
    }
    return NULL;
}

static int take_session_option(struct dj_session_spec *spec, const struct dj_option *option,
                               struct dj_err *err)
{
    struct dj_bytes text = dj_buf_bytes(&option->value);

    return strcmp(option->name, "workers") == 0 ? dj_session_workers(text, &spec->workers, err)
                                                : dj_resources_parse(text, &spec->resources, err);
}

static int end_session(struct dj_list *sessions, struct dj_section *section, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf origin = DJ_BUF_INIT;
    struct dj_session_spec *spec;
    int code = 0;

    if (find_session(sessions, section->name) != NULL)
        return dj_at(section->file, section->line,
                     dj_err_set(err, EINVAL, "there are two sessions %s", section->name), err);
    dj_buf_addf(&origin, "%s:%u", section->file, section->line);
    spec = dj_list_add(sessions, sizeof(*spec));
    *spec = (struct dj_session_spec){.name = dj_xstrdup(section->name),
                                     .origin = dj_buf_steal(&origin)};
    for (size_t i = 0; code == 0 && i < section->options.n; i++) {
        const struct dj_option *option = DJ_LIST_AT(&section->options, struct dj_option, i);

        code = dj_at(section->file, option->line, take_session_option(spec, option, err), err);
    }
    return code;
}

static struct dj_launch_spec *find_launch(struct dj_list *launches, const char *name)
{
    for (size_t i = 0; i < launches->n; i++) {
        struct dj_launch_spec *spec = DJ_LIST_AT(launches, struct dj_launch_spec, i);

        if (strcmp(spec->name, name) == 0)
            return spec;
    }
    return NULL;
}

static int take_launch(struct dj_launch *launch, const struct dj_section *section,
                       const struct dj_option *option, struct dj_err *err)
{
    int code = dj_launch_parse(dj_buf_bytes(&option->value), launch, err);

    if (code == 0 && launch->mode == DJ_LAUNCH_NAMED)
        code = dj_err_set(err, EINVAL, "launch %s cannot stand for another name, %s", section->name,
                          launch->name);
    return dj_at(section->file, option->line, code, err);
}

static int end_launch(struct dj_list *launches, struct dj_section *section, struct dj_err *err)
{
    const struct dj_option *option = dj_section_find(section, "launch");
    dj_cleanup_buf struct dj_buf origin = DJ_BUF_INIT;
    struct dj_launch_spec *spec;
    int code = 0;

    if (option == NULL)
        code = dj_err_set(err, EINVAL, "launch %s does not say what it is; write launch = MODE",
                          section->name);
    else if (find_launch(launches, section->name) != NULL)
        code = dj_err_set(err, EINVAL, "there are two launches %s", section->name);
    if (code < 0)
        return dj_at(section->file, section->line, code, err);
    dj_buf_addf(&origin, "%s:%u", section->file, section->line);
    spec = dj_list_add(launches, sizeof(*spec));
    *spec = (struct dj_launch_spec){.name = dj_xstrdup(section->name),
                                    .origin = dj_buf_steal(&origin)};
    return take_launch(&spec->launch, section, option, err);
}

static int end_section(struct dj_config *config, struct dj_section *section, struct dj_err *err)
{
    return section->known == known_in_launch ? end_launch(&config->launches, section, err)
                                             : end_session(&config->sessions, section, err);
}

static void join_launches(struct dj_list *into, struct dj_list *fresh)
{
    for (size_t i = 0; i < fresh->n; i++) {
        struct dj_launch_spec *spec = DJ_LIST_AT(fresh, struct dj_launch_spec, i);
        struct dj_launch_spec *old = find_launch(into, spec->name);

        if (old != NULL)
            dj_launch_spec_release(old);
        else
            old = dj_list_add(into, sizeof(*old));
        *old = *spec;
    }
    free(fresh->items);
    *fresh = (struct dj_list){0};
}

/* A file's sessions replace those of the same names. */
static void join_sessions(struct dj_list *into, struct dj_list *fresh)
{
    for (size_t i = 0; i < fresh->n; i++) {
        struct dj_session_spec *spec = DJ_LIST_AT(fresh, struct dj_session_spec, i);
        struct dj_session_spec *old = find_session(into, spec->name);

        if (old != NULL)
            dj_session_spec_release(old);
        else
            old = dj_list_add(into, sizeof(*old));
        *old = *spec;
    }
    free(fresh->items);
    *fresh = (struct dj_list){0};
}

/* ---- a file ---------------------------------------------------------------------------------- */

static int known(struct dj_bytes name, bool head DJ_UNUSED, struct dj_err *err)
{
    enum dj_setting setting;
    int code = dj_setting_find(name, &setting, err);

    return code == 0 ? 0 : -EINVAL;
}

/* ~/ is the home of who reads the file; anything else is the same for all only from the top. */
static int place(struct dj_bytes text, const char *home, struct dj_buf *ret, struct dj_err *err)
{
    if (text.len > 0 && text.data[0] == '/') {
        dj_buf_add_bytes(ret, text);
        return 0;
    }
    if (!dj_bytes_starts(text, DJ_BYTES_LIT("~/")))
        return dj_err_set(err, EINVAL, "a path here begins with / or ~/");
    if (home == NULL || home[0] != '/')
        return dj_err_set(err, EINVAL, "HOME is not set, so ~/ means nothing");
    dj_buf_adds(ret, home);
    dj_buf_add_bytes(ret, dj_bytes_from(text, 1));
    return 0;
}

static int take(struct dj_config *config, const struct dj_option *option, const char *file,
                const char *home, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf origin = DJ_BUF_INIT, path = DJ_BUF_INIT;
    struct dj_bytes text = dj_buf_bytes(&option->value);
    enum dj_setting setting;
    int code = dj_setting_find(dj_bytes_of(option->name), &setting, err);

    if (code < 0)
        return code;
    dj_buf_addf(&origin, "%s:%u", file, option->line);
    if (table[setting].check == check_path && text.len != 0) {
        code = place(text, home, &path, err);
        if (code < 0)
            return dj_err_prefix(err, code, "%s: %s = %s", dj_buf_str(&origin), option->name,
                                 dj_buf_str(&option->value));
        text = dj_buf_bytes(&path);
    }
    return dj_config_set(config, setting, text.len == 0 ? "" : (const char *)text.data,
                         dj_buf_str(&origin), err);
}

/* What stands above all sections is in `section`; sessions and launches go into config. */
static int read_lines(struct dj_section *section, struct dj_bytes text, struct dj_config *config,
                      struct dj_err *err)
{
    struct dj_section below = {.file = section->file}, *into = section;
    struct dj_bytes line;
    unsigned number = 0;
    int code = 0;

    while (code == 0 && dj_next_line(&text, &line)) {
        struct dj_bytes bare = dj_strip(line);

        number++;
        if (bare.len == 0 || bare.data[0] != '[') {
            code = dj_section_line(into, line, number, err);
            continue;
        }
        dj_section_end(into);
        if (into == &below)
            code = end_section(config, &below, err);
        dj_section_release(&below);
        below.file = section->file;
        into = &below;
        if (code == 0)
            code = begin_section(&below, bare, number, err);
    }
    dj_section_end(into);
    if (code == 0 && into == &below)
        code = end_section(config, &below, err);
    dj_section_release(&below);
    return code;
}

int dj_config_parse(struct dj_config *config, const char *file, const char *home,
                    struct dj_bytes text, struct dj_err *err)
{
    struct dj_section section = {.file = file, .known = known};
    struct dj_config fresh = {0};
    int code = read_lines(&section, text, &fresh, err);

    for (size_t i = 0; code == 0 && i < section.options.n; i++)
        code = take(&fresh, DJ_LIST_AT(&section.options, struct dj_option, i), file, home, err);
    for (int i = 0; code == 0 && i < DJ_SET_COUNT; i++) {
        if (fresh.values[i].origin == NULL)
            continue;
        value_release(&config->values[i]);
        config->values[i] = fresh.values[i];
        fresh.values[i] = (struct dj_config_value){0};
        if (i == DJ_SET_RESOURCES) {
            dj_resources_release(&config->resources);
            config->resources = fresh.resources;
            fresh.resources = (struct dj_list){0};
        }
    }
    if (code == 0) {
        join_sessions(&config->sessions, &fresh.sessions);
        join_launches(&config->launches, &fresh.launches);
    }
    dj_config_release(&fresh);
    dj_section_release(&section);
    return code;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static int load_file(struct dj_config *config, const char *file, struct dj_err *err)
{
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc = dj_read_file(AT_FDCWD, file, FILE_MAX_BYTES, &text);

    if (rc == -ENOENT || rc == -ENOTDIR)
        return 0;
    if (rc < 0)
        return dj_err_sys(err, -rc, "%s", file);
    return dj_config_parse(config, file, getenv("HOME"), dj_buf_bytes(&text), err);
}

static int load_files(struct dj_config *config, struct dj_err *err)
{
    const char *system = getenv("DJ_SYSCONFDIR"), *user = getenv("XDG_CONFIG_HOME"),
               *home = getenv("HOME");
    dj_cleanup_buf struct dj_buf file = DJ_BUF_INIT;
    int rc;

    dj_buf_addf(&file, "%s/dj/dj.conf", system == NULL ? DJ_SYSCONFDIR : system);
    rc = load_file(config, dj_buf_str(&file), err);
    dj_buf_clear(&file);
    if (user != NULL && user[0] == '/')
        dj_buf_addf(&file, "%s/dj/dj.conf", user);
    else if (home != NULL && home[0] == '/')
        dj_buf_addf(&file, "%s/.config/dj/dj.conf", home);
    return rc < 0 || file.len == 0 ? rc : load_file(config, dj_buf_str(&file), err);
}

static int load_built_in(struct dj_config *config, struct dj_err *err)
{
    dj_cleanup_free char *store = NULL;
    char workers[24];
    int rc = 0;

    for (int i = 0; rc == 0 && i < DJ_SET_COUNT; i++) {
        config->values[i].origin = dj_xstrdup("built in");
        if (table[i].built_in != NULL)
            rc = dj_config_set(config, (enum dj_setting)i, table[i].built_in, "built in", err);
    }
    snprintf(workers, sizeof(workers), "%ld", sysconf(_SC_NPROCESSORS_ONLN));
    if (rc == 0)
        rc = dj_config_set(config, DJ_SET_WORKERS, workers, "built in", err);
    /* Who has no HOME may still name one. */
    if (rc == 0 && dj_store_path(&store, NULL) == 0)
        rc = dj_config_set(config, DJ_SET_STORE, store, "built in", err);
    return rc;
}

static int load_environment(struct dj_config *config, struct dj_err *err)
{
    int rc = 0;

    for (int i = 0; rc == 0 && i < DJ_SET_COUNT; i++) {
        const char *value = table[i].variable == NULL ? NULL : getenv(table[i].variable);
        dj_cleanup_buf struct dj_buf origin = DJ_BUF_INIT;

        if (value == NULL || value[0] == '\0')
            continue;
        dj_buf_addf(&origin, "environment %s", table[i].variable);
        rc = dj_config_set(config, (enum dj_setting)i, value, dj_buf_str(&origin), err);
    }
    return rc;
}

int dj_config_load(struct dj_config *ret, struct dj_err *err)
{
    int rc;

    *ret = (struct dj_config){0};
    rc = load_built_in(ret, err);
    if (rc == 0)
        rc = load_files(ret, err);
    return rc < 0 ? rc : load_environment(ret, err);
}

int dj_config_store(char **ret, struct dj_err *err)
{
    dj_cleanup_config struct dj_config config = {0};
    int rc = dj_config_load(&config, err);

    if (rc < 0)
        return rc;
    if (config.values[DJ_SET_STORE].text == NULL)
        return dj_store_path(ret, err); /* its sentence says what is missing */
    *ret = dj_xstrdup(config.values[DJ_SET_STORE].text);
    return 0;
}
