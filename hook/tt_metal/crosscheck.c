/* SPDX-License-Identifier: Apache-2.0
 *
 * crosscheck.c - see crosscheck.h.
 */
#include "crosscheck.h"

#include <stdatomic.h>
#include <time.h>

#define LONGEST_INTERVAL_MS 1000

static atomic_uint changes; /* that were ever begun */
static atomic_uint open;    /* of them, those of threads that have not told yet */
static __thread bool is_open;

/* Open first: who does not see the change among CHANGES yet, and is not told of it as open either, finds it there when
 * he looks again. */
void tt_crosscheck_changing(void)
{
	if (!is_open)
		atomic_fetch_add(&open, 1);
	is_open = true;
	atomic_fetch_add(&changes, 1);
}

void tt_crosscheck_changed(void)
{
	if (is_open)
		atomic_fetch_sub(&open, 1);
	is_open = false;
}

bool tt_crosscheck_begin(unsigned *ticket)
{
	*ticket = atomic_load(&changes);
	return atomic_load(&open) == is_open;
}

bool tt_crosscheck_undisturbed(unsigned ticket)
{
	return atomic_load(&changes) == ticket;
}

bool tt_crosscheck_is_due(struct tt_crosscheck_pace *pace)
{
	struct timespec now;
	uint64_t now_ms;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	if (now_ms < pace->next_ms)
		return false;
	pace->interval_ms = pace->interval_ms ? pace->interval_ms * 2 : 10;
	if (pace->interval_ms > LONGEST_INTERVAL_MS)
		pace->interval_ms = LONGEST_INTERVAL_MS;
	pace->next_ms = now_ms + pace->interval_ms;
	return true;
}
