#include "tests/tools/fixture-faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/util/mem.h"

static const char *folder;
static bool garbles, garbles_welcome;

static bool is_there(const char *name)
{
    dj_cleanup_free char *path = NULL;

    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return access(path, F_OK) == 0;
}

void faults_find(const char *in)
{
    folder = in;
    garbles = is_there("garble");
    garbles_welcome = is_there("garble-welcome");
}

bool faults_garble(enum dj_message number, struct dj_buf *out)
{
    bool garbled = (garbles_welcome && number == DJ_MSG_WELCOME) ||
                   (garbles && (number == DJ_MSG_ENTRY || number == DJ_MSG_DIRENTS));

    if (garbled)
        dj_buf_add(out, "\x83\x19\xff\xff\x00\xa0", 6); /* [65535, 0, {}] */
    return garbled;
}

void faults_greeted(void)
{
    if (garbles || garbles_welcome)
        fputs("tree-fixture: greeted\n", stderr);
}

void faults_stop(void)
{
    if (is_there("dies"))
        _exit(0);
    if (is_there("halts"))
        raise(SIGSTOP);
}
