/* SPDX-License-Identifier: Apache-2.0
 *
 * inherit.c - see inherit.h. A thread that makes others has a label slot, where they look its label up. Slots are
 * counted by those who look at them, since either side may end first.
 */
#include "inherit.h"

#include <errno.h>
#include <stddef.h>

#include "thread.h"

#define EXPORT __attribute__((visibility("default")))
#define LABEL_SLOTS 256u /* threads that make threads, at one time; those beyond bequeath open labels alone */

struct tta_label_slot {
	uint64_t shown; /* a label of the process; see shown_label() */
	uint32_t users; /* the thread itself, and those that it made; 0: free */
};

static struct tta_label_slot label_slots[LABEL_SLOTS];

/* A label is an entry of the table of one process only, which the epoch names. 0: none. */
static uint64_t shown_label(uint32_t epoch, uint32_t label)
{
	return label ? (uint64_t)epoch << 32 | label : 0;
}

static uint32_t label_in(uint64_t shown, uint32_t epoch)
{
	return shown >> 32 == epoch ? (uint32_t)shown : 0;
}

static struct tta_label_slot *claim_label_slot(void)
{
	for (uint32_t i = 0; i < LABEL_SLOTS; i++) {
		uint32_t users = 0;

		if (__atomic_compare_exchange_n(&label_slots[i].users, &users, 1, false, __ATOMIC_ACQ_REL,
		                                __ATOMIC_RELAXED))
			return &label_slots[i];
	}
	return NULL;
}

static void release_label_slot(struct tta_label_slot *label_slot)
{
	if (label_slot)
		__atomic_sub_fetch(&label_slot->users, 1, __ATOMIC_ACQ_REL);
}

void tta_inherit_show(const struct tta_thread *thread)
{
	if (thread->label_slot)
		__atomic_store_n(&thread->label_slot->shown, shown_label(thread->epoch, thread->label),
		                 __ATOMIC_RELAXED);
}

uint32_t tta_inherited_label(const struct tta_thread *thread)
{
	uint32_t epoch = tta_epoch();

	if (thread->inherited)
		return label_in(thread->inherited, epoch);
	return thread->maker ? label_in(__atomic_load_n(&thread->maker->shown, __ATOMIC_RELAXED), epoch) : 0;
}

/* The label slot of THREAD, up to date; NULL when there is none left. */
static struct tta_label_slot *own_label_slot(struct tta_thread *thread)
{
	if (!thread->label_slot && !thread->ended) {
		thread->label_slot = claim_label_slot();
		if (thread->label_slot)
			tta_thread_watch(thread);
		tta_inherit_show(thread);
	}
	return thread->label_slot;
}

bool tta_bequeath(struct ttalloc_bequest *bequest)
{
	struct tta_thread *thread = &tta_thread;
	uint32_t epoch = tta_epoch();
	uint32_t label = thread->epoch == epoch && thread->label ? thread->label : tta_inherited_label(thread);

	*bequest = (struct ttalloc_bequest){.label = shown_label(epoch, label)};
	if (thread->muted)
		return false;
	if (label)
		return true;
	bequest->maker = own_label_slot(thread);
	if (bequest->maker)
		__atomic_add_fetch(&bequest->maker->users, 1, __ATOMIC_RELAXED);
	return bequest->maker;
}

void tta_inherit(const struct ttalloc_bequest *bequest)
{
	struct tta_thread *thread = &tta_thread;

	thread->inherited = bequest->label;
	thread->maker = bequest->maker;
	if (thread->maker)
		tta_thread_watch(thread);
}

void tta_disinherit(const struct ttalloc_bequest *bequest)
{
	release_label_slot(bequest->maker);
}

void tta_inherit_end(struct tta_thread *thread)
{
	struct tta_label_slot *label_slot = thread->label_slot, *maker = thread->maker;

	thread->label_slot = thread->maker = NULL;
	thread->inherited = 0;
	if (label_slot)
		__atomic_store_n(&label_slot->shown, 0, __ATOMIC_RELAXED);
	release_label_slot(label_slot);
	release_label_slot(maker);
}

/* ---- For the preload ---- */

/* The copy of the library that has the labels; NULL: this one. One of the first version knows nothing of threads. */
static const struct tta_delegate *label_owner(void)
{
	const struct tta_delegate *delegate = tta_delegate();

	return delegate && delegate->version >= 2 ? delegate : NULL;
}

/* Whether this process is recorded or may be. What decides it is its first event, which may be still to come. */
static bool may_record(void)
{
	uint32_t state = __atomic_load_n(&ttalloc_gate.state, __ATOMIC_RELAXED);

	return state == TTALLOC_GATE_ON || (state == TTALLOC_GATE_UNKNOWN && tta_options_want_recording());
}

EXPORT bool ttalloc_thread_bequeath(struct ttalloc_bequest *bequest)
{
	int saved_errno = errno;
	bool inherits = may_record() && (label_owner() ? label_owner()->bequeath(bequest) : tta_bequeath(bequest));

	errno = saved_errno;
	return inherits;
}

EXPORT void ttalloc_thread_inherit(const struct ttalloc_bequest *bequest)
{
	int saved_errno = errno;

	if (label_owner())
		label_owner()->inherit(bequest);
	else
		tta_inherit(bequest);
	errno = saved_errno;
}

EXPORT void ttalloc_thread_not_made(const struct ttalloc_bequest *bequest)
{
	int saved_errno = errno;

	if (label_owner())
		label_owner()->disinherit(bequest);
	else
		tta_disinherit(bequest);
	errno = saved_errno;
}
