/* Words that look like a sweep, which dj tells without knowing their task. (swept.h) */
#include <string.h>

#include "cli/swept.h"

bool dj_swept_may_be(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *brace = strchr(argv[i], '{');

        if (strstr(argv[i], "..") != NULL ||
            (brace != NULL && (strpbrk(brace, ";%") != NULL || strchr(brace, '"') == NULL)))
            return true;
    }
    return false;
}
