/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c - see memory.h.
 */
#include "memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void memory_exhausted(void)
{
	fputs("ttalloc-analyze: out of memory\n", stderr);
	exit(2);
}

static void *checked(void *pointer)
{
	if (pointer == NULL)
		memory_exhausted();
	return pointer;
}

void *memory_get(size_t count, size_t size)
{
	return checked(calloc(count + (count == 0), size));
}

char *memory_text(const char *text)
{
	return checked(strdup(text));
}

void *memory_append(void *pointer, size_t count, size_t size)
{
	if (pointer != NULL && (count & (count - 1)) != 0) /* only powers of two are full */
		return pointer;
	size_t capacity = count == 0 ? 1 : count * 2;
	return checked(capacity > SIZE_MAX / size ? NULL : realloc(pointer, capacity * size));
}
