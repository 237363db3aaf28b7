/*
 * Small macros that every file may use: scope clean-up, ownership transfer and attributes.
 *
 * DJ_CLEANUP(fn) runs fn(&variable) when the variable leaves its scope. dj_steal(p) gives the
 * pointer away and leaves NULL behind, so that the clean-up has nothing left to do.
 */
#ifndef DJ_UTIL_MACROS_H
#define DJ_UTIL_MACROS_H

#include <stddef.h>
#include <stdint.h>

#define DJ_CLEANUP(fn) __attribute__((cleanup(fn)))
#define DJ_PRINTF(format_index, first_index) \
    __attribute__((format(printf, format_index, first_index)))
#define DJ_MUST_CHECK __attribute__((warn_unused_result))
#define DJ_UNUSED __attribute__((unused))
#define DJ_NORETURN __attribute__((noreturn))

#define DJ_ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The struct around a member; a const pointer gives one that its caller must not write through. */
#define dj_container_of(pointer, type, member) \
    ((type *)((uintptr_t)(pointer) - offsetof(type, member)))

#define dj_steal(pointer)                     \
    ({                                        \
        __typeof__(pointer) stolen_ = (pointer); \
        (pointer) = NULL;                     \
        stolen_;                              \
    })

#define DJ_MIN(a, b) ((a) < (b) ? (a) : (b))
#define DJ_MAX(a, b) ((a) > (b) ? (a) : (b))

#endif
