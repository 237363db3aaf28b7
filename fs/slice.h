/*
 * Short turns of a processor for threads that answer.
 *
 * Who is woken waits until the thread that has the processor has used up its slice, some
 * milliseconds with Debian's settings, unless it wants less than that: since Linux 6.12 a thread
 * may say so, and is let before those with longer slices as long as it has not had its share. An
 * answer takes some microseconds, so with djd or a compiler beside it a look-up was waited for far
 * longer than it took. The share stays the same.
 */
#ifndef DJ_FS_SLICE_H
#define DJ_FS_SLICE_H

/* dj_slice_shorten(): for this thread and those that it starts. Where it cannot be had, or another
 * policy than the usual one was set, nothing happens. */
void dj_slice_shorten(void);

#endif
