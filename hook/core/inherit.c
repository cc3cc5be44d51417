/* SPDX-License-Identifier: Apache-2.0
 *
 * inherit.c - see inherit.h. A thread that makes others has a beacon, which shows its label to them. Beacons are
 * counted by those who look at them, since either side may end first.
 */
#include "inherit.h"

#include <errno.h>
#include <stddef.h>

#include "thread.h"

#define EXPORT __attribute__((visibility("default")))
#define BEACONS 256u /* threads that make threads, at one time; those beyond bequeath open labels alone */

struct tta_beacon {
	uint64_t shown; /* a label of the process; see shown_label() */
	uint32_t users; /* the thread itself, and those that it made; 0: free */
};

static struct tta_beacon beacons[BEACONS];

/* A label is an entry of the table of one process only, which the epoch names. 0: none. */
static uint64_t shown_label(uint32_t epoch, uint32_t label)
{
	return label ? (uint64_t)epoch << 32 | label : 0;
}

static uint32_t label_in(uint64_t shown, uint32_t epoch)
{
	return shown >> 32 == epoch ? (uint32_t)shown : 0;
}

static struct tta_beacon *claim_beacon(void)
{
	for (uint32_t i = 0; i < BEACONS; i++) {
		uint32_t users = 0;

		if (__atomic_compare_exchange_n(&beacons[i].users, &users, 1, false, __ATOMIC_ACQ_REL,
		                                __ATOMIC_RELAXED))
			return &beacons[i];
	}
	return NULL;
}

static void release_beacon(struct tta_beacon *beacon)
{
	if (beacon)
		__atomic_sub_fetch(&beacon->users, 1, __ATOMIC_ACQ_REL);
}

void tta_inherit_show(const struct tta_thread *thread)
{
	if (thread->beacon)
		__atomic_store_n(&thread->beacon->shown, shown_label(thread->epoch, thread->label), __ATOMIC_RELAXED);
}

uint32_t tta_inherited_label(const struct tta_thread *thread)
{
	uint32_t epoch = tta_epoch();

	if (thread->inherited)
		return label_in(thread->inherited, epoch);
	return thread->maker ? label_in(__atomic_load_n(&thread->maker->shown, __ATOMIC_RELAXED), epoch) : 0;
}

/* The beacon of THREAD, lit; NULL when there is none left. */
static struct tta_beacon *light_beacon(struct tta_thread *thread)
{
	if (!thread->beacon && !thread->ended) {
		thread->beacon = claim_beacon();
		if (thread->beacon)
			tta_thread_watch(thread);
		tta_inherit_show(thread);
	}
	return thread->beacon;
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
	bequest->maker = light_beacon(thread);
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
	release_beacon(bequest->maker);
}

void tta_inherit_end(struct tta_thread *thread)
{
	struct tta_beacon *beacon = thread->beacon, *maker = thread->maker;

	thread->beacon = thread->maker = NULL;
	thread->inherited = 0;
	if (beacon)
		__atomic_store_n(&beacon->shown, 0, __ATOMIC_RELAXED);
	release_beacon(beacon);
	release_beacon(maker);
}

/* ---- For the preload ---- */

/* The copy of the library that has the labels; NULL: this one. One of the first version knows nothing of threads. */
static const struct tta_delegate *heir(void)
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
	bool is_heir = may_record() && (heir() ? heir()->bequeath(bequest) : tta_bequeath(bequest));

	errno = saved_errno;
	return is_heir;
}

EXPORT void ttalloc_thread_inherit(const struct ttalloc_bequest *bequest)
{
	int saved_errno = errno;

	if (heir())
		heir()->inherit(bequest);
	else
		tta_inherit(bequest);
	errno = saved_errno;
}

EXPORT void ttalloc_thread_not_made(const struct ttalloc_bequest *bequest)
{
	int saved_errno = errno;

	if (heir())
		heir()->disinherit(bequest);
	else
		tta_disinherit(bequest);
	errno = saved_errno;
}
