/* SPDX-License-Identifier: Apache-2.0
 *
 * core_lists.c - the free lists of single cores; see per_core.h.
 */
#include "per_core.h"

#include <stdlib.h>

#include "free_list.h"
#include "say.h"

#define MOST_LISTS 256

/* Of one allocator and region. */
struct core_lists {
	struct core_lists *next;
	const void *allocator;
	uint16_t region;
	bool uncertain; /* a list was not seen from its first block on */
	struct tt_cores cores;
	size_t count;
	struct {
		const struct tt_free_list *list;
		uint16_t number;
	} lists[MOST_LISTS];
};

static struct core_lists *all;

/* Under the lock, as what follows. */
static struct core_lists *find(const void *allocator, uint16_t region)
{
	struct core_lists *found = all;

	while (found && (found->allocator != allocator || found->region != region))
		found = found->next;
	return found;
}

static struct core_lists *find_or_make(const void *allocator, uint16_t region)
{
	struct core_lists *found = find(allocator, region);

	if (found || !(found = calloc(1, sizeof(*found))))
		return found;
	found->allocator = allocator;
	found->region = region;
	found->next = all;
	all = found;
	return found;
}

static void meet(void *context, const struct tt_free_list *list)
{
	struct core_lists *lists = context;
	uint16_t number = tt_free_list_number(list);

	for (size_t i = 0; i < lists->count; i++) {
		if (lists->lists[i].list == list && lists->lists[i].number == number)
			return;
	}
	if (lists->count == MOST_LISTS || !tt_free_list_ask_sizes(list)) {
		lists->uncertain = true;
		return;
	}
	lists->lists[lists->count].list = list;
	lists->lists[lists->count++].number = number;
}

void tt_core_lists_met(const void *allocator, uint16_t region, const struct tt_core_groups *groups)
{
	struct core_lists *lists;

	tt_lock();
	lists = find_or_make(allocator, region);
	for (size_t i = 0; lists && i < groups->count; i++) {
		for (size_t y = 0; y < TT_CORE_SIDE; y++)
			lists->cores.rows[y] |= groups->list[i].cores.rows[y];
	}
	if (lists)
		tt_free_lists_each_placed(meet, lists);
	tt_unlock();
}

static bool add_up(const struct core_lists *lists, struct tt_held *all_held)
{
	*all_held = (struct tt_held){.blocks = 0};
	for (size_t i = 0; i < lists->count; i++) {
		struct tt_held held;

		if (!tt_free_list_holds(lists->lists[i].list, lists->lists[i].number, &held))
			return false;
		all_held->blocks += held.blocks;
		all_held->address_sum += held.address_sum;
		all_held->bytes += held.bytes;
	}
	return !lists->uncertain && lists->count == tt_cores_count(&lists->cores);
}

bool tt_core_lists_hold(const void *allocator, uint16_t region, struct tt_cores *cores, struct tt_held *held)
{
	const struct core_lists *lists;
	bool hold;

	tt_lock();
	lists = find(allocator, region);
	hold = lists && add_up(lists, held);
	if (hold)
		*cores = lists->cores;
	tt_unlock();
	return hold;
}

void tt_core_lists_cores(const void *allocator, uint16_t region, struct tt_cores *cores)
{
	const struct core_lists *lists;

	*cores = (struct tt_cores){.rows = {0}};
	tt_lock();
	lists = find(allocator, region);
	if (lists)
		*cores = lists->cores;
	tt_unlock();
}

const void *tt_core_lists_owner(const struct tt_free_list *list)
{
	const void *owner = NULL;

	tt_lock();
	for (const struct core_lists *lists = all; lists && !owner; lists = lists->next) {
		for (size_t i = 0; i < lists->count && !owner; i++) {
			if (lists->lists[i].list == list)
				owner = lists->allocator;
		}
	}
	tt_unlock();
	return owner;
}

void tt_core_lists_forget(const void *allocator)
{
	struct core_lists **link = &all, *gone;

	tt_lock();
	while ((gone = *link)) {
		if (gone->allocator != allocator) {
			link = &gone->next;
			continue;
		}
		*link = gone->next;
		free(gone);
	}
	tt_unlock();
}
