/* SPDX-License-Identifier: Apache-2.0
 *
 * memory.c - see memory.h.
 */
#include "memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct memory_end the_end = {"ttalloc: out of memory\n", 2};

void memory_end_with(const struct memory_end *end)
{
	the_end = *end;
}

void memory_exhausted(void)
{
	if (write(STDERR_FILENO, the_end.line, strlen(the_end.line)) < 0)
		_exit(the_end.status); /* nobody is left to tell */
	_exit(the_end.status);
}

void *memory_or_die(void *pointer)
{
	if (!pointer)
		memory_exhausted();
	return pointer;
}

void *memory_zeroed(size_t bytes)
{
	return memory_or_die(calloc(1, bytes));
}

void *memory_get(size_t count, size_t size)
{
	return memory_or_die(calloc(count + (count == 0), size));
}

char *memory_text(const char *text)
{
	return memory_or_die(strdup(text));
}

static void *resized(void *array, size_t capacity, size_t element_bytes)
{
	return memory_or_die(capacity > SIZE_MAX / element_bytes ? NULL : realloc(array, capacity * element_bytes));
}

void *memory_grown(void *array, size_t *capacity, size_t element_bytes)
{
	*capacity = *capacity ? *capacity * 2 : 16;
	return resized(array, *capacity, element_bytes);
}

void *memory_append(void *array, size_t count, size_t element_bytes)
{
	if (array && (count & (count - 1)) != 0) /* only powers of two are full */
		return array;
	return resized(array, count == 0 ? 1 : count * 2, element_bytes);
}
