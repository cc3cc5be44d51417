/* SPDX-License-Identifier: Apache-2.0
 *
 * flusher.c - see flusher.h and flush.h.
 */
#include "flusher.h"

#include <pthread.h>
#include <sys/prctl.h>

#include "emit.h"
#include "flush.h"
#include "gate.h"
#include "hook/base/identity.h"
#include "hook/base/pin.h"

#define STACK_BYTES (256u << 10)
#define IMPATIENT_NS (1ull * TTA_NS_PER_MS)
#define BLOCKED_NS (5ull * TTA_NS_PER_MS)
#define LOOK_AROUND_NS (100ull * TTA_NS_PER_MS)

/* ---- For producers ---- */

void tta_flusher_wake(void)
{
	struct tta_flusher *flusher = &tta_context.flusher;

	if (!__atomic_load_n(&flusher->is_running, __ATOMIC_RELAXED))
		tta_flusher_start();
	if (!__atomic_load_n(&flusher->wake, __ATOMIC_RELAXED) &&
	    !__atomic_exchange_n(&flusher->wake, 1, __ATOMIC_SEQ_CST))
		tta_futex_wake(&flusher->wake);
}

/* ---- For those who wait for a commit ---- */

static void tell_news(struct tta_flusher *flusher)
{
	__atomic_add_fetch(&flusher->news, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&flusher->flush_waiters, __ATOMIC_SEQ_CST))
		tta_futex_wake(&flusher->news);
}

static bool has_reached(uint32_t count, uint32_t ticket)
{
	return (int32_t)(count - ticket) >= 0;
}

/* What a call of ttalloc_flush() with TICKET can know: 1 committed, 0 nobody to commit it, -1 not yet. */
static int flush_outcome(const struct tta_flusher *flusher, uint32_t ticket)
{
	if (has_reached(__atomic_load_n(&flusher->sealed, __ATOMIC_ACQUIRE), ticket) &&
	    __atomic_load_n(&flusher->committed, __ATOMIC_ACQUIRE) >=
	        __atomic_load_n(&flusher->sealed_number, __ATOMIC_RELAXED))
		return 1;
	return has_reached(__atomic_load_n(&flusher->alone, __ATOMIC_RELAXED), ticket) ? 0 : -1;
}

bool tta_flush(unsigned timeout_ms)
{
	struct tta_flusher *flusher = &tta_context.flusher;
	uint64_t deadline_ns = tta_now_ns() + (uint64_t)timeout_ms * TTA_NS_PER_MS;
	uint32_t ticket;
	int outcome;

	if (!tta_context_ready())
		return false;
	__atomic_add_fetch(&flusher->flush_waiters, 1, __ATOMIC_SEQ_CST);
	ticket = __atomic_add_fetch(&flusher->asked, 1, __ATOMIC_SEQ_CST);
	tta_flusher_wake();
	for (;;) {
		uint32_t news = __atomic_load_n(&flusher->news, __ATOMIC_SEQ_CST);
		uint64_t now_ns = tta_now_ns();

		outcome = flush_outcome(flusher, ticket);
		if (outcome >= 0 || now_ns >= deadline_ns)
			break;
		tta_futex_wait(&flusher->news, news, deadline_ns - now_ns);
	}
	__atomic_sub_fetch(&flusher->flush_waiters, 1, __ATOMIC_SEQ_CST);
	return outcome == 1;
}

/* ---- The thread ---- */

static void take_commit(struct tta_flusher *flusher, uint64_t committed)
{
	/* Who claims to have more than there is does not know what it says. */
	if (committed <= flusher->committed ||
	    committed > __atomic_load_n(&tta_context.spool.header->sealed_number, __ATOMIC_RELAXED))
		return;
	tta_seal_release(committed);
	__atomic_store_n(&flusher->committed, committed, __ATOMIC_RELEASE);
}

/* Hears the recorder, and speaks to it. INSIST: who waits has asked just now, and is not told that nobody is there
 * because the last recorder has gone: its successor may be. */
static uint64_t meet(struct tta_uplink *uplink, bool urgent, bool insist)
{
	bool was_down = uplink->state == TTA_UPLINK_DOWN;
	uint64_t committed;

	if (insist)
		uplink->retry_at_ns = 0;
	committed = tta_uplink_step(uplink, urgent);
	if (!insist || was_down || uplink->state != TTA_UPLINK_DOWN || uplink->is_over)
		return committed;
	uplink->retry_at_ns = 0;
	return tta_uplink_step(uplink, urgent);
}

/* One round. Returns whether the outbox took everything. */
static bool work(struct tta_flusher *flusher)
{
	uint32_t asked = __atomic_load_n(&flusher->asked, __ATOMIC_SEQ_CST);
	bool is_new_request = asked != flusher->sealed || asked != flusher->alone;
	bool is_awaited = __atomic_load_n(&flusher->flush_waiters, __ATOMIC_SEQ_CST) > 0;
	bool all_sealed = tta_seal_everything(true);

	tta_modules_watch();
	take_commit(flusher,
	            meet(&flusher->uplink, is_awaited && flusher->sealed != asked, is_awaited && is_new_request));
	if (all_sealed && flusher->sealed != asked) {
		__atomic_store_n(&flusher->sealed_number,
		                 __atomic_load_n(&tta_context.spool.header->sealed_number, __ATOMIC_RELAXED),
		                 __ATOMIC_RELAXED);
		__atomic_store_n(&flusher->sealed, asked, __ATOMIC_RELEASE);
	}
	tta_seal_tell_recorder(flusher->uplink.state == TTA_UPLINK_DOWN);
	if (flusher->uplink.state == TTA_UPLINK_DOWN)
		__atomic_store_n(&flusher->alone, asked, __ATOMIC_RELAXED);
	tell_news(flusher);
	return all_sealed;
}

static uint64_t patience_ns(const struct tta_flusher *flusher, bool all_sealed)
{
	if (__atomic_load_n(&flusher->flush_waiters, __ATOMIC_SEQ_CST) || tta_seal_is_awaited())
		return IMPATIENT_NS;
	if (!all_sealed && flusher->uplink.state != TTA_UPLINK_DOWN)
		return BLOCKED_NS;
	return (uint64_t)tta_context.options.flush_ms * TTA_NS_PER_MS;
}

/* Runs exit handlers, as the last thread of the process, with the stack and the signals of an ordinary one. */
static void *end_process(void *flusher)
{
	pthread_join(*(pthread_t *)flusher, NULL);
	return NULL;
}

/* All threads of the program have ended. */
static void end_with_program(struct tta_flusher *flusher)
{
	static pthread_t self;
	pthread_attr_t attributes;
	pthread_t last;

	work(flusher);
	self = pthread_self();
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &flusher->signals, NULL);
	pthread_create(&last, &attributes, end_process, &self);
	pthread_attr_destroy(&attributes);
}

/* Sleeps until there is something to do. False: the program has ended. */
static bool rest(struct tta_flusher *flusher, uint64_t patience_ns)
{
	uint64_t until_ns = tta_now_ns() + patience_ns;
	uint64_t now_ns;

	while (!__atomic_load_n(&flusher->wake, __ATOMIC_SEQ_CST) && (now_ns = tta_now_ns()) < until_ns) {
		uint64_t left_ns = until_ns - now_ns;

		tta_futex_wait(&flusher->wake, 0, left_ns < LOOK_AROUND_NS ? left_ns : LOOK_AROUND_NS);
		tta_modules_watch();
		if (tta_identity_is_last_thread())
			return false;
	}
	return true;
}

static void *flusher_main(void *unused)
{
	struct tta_flusher *flusher = &tta_context.flusher;

	(void)unused;
	tta_thread.muted = true;
	tta_thread.lane.busy = true; /* so that the slow path sees that it is muted */
	prctl(PR_SET_NAME, "ttalloc");
	for (;;) {
		bool all_sealed;

		__atomic_store_n(&flusher->wake, 0, __ATOMIC_SEQ_CST);
		all_sealed = work(flusher);
		if (flusher->uplink.is_over) {
			tta_gate_shut();
			pthread_detach(pthread_self());
			return NULL;
		}
		if (!rest(flusher, patience_ns(flusher, all_sealed))) {
			end_with_program(flusher);
			return NULL;
		}
	}
}

void tta_flusher_start(void)
{
	struct tta_flusher *flusher = &tta_context.flusher;
	struct tta_critical critical;
	pthread_attr_t attributes;
	pthread_t thread;
	bool was_muted = tta_thread.muted;
	int error;

	if (tta_stack_is_small()) {
		__atomic_store_n(&flusher->is_put_off, true, __ATOMIC_RELAXED);
		return;
	}
	if (__atomic_exchange_n(&flusher->is_running, true, __ATOMIC_ACQ_REL))
		return;
	__atomic_store_n(&flusher->is_put_off, false, __ATOMIC_RELAXED);
	tta_pin();
	tta_critical_enter(&critical); /* the thread inherits that all signals are blocked */
	tta_thread.muted = true;       /* and nothing else */
	flusher->signals = critical.signals;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	error = pthread_create(&thread, &attributes, flusher_main, NULL);
	pthread_attr_destroy(&attributes);
	if (error) /* a program with much static TLS needs more */
		error = pthread_create(&thread, NULL, flusher_main, NULL);
	tta_thread.muted = was_muted;
	if (error)
		__atomic_store_n(&flusher->is_running, false, __ATOMIC_RELEASE);
	tta_critical_leave(&critical);
}
