/* Control words. */
#include <errno.h>
#include <stdlib.h>

#include "daemon/ctl.h"
#include "tests/unit/tap.h"

static int parse(enum dj_ctl_scope scope, const char *text, struct dj_list *list)
{
    struct dj_err err = DJ_ERR_INIT;
    int code;

    list->n = 0;
    code = dj_ctl_parse(scope, dj_bytes_of(text), list, &err);
    if (code < 0)
        diag("%s", dj_err_text(&err, code));
    dj_err_release(&err);
    return code;
}

static void test_good(void)
{
    struct dj_list list = {0};
    const struct dj_ctl_command *command;

    is_int(parse(DJ_CTL_RUN, "run", &list), 0, "no newline at the end");
    is_int((int)list.n, 1, "is one command");
    is_int(parse(DJ_CTL_RUN, "delete\n\n  run \nincognito\n", &list), 0, "several, with blanks");
    is_int((int)list.n, 3, "are three commands");
    is_int(DJ_LIST_AT(&list, struct dj_ctl_command, 2)->verb, DJ_CTL_INCOGNITO, "in their order");
    is_int(parse(DJ_CTL_TASK, "run a b\nforce x=1,y=2\ndelete all\ninvalidate\n", &list), 0,
           "commands of a task");
    command = DJ_LIST_AT(&list, struct dj_ctl_command, 0);
    ok(dj_bytes_is(command->args, "a b"), "a name goes to the end of its line");
    is_int(DJ_LIST_AT(&list, struct dj_ctl_command, 2)->verb, DJ_CTL_DELETE_ALL, "delete all");
    is_int(parse(DJ_CTL_TASK, "delete who=all", &list), 0, "a run of that name can be deleted");
    is_int(DJ_LIST_AT(&list, struct dj_ctl_command, 0)->verb, DJ_CTL_DELETE, "by its long name");
    is_int(parse(DJ_CTL_SESSION, "reserve a=1, b=2\nrelease\nrelease a=1\nset c=3\n", &list), 0,
           "a session's");
    command = DJ_LIST_AT(&list, struct dj_ctl_command, 0);
    ok(command->verb == DJ_CTL_RESERVE && dj_bytes_is(command->args, "a=1, b=2"), "with resources");
    command = DJ_LIST_AT(&list, struct dj_ctl_command, 1);
    ok(command->verb == DJ_CTL_RELEASE && command->args.len == 0, "and one without");
    is_int(parse(DJ_CTL_ROOT, "gc\npause\nresume\nreload\n", &list), 0, "the root's");
    free(list.items);
}

static void test_bad(void)
{
    static const struct {
        enum dj_ctl_scope scope;
        const char *text;
    } bad[] = {
        {DJ_CTL_RUN, ""},           {DJ_CTL_RUN, "\n"},      {DJ_CTL_RUN, "fly"},
        {DJ_CTL_RUN, "run 5"},      {DJ_CTL_RUN, "gc"},      {DJ_CTL_RUN, "delete\nfly"},
        {DJ_CTL_RUN, "Run"},        {DJ_CTL_TASK, "run"},    {DJ_CTL_TASK, "run "},
        {DJ_CTL_TASK, "cancel 5"},  {DJ_CTL_TASK, "incognito 5"},
        {DJ_CTL_TASK, "invalidate 5"}, {DJ_CTL_ROOT, "run 5"}, {DJ_CTL_ROOT, "restart"},
        {DJ_CTL_SESSION, "reserve"}, {DJ_CTL_SESSION, "set "}, {DJ_CTL_SESSION, "run"},
        {DJ_CTL_RUN, "reserve a=1"}, {DJ_CTL_ROOT, "set a=1"},
    };
    struct dj_list list = {0};
    struct dj_err err = DJ_ERR_INIT;
    char *large = malloc(DJ_CTL_MAX + 1);

    for (size_t i = 0; i < DJ_ARRAY_SIZE(bad); i++) {
        is_int(parse(bad[i].scope, bad[i].text, &list), -EINVAL, "\"%s\" is refused", bad[i].text);
        is_int((int)list.n, 0, "whole");
    }
    is_int(dj_ctl_parse(DJ_CTL_RUN, dj_bytes("run\0", 4), &list, &err), -EINVAL, "no NUL byte");
    is_int(dj_ctl_parse(DJ_CTL_RUN, DJ_BYTES_LIT("fly"), &list, &err), -EINVAL, "an unknown word");
    is_str(err.text, "\"fly\" is not a control word here; these are: run, force, incognito, delete,"
           " cancel, invalidate, accept", "is told what there is");
    memset(large, '\n', DJ_CTL_MAX + 1);
    is_int(dj_ctl_parse(DJ_CTL_RUN, dj_bytes(large, DJ_CTL_MAX + 1), &list, &err), -E2BIG,
           "65 KiB are too many");
    is_int(dj_ctl_parse(DJ_CTL_RUN, dj_bytes(large, DJ_CTL_MAX), &list, &err), -EINVAL,
           "64 KiB of nothing are nothing");
    free(large);
    dj_err_release(&err);
    free(list.items);
}

static int check(enum dj_ctl_verb verb, struct dj_ctl_state *state)
{
    return dj_ctl_check(verb, state, NULL);
}

static void test_check(void)
{
    struct dj_ctl_state state = {0};

    is_int(check(DJ_CTL_DELETE, &state), -ENOENT, "nothing to delete");
    is_int(check(DJ_CTL_CANCEL, &state), -ENOENT, "nothing to cancel");
    is_int(check(DJ_CTL_INVALIDATE, &state), -ENOENT, "nothing to invalidate");
    is_int(check(DJ_CTL_START, &state), 0, "run");
    is_int(check(DJ_CTL_CANCEL, &state), 0, "can be cancelled by the next command");
    is_int(check(DJ_CTL_CANCEL, &state), -ENOENT, "once");
    is_int(check(DJ_CTL_DELETE, &state), 0, "and deleted");
    is_int(check(DJ_CTL_DELETE, &state), -ENOENT, "once");
    state = (struct dj_ctl_state){.stored = true, .current = true};
    is_int(check(DJ_CTL_START, &state), 0, "run of what is there");
    is_int(check(DJ_CTL_CANCEL, &state), -ENOENT, "starts nothing");
    is_int(check(DJ_CTL_INVALIDATE, &state), 0, "invalidate");
    is_int(check(DJ_CTL_START, &state), 0, "and run");
    is_int(check(DJ_CTL_CANCEL, &state), 0, "start something");
    is_int(check(DJ_CTL_INCOGNITO, &state), 0, "incognito needs nothing");
    is_int(check(DJ_CTL_START, &state), 0, "run again");
    is_int(check(DJ_CTL_ACCEPT, &state), -EBUSY, "what is under way is not accepted");
    is_int(check(DJ_CTL_CANCEL, &state), 0, "but when it was cancelled");
    is_int(check(DJ_CTL_ACCEPT, &state), 0, "what was invalidated is");
    is_int(check(DJ_CTL_ACCEPT, &state), -ENOENT, "once");
    state = (struct dj_ctl_state){0};
    is_int(check(DJ_CTL_ACCEPT, &state), -ENOENT, "nothing to accept");
    state.stored = true;
    is_int(check(DJ_CTL_ACCEPT, &state), -ENOENT, "nor what only failed");
}

static void test_words(void)
{
    struct dj_buf buf = DJ_BUF_INIT;

    dj_ctl_words(&buf, DJ_CTL_TASK);
    is_str(dj_buf_str(&buf), "run ARGS\nforce ARGS\ndelete ARGS\ninvalidate\ndelete all\n",
           "what .ctl takes");
    dj_buf_release(&buf);
}

int main(void)
{
    test_good();
    test_bad();
    test_check();
    test_words();
    return tap_done();
}
