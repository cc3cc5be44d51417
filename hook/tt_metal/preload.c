/* SPDX-License-Identifier: Apache-2.0
 *
 * preload.c - libttalloc-tt-metal: stands between an unmodified TT-Metal and its GraphTracker and allocators; see
 * preload.h. This file has the buffers and what is asked for; programs.c has the programs. Both are compiled with
 * -fexceptions: what TT-Metal throws passes through.
 */
#include "preload.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "hook/core/producer.h"
#include "buffer.h"
#include "call.h"
#include "crosscheck.h"
#include "device.h"
#include "free_list.h"
#include "per_core.h"
#include "traces.h"
#include "ttalloc.h"

EXPORT void tt_track_allocate(void *tracker, const void *buffer) __asm__(TT_TRACK_ALLOCATE);
EXPORT void tt_track_deallocate(void *tracker, void *buffer) __asm__(TT_TRACK_DEALLOCATE);
EXPORT uint64_t tt_allocate_buffer(void *allocator, void *buffer) __asm__(TT_ALLOCATE_BUFFER);
EXPORT uint64_t tt_impl_allocate_buffer(void *allocator, void *buffer) __asm__(TT_IMPL_ALLOCATE_BUFFER);
EXPORT void tt_deallocate_buffers(void *allocator) __asm__(TT_DEALLOCATE_BUFFERS);
EXPORT void tt_impl_deallocate_buffers(void *allocator) __asm__(TT_IMPL_DEALLOCATE_BUFFERS);

bool tt_may_report(const struct tt_library *library, enum tt_share share)
{
	static atomic_bool named;

	if (!library || library->patched || !tt_recording(share))
		return false;
	if (!atomic_load_explicit(&named, memory_order_relaxed) && !atomic_exchange(&named, true)) {
		ttalloc_name_producer("preload");
		tta_hide_this_library();
	}
	return true;
}

/* ---- Buffers ---- */

/* BUFFER as it is reported, and the chips it is on. False when it is not reported. */
static bool read_event(struct tt_library *library, const void *buffer, struct tt_buffer *read, struct tt_chips *chips)
{
	if (!tt_may_report(library, TT_SHARE_BUFFERS))
		return false;
	if (!tt_buffer_read(library, buffer, true, read)) {
		tt_count(TT_COUNT_REFUSED);
		return false;
	}
	if (read->hooked) {
		tt_count(TT_COUNT_HOOKED);
		return false;
	}
	if (tt_device_chips(library, read->device, chips))
		return true;
	tt_count(TT_COUNT_REFUSED);
	return false;
}

/* Whose a buffer is, on CORES (NULL: all). Allocators are known by the buffers that they place, for the call of an
 * allocator itself may stay inside TT-Metal's unity build. */
static struct tt_allocator_use use_of(const struct tt_buffer *read, const struct tt_cores *cores)
{
	return (struct tt_allocator_use){
	    .allocator = read->allocator, .device = read->device, .on_sub_device = read->on_sub_device, .cores = cores};
}

/* One block of each chip. */
struct placing {
	struct tt_library *library;
	const struct tt_buffer *read;
	const struct tt_chips *chips;
};

static void report_placed(const struct placing *placing, const struct tt_allocator_use *use,
                          const struct ttalloc_block *of)
{
	uint16_t allocator = tt_device_announce(placing->library, use, placing->chips);
	struct ttalloc_block block = *of;

	for (uint32_t i = 0; i < placing->chips->count; i++) {
		block.device = ttalloc_on(placing->chips->ids[i], allocator);
		ttalloc_alloc(&block);
	}
}

static void report_gone(const struct placing *placing, const struct tt_allocator_use *use, uint64_t address)
{
	uint16_t allocator = tt_device_announce(placing->library, use, placing->chips);

	for (uint32_t i = 0; i < placing->chips->count; i++)
		ttalloc_free(ttalloc_on(placing->chips->ids[i], allocator), placing->read->block.region, address);
}

/* A block of each group, which together have the payload of the buffer. */
static void report_groups_placed(const struct placing *placing, const struct tt_core_groups *groups)
{
	uint64_t left = placing->read->block.size_bytes, each = left / groups->core_count;

	for (size_t i = 0; i < groups->count; i++) {
		const struct tt_core_group *group = &groups->list[i];
		struct tt_allocator_use use = use_of(placing->read, &group->cores);
		struct ttalloc_block block = placing->read->block;

		use.in_step = groups->in_step;
		block.address = group->address;
		block.size_bytes = i + 1 < groups->count ? each * tt_cores_count(&group->cores) : left;
		left -= block.size_bytes;
		report_placed(placing, &use, &block);
	}
}

/* All cores that have lists of their own are announced, too: together they are what the lists are compared as. */
static void announce_cores(const struct placing *placing)
{
	struct tt_cores cores;
	struct tt_allocator_use use = use_of(placing->read, &cores);

	tt_core_lists_cores(placing->read->allocator, placing->read->block.region, &cores);
	tt_device_announce(placing->library, &use, placing->chips);
}

void tt_track_allocate(void *tracker, const void *buffer)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_ALLOCATE, CALLER);
	struct tt_core_groups groups;
	struct tt_buffer read;
	struct tt_allocator_use use;
	struct tt_chips chips;

	((void (*)(void *, const void *))target.function)(tracker, buffer);
	if (!read_event(target.library, buffer, &read, &chips))
		return;
	tt_count(TT_COUNT_PLACED);
	use = use_of(&read, NULL);
	read.block.bank_bytes = tt_buffer_bank_bytes(target.library, buffer, &read);
	if (tt_trace_is_active(read.device))
		read.block.flags |= TTALLOC_TRACE_ACTIVE;
	struct placing placing = {target.library, &read, &chips};
	tt_per_core_read(target.library, buffer, read.block.address, true, &groups);
	if (groups.count)
		report_groups_placed(&placing, &groups);
	else
		report_placed(&placing, &use, &read.block);
	tt_device_served(&use, read.block.region, &groups);
	if (groups.count && !groups.in_step)
		announce_cores(&placing);
	free(groups.list);
	tt_free_lists_begin();
	tt_crosscheck_changed();
	tt_device_crosscheck(target.library, use.allocator, TT_OCCASION_ALLOCATED);
}

void tt_track_deallocate(void *tracker, void *buffer)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_DEALLOCATE, CALLER);
	struct tt_core_groups groups;
	struct tt_buffer read;
	struct tt_allocator_use use;
	struct tt_chips chips;

	((void (*)(void *, void *))target.function)(tracker, buffer);
	if (!read_event(target.library, buffer, &read, &chips))
		return;
	tt_per_core_read(target.library, buffer, read.block.address, false, &groups);
	struct placing placing = {target.library, &read, &chips};
	use = use_of(&read, NULL);
	tt_crosscheck_changing();
	if (!groups.count)
		report_gone(&placing, &use, read.block.address);
	for (size_t i = 0; i < groups.count; i++) {
		use.cores = &groups.list[i].cores;
		use.in_step = groups.in_step;
		report_gone(&placing, &use, groups.list[i].address);
	}
	free(groups.list);
}

/* ---- Requests ---- */

/* A request on its way through an allocator. What it is for is read only if it fails: until then BUFFER stays as it is,
 * and one that is served is read when it is tracked. */
struct request {
	struct tt_call call; /* first: tt_call.failed() */
	const void *buffer;
};

static __thread unsigned requests_open; /* one allocator may ask another: the outermost request is the program's */

static void report_failure(const struct tt_call *call, const char *why)
{
	const struct request *request = (const struct request *)(const void *)call;
	struct tt_library *library = call->library;
	struct ttalloc_block block;
	struct tt_allocator_use use;
	struct tt_buffer wanted;
	struct tt_cores cores;
	struct tt_chips chips;
	bool in_step;

	if (!tt_may_report(library, TT_SHARE_BUFFERS) || !tt_buffer_read(library, request->buffer, false, &wanted) ||
	    !tt_device_chips(library, wanted.device, &chips))
		return;
	block = wanted.block;
	block.bank_bytes = tt_buffer_bank_bytes(library, request->buffer, &wanted);
	use = use_of(&wanted, tt_per_core_wanted(library, request->buffer, &cores, &in_step) ? &cores : NULL);
	use.in_step = use.cores && in_step;
	block.device = ttalloc_on(0, tt_device_announce(library, &use, &chips));
	tt_device_failed(library, wanted.device, &block, why);
	tt_crosscheck_changed();
	tt_device_crosscheck(library, use.allocator, TT_OCCASION_FAILED);
}

static void end_request(struct request *request)
{
	requests_open--;
	tt_call_ends(&request->call);
}

static uint64_t allocate(struct tt_target target, void *allocator, void *buffer)
{
	uint64_t (*real)(void *, void *) = (uint64_t(*)(void *, void *))target.function;
	uint64_t address;

	if (requests_open || !tt_may_report(target.library, TT_SHARE_BUFFERS))
		return real(allocator, buffer);
	requests_open++;
	struct request request __attribute__((cleanup(end_request))) = {
	    .call = {.library = target.library, .failed = report_failure}, .buffer = buffer};
	tt_free_lists_begin();
	address = real(allocator, buffer);
	request.call.done = true;
	tt_count(TT_COUNT_SERVED);
	return address;
}

uint64_t tt_allocate_buffer(void *allocator, void *buffer)
{
	return allocate(tt_target_of(TT_FUNCTION_ALLOCATE_BUFFER, CALLER), allocator, buffer);
}

uint64_t tt_impl_allocate_buffer(void *allocator, void *buffer)
{
	return allocate(tt_target_of(TT_FUNCTION_IMPL_ALLOCATE_BUFFER, CALLER), allocator, buffer);
}

static void deallocate_all(struct tt_target target, void *allocator)
{
	if (tt_may_report(target.library, TT_SHARE_BUFFERS))
		tt_device_crosscheck(target.library, allocator, TT_OCCASION_CLOSE);
	((void (*)(void *))target.function)(allocator);
	if (tt_may_report(target.library, TT_SHARE_BUFFERS))
		tt_device_cleared(allocator);
}

void tt_deallocate_buffers(void *allocator)
{
	deallocate_all(tt_target_of(TT_FUNCTION_DEALLOCATE_BUFFERS, CALLER), allocator);
}

void tt_impl_deallocate_buffers(void *allocator)
{
	deallocate_all(tt_target_of(TT_FUNCTION_IMPL_DEALLOCATE_BUFFERS, CALLER), allocator);
}
