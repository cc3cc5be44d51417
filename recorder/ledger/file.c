/* SPDX-License-Identifier: Apache-2.0
 *
 * file.c - a recording goes on in another file: what the ledger knows of it begins anew. Whatever is counted once for
 * the whole recording (ids, keys, what is lost) goes on.
 */
#include "ledger.h"

static void begin_process(struct process *process, const struct file_begin *begin)
{
	struct holdings *holdings = process->holdings;

	process->events = process->failures = process->unmatched_frees = 0;
	process->inherited_frees = process->replaced = 0;
	if (process->first_number)
		process->first_number = process->taken_number + 1;
	for (size_t i = 0; holdings && i < holdings->region_total_count; i++)
		region_total_begin_file(&holdings->region_totals[i], begin->at_ns, begin->key);
}

void ledger_begin_file(struct ledger *ledger, const struct file_begin *begin)
{
	for (size_t i = 0; i < ledger->process_count; i++) {
		struct process *process = ledger->processes[i];

		ledger->totals.events += process->events;
		ledger->totals.failures += process->failures;
		ledger->totals.unmatched_frees += process->unmatched_frees;
		ledger->totals.replaced += process->replaced;
		begin_process(process, begin);
	}
	range_words_begin_file(ledger->range_words);
}
