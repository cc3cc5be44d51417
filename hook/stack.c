/* SPDX-License-Identifier: Apache-2.0
 *
 * stack.c - see stack.h. A walk along the frame pointers, inside the thread's stack, and a small cache per thread of
 * the entries it used last: an event with a stack that was seen before takes no lock and makes no copy.
 *
 * Code that was compiled without frame pointers leaves anything in that register. The walk then ends early, or goes on
 * with a caller further out: it reads nothing but the thread's own stack, and what it takes for return addresses has to
 * lie in code. For such programs there is libunwind (stack_unwind.c).
 *
 * A stack that was cut is not the one that the first cache is asked for. A second cache knows such stacks by 64 bits of
 * their hash alone: of a billion different ones, two may be taken for each other with a chance of 3 in 100.
 */
#include "stack.h"

#include <errno.h>
#include <string.h>

#include "api.h"
#include "modules.h"
#include "producer.h"
#include "python_frames.h"
#include "stack_bounds.h"
#include "stack_unwind.h"
#include "thread.h"

#define HIDDEN_MOST 4u
#define HASH_FACTOR 0x9E3779B97F4A7C15u

/* Code of preloads, which stand between the program and the API: their frames are left out. */
static struct {
	uint32_t count; /* published */
	struct {
		uint64_t start, end;
	} list[HIDDEN_MOST];
} hidden;

__attribute__((visibility("default"))) void ttalloc_hide_frames(const void *start, const void *end)
{
	struct tta_critical critical;

	tta_lock_enter(&tta_context.decide_lock, &critical);
	if (hidden.count < HIDDEN_MOST) {
		hidden.list[hidden.count].start = (uintptr_t)start;
		hidden.list[hidden.count].end = (uintptr_t)end;
		__atomic_store_n(&hidden.count, hidden.count + 1, __ATOMIC_RELEASE);
	}
	tta_lock_leave(&tta_context.decide_lock, &critical);
}

static inline bool is_hidden(uint64_t address)
{
	uint32_t count = __atomic_load_n(&hidden.count, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < count; i++)
		if (address - hidden.list[i].start < hidden.list[i].end - hidden.list[i].start)
			return true;
	return false;
}

/* ---- The walk ---- */

/* Frames from FRAME outwards, 1 to MOST. Sanitizers know nothing of reading one's own stack. */
__attribute__((no_sanitize("address", "thread"))) static inline uint32_t
walk(const struct tta_thread *thread, const uintptr_t *frame, uint64_t *frames, uint32_t most)
{
	uintptr_t high = thread->stack_high;
	uint32_t count = 0;
	bool inner = true;

	for (;;) {
		const uintptr_t *next = (const uintptr_t *)frame[0];
		uintptr_t address = frame[1];

		inner = inner && is_hidden(address);
		if (!inner)
			frames[count++] = address;
		if (count == most || next <= frame || (uintptr_t)next > high - 2 * sizeof(*next) ||
		    (uintptr_t)next % sizeof(*next) != 0 || next[1] < 4096)
			break;
		frame = next;
	}
	if (count == 0) /* all of it is a preload's */
		frames[count++] = frame[1];
	return count;
}

/* Return addresses; none when only Python's frames are wanted. */
static inline uint32_t take_native(struct tta_thread *thread, const uintptr_t *frame, uint64_t *frames)
{
	uint32_t most = tta_context.options.stacks;

	if (__builtin_expect(most == 0, 0))
		return 0;
	if (__builtin_expect(tta_stack_unwinder != NULL, 0))
		return tta_stack_unwind(thread, frame[1], frames, most, is_hidden);
	if (__builtin_expect(tta_stack_is_within(thread, frame) || tta_stack_find(thread, frame), 1))
		return walk(thread, frame, frames, most);
	frames[0] = frame[1];
	return 1;
}

/* How many frames there are when Python's are put behind COUNT others. The context must be ready. */
static inline uint32_t add_python(uint64_t *frames, uint32_t count)
{
	if (__builtin_expect(tta_context.options.python_stacks == 0, 1))
		return count;
	return count + tta_python_frames(frames + count, TTA_STACK_MOST - count);
}

/* ---- Interning ---- */

/* Cheap, and good enough to choose a slot by: what the slot holds is compared. */
static inline uint64_t hash_frames(const uint64_t *frames, uint32_t count)
{
	uint64_t hash = count;

	for (uint32_t i = 0; i < count; i++)
		hash = (hash << 9 | hash >> 55) + frames[i];
	return hash * HASH_FACTOR;
}

/* Of all bits of all frames. */
static uint64_t hash_whole(const uint64_t *frames, uint32_t count)
{
	uint64_t hash = count;

	for (uint32_t i = 0; i < count; i++) {
		hash = (hash ^ frames[i]) * HASH_FACTOR;
		hash ^= hash >> 32;
	}
	return hash;
}

/* A return address that lies in no code is none, and what was found behind it no stack. IS_CERTAIN: the same would be
 * kept another time. */
static uint32_t without_garbage(const uint64_t *frames, uint32_t count, uint64_t *kept, bool *is_certain)
{
	uint32_t native = 0, checked;

	while (native < count && !(frames[native] & TTA_FRAME_CODE))
		native++;
	checked = tta_modules_check(frames, native, is_certain);
	if (native && !checked)
		checked = 1; /* the first one is right, whether or not its module is known */
	memcpy(kept, frames, checked * sizeof(*kept));
	memcpy(kept + checked, frames + native, (count - native) * sizeof(*kept));
	return checked + count - native;
}

/* IS_CUT: not all of it was kept, and it would be the same another time. */
static uint32_t intern_anew(const uint64_t *frames, uint32_t count, bool *is_cut)
{
	const struct tta_spool *spool = &tta_context.spool;
	uint64_t kept[TTA_STACK_MOST];
	uint32_t kept_count, entry;
	bool is_certain;

	*is_cut = false;
	/* Stacks may take half of the table: labels and circular buffers need the rest. */
	if (count == 0 || __atomic_load_n(&spool->header->table_bytes, __ATOMIC_RELAXED) > spool->table.capacity / 2)
		return 0;
	kept_count = without_garbage(frames, count, kept, &is_certain);
	*is_cut = is_certain && kept_count < count;
	entry = tta_table_find(TTA_ENTRY_STACK, kept, kept_count * (uint32_t)sizeof(*kept));
	if (entry)
		return entry;
	tta_modules_renew();
	return tta_table_intern(TTA_ENTRY_STACK, kept, kept_count * (uint32_t)sizeof(*kept));
}

uint32_t tta_stack_intern_for(const uint64_t *frames, uint32_t count)
{
	uint64_t all[TTA_STACK_MOST];
	bool is_cut;

	if (count > TTA_STACK_MOST)
		count = TTA_STACK_MOST;
	memcpy(all, frames, count * sizeof(*all));
	return intern_anew(all, add_python(all, count), &is_cut);
}

/* A stack that is not in the first cache. Everything in the process that is slow about stacks ends up here. */
__attribute__((noinline)) static uint32_t intern_slow(struct tta_backpack *backpack, uint32_t *slot,
                                                      const uint64_t *frames, uint32_t count)
{
	uint64_t hash = hash_whole(frames, count);
	struct tta_cut_stack *cut = &backpack->cut_stacks[hash >> (64 - TTA_CUT_CACHE_BITS)];
	uint64_t entry = __atomic_load_n(&cut->entry, __ATOMIC_RELAXED);
	int saved_errno = errno;
	bool is_cut;

	if (entry && (__atomic_load_n(&cut->hash_and_entry, __ATOMIC_RELAXED) ^ entry) == hash)
		return (uint32_t)entry;
	entry = intern_anew(frames, count, &is_cut);
	if (is_cut) {
		__atomic_store_n(&cut->entry, entry, __ATOMIC_RELAXED);
		__atomic_store_n(&cut->hash_and_entry, hash ^ entry, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(slot, (uint32_t)entry, __ATOMIC_RELAXED);
	}
	errno = saved_errno;
	return (uint32_t)entry;
}

static inline uint32_t intern(const struct tta_thread *thread, const uint64_t *frames, uint32_t count)
{
	struct tta_backpack *backpack = thread->backpack;
	uint32_t *slot = &backpack->stacks[hash_frames(frames, count) >> (64 - TTA_STACK_CACHE_BITS)];
	uint32_t entry = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (__builtin_expect(entry && tta_table_is(entry, TTA_ENTRY_STACK, frames, count * (uint32_t)sizeof(*frames)),
	                     1))
		return entry;
	return intern_slow(backpack, slot, frames, count);
}

/* The first stack of a process or of a thread, and those of threads that have ended. */
__attribute__((noinline)) static uint32_t take_slow(struct tta_thread *thread, const void *frame)
{
	uint64_t frames[TTA_STACK_MOST];
	int saved_errno = errno;
	uint32_t entry = 0;

	if (thread->muted || thread->ended || !ttalloc_enabled())
		return 0;
	if (tta_context_ready()) {
		tta_thread_renew(thread);
		if (!thread->backpack)
			tta_thread_watch(thread); /* so that its pages are given back */
		if (tta_thread_backpack(thread))
			entry = intern(thread, frames, add_python(frames, take_native(thread, frame, frames)));
	} else if (tta_delegate()) {
		entry = tta_delegate()->intern(TTA_ENTRY_STACK, frames,
		                               take_native(thread, frame, frames) * (uint32_t)sizeof(*frames));
	}
	errno = saved_errno;
	return entry;
}

uint32_t tta_stack_take(const void *frame)
{
	struct tta_thread *thread = &tta_thread;
	uint64_t frames[TTA_STACK_MOST];

	if (__builtin_expect(thread->unwinding, 0))
		return 0;
	if (__builtin_expect(thread->epoch == tta_epoch() && thread->backpack, 1))
		return intern(thread, frames, add_python(frames, take_native(thread, frame, frames)));
	return take_slow(thread, frame);
}
