/* SPDX-License-Identifier: Apache-2.0
 *
 * array.h - arrays that grow by doubling.
 */
#ifndef SQL_ARRAY_H
#define SQL_ARRAY_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline int array_reserve_bytes(void *array, size_t *capacity, size_t count, size_t element_bytes)
{
	void *old, *grown;
	size_t more = *capacity ? *capacity * 2 : 16;

	if (count < *capacity)
		return 0;
	if (more > SIZE_MAX / 2 / element_bytes)
		return -1;
	memcpy(&old, array, sizeof(old));
	grown = realloc(old, more * element_bytes);
	if (!grown)
		return -1;
	memcpy(array, &grown, sizeof(grown));
	*capacity = more;
	return 0;
}

/* Makes room in *ARRAY, which has room for *CAPACITY elements, for one more than COUNT. 0; -1: no memory. */
#define array_reserve(array, capacity, count) array_reserve_bytes((array), (capacity), (count), sizeof(**(array)))

#endif
