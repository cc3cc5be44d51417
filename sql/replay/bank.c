/* SPDX-License-Identifier: Apache-2.0
 *
 * bank.c - see bank.h.
 */
#include "bank.h"

#include <stdlib.h>

#include "sql/base/array.h"

/* Changes that are collected whatever the number of live blocks. */
#define CHANGES_MIN 256

static int append(struct bank_list *list, uint64_t address, uint64_t bytes)
{
	if (array_reserve(&list->blocks, &list->capacity, list->count) < 0)
		return -1;
	list->blocks[list->count++] = (struct bank_block){address, bytes};
	return 0;
}

int bank_change(struct bank *bank, uint64_t address, uint64_t bytes, bool comes)
{
	if (bank->is_stale || bytes == 0)
		return 0;
	/* sorting many changes costs more than sorting what lives */
	if (bank->added.count + bank->removed.count > CHANGES_MIN + bank->live.count / 4) {
		bank->is_stale = true;
		return 0;
	}
	return append(comes ? &bank->added : &bank->removed, address, bytes);
}

void bank_refill(struct bank *bank)
{
	bank->live.count = bank->added.count = bank->removed.count = 0;
	bank->is_stale = false;
}

int bank_refill_add(struct bank *bank, uint64_t address, uint64_t bytes)
{
	return bytes ? append(&bank->added, address, bytes) : 0;
}

static int compare(const void *a, const void *b)
{
	const struct bank_block *first = a, *second = b;

	if (first->address != second->address)
		return first->address < second->address ? -1 : 1;
	return (first->bytes > second->bytes) - (first->bytes < second->bytes);
}

static void sort(struct bank_list *list)
{
	if (list->count > 1)
		qsort(list->blocks, list->count, sizeof(*list->blocks), compare);
}

/* live := live + added - removed, all sorted. A block may have come and gone several times. */
static int merge(struct bank *bank)
{
	struct bank_list merged = {0};
	size_t live = 0, added = 0, removed = 0;

	if (bank->added.count + bank->removed.count == 0)
		return 0;
	sort(&bank->added);
	sort(&bank->removed);
	while (live < bank->live.count || added < bank->added.count) {
		bool from_live =
		    added == bank->added.count ||
		    (live < bank->live.count && compare(&bank->live.blocks[live], &bank->added.blocks[added]) <= 0);
		const struct bank_block *next = from_live ? &bank->live.blocks[live++] : &bank->added.blocks[added++];

		while (removed < bank->removed.count && compare(&bank->removed.blocks[removed], next) < 0)
			removed++;
		if (removed < bank->removed.count && compare(&bank->removed.blocks[removed], next) == 0) {
			removed++;
			continue;
		}
		if (append(&merged, next->address, next->bytes) < 0) {
			free(merged.blocks);
			return -1;
		}
	}
	free(bank->live.blocks);
	bank->live = merged;
	bank->added.count = bank->removed.count = 0;
	return 0;
}

static void take_gap(struct bank_figures *figures, uint64_t bytes, uint64_t fitting_bytes)
{
	if (bytes == 0)
		return;
	figures->free_bytes += (int64_t)bytes;
	figures->free_blocks++;
	if ((int64_t)bytes > figures->largest_free_bytes)
		figures->largest_free_bytes = (int64_t)bytes;
	if (bytes >= fitting_bytes)
		figures->fitting_bytes += (int64_t)bytes;
}

int bank_measure(struct bank *bank, const struct bank_layout *layout, uint64_t fitting_bytes,
                 struct bank_figures *figures)
{
	uint64_t low = layout->base_address, high = low + layout->bank_bytes, at = low;

	*figures = (struct bank_figures){0};
	if (merge(bank) < 0)
		return -1;
	for (size_t i = 0; i < bank->live.count; i++) {
		uint64_t start = bank->live.blocks[i].address;
		uint64_t end =
		    bank->live.blocks[i].bytes > UINT64_MAX - start ? UINT64_MAX : start + bank->live.blocks[i].bytes;

		if (start > high)
			start = high;
		if (end > high)
			end = high;
		if (start > at)
			take_gap(figures, start - at, fitting_bytes);
		if (end > at)
			at = end;
	}
	if (high > at)
		take_gap(figures, high - at, fitting_bytes);
	figures->used_bytes = (int64_t)layout->bank_bytes - figures->free_bytes;
	return 0;
}

void bank_clear(struct bank *bank)
{
	free(bank->live.blocks);
	free(bank->added.blocks);
	free(bank->removed.blocks);
}
