#include "lib/util/err.h"

#include <errno.h>

#include "tests/unit/tap.h"

int main(void)
{
    struct dj_err err dj_cleanup_err = DJ_ERR_INIT;

    is_str(dj_err_text(&err, -ENOENT), "No such file or directory", "words of the errno");
    is_str(dj_err_text(NULL, ENOENT), "No such file or directory", "also without an object");
    is_int(dj_err_set(NULL, EINVAL, "%d", 1), -EINVAL, "set without an object");
    is_int(dj_err_set(&err, EINVAL, "%s is not an int", "x"), -EINVAL, "set gives the errno");
    is_int(err.code, EINVAL, "the code is kept");
    is_str(err.text, "x is not an int", "the sentence is kept");
    is_int(dj_err_prefix(&err, -EINVAL, "%s: %s", "factorial", "n"), -EINVAL, "prefix");
    is_str(err.text, "factorial: n: x is not an int", "the prefix stands before the sentence");
    is_int(dj_err_sys(&err, EACCES, "cannot open %s", "f"), -EACCES, "sys");
    is_str(err.text, "cannot open f: Permission denied", "the words of the errno stand behind");
    is_int(err.code, EACCES, "the newer code replaced the older");
    dj_err_release(&err);
    ok(err.code == 0 && err.text == NULL, "released");
    is_int(dj_err_prefix(&err, -EIO, "reading"), -EIO, "prefix without a sentence");
    is_str(err.text, "reading: Input/output error", "takes the words of the errno");
    is_int(err.code, EIO, "and its code");
    is_int(dj_err_prefix(NULL, -EIO, "reading"), -EIO, "prefix without an object");
    return tap_done();
}
