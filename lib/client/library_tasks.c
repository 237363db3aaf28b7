#include "lib/client/library_tasks.h"

#include "lib/client/listed_tasks.h"
#include "lib/util/helper_program.h"
#include "lib/util/mem.h"

/* Its constructors are not to run here. */
int dj_library_tasks(const char *library, const char *const *names, int n, struct dj_list *ret,
                     struct dj_err *err)
{
    dj_cleanup_free char *program = dj_helper_program("dj-host");
    const char *const argv[] = {program, "--list", library, NULL};
    dj_cleanup_buf struct dj_buf text = DJ_BUF_INIT;
    int rc = dj_list_by(argv, library, &text, err);

    return rc < 0 ? rc : dj_list_read(library, dj_buf_bytes(&text), names, n, ret, err);
}
