/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.h - allocation in a program that can only stop when there is no memory (status 2, one line on stderr).
 */
#ifndef ANALYZE_MEMORY_H
#define ANALYZE_MEMORY_H

#include <stddef.h>

void *memory_get(size_t count, size_t size); /* zeroed; free() it */
char *memory_text(const char *text);         /* a copy; free() it */
/* POINTER with room for COUNT + 1 elements of SIZE; grows by doubling at powers of two. */
void *memory_append(void *pointer, size_t count, size_t size);
_Noreturn void memory_exhausted(void);

#endif
