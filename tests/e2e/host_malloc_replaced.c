/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc_replaced.c - a program that brings its own malloc: the preload must not get in its way.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static _Alignas(16) char heap[1 << 20];
static size_t used;

void *malloc(size_t size)
{
	void *block = &heap[used];

	used += (size + 15) & ~(size_t)15;
	return used <= sizeof(heap) ? block : NULL;
}

void free(void *block)
{
	(void)block;
}

void *calloc(size_t count, size_t size)
{
	return malloc(count * size); /* nothing is used twice */
}

void *realloc(void *block, size_t size)
{
	void *moved = malloc(size);

	return block && moved ? memcpy(moved, block, size) : moved;
}

int main(void)
{
	char *copy = strdup("twelve bytes");

	return copy >= heap && copy < heap + sizeof(heap) ? 0 : 1;
}
