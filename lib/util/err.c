#include "lib/util/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util/buf.h"

static void replace(struct dj_err *err, int code, struct dj_buf *text)
{
    free(err->text);
    err->code = code;
    err->text = dj_buf_steal(text);
}

int dj_err_set(struct dj_err *err, int code, const char *format, ...)
{
    struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    if (err == NULL)
        return -code;
    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    replace(err, code, &text);
    return -code;
}

int dj_err_sys(struct dj_err *err, int code, const char *format, ...)
{
    struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    if (err == NULL)
        return -code;
    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    dj_buf_addf(&text, ": %s", strerror(code));
    replace(err, code, &text);
    return -code;
}

int dj_err_prefix(struct dj_err *err, int code, const char *format, ...)
{
    struct dj_buf text = DJ_BUF_INIT;
    va_list args;

    if (err == NULL)
        return code;
    va_start(args, format);
    dj_buf_addv(&text, format, args);
    va_end(args);
    dj_buf_addf(&text, ": %s", dj_err_text(err, code));
    replace(err, err->code != 0 ? err->code : -code, &text);
    return code;
}

const char *dj_err_text(const struct dj_err *err, int code)
{
    if (err != NULL && err->text != NULL)
        return err->text;
    return strerror(code < 0 ? -code : code);
}

void dj_err_release(struct dj_err *err)
{
    free(err->text);
    *err = (struct dj_err)DJ_ERR_INIT;
}
