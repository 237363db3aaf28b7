#include "daemon/handle.h"

#include <stdlib.h>

#include "daemon/sweep_run.h"
#include "daemon/tree_impl.h"
#include "lib/util/mem.h"

struct dj_handle *dj_handle_new(struct dj_handles *handles, struct dj_tree *tree, uint64_t node,
                                const struct dj_handle_ops *ops)
{
    struct dj_handle *handle = dj_xcalloc(1, sizeof(*handle));

    handle->number = ++handles->last;
    handle->node = node;
    handle->refs = 1;
    handle->ops = ops;
    handle->tree = tree;
    HASH_ADD(hh, handles->table, number, sizeof(handle->number), handle);
    return handle;
}

struct dj_handle *dj_handle_get(struct dj_handles *handles, uint64_t number)
{
    struct dj_handle *handle;

    HASH_FIND(hh, handles->table, &number, sizeof(number), handle);
    return handle;
}

void dj_handle_ref(struct dj_handle *handle)
{
    handle->refs++;
}

void dj_handle_unref(struct dj_handle *handle)
{
    if (--handle->refs > 0)
        return;
    if (handle->dialogue != NULL)
        dj_dialogue_free(handle->dialogue);
    if (handle->holds)
        dj_instance_release(handle->tree->engine, handle->instance);
    if (handle->call != NULL)
        dj_call_unref(handle->call);
    dj_frame_file_unref(handle->file);
    dj_sweep_run_free(handle->sweep);
    dj_buf_release(&handle->name);
    dj_buf_release(&handle->text);
    free(handle);
}

static void close_one(struct dj_handles *handles, struct dj_handle *handle)
{
    HASH_DEL(handles->table, handle);
    dj_handle_unref(handle);
}

void dj_handle_close(struct dj_handles *handles, uint64_t number)
{
    struct dj_handle *handle = dj_handle_get(handles, number);

    if (handle != NULL)
        close_one(handles, handle);
}

void dj_handle_close_all(struct dj_handles *handles)
{
    while (handles->table != NULL)
        close_one(handles, handles->table);
}

void dj_handle_hold(struct dj_handle *handle, uint64_t instance)
{
    dj_instance_hold(handle->tree->engine, instance);
    if (handle->holds)
        dj_instance_release(handle->tree->engine, handle->instance);
    handle->instance = instance;
    handle->holds = true;
}
