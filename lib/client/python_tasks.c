#include "lib/client/python_tasks.h"

#include <errno.h>

#include "lib/client/listed_tasks.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"
#include "lib/util/str.h"

/* What the module finds by itself goes before ours, and nothing is taken from where we are. */
static const char listing[] =
    "import sys; "
    "sys.path[:] = [p for p in sys.path if p] + [sys.argv.pop(1)]; "
    "import djfs; "
    "sys.exit(djfs._main(sys.argv[1:]))";

int dj_python_tasks(const char *file, const char *const *names, int n, struct dj_list *ret,
                    char **ret_path, struct dj_err *err)
{
    dj_cleanup_free char *folder = dj_python_folder();
    const char *const argv[] = {"python3", "-c", listing, folder, "--list", file, NULL};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    struct dj_bytes rest, line;
    int rc = dj_list_by(argv, file, &text, err);

    rest = dj_buf_bytes(&text);
    if (rc == 0 && !dj_next_line(&rest, &line))
        rc = dj_err_set(err, EINVAL, "%s: python3 listed nothing", file);
    if (rc == 0)
        rc = dj_list_read(file, rest, names, n, ret, err);
    if (rc == 0)
        *ret_path = dj_xmemdup0(line.data, line.len);
    return rc;
}
