/* SPDX-License-Identifier: Apache-2.0
 *
 * region_total.c - what one process has on one device and region.
 */
#include "region_total.h"

void region_total_begin(struct region_total *total, uint32_t device, uint32_t region)
{
	*total = (struct region_total){
	    .device = device,
	    .region = region,
	    .peak_ns = REGION_TOTAL_NO_TIME,
	    .peak_bank_ns = REGION_TOTAL_NO_TIME,
	};
}

void region_total_begin_file(struct region_total *total, uint64_t at_ns, int64_t key)
{
	bool is_live = total->live_bytes != 0, is_in_banks = total->live_bank_bytes != 0;

	total->allocs = total->frees = 0;
	total->allocated_bytes = 0;
	total->peak_bytes = total->live_bytes;
	total->peak_ns = is_live ? at_ns : REGION_TOTAL_NO_TIME;
	total->peak_key = is_live ? key : 0;
	total->peak_blocks = total->live_blocks;
	total->peak_bank_bytes = total->live_bank_bytes;
	total->peak_bank_ns = is_in_banks ? at_ns : REGION_TOTAL_NO_TIME;
}

void region_total_add(struct region_total *total, const struct usage_change *change)
{
	total->allocs += change->allocs;
	total->frees += change->frees;
	total->live_bytes += change->bytes;
	total->live_bank_bytes += change->bank_bytes;
	total->live_blocks += change->blocks;
	if (total->live_bytes > total->peak_bytes || total->peak_ns == REGION_TOTAL_NO_TIME) {
		total->peak_bytes = total->live_bytes;
		total->peak_ns = change->at_ns;
		total->peak_key = change->key;
		total->peak_blocks = total->live_blocks;
	}
	if (total->live_bank_bytes > total->peak_bank_bytes || total->peak_bank_ns == REGION_TOTAL_NO_TIME) {
		total->peak_bank_bytes = total->live_bank_bytes;
		total->peak_bank_ns = change->at_ns;
	}
}

void region_total_log(const struct region_total *total, uint32_t process, struct rowlog *log)
{
	rowlog_usage(log, &(struct usage_row){.process = process,
	                                      .device = total->device,
	                                      .region = total->region,
	                                      .allocs = total->allocs,
	                                      .frees = total->frees,
	                                      .allocated_bytes = total->allocated_bytes,
	                                      .live_bytes = total->live_bytes,
	                                      .live_bank_bytes = total->live_bank_bytes,
	                                      .live_blocks = total->live_blocks,
	                                      .peak_bytes = total->peak_bytes,
	                                      .peak_ns = total->peak_ns,
	                                      .peak_key = total->peak_key,
	                                      .peak_blocks = total->peak_blocks,
	                                      .peak_bank_bytes = total->peak_bank_bytes,
	                                      .peak_bank_ns = total->peak_bank_ns});
}
