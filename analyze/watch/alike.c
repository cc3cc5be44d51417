/* SPDX-License-Identifier: Apache-2.0
 *
 * alike.c - see alike.h.
 */
#include "alike.h"

#include <stdlib.h>
#include <string.h>

#include "analyze/write/writer.h"
#include "sql/base/memory.h"

/* Trends are left out: what happens to all chips of a mesh at once happens some nanoseconds apart. */
static bool same_region(const struct live_region *a, const struct live_region *b)
{
	return a->region == b->region && a->bytes == b->bytes && a->bank_bytes == b->bank_bytes &&
	       a->blocks == b->blocks && a->peak_bytes == b->peak_bytes && a->peak_bank_bytes == b->peak_bank_bytes &&
	       a->capacity_bytes == b->capacity_bytes && a->binary_bytes == b->binary_bytes;
}

static bool same_group(const struct live_group *a, const struct live_group *b)
{
	return a->region == b->region && a->class == b->class && a->label == b->label && a->bytes == b->bytes &&
	       a->blocks == b->blocks;
}

/* The next region, or group, of DEVICE from AT on; the count: there is none. */
static size_t next_region(const struct live *live, int64_t device, size_t at)
{
	while (at < live->region_count && live->regions[at].device != device)
		at++;
	return at;
}

static size_t next_group(const struct live *live, int64_t device, size_t at)
{
	while (at < live->group_count && live->groups[at].device != device)
		at++;
	return at;
}

static bool same_regions(const struct live *live, int64_t a, int64_t b)
{
	size_t one = next_region(live, a, 0), other = next_region(live, b, 0);

	while (one < live->region_count && other < live->region_count) {
		if (!same_region(&live->regions[one], &live->regions[other]))
			return false;
		one = next_region(live, a, one + 1);
		other = next_region(live, b, other + 1);
	}
	return one == other; /* both are at the end */
}

static bool same_groups(const struct live *live, int64_t a, int64_t b)
{
	size_t one = next_group(live, a, 0), other = next_group(live, b, 0);

	while (one < live->group_count && other < live->group_count) {
		if (!same_group(&live->groups[one], &live->groups[other]))
			return false;
		one = next_group(live, a, one + 1);
		other = next_group(live, b, other + 1);
	}
	return one == other;
}

static bool are_alike(const struct model *model, int64_t a, int64_t b)
{
	return same_regions(&model->live, a, b) && same_groups(&model->live, a, b);
}

bool alike_leads(const struct view *view, const struct model *model, int64_t device)
{
	int64_t earlier;

	if (view->device != MODEL_ALL_DEVICES)
		return view->device == device;
	for (size_t i = 0; (earlier = model_device(model, i)) != MODEL_ALL_DEVICES && earlier < device; i++)
		if (are_alike(model, earlier, device))
			return false;
	return true;
}

size_t alike_name(const struct view *view, const struct model *model, int64_t device,
                  char name[static ALIKE_NAME_BYTES])
{
	size_t all = model_device_count(model), count = 0;
	int64_t *devices = memory_get(all + 1, sizeof *devices);

	for (size_t i = 0; i < all; i++) {
		int64_t other = model_device(model, i);

		if (other == device ||
		    (view->device == MODEL_ALL_DEVICES && other > device && are_alike(model, device, other)))
			devices[count++] = other;
	}
	devices_name(name, ALIKE_NAME_BYTES, devices, count);
	free(devices);
	return count;
}
