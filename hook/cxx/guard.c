/* SPDX-License-Identifier: Apache-2.0
 *
 * guard.c - see guard.h. How far apart two frames are is a constant of the code that is between them, and found by
 * unwinding the stack once. Where it is none after all, that shows: what should be known code is not.
 */
#include "guard.h"

#include <stdatomic.h>
#include <stddef.h>
#include <unwind.h>

#define SITES 1024 /* places in code that are remembered, a power of two */

/* Which of the places of a guard holds as long as its function runs. */
enum tells { NOT_LEARNT = 0, FIRST = 1, SECOND = 2, NONE = 3 };

/* A place in code: published after what is known of it. */
static struct tt_guard_site {
	atomic_uintptr_t address;
	atomic_uint distance; /* from the frame that it calls to the one that calls it */
	atomic_uint tells;
} sites[SITES];

static struct tt_guard_site *find_site(uintptr_t address)
{
	size_t slot = (address * 0x9E3779B97F4A7C15u) >> 54;

	for (size_t i = 0; i < 8; i++) {
		struct tt_guard_site *site = &sites[(slot + i) % SITES];
		uintptr_t found = atomic_load_explicit(&site->address, memory_order_acquire);

		if (found == address)
			return site;
		if (!found)
			return NULL;
	}
	return NULL;
}

static void keep_site(uintptr_t address, uintptr_t distance)
{
	size_t slot = (address * 0x9E3779B97F4A7C15u) >> 54;

	for (size_t i = 0; i < 8; i++) {
		struct tt_guard_site *site = &sites[(slot + i) % SITES];
		uintptr_t none = 0;

		if (!atomic_compare_exchange_strong(&site->address, &none, 1))
			continue;
		atomic_store_explicit(&site->distance, (unsigned)distance, memory_order_relaxed);
		atomic_store_explicit(&site->address, address, memory_order_release);
		return;
	}
}

/* ---- Unwinding ---- */

struct walk {
	uintptr_t from;     /* the stack pointer of who called us */
	uintptr_t calls[3]; /* addresses of calls, from that one outwards */
	uintptr_t stack[3]; /* the stack pointers there */
	unsigned count;
};

static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *untyped)
{
	struct walk *walk = untyped;
	uintptr_t stack = _Unwind_GetCFA(context);

	if (walk->count == 0 && stack < walk->from)
		return _URC_NO_REASON; /* ours */
	walk->calls[walk->count] = _Unwind_GetIP(context);
	walk->stack[walk->count++] = stack;
	return walk->count == 3 ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static bool look(uintptr_t from)
{
	struct walk walk = {.from = from};

	_Unwind_Backtrace(step, &walk);
	if (walk.count < 3 || walk.stack[0] != from)
		return false;
	for (unsigned i = 0; i < 2; i++)
		if (!find_site(walk.calls[i]))
			keep_site(walk.calls[i], walk.stack[i + 1] - walk.stack[i]);
	return true;
}

/* ---- Guards ---- */

static uintptr_t word_at(uintptr_t place)
{
	return *(const volatile uintptr_t *)place;
}

/* Follows what is known from the call at ADDRESS, whose stack pointer is STACK. */
static bool follow(struct tt_guard *guard, uintptr_t address, uintptr_t stack)
{
	for (unsigned i = 0; i < 2; i++) {
		struct tt_guard_site *known = find_site(address);

		if (!known)
			return false;
		if (i == 0)
			guard->site = known;
		stack += atomic_load_explicit(&known->distance, memory_order_relaxed);
		guard->places[i] = stack - sizeof(uintptr_t);
		guard->returns[i] = address = word_at(guard->places[i]);
	}
	return true;
}

void tt_guard_set(struct tt_guard *guard, const void *frame)
{
	uintptr_t stack =
	    (uintptr_t)frame + 2 * sizeof(uintptr_t); /* above the caller's frame pointer and where it goes on */
	uintptr_t address = word_at(stack - sizeof(uintptr_t));

	if (!follow(guard, address, stack) && !(look(stack) && follow(guard, address, stack)))
		guard->site = NULL;
}

bool tt_guard_is_broken(const struct tt_guard *guard)
{
	unsigned tells = guard->site ? atomic_load_explicit(&guard->site->tells, memory_order_relaxed) : NOT_LEARNT;

	return (tells == FIRST || tells == SECOND) && word_at(guard->places[tells - 1]) != guard->returns[tells - 1];
}

void tt_guard_held(const struct tt_guard *guard)
{
	unsigned tells = guard->site ? atomic_load_explicit(&guard->site->tells, memory_order_relaxed) : NONE;

	if (tells == NONE)
		return;
	if (tells == NOT_LEARNT)
		tells = FIRST;
	while (tells != NONE && word_at(guard->places[tells - 1]) != guard->returns[tells - 1])
		tells++;
	atomic_store_explicit(&guard->site->tells, tells, memory_order_relaxed);
}
