/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - memory or the end: for programs that can do nothing better without memory than to stop with one line on
 * stderr. What answers a caller's question fails with an error instead (array.h).
 */
#ifndef SQL_MEMORY_H
#define SQL_MEMORY_H

#include <stddef.h>

/* What is said and which status the program ends with, at once; set it first of all. */
struct memory_end {
	const char *line; /* with its newline */
	int status;
};
void memory_end_with(const struct memory_end *end);
_Noreturn void memory_exhausted(void);

/* POINTER, unless it is NULL. */
void *memory_or_die(void *pointer);
void *memory_zeroed(size_t bytes);
void *memory_get(size_t count, size_t size); /* zeroed; free() it */
char *memory_text(const char *text);         /* a copy; free() it */

/* Makes room in ARRAY for one more after COUNT elements, doubling. */
void *memory_grown(void *array, size_t *capacity, size_t element_bytes);
static inline void *memory_room(void *array, size_t count, size_t *capacity, size_t element_bytes)
{
	return count < *capacity ? array : memory_grown(array, capacity, element_bytes);
}

/* The same where nobody keeps the capacity: it is COUNT's next power of two. */
void *memory_append(void *array, size_t count, size_t element_bytes);

#endif
