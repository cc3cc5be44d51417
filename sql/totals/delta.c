/* SPDX-License-Identifier: Apache-2.0
 *
 * delta.c - changes of totals over a short time.
 */
#include "delta.h"

void delta_begin(struct delta *delta, uint32_t device, uint32_t region, const struct usage_change *first)
{
	*delta = (struct delta){
	    .device = device,
	    .region = region,
	    .from_ns = first->at_ns,
	    .to_ns = first->at_ns,
	    .from_process = first->process,
	    .to_process = first->process,
	    .disorder_ns = DELTA_NO_DISORDER,
	    .min_bytes = INT64_MAX,
	    .max_bytes = INT64_MIN,
	    .max_bank_bytes = INT64_MIN,
	};
	delta_add(delta, first);
}

static void keep_order(struct delta *delta, const struct usage_change *change)
{
	bool late =
	    change->at_ns < delta->to_ns || (change->at_ns == delta->to_ns && change->process < delta->to_process);

	if (!late) {
		delta->to_ns = change->at_ns;
		delta->to_process = change->process;
	} else if (change->at_ns < delta->disorder_ns) {
		delta->disorder_ns = change->at_ns;
	}
}

void delta_add(struct delta *delta, const struct usage_change *change)
{
	keep_order(delta, change);
	delta->changes++;
	delta->bytes += change->bytes;
	delta->bank_bytes += change->bank_bytes;
	delta->blocks += change->blocks;
	delta->allocs += change->allocs;
	delta->frees += change->frees;
	if (delta->bytes < delta->min_bytes)
		delta->min_bytes = delta->bytes;
	if (delta->bytes > delta->max_bytes) {
		delta->max_bytes = delta->bytes;
		delta->max_ns = change->at_ns;
		delta->max_key = change->key;
		delta->max_blocks = delta->blocks;
	}
	if (delta->bank_bytes > delta->max_bank_bytes) {
		delta->max_bank_bytes = delta->bank_bytes;
		delta->max_bank_ns = change->at_ns;
	}
}
