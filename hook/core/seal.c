/* SPDX-License-Identifier: Apache-2.0
 *
 * seal.c - see seal.h.
 */
#include "seal.h"

#include <signal.h>

#include "context.h"
#include "hook/base/fault.h"
#include "hook/segment/outbox.h"
#include "hook/segment/sealer.h"
#include "hook/segment/usage.h"

#define PACKING_STACK_BYTES (16u << 10) /* zstd takes five */
#define FORCE_NS (100ull * TTA_NS_PER_MS)
#define LOOK_AGAIN_NS (50ull * TTA_NS_PER_MS)

/* ---- One batch ---- */

/* Whether it is in vain to pack a batch: the outbox had no room for it, and has no more now. Under the lock. */
static bool is_known_full(struct tta_seal *seal, bool insist)
{
	const struct tta_segment_header *header = tta_context.spool.header;
	uint64_t now_ns;

	if (!seal->full_since_ns || seal->full_at != header->outbox_released)
		return false;
	if (!insist)
		return true;
	now_ns = tta_now_ns();
	if (now_ns - seal->forced_at_ns < FORCE_NS)
		return true;
	seal->forced_at_ns = now_ns; /* the file system may have room again, or there may be fewer events */
	return false;
}

/* Under the lock. */
static void note_room(struct tta_seal *seal, enum tta_sealed sealed)
{
	if (sealed != TTA_SEALED_NO_ROOM) {
		__atomic_store_n(&seal->full_since_ns, 0, __ATOMIC_RELAXED);
		return;
	}
	seal->full_at = tta_context.spool.header->outbox_released;
	if (!seal->full_since_ns)
		__atomic_store_n(&seal->full_since_ns, tta_now_ns(), __ATOMIC_RELAXED);
}

/* Under the lock. */
static void begin_usage(struct tta_sealer *sealer)
{
	bool is_whole = sealer->next_number == 0 && __atomic_load_n(&tta_context.lost_before, __ATOMIC_RELAXED) == 0;

	sealer->usage = tta_usage_begin(is_whole);
}

/* Under the lock. NULL: there is no memory. */
static struct tta_sealer *get_sealer(struct tta_seal *seal)
{
	if (seal->sealer)
		return seal->sealer;
	seal->sealer = tta_sealer_make(&(struct tta_sealer_source){.spool = &tta_context.spool,
	                                                           .marked = tta_context.marked,
	                                                           .table = &tta_context.table,
	                                                           .clock = tta_context.clock});
	if (seal->sealer && tta_context.options.usage)
		begin_usage(seal->sealer);
	return seal->sealer;
}

/* Under the lock. */
static enum tta_sealed seal_batch(struct tta_seal *seal, bool insist)
{
	struct tta_sealer *sealer = get_sealer(seal);
	enum tta_sealed sealed = TTA_SEALED_NO_ROOM;

	if (is_known_full(seal, insist))
		return TTA_SEALED_NO_ROOM;
	if (sealer)
		sealed = tta_sealer_step(sealer);
	note_room(seal, sealed);
	return sealed;
}

static void tell_room(struct tta_seal *seal)
{
	__atomic_add_fetch(&seal->room, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&seal->room_waiters, __ATOMIC_SEQ_CST))
		tta_futex_wake(&seal->room);
}

/* Batches, until ENOUGH. */
static bool seal_until(bool (*enough)(const void *what), const void *what, bool insist)
{
	struct tta_seal *seal = &tta_context.seal;
	enum tta_sealed sealed = TTA_SEALED_BATCH;
	uint32_t epoch = tta_epoch();

	while (sealed != TTA_SEALED_NO_ROOM) {
		struct tta_critical critical;
		bool is_ours, done;

		tta_lock_enter_interruptibly(&seal->lock, &critical);
		is_ours = tta_epoch() == epoch;
		done = is_ours && enough(what);
		if (is_ours && !done)
			sealed = seal_batch(seal, insist);
		tta_lock_leave(&seal->lock, &critical);
		if (done || !is_ours)
			return done;
		if (sealed != TTA_SEALED_NO_ROOM)
			tell_room(seal);
	}
	return false;
}

/* ---- Everything ---- */

/* A cut that is yet to begin has all that is in the rings now. */
struct cut_to_come {
	uint32_t number; /* 0: not known yet */
};

/* Under the lock. */
static bool is_cut_over(const void *what)
{
	struct cut_to_come *cut = (struct cut_to_come *)(uintptr_t)what;
	const struct tta_sealer *sealer = get_sealer(&tta_context.seal);

	if (!sealer)
		return false;
	if (!cut->number)
		cut->number = sealer->cuts_begun + 1;
	return (int32_t)(sealer->cuts_ended - cut->number) >= 0;
}

bool tta_seal_everything(bool insist)
{
	struct cut_to_come cut = {.number = 0};

	return seal_until(is_cut_over, &cut, insist);
}

/* ---- What is live ---- */

struct usage_to_come {
	struct cut_to_come cut;
	struct tta_usage_wish wish;
	bool is_known;
};

/* Under the lock. The ledger begins before what was reported is sealed. */
static bool is_usage_known(const void *what)
{
	struct usage_to_come *usage = (struct usage_to_come *)(uintptr_t)what;
	struct tta_sealer *sealer = get_sealer(&tta_context.seal);

	if (sealer && !sealer->usage)
		begin_usage(sealer);
	if (!sealer || !sealer->usage)
		return true;
	if (!is_cut_over(&usage->cut))
		return false;
	usage->is_known = tta_usage_read(sealer->usage, &usage->wish);
	return true;
}

bool tta_usage_ask(uint32_t device, uint16_t region, bool reset, struct ttalloc_region_usage *figures)
{
	struct usage_to_come usage = {.wish = {.device = device, .region = region, .reset = reset, .usage = figures}};

	if (!tta_context_ready() || !seal_until(is_usage_known, &usage, false))
		return false;
	if (usage.is_known && !reset)
		tta_usage_finish(&usage.wish);
	return usage.is_known;
}

/* ---- Waiting ---- */

bool tta_stack_is_small(void)
{
	stack_t stack;

	if (sigaltstack(NULL, &stack) || !(stack.ss_flags & SS_ONSTACK))
		return false;
	return (uintptr_t)&stack - (uintptr_t)stack.ss_sp < PACKING_STACK_BYTES;
}

/* Whether the outbox is full, and has been for so long that nobody waits any more. */
static bool is_hopeless(const struct tta_seal *seal)
{
	uint64_t since_ns = __atomic_load_n(&seal->full_since_ns, __ATOMIC_RELAXED);

	if (!since_ns)
		return false;
	if (__atomic_load_n(&seal->recorder_is_gone, __ATOMIC_RELAXED) ||
	    !__atomic_load_n(&tta_context.flusher.is_running, __ATOMIC_RELAXED))
		return true;
	return !tta_context.options.lossless &&
	       tta_now_ns() - since_ns >= (uint64_t)tta_context.options.full_wait_ms * TTA_NS_PER_MS;
}

static void wait_room(struct tta_seal *seal, uint32_t seen, uint64_t timeout_ns)
{
	__atomic_add_fetch(&seal->room_waiters, 1, __ATOMIC_SEQ_CST);
	tta_futex_wait(&seal->room, seen, timeout_ns);
	__atomic_sub_fetch(&seal->room_waiters, 1, __ATOMIC_SEQ_CST);
}

/* On a stack that is too small: by the flusher. */
static bool wait_until(bool (*enough)(const void *what), const void *what)
{
	struct tta_seal *seal = &tta_context.seal;
	uint64_t deadline_ns = tta_now_ns() + (uint64_t)tta_context.options.full_wait_ms * TTA_NS_PER_MS;
	uint32_t epoch = tta_epoch();

	while (tta_epoch() == epoch) {
		uint32_t seen = __atomic_load_n(&seal->room, __ATOMIC_SEQ_CST);

		if (enough(what))
			return true;
		if (is_hopeless(seal) || !__atomic_load_n(&tta_context.flusher.is_running, __ATOMIC_RELAXED) ||
		    (!tta_context.options.lossless && tta_now_ns() >= deadline_ns))
			return false;
		tta_flusher_wake();
		wait_room(seal, seen, LOOK_AGAIN_NS);
	}
	return false;
}

/* A handler may fork while it interrupts a wait: then the child, which returns here, has another epoch, and nothing of
 * what is waited for. */
bool tta_seal_until(bool (*enough)(const void *what), const void *what)
{
	struct tta_seal *seal = &tta_context.seal;
	uint32_t epoch = tta_epoch();

	if (is_hopeless(seal) || tta_fault("no-own-sealing"))
		return false;
	if (tta_stack_is_small())
		return wait_until(enough, what);
	while (tta_epoch() == epoch) {
		uint32_t seen = __atomic_load_n(&seal->room, __ATOMIC_SEQ_CST);

		if (seal_until(enough, what, false))
			return true;
		if (is_hopeless(seal))
			return false;
		tta_flusher_wake();
		wait_room(seal, seen, LOOK_AGAIN_NS);
	}
	return false;
}

/* ---- For the flusher ---- */

void tta_seal_release(uint64_t committed)
{
	struct tta_seal *seal = &tta_context.seal;
	struct tta_segment_header *header = tta_context.spool.header;
	struct tta_critical critical;
	uint64_t released;

	tta_lock_enter(&seal->lock, &critical);
	released = header->outbox_released;
	tta_outbox_release(&tta_context.spool, committed);
	if (header->outbox_released != released)
		__atomic_store_n(&seal->full_since_ns, 0, __ATOMIC_RELAXED);
	tta_lock_leave(&seal->lock, &critical);
	tell_room(seal);
}

void tta_seal_tell_recorder(bool is_gone)
{
	struct tta_seal *seal = &tta_context.seal;

	if (__atomic_exchange_n(&seal->recorder_is_gone, is_gone, __ATOMIC_RELAXED) != is_gone)
		tell_room(seal);
}

bool tta_seal_is_awaited(void)
{
	return __atomic_load_n(&tta_context.seal.room_waiters, __ATOMIC_SEQ_CST) > 0;
}
