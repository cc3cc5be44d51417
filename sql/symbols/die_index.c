/* SPDX-License-Identifier: Apache-2.0
 *
 * die_index.c - see die_index.h.
 */
#include "die_index.h"

#include <stdlib.h>

#include "sql/base/array.h"

struct die_range {
	Dwarf_Addr from, to;
	Dwarf_Die die;
};

void die_index_add(struct die_index *index, Dwarf_Die *die)
{
	Dwarf_Addr base, from, to;
	ptrdiff_t next = 0;

	while ((next = dwarf_ranges(die, next, &base, &from, &to)) > 0) {
		if (from >= to)
			continue;
		if (array_reserve(&index->ranges, &index->capacity, index->count) < 0)
			return;
		index->ranges[index->count++] = (struct die_range){.from = from, .to = to, .die = *die};
	}
}

static int compare(const void *left, const void *right)
{
	const struct die_range *a = left, *b = right;

	return (a->from > b->from) - (a->from < b->from);
}

void die_index_sort(struct die_index *index)
{
	if (index->count)
		qsort(index->ranges, index->count, sizeof(*index->ranges), compare);
}

/* What the linker left out lies at 0, over each other; what begins the closest below wins. */
Dwarf_Die *die_index_find(const struct die_index *index, Dwarf_Addr address)
{
	size_t low = 0, high = index->count;

	while (low < high) { /* the first behind ADDRESS */
		size_t middle = (low + high) / 2;

		if (index->ranges[middle].from <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && address < index->ranges[low - 1].to ? &index->ranges[low - 1].die : NULL;
}

void die_index_clear(struct die_index *index)
{
	index->count = 0;
}

void die_index_free(struct die_index *index)
{
	free(index->ranges);
	*index = (struct die_index){0};
}
