/* SPDX-License-Identifier: Apache-2.0
 *
 * piece.c - changes of totals over a short time.
 */
#include "piece.h"

void piece_begin(struct piece *piece, uint32_t device, uint32_t region, const struct usage_change *first)
{
	*piece = (struct piece){
	    .device = device,
	    .region = region,
	    .from_ns = first->at_ns,
	    .to_ns = first->at_ns,
	    .from_process = first->process,
	    .to_process = first->process,
	    .disorder_ns = PIECE_NO_DISORDER,
	    .min_bytes = INT64_MAX,
	    .max_bytes = INT64_MIN,
	    .max_bank_bytes = INT64_MIN,
	};
	piece_add(piece, first);
}

static void keep_order(struct piece *piece, const struct usage_change *change)
{
	bool late =
	    change->at_ns < piece->to_ns || (change->at_ns == piece->to_ns && change->process < piece->to_process);

	if (!late) {
		piece->to_ns = change->at_ns;
		piece->to_process = change->process;
	} else if (change->at_ns < piece->disorder_ns) {
		piece->disorder_ns = change->at_ns;
	}
}

void piece_add(struct piece *piece, const struct usage_change *change)
{
	keep_order(piece, change);
	piece->changes++;
	piece->bytes += change->bytes;
	piece->bank_bytes += change->bank_bytes;
	piece->blocks += change->blocks;
	piece->allocs += change->allocs;
	piece->frees += change->frees;
	if (piece->bytes < piece->min_bytes)
		piece->min_bytes = piece->bytes;
	if (piece->bytes > piece->max_bytes) {
		piece->max_bytes = piece->bytes;
		piece->max_ns = change->at_ns;
		piece->max_key = change->key;
		piece->max_blocks = piece->blocks;
	}
	if (piece->bank_bytes > piece->max_bank_bytes) {
		piece->max_bank_bytes = piece->bank_bytes;
		piece->max_bank_ns = change->at_ns;
	}
}
