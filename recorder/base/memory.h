/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - memory or death: a recorder without memory can do nothing better than to end at once, since everything
 * that is not committed still lies in the segments.
 */
#ifndef RECORDER_MEMORY_H
#define RECORDER_MEMORY_H

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void *memory_or_die(void *memory)
{
	if (memory)
		return memory;
	fputs("ttalloc-recorder: out of memory; what is not in the file waits in the segments (--append)\n", stderr);
	_exit(125);
}

static inline void *memory_zeroed(size_t bytes)
{
	return memory_or_die(calloc(1, bytes));
}

/* Makes room for one more after COUNT elements, doubling. */
static inline void *memory_room(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
	if (count < *capacity)
		return array;
	*capacity = *capacity ? *capacity * 2 : 16;
	return memory_or_die(realloc(array, *capacity * element_bytes));
}

#endif
