#include "lib/util/user.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/types.h>

#include "lib/util/buf.h"
#include "lib/util/mem.h"

struct user {
    uint32_t uid;
    char *name;
    struct user *next;
};

static struct user *users;

const char *dj_user_name(uint32_t uid)
{
    struct user *user = users;
    struct passwd passwd, *found = NULL;
    char room[4096];
    struct dj_buf name = DJ_BUF_INIT;

    while (user != NULL && user->uid != uid)
        user = user->next;
    if (user != NULL)
        return user->name;
    if (getpwuid_r((uid_t)uid, &passwd, room, sizeof(room), &found) == 0 && found != NULL)
        dj_buf_adds(&name, found->pw_name);
    else
        dj_buf_addf(&name, "%u", uid);
    user = dj_xcalloc(1, sizeof(*user));
    user->uid = uid;
    user->name = dj_buf_steal(&name);
    user->next = users;
    users = user;
    return user->name;
}
