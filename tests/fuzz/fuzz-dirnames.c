/* What is read as packed names is, packed again, the same bytes. */
#include "lib/proto/dirnames.h"

#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dj_bytes rest = dj_bytes(data, size);
    struct dj_buf again = DJ_BUF_INIT;
    struct dj_dirname one;
    int code;

    while ((code = dj_dirnames_next(&rest, &one)) == 1) {
        must(one.name.len > 0 && strlen((const char *)one.name.data) == one.name.len);
        dj_dirnames_add(&again, &one);
    }
    must(code == 0 || code == -EBADMSG);
    must(again.len + rest.len == size && (code != 0 || rest.len == 0));
    must(again.len == 0 || memcmp(again.data, data, again.len) == 0);
    dj_buf_release(&again);
    return 0;
}
