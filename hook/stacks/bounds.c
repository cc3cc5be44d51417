/* SPDX-License-Identifier: Apache-2.0
 *
 * bounds.c - see bounds.h. Only two kinds of stack are certain to stay while their thread runs: the main
 * thread's, which the kernel names, and those that hold their thread's descriptor at their end, as glibc lays them out.
 */
#include "bounds.h"

#include <pthread.h>
#include <string.h>

#include "hook/base/maps.h"
#include "hook/core/thread.h"

#define MOST_LOOKS 32u
#define MAIN_STACK_BYTES (UINT64_C(64) << 20)

struct search {
	uint64_t place;
	struct tta_map found;
	uint64_t end_before; /* of the mapping before it */
	bool is_main;
};

static bool take_map(void *context, const struct tta_map *map)
{
	struct search *search = context;

	if (search->place >= map->end) {
		search->end_before = map->end;
		return true;
	}
	if (search->place >= map->start) {
		search->found = *map;
		search->is_main = strcmp(map->path, "[stack]") == 0;
	}
	return false;
}

/* How far the main thread's stack may come down: it grows as it is used, and the kernel keeps more than this free for
 * that. */
static uint64_t main_low(const struct search *search)
{
	uint64_t low = search->found.end - MAIN_STACK_BYTES;

	if (low < search->end_before)
		low = search->end_before;
	return low < search->found.start ? low : search->found.start;
}

bool tta_stack_find(struct tta_thread *thread, const void *place)
{
	struct search search = {.place = (uintptr_t)place};
	uint64_t descriptor = (uint64_t)pthread_self();
	struct tta_critical critical;
	struct tta_thread_extra *extra = tta_thread_extra(thread); /* this stack may have no room for the buffer */

	if (!extra || thread->stack_looks >= MOST_LOOKS)
		return false;
	tta_critical_enter(&critical); /* a handler may not come in between the two bounds */
	thread->stack_looks++;
	tta_maps_each(extra->maps_buffer, take_map, &search);
	if (search.is_main || (descriptor > search.place && descriptor < search.found.end)) {
		thread->stack_low = search.is_main ? main_low(&search) : search.found.start;
		thread->stack_high = search.is_main ? search.found.end : descriptor;
	}
	tta_critical_leave(&critical);
	return tta_stack_is_within(thread, place);
}
