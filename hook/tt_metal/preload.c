/* SPDX-License-Identifier: Apache-2.0
 *
 * preload.c - libttalloc-tt-metal: stands between an unmodified TT-Metal and its GraphTracker and allocators,
 * passes every call on, and reports what it says.
 *
 * The call goes first and the report after it: a tracked allocation is placed before it is tracked, and a tracked free
 * is given back after it was tracked, so that both reports are inside the block's life; and a TT-Metal that reports
 * itself has then made itself known. This file is compiled with -fexceptions: what TT-Metal throws passes through.
 */
#include <stddef.h>
#include <stdint.h>

#include "hook/core/producer.h"
#include "buffer.h"
#include "circular.h"
#include "device.h"
#include "exception.h"
#include "library.h"
#include "say.h"
#include "ttalloc.h"

#define CORE_RANGES_MAX 64

#define EXPORT __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

EXPORT void tt_track_allocate(void *tracker, const void *buffer) __asm__(TT_TRACK_ALLOCATE);
EXPORT void tt_track_deallocate(void *tracker, void *buffer) __asm__(TT_TRACK_DEALLOCATE);
EXPORT void tt_track_allocate_cb(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                                 bool aliased, const void *device) __asm__(TT_TRACK_ALLOCATE_CB);
EXPORT void tt_track_allocate_cb_global(void *tracker, const struct tt_vector *cores, uint64_t address,
                                        uint64_t size_bytes, bool aliased,
                                        const void *device) __asm__(TT_TRACK_ALLOCATE_CB_GLOBAL);
EXPORT void tt_track_deallocate_cb(void *tracker, const void *device) __asm__(TT_TRACK_DEALLOCATE_CB);
EXPORT void tt_track_program(void *tracker, void *program, const void *device) __asm__(TT_TRACK_PROGRAM);
EXPORT bool tt_hook_program(void *tracker, void *program) __asm__(TT_HOOK_PROGRAM);
EXPORT void tt_track_dataflow_buffer(void *tracker, const struct tt_vector *cores, uint64_t address,
                                     uint64_t size_bytes, bool borrows,
                                     const void *device) __asm__(TT_TRACK_DATAFLOW_BUFFER);
EXPORT void tt_track_scratchpad(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                                const void *device) __asm__(TT_TRACK_SCRATCHPAD);
EXPORT uint64_t tt_allocate_buffer(void *allocator, void *buffer) __asm__(TT_ALLOCATE_BUFFER);
EXPORT uint64_t tt_impl_allocate_buffer(void *allocator, void *buffer) __asm__(TT_IMPL_ALLOCATE_BUFFER);
EXPORT void tt_deallocate_buffers(void *allocator) __asm__(TT_DEALLOCATE_BUFFERS);
EXPORT void tt_impl_deallocate_buffers(void *allocator) __asm__(TT_IMPL_DEALLOCATE_BUFFERS);
EXPORT void tt_program_end(void *program) __asm__(TT_PROGRAM_END);
EXPORT void tt_program_end_base(void *program) __asm__(TT_PROGRAM_END_BASE);

static bool may_report(const struct tt_library *library, enum tt_share share)
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
	if (!may_report(library, TT_SHARE_BUFFERS))
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

/* The geometry of a device is what its own allocator says, not that of a sub-device's. Allocators are known by the
 * buffers that they place, for the call of an allocator itself may stay inside TT-Metal's unity build. */
static void announce(const struct tt_library *library, const struct tt_buffer *read)
{
	if (!read->on_sub_device && read->allocator)
		tt_device_announce(library, read->allocator, read->device);
}

void tt_track_allocate(void *tracker, const void *buffer)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_ALLOCATE, CALLER);
	struct tt_buffer read;
	struct tt_chips chips;

	((void (*)(void *, const void *))target.function)(tracker, buffer);
	if (!read_event(target.library, buffer, &read, &chips))
		return;
	tt_count(TT_COUNT_PLACED);
	announce(target.library, &read);
	read.block.bank_bytes = tt_buffer_bank_bytes(target.library, buffer, &read);
	for (uint32_t i = 0; i < chips.count; i++) {
		read.block.device = chips.ids[i];
		ttalloc_alloc(&read.block);
	}
}

void tt_track_deallocate(void *tracker, void *buffer)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_DEALLOCATE, CALLER);
	struct tt_buffer read;
	struct tt_chips chips;

	((void (*)(void *, void *))target.function)(tracker, buffer);
	if (!read_event(target.library, buffer, &read, &chips))
		return;
	for (uint32_t i = 0; i < chips.count; i++)
		ttalloc_free(chips.ids[i], read.block.region, read.block.address);
}

/* ---- Requests ---- */

/* A request on its way through an allocator. */
struct request {
	struct tt_library *library;
	struct tt_buffer wanted;
	bool known;  /* wanted is filled in */
	bool served; /* the allocator came back; else it threw */
};

static __thread unsigned requests_open; /* one allocator may ask another: the outermost request is the program's */

static void begin_request(struct request *request, const void *buffer)
{
	request->known = tt_buffer_read(request->library, buffer, false, &request->wanted);
	if (!request->known)
		return;
	request->wanted.block.bank_bytes = tt_buffer_bank_bytes(request->library, buffer, &request->wanted);
	announce(request->library, &request->wanted);
}

static __thread struct request *failing; /* that an exception has just ended, in the frame that it is leaving */

static void report_failure(const struct request *request, const char *why)
{
	struct ttalloc_block wanted = request->wanted.block;
	struct tt_chips chips;

	if (!may_report(request->library, TT_SHARE_BUFFERS) ||
	    !tt_device_chips(request->library, request->wanted.device, &chips))
		return;
	for (uint32_t i = 0; i < chips.count; i++) {
		wanted.device = chips.ids[i];
		ttalloc_alloc_failed(&wanted, why);
	}
}

/* Runs also while an exception passes. */
static void end_request(struct request *request)
{
	requests_open--;
	failing = request->served || !request->known ? NULL : request;
}

/* Where the exception goes on that end_request() has seen pass: the linker sends this library's own calls of
 * _Unwind_Resume() here (--wrap), and nobody else's. A thread that is cancelled unwinds, too, and has not failed. */
_Noreturn void __real__Unwind_Resume(struct _Unwind_Exception *exception);
_Noreturn void __wrap__Unwind_Resume(struct _Unwind_Exception *exception);

_Noreturn void __wrap__Unwind_Resume(struct _Unwind_Exception *exception)
{
	const struct request *request = failing;
	char why[TTALLOC_NAME_MAX + 1];

	failing = NULL;
	if (request && tt_exception_is_cplusplus(exception)) {
		tt_exception_text(exception, request->library->standard_exception, why, sizeof(why));
		report_failure(request, why[0] ? why : NULL);
	}
	__real__Unwind_Resume(exception);
}

static uint64_t allocate(struct tt_target target, void *allocator, void *buffer)
{
	uint64_t (*real)(void *, void *) = (uint64_t(*)(void *, void *))target.function;
	uint64_t address;

	if (requests_open || !may_report(target.library, TT_SHARE_BUFFERS))
		return real(allocator, buffer);
	requests_open++;
	struct request request __attribute__((cleanup(end_request))) = {.library = target.library};
	begin_request(&request, buffer);
	address = real(allocator, buffer);
	request.served = true;
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
	((void (*)(void *))target.function)(allocator);
	if (may_report(target.library, TT_SHARE_BUFFERS))
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

/* ---- Circular buffers and programs ---- */

static bool is_core_range(const struct tt_core_range *range)
{
	return range->x0 <= range->x1 && range->y0 <= range->y1 && range->x1 <= UINT16_MAX && range->y1 <= UINT16_MAX;
}

/* The core ranges of a CoreRangeSet; 0 when there are none, more than can be told, or they are not what they should
 * be. */
static uint32_t read_cores(const struct tt_vector *set, struct ttalloc_core_range cores[static CORE_RANGES_MAX])
{
	const struct tt_core_range *range = set ? set->begin : NULL;
	uint32_t count = 0;

	if (!range || (uintptr_t)set->end < (uintptr_t)range ||
	    ((uintptr_t)set->end - (uintptr_t)range) % sizeof(*range) != 0)
		return 0;
	for (; (const void *)range < set->end; range++) {
		if (count == CORE_RANGES_MAX || !is_core_range(range))
			return 0;
		cores[count++] = (struct ttalloc_core_range){(uint16_t)range->x0, (uint16_t)range->y0,
		                                             (uint16_t)range->x1, (uint16_t)range->y1};
	}
	return count;
}

/* A circular buffer with address 0 is one of a NO_DISPATCH capture. */
static void report_cb(struct tt_library *library, const struct tt_vector *set, const void *device,
                      struct ttalloc_cb *cb)
{
	struct ttalloc_core_range cores[CORE_RANGES_MAX];
	struct tt_chips chips;

	if (!may_report(library, TT_SHARE_CBS))
		return;
	if (!cb->address) {
		tt_count(TT_COUNT_HOOKED);
		return;
	}
	if (!tt_device_chips(library, device, &chips)) {
		tt_count(TT_COUNT_REFUSED);
		return;
	}
	cb->struct_size = sizeof(*cb);
	cb->core_ranges = read_cores(set, cores);
	cb->cores = cb->core_ranges ? cores : NULL;
	for (uint32_t i = 0; i < chips.count; i++)
		tt_circular_placed(chips.ids[i], cb);
}

typedef void track_cb(void *, const struct tt_vector *, uint64_t, uint64_t, bool, const void *);

void tt_track_allocate_cb(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                          bool aliased, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_ALLOCATE_CB, CALLER);

	((track_cb *)target.function)(tracker, cores, address, size_bytes, aliased, device);
	report_cb(target.library, cores, device,
	          &(struct ttalloc_cb){.address = address, .size_bytes = size_bytes, .aliased = aliased});
}

void tt_track_allocate_cb_global(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                                 bool aliased, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_ALLOCATE_CB_GLOBAL, CALLER);

	((track_cb *)target.function)(tracker, cores, address, size_bytes, aliased, device);
	report_cb(target.library, cores, device,
	          &(struct ttalloc_cb){.address = address, .size_bytes = size_bytes, .aliased = aliased});
}

void tt_track_dataflow_buffer(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                              bool borrows, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_DATAFLOW_BUFFER, CALLER);

	((track_cb *)target.function)(tracker, cores, address, size_bytes, borrows, device);
	if (may_report(target.library, TT_SHARE_CBS))
		tt_count(TT_COUNT_HOOKED);
}

void tt_track_scratchpad(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                         const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_SCRATCHPAD, CALLER);
	void (*real)(void *, const struct tt_vector *, uint64_t, uint64_t, const void *);

	*(void **)&real = target.function;
	real(tracker, cores, address, size_bytes, device);
	if (may_report(target.library, TT_SHARE_CBS))
		tt_count(TT_COUNT_HOOKED);
}

void tt_track_program(void *tracker, void *program, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_PROGRAM, CALLER);
	struct tt_chips chips;

	((void (*)(void *, void *, const void *))target.function)(tracker, program, device);
	if (!may_report(target.library, TT_SHARE_CBS) || !tt_device_chips(target.library, device, &chips))
		return;
	for (uint32_t i = 0; i < chips.count; i++)
		tt_circular_run(chips.ids[i], (uintptr_t)program);
}

bool tt_hook_program(void *tracker, void *program)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_HOOK_PROGRAM, CALLER);
	bool hooked = ((bool (*)(void *, void *))target.function)(tracker, program);

	if (hooked && may_report(target.library, TT_SHARE_CBS)) {
		tt_count(TT_COUNT_HOOKED);
		tt_circular_not_run((uintptr_t)program);
	}
	return hooked;
}

static __thread uint64_t ending_program; /* whose destructor runs on this thread; 0: none */

void tt_track_deallocate_cb(void *tracker, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_DEALLOCATE_CB, CALLER);
	struct tt_chips chips;

	((void (*)(void *, const void *))target.function)(tracker, device);
	if (!may_report(target.library, TT_SHARE_CBS) || !tt_device_chips(target.library, device, &chips))
		return;
	for (uint32_t i = 0; i < chips.count; i++)
		tt_circular_gone(chips.ids[i], ending_program);
}

static void end_program(struct tt_target target, void *program)
{
	uint64_t outer = ending_program;

	ending_program = (uintptr_t)program;
	((void (*)(void *))target.function)(program);
	ending_program = outer;
}

void tt_program_end(void *program)
{
	end_program(tt_target_of(TT_FUNCTION_PROGRAM_END, CALLER), program);
}

void tt_program_end_base(void *program)
{
	end_program(tt_target_of(TT_FUNCTION_PROGRAM_END_BASE, CALLER), program);
}
