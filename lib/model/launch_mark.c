/*
 * Where the run's own command goes. (launch_template.h)
 *
 * A file of its own: who only checks a --launch, as dj does, needs nothing of definitions.
 */
#include <string.h>

#include "lib/model/launch_template.h"

#define MARK DJ_LAUNCH_MARK

enum { MARK_LEN = sizeof(MARK) - 1 };

static bool is_name_byte(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_';
}

bool dj_launch_command_at(struct dj_bytes word, size_t *ret)
{
    for (size_t i = 0; i + MARK_LEN <= word.len; i++) {
        if (memcmp(word.data + i, MARK, MARK_LEN) == 0 &&
            (i == 0 || !is_name_byte(word.data[i - 1])) &&
            (i + MARK_LEN == word.len || !is_name_byte(word.data[i + MARK_LEN]))) {
            *ret = i;
            return true;
        }
    }
    return false;
}
