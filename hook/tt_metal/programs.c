/* SPDX-License-Identifier: Apache-2.0
 *
 * programs.c - stands between TT-Metal and its programs: what they place in L1, when they run, and when they end. See
 * preload.h. A program is known by the address of its ProgramImpl, to which a Program is a pointer; Programs are moved
 * about.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "circular.h"
#include "device.h"
#include "preload.h"
#include "traces.h"
#include "ttalloc.h"
#include "workload.h"

typedef void program_device(void *program, const void *device);
typedef void program_end(void *program);

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
EXPORT program_device tt_allocate_circular_buffers __asm__(TT_ALLOCATE_CIRCULAR_BUFFERS);
EXPORT program_device tt_allocate_dataflow_buffers __asm__(TT_ALLOCATE_DATAFLOW_BUFFERS);
EXPORT program_device tt_allocate_scratchpads __asm__(TT_ALLOCATE_SCRATCHPADS);
EXPORT program_device tt_validate_circular_buffers __asm__(TT_VALIDATE_CIRCULAR_BUFFERS);
EXPORT program_device tt_validate_dataflow_buffers __asm__(TT_VALIDATE_DATAFLOW_BUFFERS);
EXPORT program_end tt_program_end __asm__(TT_PROGRAM_END);
EXPORT program_end tt_program_end_base __asm__(TT_PROGRAM_END_BASE);
EXPORT program_end tt_program_impl_end __asm__(TT_PROGRAM_IMPL_END);
EXPORT program_end tt_program_impl_end_base __asm__(TT_PROGRAM_IMPL_END_BASE);

/* The ProgramImpl of a Program: NULL when it was moved away. */
static const void *impl_of(const void *program)
{
	const void *impl;

	memcpy(&impl, program, sizeof(impl));
	return impl;
}

static uint64_t number_of(const void *program)
{
	return (uintptr_t)impl_of(program);
}

/* ---- Circular buffers ---- */

static bool is_core_range(const struct tt_core_range *range)
{
	return range->x0 <= range->x1 && range->y0 <= range->y1 && range->x1 <= UINT16_MAX && range->y1 <= UINT16_MAX;
}

/* Of a set with more ranges than are kept: often it has each core for itself. COUNT: they are as many still. */
static uint32_t read_fewer(const struct tt_vector *set, uint32_t count,
                           struct ttalloc_core_range cores[static TT_CORE_RANGES_MOST])
{
	struct tt_cores all = {.rows = {0}};
	uint32_t fewer = tt_cores_read(set, &all) ? tt_cores_ranges(&all, cores) : 0;

	return fewer ? fewer : count;
}

/* The core ranges of a CoreRangeSet; 0 when there are none, or they are not what they should be. More than
 * TT_CORE_RANGES_MOST are not in CORES. */
static uint32_t read_cores(const struct tt_vector *set, struct ttalloc_core_range cores[static TT_CORE_RANGES_MOST])
{
	const struct tt_core_range *range = set ? set->begin : NULL;
	uint32_t count = 0;

	if (!range || (uintptr_t)set->end < (uintptr_t)range ||
	    ((uintptr_t)set->end - (uintptr_t)range) % sizeof(*range) != 0)
		return 0;
	for (; (const void *)range < set->end; range++, count++) {
		if (!is_core_range(range))
			return 0;
		if (count < TT_CORE_RANGES_MOST)
			cores[count] = (struct ttalloc_core_range){(uint16_t)range->x0, (uint16_t)range->y0,
			                                           (uint16_t)range->x1, (uint16_t)range->y1};
	}
	return count <= TT_CORE_RANGES_MOST ? count : read_fewer(set, count, cores);
}

static __thread struct tt_placement placing; /* of the program whose circular buffers this thread is placing */

/* A circular buffer with address 0 is one of a NO_DISPATCH capture. */
static void report_cb(struct tt_library *library, const struct tt_vector *set, const void *device,
                      struct ttalloc_cb *cb)
{
	struct ttalloc_core_range cores[TT_CORE_RANGES_MOST];
	struct tt_chips chips;

	if (!tt_may_report(library, TT_SHARE_CBS))
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
	cb->cores = cb->core_ranges && cb->core_ranges <= TT_CORE_RANGES_MOST ? cores : NULL;
	for (uint32_t i = 0; i < chips.count; i++)
		tt_circular_placed(chips.ids[i], placing, cb);
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

/* ---- What programs place ---- */

static void end_placing(const struct tt_placement *outer)
{
	placing = *outer;
}

void tt_allocate_circular_buffers(void *program, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_ALLOCATE_CIRCULAR_BUFFERS, CALLER);
	const struct tt_placement outer __attribute__((cleanup(end_placing), unused)) = placing;

	placing = tt_circular_begin((uintptr_t)program);
	((program_device *)target.function)(program, device);
}

/* Whether this thread is in a NO_DISPATCH capture, in which nothing runs and so nothing lies in L1. The tracker is
 * asked what it asks its hook before each run; that answers by the capture's mode, whatever the program. */
static bool only_tries(const struct tt_library *library, const void *program)
{
	const void *object[] = {program, NULL}; /* a Program is a pointer to its ProgramImpl */

	return library->graph_tracker && library->hook_program &&
	       library->hook_program(library->graph_tracker(), object);
}

/* How many programs were only tried when they were placed: one that runs after all has not been told of yet. */
static atomic_uint tried;

static void allocate_others(struct tt_target target, void *program, const void *device, enum tt_placing stage)
{
	struct tt_chips chips;

	((program_device *)target.function)(program, device);
	if (!tt_may_report(target.library, TT_SHARE_CBS))
		return;
	if (only_tries(target.library, program)) {
		atomic_fetch_add_explicit(&tried, 1, memory_order_relaxed);
		tt_count(TT_COUNT_HOOKED);
	} else if (tt_device_chips(target.library, device, &chips)) {
		tt_circular_look(target.library, program, &chips, stage);
	} else {
		tt_count(TT_COUNT_REFUSED);
	}
}

void tt_allocate_dataflow_buffers(void *program, const void *device)
{
	allocate_others(tt_target_of(TT_FUNCTION_ALLOCATE_DATAFLOW_BUFFERS, CALLER), program, device,
	                TT_PLACED_DATAFLOW_BUFFERS);
}

void tt_allocate_scratchpads(void *program, const void *device)
{
	allocate_others(tt_target_of(TT_FUNCTION_ALLOCATE_SCRATCHPADS, CALLER), program, device, TT_PLACED_SCRATCHPADS);
}

/* Those that are hooked (NO_DISPATCH): the tracker hears of no others. */
void tt_track_dataflow_buffer(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                              bool borrows, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_DATAFLOW_BUFFER, CALLER);

	((track_cb *)target.function)(tracker, cores, address, size_bytes, borrows, device);
	if (tt_may_report(target.library, TT_SHARE_CBS))
		tt_count(TT_COUNT_HOOKED);
}

void tt_track_scratchpad(void *tracker, const struct tt_vector *cores, uint64_t address, uint64_t size_bytes,
                         const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_SCRATCHPAD, CALLER);
	typedef void track_scratchpad(void *, const struct tt_vector *, uint64_t, uint64_t, const void *);

	((track_scratchpad *)target.function)(tracker, cores, address, size_bytes, device);
	if (tt_may_report(target.library, TT_SHARE_CBS))
		tt_count(TT_COUNT_HOOKED);
}

/* ---- What has no room: program memory that meets a buffer, or grows beyond the end of L1 ---- */

struct validation {
	struct tt_call call; /* first: tt_call.failed() */
	const void *device;
};

/* The address that follows one of TT-Metal's phrases for where the program's memory would end; 0: there is none. */
static uint64_t region_end(const char *why)
{
	static const char *const phrases[] = {"buffer region ends at ", "grow to "};

	for (size_t i = 0; i < sizeof(phrases) / sizeof(*phrases); i++) {
		const char *at = strstr(why, phrases[i]);

		if (at)
			return strtoull(at + strlen(phrases[i]), NULL, 10);
	}
	return 0;
}

/* An exception that says nothing of a region has another reason than memory. */
static void report_clash(const struct tt_call *call, const char *why)
{
	const struct validation *validation = (const struct validation *)(const void *)call;
	struct ttalloc_block wanted = {.region = TTALLOC_CB};
	uint64_t end = why ? region_end(why) : 0;
	uint64_t base = tt_device_l1_base(call->library, validation->device);

	if (!end)
		return;
	wanted.size_bytes = end > base ? end - base : end;
	tt_device_failed(call->library, validation->device, &wanted, why);
}

static void end_validation(struct validation *validation)
{
	tt_call_ends(&validation->call);
}

static void validate(struct tt_target target, void *program, const void *device)
{
	struct validation validation
	    __attribute__((cleanup(end_validation))) = {.call = {.library = target.library}, .device = device};

	if (tt_may_report(target.library, TT_SHARE_CBS))
		validation.call.failed = report_clash;
	((program_device *)target.function)(program, device);
	validation.call.done = true;
}

void tt_validate_circular_buffers(void *program, const void *device)
{
	validate(tt_target_of(TT_FUNCTION_VALIDATE_CIRCULAR_BUFFERS, CALLER), program, device);
}

void tt_validate_dataflow_buffers(void *program, const void *device)
{
	validate(tt_target_of(TT_FUNCTION_VALIDATE_DATAFLOW_BUFFERS, CALLER), program, device);
}

/* ---- When they run ---- */

void tt_track_program(void *tracker, void *program, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_PROGRAM, CALLER);
	struct tt_chips chips;

	((void (*)(void *, void *, const void *))target.function)(tracker, program, device);
	if (!tt_may_report(target.library, TT_SHARE_CBS) || !tt_device_chips(target.library, device, &chips))
		return;
	tt_workload_narrow(target.library, program, device, &chips);
	if (atomic_load_explicit(&tried, memory_order_relaxed) && number_of(program) &&
	    !only_tries(target.library, impl_of(program)))
		tt_circular_look(target.library, impl_of(program), &chips, TT_PLACED_SCRATCHPADS);
	for (uint32_t i = 0; i < chips.count; i++)
		tt_circular_run(chips.ids[i], number_of(program));
	tt_trace_run(device, &chips, number_of(program));
}

bool tt_hook_program(void *tracker, void *program)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_HOOK_PROGRAM, CALLER);
	bool hooked = ((bool (*)(void *, void *))target.function)(tracker, program);

	if (hooked && tt_may_report(target.library, TT_SHARE_CBS)) {
		tt_count(TT_COUNT_HOOKED);
		tt_circular_not_run(number_of(program));
	}
	return hooked;
}

/* ---- When they end ---- */

static __thread uint64_t ending; /* the program whose destructor runs on this thread; 0: none */

void tt_track_deallocate_cb(void *tracker, const void *device)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_TRACK_DEALLOCATE_CB, CALLER);
	struct tt_chips chips;

	((void (*)(void *, const void *))target.function)(tracker, device);
	if (!tt_may_report(target.library, TT_SHARE_CBS) || !tt_device_chips(target.library, device, &chips))
		return;
	for (uint32_t i = 0; i < chips.count; i++)
		tt_circular_gone(chips.ids[i], ending);
}

static void end_program(struct tt_target target, void *object, uint64_t program)
{
	uint64_t outer = ending;

	ending = program;
	((program_end *)target.function)(object);
	ending = outer;
}

void tt_program_end(void *program)
{
	end_program(tt_target_of(TT_FUNCTION_PROGRAM_END, CALLER), program, number_of(program));
}

void tt_program_end_base(void *program)
{
	end_program(tt_target_of(TT_FUNCTION_PROGRAM_END_BASE, CALLER), program, number_of(program));
}

/* A Program may have given its ProgramImpl to somebody else; when that ends, all does. */
static void end_impl(struct tt_target target, void *impl)
{
	end_program(target, impl, (uintptr_t)impl);
	if (tt_may_report(target.library, TT_SHARE_CBS))
		tt_circular_ended((uintptr_t)impl);
}

void tt_program_impl_end(void *impl)
{
	end_impl(tt_target_of(TT_FUNCTION_PROGRAM_IMPL_END, CALLER), impl);
}

void tt_program_impl_end_base(void *impl)
{
	end_impl(tt_target_of(TT_FUNCTION_PROGRAM_IMPL_END_BASE, CALLER), impl);
}
