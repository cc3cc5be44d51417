/* SPDX-License-Identifier: Apache-2.0
 *
 * usage.c - what one process has on one device and region.
 */
#include "usage.h"

void usage_begin(struct usage *usage, uint32_t device, uint32_t region)
{
	*usage = (struct usage){
	    .device = device,
	    .region = region,
	    .peak_ns = USAGE_NO_TIME,
	    .peak_bank_ns = USAGE_NO_TIME,
	};
}

void usage_add(struct usage *usage, const struct usage_change *change)
{
	usage->allocs += change->allocs;
	usage->frees += change->frees;
	usage->live_bytes += change->bytes;
	usage->live_bank_bytes += change->bank_bytes;
	usage->live_blocks += change->blocks;
	if (usage->live_bytes > usage->peak_bytes || usage->peak_ns == USAGE_NO_TIME) {
		usage->peak_bytes = usage->live_bytes;
		usage->peak_ns = change->at_ns;
		usage->peak_key = change->key;
		usage->peak_blocks = usage->live_blocks;
	}
	if (usage->live_bank_bytes > usage->peak_bank_bytes || usage->peak_bank_ns == USAGE_NO_TIME) {
		usage->peak_bank_bytes = usage->live_bank_bytes;
		usage->peak_bank_ns = change->at_ns;
	}
}

void usage_log(const struct usage *usage, uint32_t process, struct rowlog *log)
{
	rowlog_begin(log, ROW_USAGE);
	rowlog_integer(log, process);
	rowlog_integer(log, usage->device);
	rowlog_integer(log, usage->region);
	rowlog_integer(log, (int64_t)usage->allocs);
	rowlog_integer(log, (int64_t)usage->frees);
	rowlog_integer(log, usage->allocated_bytes);
	rowlog_integer(log, usage->live_bytes);
	rowlog_integer(log, usage->live_bank_bytes);
	rowlog_integer(log, usage->live_blocks);
	rowlog_integer(log, usage->peak_bytes);
	rowlog_optional(log, (int64_t)usage->peak_ns, (int64_t)USAGE_NO_TIME);
	rowlog_optional(log, usage->peak_key, 0);
	rowlog_integer(log, usage->peak_blocks);
	rowlog_integer(log, usage->peak_bank_bytes);
	rowlog_optional(log, (int64_t)usage->peak_bank_ns, (int64_t)USAGE_NO_TIME);
}
