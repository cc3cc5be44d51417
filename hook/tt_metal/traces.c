/* SPDX-License-Identifier: Apache-2.0
 *
 * traces.c - captured traces.
 *
 * While one is captured, ttnn announces each program as ever. When it is replayed, the device runs all of them again,
 * and nothing is announced. A replay may run thousands of programs in a millisecond; for each chip two of them are
 * reported: the one that reaches up the highest, and the one that stays.
 */
#include "traces.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "circular.h"
#include "preload.h"

/* A program that a trace runs. */
struct run {
	uint64_t program;
	uint32_t chip;
	uint32_t order; /* of the last time */
};

struct trace {
	struct trace *next;
	const void *device;
	uint32_t id;
	bool captured; /* else it is being captured */
	uint32_t runs_so_far;
	struct run *runs;
	size_t count, capacity;
};

static struct {
	struct trace *first;
	atomic_size_t count;
} traces;

typedef uint32_t begin_trace(void *device, uintptr_t queue);
typedef void begin_trace_id(void *device, uintptr_t queue, const uint32_t *id);
typedef void end_trace(void *device, uintptr_t queue, const uint32_t *id);
typedef void replay_trace(void *device, uintptr_t queue, const uint32_t *id, bool blocking);

/* The queue is a number, or, in the other form, an object. */
EXPORT begin_trace tt_begin_trace __asm__(TT_BEGIN_TRACE(TT_QUEUE_NUMBER));
EXPORT begin_trace tt_begin_trace_on __asm__(TT_BEGIN_TRACE(TT_QUEUE_ITSELF));
EXPORT begin_trace_id tt_begin_trace_id __asm__(TT_BEGIN_TRACE(TT_QUEUE_NUMBER TT_TRACE_ID));
EXPORT begin_trace_id tt_begin_trace_id_on __asm__(TT_BEGIN_TRACE(TT_QUEUE_ITSELF TT_TRACE_ID));
EXPORT end_trace tt_end_trace __asm__(TT_END_TRACE(TT_QUEUE_NUMBER TT_TRACE_ID));
EXPORT end_trace tt_end_trace_on __asm__(TT_END_TRACE(TT_QUEUE_ITSELF TT_TRACE_ID));
EXPORT replay_trace tt_replay_trace __asm__(TT_REPLAY_TRACE(TT_QUEUE_NUMBER TT_TRACE_ID "b"));
EXPORT replay_trace tt_replay_trace_on __asm__(TT_REPLAY_TRACE(TT_QUEUE_ITSELF TT_TRACE_ID "b"));
EXPORT void tt_release_trace(void *device, const uint32_t *id) __asm__(TT_RELEASE_TRACE);

/* ---- Traces; under the lock ---- */

static struct trace *capturing(const void *device)
{
	struct trace *trace = traces.first;

	while (trace && (trace->device != device || trace->captured))
		trace = trace->next;
	return trace;
}

static struct trace *captured(const void *device, uint32_t id)
{
	struct trace *trace = traces.first;

	while (trace && (trace->device != device || !trace->captured || trace->id != id))
		trace = trace->next;
	return trace;
}

static void forget(struct trace *gone)
{
	struct trace **link = &traces.first;

	while (*link && *link != gone)
		link = &(*link)->next;
	if (!*link)
		return;
	*link = gone->next;
	atomic_fetch_sub_explicit(&traces.count, 1, memory_order_relaxed);
	free(gone->runs);
	free(gone);
}

/* One call may lead to another one of the same kind. */
static void begin(const void *device)
{
	struct trace *trace;

	tt_lock();
	trace = capturing(device) ? NULL : calloc(1, sizeof(*trace));
	if (trace) {
		trace->device = device;
		trace->next = traces.first;
		traces.first = trace;
		atomic_fetch_add_explicit(&traces.count, 1, memory_order_relaxed);
	}
	tt_unlock();
}

static void end(const void *device, uint32_t id)
{
	struct trace *trace, *before;

	tt_lock();
	trace = capturing(device);
	before = trace ? captured(device, id) : NULL;
	if (before)
		forget(before);
	if (trace) {
		trace->id = id;
		trace->captured = true;
	}
	tt_unlock();
}

static void note_run(struct trace *trace, uint32_t chip, uint64_t program)
{
	struct run *runs = trace->runs;
	size_t at = 0;

	while (at < trace->count && (runs[at].program != program || runs[at].chip != chip))
		at++;
	if (at == trace->capacity) {
		runs = realloc(runs, (trace->capacity * 2 + 64) * sizeof(*runs));
		if (!runs) {
			tt_count(TT_COUNT_REFUSED);
			return;
		}
		trace->runs = runs;
		trace->capacity = trace->capacity * 2 + 64;
	}
	if (at == trace->count)
		trace->count++;
	runs[at] = (struct run){program, chip, trace->runs_so_far};
}

void tt_trace_run(const void *device, const struct tt_chips *chips, uint64_t program)
{
	struct trace *trace;

	if (!atomic_load_explicit(&traces.count, memory_order_relaxed))
		return;
	tt_lock();
	trace = capturing(device);
	if (trace)
		trace->runs_so_far++;
	for (uint32_t i = 0; trace && i < chips->count; i++)
		note_run(trace, chips->ids[i], program);
	tt_unlock();
}

bool tt_trace_is_active(const void *device)
{
	bool active = false;

	if (!atomic_load_explicit(&traces.count, memory_order_relaxed))
		return false;
	tt_lock();
	for (struct trace *trace = traces.first; trace && !capturing(device); trace = trace->next)
		active |= trace->device == device;
	tt_unlock();
	return active;
}

/* Under the lock. */
static void replay_on(const struct trace *trace, uint32_t chip)
{
	const struct run *last = NULL, *highest = NULL;
	uint64_t end_of_highest = 0;

	for (size_t i = 0; i < trace->count; i++) {
		const struct run *run = &trace->runs[i];
		uint64_t top;

		if (run->chip != chip)
			continue;
		top = tt_circular_end(chip, run->program);
		if (!highest || top > end_of_highest) {
			highest = run;
			end_of_highest = top;
		}
		if (!last || run->order > last->order)
			last = run;
	}
	if (!last)
		return;
	if (highest != last)
		tt_circular_replayed(chip, highest->program);
	tt_circular_replayed(chip, last->program);
}

static void replay(const struct tt_library *library, const void *device, uint32_t id)
{
	const struct trace *trace;
	struct tt_chips chips;

	if (!tt_may_report(library, TT_SHARE_CBS) || !tt_device_chips(library, device, &chips))
		return;
	tt_lock();
	trace = captured(device, id);
	for (uint32_t i = 0; trace && i < chips.count; i++)
		replay_on(trace, chips.ids[i]);
	tt_unlock();
	if (!trace)
		tt_say_once("CB: %s replays a trace whose capture was not seen: what it runs is not recorded",
		            library->path);
}

/* ---- What is called ---- */

static uint32_t begin_call(struct tt_target target, void *device, uintptr_t queue)
{
	uint32_t id = ((begin_trace *)target.function)(device, queue);

	begin(device);
	return id;
}

uint32_t tt_begin_trace(void *device, uintptr_t queue)
{
	return begin_call(tt_target_of(TT_FUNCTION_BEGIN_TRACE, CALLER), device, queue);
}

uint32_t tt_begin_trace_on(void *device, uintptr_t queue)
{
	return begin_call(tt_target_of(TT_FUNCTION_BEGIN_TRACE_ON, CALLER), device, queue);
}

static void begin_id_call(struct tt_target target, void *device, uintptr_t queue, const uint32_t *id)
{
	((begin_trace_id *)target.function)(device, queue, id);
	begin(device);
}

void tt_begin_trace_id(void *device, uintptr_t queue, const uint32_t *id)
{
	begin_id_call(tt_target_of(TT_FUNCTION_BEGIN_TRACE_ID, CALLER), device, queue, id);
}

void tt_begin_trace_id_on(void *device, uintptr_t queue, const uint32_t *id)
{
	begin_id_call(tt_target_of(TT_FUNCTION_BEGIN_TRACE_ID_ON, CALLER), device, queue, id);
}

static void end_call(struct tt_target target, void *device, uintptr_t queue, const uint32_t *id)
{
	((end_trace *)target.function)(device, queue, id);
	end(device, *id);
}

void tt_end_trace(void *device, uintptr_t queue, const uint32_t *id)
{
	end_call(tt_target_of(TT_FUNCTION_END_TRACE, CALLER), device, queue, id);
}

void tt_end_trace_on(void *device, uintptr_t queue, const uint32_t *id)
{
	end_call(tt_target_of(TT_FUNCTION_END_TRACE_ON, CALLER), device, queue, id);
}

void tt_replay_trace(void *device, uintptr_t queue, const uint32_t *id, bool blocking)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_REPLAY_TRACE, CALLER);

	((replay_trace *)target.function)(device, queue, id, blocking);
	replay(target.library, device, *id);
}

void tt_replay_trace_on(void *device, uintptr_t queue, const uint32_t *id, bool blocking)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_REPLAY_TRACE_ON, CALLER);

	((replay_trace *)target.function)(device, queue, id, blocking);
	replay(target.library, device, *id);
}

void tt_release_trace(void *device, const uint32_t *id)
{
	struct tt_target target = tt_target_of(TT_FUNCTION_RELEASE_TRACE, CALLER);
	uint32_t number = *id;
	struct trace *trace;

	((void (*)(void *, const uint32_t *))target.function)(device, id);
	tt_lock();
	trace = captured(device, number);
	if (trace)
		forget(trace);
	tt_unlock();
}
