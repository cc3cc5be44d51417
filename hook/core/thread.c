/* SPDX-License-Identifier: Apache-2.0
 *
 * thread.c - see thread.h.
 */
#include "thread.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hook/base/fault.h"
#include "inherit.h"
#include "label.h"

#define FULL_SIZED_RINGS 32u /* then all TTA_MAX_RINGS rings take less than half of the default cap */
#define SMALLEST_RING 64u
#define MOST_ENDING_RINGS 16u
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#define NO_RING_RETRY_NS (100ull * TTA_NS_PER_MS)

_Thread_local struct tta_thread tta_thread __attribute__((tls_model("initial-exec")));

/* ---- Threads ---- */

struct tta_thread_extra *tta_thread_extra(struct tta_thread *thread)
{
	void *pages;

	if (thread->extra)
		return thread->extra;
	pages = mmap(NULL, sizeof(*thread->extra), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	thread->extra = pages == MAP_FAILED ? NULL : pages;
	return thread->extra;
}

void tta_lane_renew(struct tta_lane *lane)
{
	uint32_t epoch = tta_epoch();

	if (lane->epoch == epoch)
		return;
	*lane = (struct tta_lane){.epoch = epoch};
}

void tta_thread_forget_stacks(struct tta_thread_extra *extra)
{
	memset(extra->stacks, 0, sizeof(extra->stacks));
	memset(extra->likely_stacks, 0, sizeof(extra->likely_stacks));
	memset(extra->cut_stacks, 0, sizeof(extra->cut_stacks));
	extra->modules_changes = 0;
	extra->displaced = 0;
}

void tta_thread_renew(struct tta_thread *thread)
{
	struct tta_critical critical;
	uint32_t epoch = tta_epoch();

	if (thread->epoch == epoch)
		return;
	tta_critical_enter(&critical);
	thread->thread_entry = 0;
	thread->label = 0;
	if (thread->extra) {
		tta_thread_forget_stacks(thread->extra);
		tta_label_say_again(thread);
	}
	thread->epoch = epoch;
	tta_inherit_show(thread);
	tta_critical_leave(&critical);
}

/* Runs when a thread ends. Destructors of others may still report after it, so it asks to be called again, and acts
 * in the last round but one. */
static void thread_ends(void *value)
{
	struct tta_thread *thread = value;
	struct tta_thread_extra *extra = thread->extra;

	if (++thread->rounds < PTHREAD_DESTRUCTOR_ITERATIONS - 1) {
		pthread_setspecific(tta_context.thread_key, thread);
		return;
	}
	thread->ended = true;
	tta_inherit_end(thread);
	tta_lane_retire(&thread->lane);
	for (unsigned i = 0; extra && i < TTA_NESTED_LANES; i++)
		tta_lane_retire(&extra->nested[i]);
	thread->extra = NULL;
	if (extra)
		munmap(extra, sizeof(*extra));
}

void tta_thread_watch(struct tta_thread *thread)
{
	struct tta_critical critical;

	if (!__atomic_load_n(&tta_context.has_thread_key, __ATOMIC_ACQUIRE)) {
		tta_lock_enter(&tta_context.lock, &critical);
		if (!tta_context.has_thread_key && pthread_key_create(&tta_context.thread_key, thread_ends) == 0)
			__atomic_store_n(&tta_context.has_thread_key, true, __ATOMIC_RELEASE);
		tta_lock_leave(&tta_context.lock, &critical);
	}
	if (!thread->ended && __atomic_load_n(&tta_context.has_thread_key, __ATOMIC_ACQUIRE))
		pthread_setspecific(tta_context.thread_key, thread);
}

/* ---- Claiming a ring ---- */

static uint32_t introduce_thread(void)
{
	struct tta_thread_entry entry = {.tid = (uint32_t)syscall(SYS_gettid)};

	entry.serial = __atomic_add_fetch(&tta_context.thread_serial, 1, __ATOMIC_RELAXED);
	prctl(PR_GET_NAME, entry.name);
	return tta_table_append(&tta_context.table, TTA_ENTRY_THREAD, &entry, sizeof(entry));
}

/* A ring that is free; NULL: there is none, but ENDING ones that will be when all of them is sealed. */
static struct tta_ring *find_free_ring(const struct tta_spool *spool, uint32_t *ending)
{
	uint32_t count = __atomic_load_n(&spool->header->ring_count, __ATOMIC_ACQUIRE);

	*ending = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t state = __atomic_load_n(&spool->rings[i].state, __ATOMIC_ACQUIRE);

		if (state == TTA_RING_FREE)
			return &spool->rings[i];
		*ending += state == TTA_RING_ENDING;
	}
	return NULL;
}

/* How large the ring NUMBER is. Many threads get smaller rings, so that hundreds of them fit. */
static uint64_t ring_capacity(uint32_t number)
{
	const struct tta_area *space = &tta_context.spool.ring_space;
	uint64_t capacity = tta_context.options.ring_events;

	for (uint32_t rings = FULL_SIZED_RINGS; rings <= number; rings *= 2)
		capacity /= 2;
	while (capacity * sizeof(struct tta_event) > space->capacity / 8)
		capacity /= 2;
	return capacity < SMALLEST_RING ? SMALLEST_RING : capacity;
}

/* A new ring, its space reserved; smaller than it should be rather than none. */
static struct tta_ring *make_ring(struct tta_spool *spool)
{
	uint32_t number = spool->header->ring_count;
	uint64_t used = tta_context.ring_space_used;
	struct tta_ring *ring = &spool->rings[number];
	uint64_t capacity = ring_capacity(number);

	if (number == TTA_MAX_RINGS ||
	    !tta_spool_grow(spool, &spool->directory, (number + 1) * sizeof(struct tta_ring), TTA_SPOOL_USUAL))
		return NULL;
	while (
	    !tta_spool_grow(spool, &spool->ring_space, used + capacity * sizeof(struct tta_event), TTA_SPOOL_USUAL)) {
		capacity /= 2;
		if (capacity < SMALLEST_RING)
			return NULL;
	}
	tta_context.ring_space_used = used + capacity * sizeof(struct tta_event);
	*ring = (struct tta_ring){.offset = spool->ring_space.offset + used, .capacity = capacity};
	return ring;
}

/* Under the lock: a ring of an ended thread, or a new one; rather those of ended threads, once they are sealed, than a
 * new one when more than MOST_ENDING wait for that. */
static struct tta_ring *find_ring(struct tta_spool *spool, uint32_t most_ending, uint32_t *ending)
{
	struct tta_ring *ring = find_free_ring(spool, ending);

	return ring || *ending > most_ending ? ring : make_ring(spool);
}

/* False: there is none, but one will be free when all is sealed. */
static bool try_claim(uint32_t thread_entry, uint32_t most_ending, struct tta_ring **claimed)
{
	struct tta_spool *spool = &tta_context.spool;
	struct tta_critical critical;
	struct tta_ring *ring;
	uint32_t ending;

	tta_lock_enter(&tta_context.lock, &critical);
	ring = find_ring(spool, most_ending, &ending);
	if (ring) {
		__atomic_store_n(&ring->thread_entry, thread_entry, __ATOMIC_RELAXED);
		__atomic_store_n(&ring->state, TTA_RING_LIVE, __ATOMIC_RELEASE);
		if (ring == &spool->rings[spool->header->ring_count])
			__atomic_store_n(&spool->header->ring_count, spool->header->ring_count + 1, __ATOMIC_RELEASE);
	}
	tta_lock_leave(&tta_context.lock, &critical);
	*claimed = ring;
	return ring || ending == 0;
}

static bool is_ring_free(const void *unused)
{
	uint32_t ending;

	(void)unused;
	return find_free_ring(&tta_context.spool, &ending) || ending == 0;
}

/* A ring for LANE; NULL: none can be had. */
static struct tta_ring *claim_ring(const struct tta_lane *lane, uint32_t thread_entry)
{
	struct tta_ring *ring;

	while (!try_claim(thread_entry, MOST_ENDING_RINGS, &ring))
		if (!tta_seal_until(is_ring_free, NULL)) {
			if (lane->epoch == tta_epoch()) /* no fork has come in between */
				try_claim(thread_entry, TTA_MAX_RINGS, &ring);
			break;
		}
	return ring;
}

bool tta_lane_claim(struct tta_thread *thread, struct tta_lane *lane)
{
	struct tta_ring *ring;

	if (lane->retry_at_ns && tta_now_ns() < lane->retry_at_ns)
		return false;
	if (!thread->thread_entry || thread->thread_entry == TTA_LEFT_OUT)
		thread->thread_entry = introduce_thread();
	ring = claim_ring(lane, thread->thread_entry);
	if (!ring) {
		lane->retry_at_ns = tta_now_ns() + NO_RING_RETRY_NS;
		return false;
	}
	tta_thread_watch(thread);
	lane->records = (struct tta_event *)(void *)(tta_context.spool.base + ring->offset);
	lane->mask = ring->capacity - 1;
	lane->head = ring->head;
	lane->limit = 0;
	lane->retry_at_ns = 0;
	lane->marked = &tta_context.marked[ring - tta_context.spool.rings];
	lane->ring = ring;
	/* The first lap would pay for each page: better now, and all at once. Kernels before 5.14 say no. */
	madvise((void *)((uintptr_t)lane->records & ~4095ul), ring->capacity * sizeof(struct tta_event),
	        MADV_POPULATE_WRITE);
	return true;
}

void tta_lane_retire(struct tta_lane *lane)
{
	struct tta_ring *ring = lane->ring;

	if (!ring || lane->busy || lane->epoch != tta_epoch())
		return;
	lane->limit = 0;
	lane->ring = NULL;
	__atomic_store_n(&ring->state, TTA_RING_ENDING, __ATOMIC_RELEASE);
}

/* ---- A full ring ---- */

static void count_drop(struct tta_lane *lane)
{
	struct tta_ring *ring = lane->ring;
	uint64_t now = tta_clock_read(tta_context.clock);

	if (tta_fault("no-loss-count"))
		return;
	if (ring->dropped == __atomic_load_n(lane->marked, __ATOMIC_RELAXED))
		__atomic_store_n(&ring->first_dropped_ticks, now, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->last_dropped_ticks, now, __ATOMIC_RELAXED);
	__atomic_store_n(&ring->dropped, ring->dropped + 1, __ATOMIC_RELEASE);
}

/* Says in the ring how many events are missing at this place. The flusher may have said so already. */
static void write_loss_mark(struct tta_lane *lane)
{
	struct tta_ring *ring = lane->ring;
	uint64_t marked = __atomic_load_n(lane->marked, __ATOMIC_RELAXED);
	uint64_t first_ticks = ring->first_dropped_ticks;

	if (marked == ring->dropped || !__atomic_compare_exchange_n(lane->marked, &marked, ring->dropped, false,
	                                                            __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	tta_lane_write(
	    lane,
	    &(struct tta_event){
	        .kind = TTA_LOSS,
	        .loss = {.first_ticks = first_ticks, .count = ring->dropped - marked, .reason = TTA_LOST_RING_FULL}},
	    0);
}

/* Records in use, after a look at how much of them is sealed. */
static uint64_t lane_used(const struct tta_lane *lane)
{
	return lane->head - __atomic_load_n(&lane->ring->tail, __ATOMIC_ACQUIRE);
}

static bool is_half_empty(const void *what)
{
	const struct tta_lane *lane = what;

	return lane_used(lane) <= (lane->mask + 1) / 2;
}

bool tta_lane_make_room(struct tta_lane *lane)
{
	uint64_t capacity = lane->mask + 1;
	bool has_dropped = lane->ring->dropped != __atomic_load_n(lane->marked, __ATOMIC_RELAXED);
	uint64_t needed = has_dropped ? 2 : 1; /* a LOSS mark comes first */
	uint64_t used = lane_used(lane);

	if (used + needed > capacity && !tta_seal_until(is_half_empty, lane)) {
		count_drop(lane);
		return false;
	}
	if (has_dropped)
		write_loss_mark(lane);
	used = lane_used(lane);
	if (used >= capacity / 2)
		tta_flusher_wake();
	lane->limit = lane->head - used + (used < capacity / 2 ? capacity / 2 : capacity);
	if (__atomic_load_n(&tta_context.flusher.is_put_off, __ATOMIC_RELAXED)) {
		tta_flusher_start();
		lane->limit = lane->head + 1;
	}
	return true;
}
