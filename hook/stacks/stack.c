/* SPDX-License-Identifier: Apache-2.0
 *
 * stack.c - see stack.h. A walk along the frame pointers, inside the thread's stack, and a small cache per thread of
 * the entries it used last: an event with a stack that was seen before takes no lock and makes no copy.
 *
 * Code that was compiled without frame pointers leaves anything in that register. The walk then ends early, or goes on
 * with a caller further out: it reads nothing but the thread's own stack, and what it takes for return addresses has to
 * lie in code. For such programs there is libunwind (unwind.c).
 *
 * An event finds its entry in one of three caches of its thread. The first one guesses it from the frame and the return
 * address that the walk begins with, so that the walk has nothing to do but to compare; the second one knows it by its
 * hash. Both are sure: all of the stack is compared.
 *
 * What the caches hold is of the libraries that are there: when one has come, or one has taken another one's place,
 * they are looked after first (hook/core/modules.c). Entries older than that of a stack's modules are of what was
 * before.
 *
 * A stack that was cut is not the one that those are asked for. The third cache knows such stacks by 64 bits of
 * their hash alone: of a billion different ones, two may be taken for each other with a chance of 3 in 100.
 */
#include "stack.h"

#include <errno.h>
#include <string.h>

#include "hook/base/loader.h"
#include "hook/core/api.h"
#include "hook/core/modules.h"
#include "hook/core/producer.h"
#include "python_frames.h"
#include "bounds.h"
#include "unwind.h"
#include "hook/core/thread.h"

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

/* A stack that is being taken, and its hash: cheap, and good enough to choose a slot by, since what the slot holds is
 * compared. */
struct taken {
	uint32_t count;
	uint64_t hash;
	uint64_t frames[TTA_STACK_MOST];
};

static inline uint64_t hash_on(uint64_t hash, uint64_t frame)
{
	return (hash << 9 | hash >> 55) + frame;
}

/* Takes COUNT more frames, which are in their place. */
static inline void take_more(struct taken *taken, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		taken->hash = hash_on(taken->hash, taken->frames[taken->count++]);
}

/* The caller of FRAME, on a stack that ends at HIGH; NULL: none that can be told. */
__attribute__((no_sanitize("address", "thread"))) static inline const uintptr_t *caller_of(const uintptr_t *frame,
                                                                                           uintptr_t high)
{
	const uintptr_t *next = (const uintptr_t *)frame[0];
	uintptr_t distance = (uintptr_t)next - (uintptr_t)frame;

	if (distance - 1 >= high - 2 * sizeof(*next) - (uintptr_t)frame || distance % sizeof(*next) != 0 ||
	    (intptr_t)next[1] < 4096) /* nor has an address the top bit, which is an interpreter's frame's */
		return NULL;
	return next;
}

/* The frame that a walk from FRAME begins with: the first one that is no preload's, or the last one. */
__attribute__((no_sanitize("address", "thread"))) static inline const uintptr_t *first_frame(const uintptr_t *frame,
                                                                                             uintptr_t high)
{
	while (is_hidden(frame[1])) {
		const uintptr_t *next = caller_of(frame, high);

		if (!next)
			break;
		frame = next;
	}
	return frame;
}

/* Frames from FRAME outwards, 1 to MOST. Sanitizers know nothing of reading one's own stack. */
__attribute__((no_sanitize("address", "thread"))) static inline void
walk(const struct tta_thread *thread, const uintptr_t *frame, struct taken *taken, uint32_t most)
{
	uintptr_t high = thread->stack_high;
	uint64_t hash = 0;
	uint32_t count = 0;

	frame = first_frame(frame, high);
	do {
		taken->frames[count++] = frame[1];
		hash = hash_on(hash, frame[1]);
	} while (count < most && (frame = caller_of(frame, high)));
	taken->count = count;
	taken->hash = hash;
}

/* Whether there is no more to a stack than what the walk finds. */
static inline bool is_walk_all(void)
{
	return tta_context.options.stacks != 0 && !tta_context.options.python_stacks && !tta_stack_unwinder;
}

/* Return addresses; none when only Python's frames are wanted. */
static inline void take_native(struct tta_thread *thread, const uintptr_t *frame, struct taken *taken)
{
	uint32_t most = tta_context.options.stacks;

	taken->count = 0;
	taken->hash = 0;
	if (__builtin_expect(most == 0, 0))
		return;
	if (__builtin_expect(tta_stack_unwinder != NULL, 0)) {
		take_more(taken, tta_stack_unwind(thread, frame[1], taken->frames, most, is_hidden));
	} else if (__builtin_expect(tta_stack_is_within(thread, frame) || tta_stack_find(thread, frame), 1)) {
		walk(thread, frame, taken, most);
	} else {
		taken->frames[0] = frame[1];
		take_more(taken, 1);
	}
}

/* Python's frames, if they are wanted, behind the others. The context must be ready. */
static inline void take_python(struct taken *taken)
{
	if (__builtin_expect(tta_context.options.python_stacks != 0, 0))
		take_more(taken, tta_python_frames(taken->frames + taken->count, TTA_STACK_MOST - taken->count));
}

/* ---- Interning ---- */

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

/* What of a stack makes sense. */
struct kept {
	uint64_t frames[TTA_STACK_MOST];
	uint32_t bytes;
	uint32_t
	    newest;  /* entry of the modules that it is in; an older entry of the stack is of what lay there before */
	bool is_cut; /* not all of it was kept, and it would be the same another time */
};

/* A return address that lies in no code is none, and what was found behind it no stack. */
static void keep_sense(const uint64_t *frames, uint32_t count, struct kept *kept)
{
	struct tta_modules_checked checked;
	uint32_t native = 0, kept_count;

	while (native < count && !(frames[native] & TTA_FRAME_CODE))
		native++;
	checked = tta_modules_check(frames, native);
	if (native && !checked.count)
		checked.count = 1; /* the first one is right, whether or not its module is known */
	memcpy(kept->frames, frames, checked.count * sizeof(*frames));
	memcpy(kept->frames + checked.count, frames + native, (count - native) * sizeof(*frames));
	kept_count = checked.count + count - native;
	kept->bytes = kept_count * (uint32_t)sizeof(*frames);
	kept->newest = checked.newest;
	kept->is_cut = checked.is_certain && kept_count < count;
}

static uint32_t intern_anew(const uint64_t *frames, uint32_t count, bool *is_cut)
{
	struct kept kept;
	uint32_t entry;

	*is_cut = false;
	if (count == 0)
		return 0;
	keep_sense(frames, count, &kept);
	*is_cut = kept.is_cut;
	entry = tta_table_find(&tta_context.table, TTA_ENTRY_STACK, kept.frames, kept.bytes);
	if (entry > kept.newest)
		return entry;
	if (tta_table_is_full_for(&tta_context.table, TTA_ENTRY_STACK))
		return TTA_LEFT_OUT;
	if (tta_modules_renew())
		keep_sense(frames, count, &kept);
	if (kept.newest == TTA_LEFT_OUT)
		return TTA_LEFT_OUT;
	return tta_table_intern_newer(&tta_context.table, TTA_ENTRY_STACK, kept.frames, kept.bytes, kept.newest);
}

/* What the entries of stacks that are known have to be newer than. */
static inline uint64_t modules_changes(void)
{
	return tta_loader_adds() + __atomic_load_n(&tta_context.modules.displaced, __ATOMIC_ACQUIRE);
}

/* Libraries have come, or gone. If one lies where another one was, no stack is known any more. */
__attribute__((noinline)) static void follow_modules(struct tta_thread_extra *extra)
{
	uint64_t adds = tta_loader_adds();
	int saved_errno = errno;
	uint32_t displaced;

	tta_modules_follow();
	displaced = __atomic_load_n(&tta_context.modules.displaced, __ATOMIC_ACQUIRE);
	if (extra->displaced != displaced)
		tta_thread_forget_stacks(extra);
	extra->displaced = displaced;
	extra->modules_changes = adds + displaced;
	errno = saved_errno;
}

uint32_t tta_stack_intern_for(const uint64_t *frames, uint32_t count)
{
	struct taken taken = {.count = count < TTA_STACK_MOST ? count : TTA_STACK_MOST};
	bool is_cut;

	memcpy(taken.frames, frames, taken.count * sizeof(*frames));
	take_python(&taken);
	tta_modules_follow();
	return intern_anew(taken.frames, taken.count, &is_cut);
}

/* A stack that is not in the first cache. Everything in the process that is slow about stacks ends up here. */
__attribute__((noinline)) static uint32_t intern_slow(struct tta_thread_extra *extra, uint32_t *slot,
                                                      const uint64_t *frames, uint32_t count)
{
	uint64_t hash = hash_whole(frames, count);
	struct tta_cut_stack *cut = &extra->cut_stacks[hash >> (64 - TTA_CUT_CACHE_BITS)];
	uint64_t entry = __atomic_load_n(&cut->entry, __ATOMIC_RELAXED);
	int saved_errno = errno;
	bool is_cut;

	if (entry && (__atomic_load_n(&cut->hash_and_entry, __ATOMIC_RELAXED) ^ entry) == hash)
		return (uint32_t)entry;
	entry = intern_anew(frames, count, &is_cut);
	if (is_cut || entry == TTA_LEFT_OUT) {
		__atomic_store_n(&cut->entry, entry, __ATOMIC_RELAXED);
		__atomic_store_n(&cut->hash_and_entry, hash ^ entry, __ATOMIC_RELAXED);
	} else {
		__atomic_store_n(slot, (uint32_t)entry, __ATOMIC_RELAXED);
	}
	errno = saved_errno;
	return (uint32_t)entry;
}

/* An entry that holds a stack. */
struct stored {
	const uint64_t *frames;
	uint32_t count;
};

/* ENTRY, which is of this process's table. No frames: it is no stack. */
static inline struct stored stored_stack(uint32_t entry)
{
	struct tta_table_entry stored = tta_table_entry(&tta_context.table, entry);

	return (struct stored){
	    .frames = (const uint64_t *)(const void *)stored.data,
	    .count = stored.type == TTA_ENTRY_STACK ? stored.bytes / (uint32_t)sizeof(uint64_t) : 0,
	};
}

/* Word by word, as it was written a moment ago: wider loads would have to wait until that is in the cache. */
static inline bool is_taken(struct stored stored, const struct taken *taken)
{
	uint64_t different = 0;

	if (stored.count != taken->count)
		return false;
	for (uint32_t i = 0; i < taken->count; i++)
		different |= stored.frames[i] ^ taken->frames[i];
	return different == 0;
}

/* Whether a walk from FRAME would take just what is STORED, which has a frame. */
__attribute__((no_sanitize("address", "thread"))) static inline bool
is_walk(struct stored stored, const struct tta_thread *thread, const uintptr_t *frame, uint32_t most)
{
	uintptr_t high = thread->stack_high;

	frame = first_frame(frame, high);
	for (uint32_t i = 0; frame[1] == stored.frames[i]; i++) {
		if (i + 1 == stored.count)
			return i + 1 == most || !caller_of(frame, high);
		frame = caller_of(frame, high);
		if (!frame)
			return false;
	}
	return false;
}

static inline uint32_t intern(const struct tta_thread *thread, const struct taken *taken)
{
	struct tta_thread_extra *extra = thread->extra;
	uint64_t hash = (taken->hash + taken->count) * HASH_FACTOR;
	uint32_t *slot = &extra->stacks[hash >> (64 - TTA_STACK_CACHE_BITS)];
	uint32_t entry = __atomic_load_n(slot, __ATOMIC_RELAXED);

	if (__builtin_expect(entry && is_taken(stored_stack(entry), taken), 1))
		return entry;
	return intern_slow(extra, slot, taken->frames, taken->count);
}

/* Where the guess is that belongs to FRAME. */
static inline uint32_t *likely_slot(const struct tta_thread *thread, const uintptr_t *frame)
{
	uint64_t key = ((uintptr_t)frame ^ frame[1]) * HASH_FACTOR;

	return &thread->extra->likely_stacks[key >> (64 - TTA_STACK_CACHE_BITS)];
}

/* The entry that the guess is, if it is right; else 0. */
static inline uint32_t likely_entry(const struct tta_thread *thread, const uintptr_t *frame)
{
	uint32_t most = tta_context.options.stacks,
	         entry = __atomic_load_n(likely_slot(thread, frame), __ATOMIC_RELAXED);
	struct stored stored;

	if (!entry || !tta_stack_is_within(thread, frame))
		return 0;
	stored = stored_stack(entry);
	return stored.count && is_walk(stored, thread, frame, most) ? entry : 0;
}

/* The parts of take_slow() that hold a stack: not while the context starts, which may be on a small stack of its own.
 */
__attribute__((noinline)) static uint32_t take_first(struct tta_thread *thread, const void *frame)
{
	struct taken taken;

	take_native(thread, frame, &taken);
	take_python(&taken);
	if (!tta_thread_extra(thread))
		return 0;
	follow_modules(thread->extra);
	return intern(thread, &taken);
}

__attribute__((noinline)) static uint32_t take_for(const struct tta_delegate *delegate, struct tta_thread *thread,
                                                   const void *frame)
{
	struct taken taken;

	take_native(thread, frame, &taken);
	return delegate->intern(TTA_ENTRY_STACK, taken.frames, taken.count * (uint32_t)sizeof(taken.frames[0]));
}

/* The first stack of a process or of a thread, and those of threads that have ended. */
__attribute__((noinline)) static uint32_t take_slow(struct tta_thread *thread, const void *frame)
{
	int saved_errno = errno;
	uint32_t entry = 0;

	if (thread->muted || thread->ended || !ttalloc_enabled())
		return 0;
	if (tta_context_ready()) {
		tta_thread_renew(thread);
		if (!thread->extra)
			tta_thread_watch(thread); /* so that its pages are given back */
		entry = take_first(thread, frame);
	} else if (tta_delegate()) {
		entry = take_for(tta_delegate(), thread, frame);
	}
	errno = saved_errno;
	return entry;
}

uint32_t tta_stack_take(const void *frame)
{
	struct tta_thread *thread = &tta_thread;
	struct taken taken;
	uint32_t entry;

	if (__builtin_expect(thread->unwinding, 0))
		return 0;
	if (__builtin_expect(thread->epoch != tta_epoch() || !thread->extra, 0))
		return take_slow(thread, frame);
	if (__builtin_expect(thread->extra->modules_changes != modules_changes(), 0))
		follow_modules(thread->extra);
	if (__builtin_expect(is_walk_all(), 1)) {
		entry = likely_entry(thread, frame);
		if (__builtin_expect(entry != 0, 1))
			return entry;
	}
	take_native(thread, frame, &taken);
	take_python(&taken);
	entry = intern(thread, &taken);
	if (entry != TTA_LEFT_OUT)
		__atomic_store_n(likely_slot(thread, frame), entry, __ATOMIC_RELAXED);
	return entry;
}
