/* SPDX-License-Identifier: Apache-2.0
 *
 * per_core.c - see per_core.h.
 */
#include "per_core.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "free_list.h"
#include "say.h"
#include "ttalloc.h"

#define BUCKETS 256 /* a power of two */

struct placed {
	struct placed *next;
	const void *buffer;
	struct tt_cores cores;
};

static struct placed *buckets[BUCKETS];

static struct placed **bucket_of(const void *buffer)
{
	return &buckets[((uintptr_t)buffer >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 56];
}

static bool has_cores(const struct tt_library *library, const void *buffer)
{
	return library->is_per_core && library->is_per_core(buffer);
}

/* What is recorded of such a buffer is one block, as if it were in each bank. */
static void note_what_is_not_seen(void)
{
	static atomic_bool noted;

	if (!atomic_exchange(&noted, true))
		ttalloc_note(
		    "buffers have addresses of their own on each core (hybrid allocation): that of the first core is "
		    "recorded, and each counts as if it were on all cores",
		    0);
}

struct tt_cores tt_per_core_placed(const struct tt_library *library, const void *buffer,
                                   const struct tt_free_list **list)
{
	struct tt_cores cores = tt_free_lists_placed(list);
	struct placed *placed;

	if (!has_cores(library, buffer))
		return (struct tt_cores){.count = 0};
	note_what_is_not_seen();
	placed = cores.hash ? calloc(1, sizeof(*placed)) : NULL;
	if (!placed) {
		tt_say_once("%s: which cores a buffer is on that has an address on each is not known: such buffers are "
		            "taken for one another",
		            library->path);
		return (struct tt_cores){.count = 0};
	}
	*placed = (struct placed){.buffer = buffer, .cores = cores};
	tt_lock();
	placed->next = *bucket_of(buffer);
	*bucket_of(buffer) = placed;
	tt_unlock();
	return cores;
}

struct tt_cores tt_per_core_gone(const struct tt_library *library, const void *buffer)
{
	struct tt_cores cores = {.count = 0};
	struct placed **link, *placed;

	if (!has_cores(library, buffer))
		return cores;
	tt_lock();
	for (link = bucket_of(buffer); *link && (*link)->buffer != buffer;)
		link = &(*link)->next;
	placed = *link;
	if (placed)
		*link = placed->next;
	tt_unlock();
	if (placed)
		cores = placed->cores;
	free(placed);
	return cores;
}
