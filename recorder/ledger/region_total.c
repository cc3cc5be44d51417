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
	rowlog_begin(log, ROW_USAGE);
	rowlog_integer(log, process);
	rowlog_integer(log, total->device);
	rowlog_integer(log, total->region);
	rowlog_integer(log, (int64_t)total->allocs);
	rowlog_integer(log, (int64_t)total->frees);
	rowlog_integer(log, total->allocated_bytes);
	rowlog_integer(log, total->live_bytes);
	rowlog_integer(log, total->live_bank_bytes);
	rowlog_integer(log, total->live_blocks);
	rowlog_integer(log, total->peak_bytes);
	rowlog_optional(log, (int64_t)total->peak_ns, (int64_t)REGION_TOTAL_NO_TIME);
	rowlog_optional(log, total->peak_key, 0);
	rowlog_integer(log, total->peak_blocks);
	rowlog_integer(log, total->peak_bank_bytes);
	rowlog_optional(log, (int64_t)total->peak_bank_ns, (int64_t)REGION_TOTAL_NO_TIME);
}
