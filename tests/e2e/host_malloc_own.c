/* SPDX-License-Identifier: Apache-2.0
 *
 * host_malloc_own.c - a program whose only allocations are its own, with figures worked out by hand: at most 108,280 B
 * are live, and 8286 B in 5 blocks are never freed. No stdio, which would allocate buffers. With an argument, it
 * allocates nothing at all: what is measured then belongs to the tool.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *volatile kept[8];

int main(int argc, char **argv)
{
	void *grown, *cleared, *aligned, *large;

	(void)argv;
	if (argc > 1)
		return 0;
	grown = malloc(1000);                        /*   1,000 */
	cleared = calloc(10, 300);                   /*   4,000 */
	kept[0] = grown = realloc(grown, 5000);      /*   8,000: the old block is gone before the new one is there */
	if (posix_memalign(&aligned, 64, 2000) != 0) /*  10,000 */
		return 1;
	kept[1] = aligned;
	kept[2] = aligned_alloc(128, 1280);         /*  11,280 */
	free(cleared);                              /*   8,280 */
	kept[3] = malloc(0);                        /*   8,280, one more block */
	large = malloc(100000);                     /* 108,280: the peak */
	usleep(300000);                             /* whatever records has time to work, and must not be recorded */
	free(large);                                /*   8,280 */
	if (posix_memalign(&aligned, 3, 2000) == 0) /* no such alignment */
		return 2;
	kept[4] = strdup("hello"); /*   8,286 */
	return 0;
}
