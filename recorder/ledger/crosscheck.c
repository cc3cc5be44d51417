/* SPDX-License-Identifier: Apache-2.0
 *
 * crosscheck.c - see crosscheck.h.
 */
#include "crosscheck.h"

#include "event_context.h"
#include "sql/base/array.h"

#define MOST_SUMS (1u << 17)           /* of a process, which may be hostile; blocks of more allocators are nobody's */
#define MOST_CONTRADICTIONS (1u << 10) /* that wait for one word */

/* ---- what is recorded ---- */

/* Its number; 0: there is none. */
static uint32_t find_sum(const struct crosscheck *crosscheck, uint32_t total, uint16_t allocator)
{
	uint32_t last = crosscheck->last_sum;

	if (last && crosscheck->sums[last - 1].total == total && crosscheck->sums[last - 1].allocator == allocator)
		return last;
	INDEX_EACH_MATCH(&crosscheck->sum_index, hash_pair(total, allocator), at, ref)
	{
		if (crosscheck->sums[ref - 1].total == total && crosscheck->sums[ref - 1].allocator == allocator)
			return ref;
	}
	return 0;
}

/* The sum that BLOCK is part of, made when it is new; NULL: it is part of none. */
static struct allocator_sum *sum_of(struct crosscheck *crosscheck, const struct block *block)
{
	uint16_t allocator = (uint16_t)block->allocator;
	uint32_t number;

	if (!allocator || block->flags & TTALLOC_ALIASED)
		return NULL;
	number = find_sum(crosscheck, block->total, allocator);
	if (!number) {
		if (crosscheck->sum_count == MOST_SUMS)
			return NULL;
		crosscheck->sums = memory_room(crosscheck->sums, crosscheck->sum_count, &crosscheck->sum_capacity,
		                               sizeof(*crosscheck->sums));
		crosscheck->sums[crosscheck->sum_count++] =
		    (struct allocator_sum){.total = block->total, .allocator = allocator};
		number = (uint32_t)crosscheck->sum_count;
		index_add(&crosscheck->sum_index, hash_pair(block->total, allocator), number);
	}
	crosscheck->last_sum = number;
	return &crosscheck->sums[number - 1];
}

void crosscheck_count(struct crosscheck *crosscheck, const struct block *block)
{
	struct allocator_sum *sum = sum_of(crosscheck, block);

	if (!sum)
		return;
	sum->blocks++;
	sum->bank_bytes += block->bank_bytes;
	sum->address_sum += tta_address_sum(block->address);
}

void crosscheck_uncount(struct crosscheck *crosscheck, const struct block *block)
{
	struct allocator_sum *sum = sum_of(crosscheck, block);

	if (!sum)
		return;
	sum->blocks--;
	sum->bank_bytes -= block->bank_bytes;
	sum->address_sum -= tta_address_sum(block->address);
}

void crosscheck_free(struct crosscheck *crosscheck)
{
	free(crosscheck->sums);
	index_free(&crosscheck->sum_index);
	free(crosscheck->open);
}

/* ---- what is said ---- */

static void log_check(struct event_context *context, const struct contradiction *wrong)
{
	struct crosscheck_row row = {.process = context->process->id,
	                             .device = context->event->device,
	                             .allocator = context->event->allocator,
	                             .region = context->event->region,
	                             .last_ns = (int64_t)context->at_ns,
	                             .at_ns = ROW_NO_TIME,
	                             .said_bank_bytes = ROW_NOT_SAID,
	                             .recorded_bank_bytes = ROW_NOT_SAID,
	                             .said_blocks = ROW_NOT_SAID,
	                             .recorded_blocks = ROW_NOT_SAID};

	if (wrong) {
		row.device = wrong->device;
		row.allocator = wrong->allocator;
		row.region = wrong->region;
		row.differences = 1;
		row.last_ns = row.at_ns = (int64_t)wrong->at_ns;
		row.said_bank_bytes = (int64_t)context_size(wrong->said_bank_bytes);
		row.recorded_bank_bytes = (int64_t)context_size(wrong->recorded_bank_bytes);
		row.said_blocks = wrong->said_blocks ? (int64_t)context_size(wrong->said_blocks - 1) : ROW_NOT_SAID;
		row.recorded_blocks = (int64_t)context_size(wrong->recorded_blocks);
	}
	rowlog_crosscheck(&context_chunk(context)->log, &row);
}

/* What is recorded of CORES, each for itself: of a block, as often as it lies on one of them. */
static struct allocator_sum sum_of_cores(const struct crosscheck *crosscheck, const struct served_cores *served,
                                         uint32_t total, const struct cores *cores)
{
	struct allocator_sum all = {.total = total};

	for (size_t i = 0; i < crosscheck->sum_count; i++) {
		const struct allocator_sum *sum = &crosscheck->sums[i];
		const struct cores *of = served_cores_of(served, sum->allocator);
		uint64_t shared = of && sum->total == total ? cores_in_common(of, cores) : 0;

		all.blocks += shared * sum->blocks;
		all.bank_bytes += shared * sum->bank_bytes;
		all.address_sum += shared * sum->address_sum;
	}
	return all;
}

static struct allocator_sum recorded_sum(const struct event_context *context)
{
	const struct holdings *holdings = context->process->holdings;
	const struct tta_event *event = context->event;
	const struct cores *cores = served_cores_of(&holdings->cores, event->allocator);
	uint32_t total = process_find_region_total(holdings, event->device, event->region), number;

	if (!total)
		return (struct allocator_sum){.total = 0};
	if (cores)
		return sum_of_cores(&holdings->crosscheck, &holdings->cores, total, cores);
	number = find_sum(&holdings->crosscheck, total, event->allocator);
	return number ? holdings->crosscheck.sums[number - 1] : (struct allocator_sum){.total = 0};
}

static bool agree(const struct tta_event *said, const struct allocator_sum *recorded)
{
	if (said->crosscheck.bank_bytes != recorded->bank_bytes)
		return false;
	return !said->crosscheck.blocks || (said->crosscheck.blocks - 1 == recorded->blocks &&
	                                    said->crosscheck.address_sum == recorded->address_sum);
}

/* What THREAD has said and not confirmed is taken back. */
static void forget(struct crosscheck *crosscheck, uint32_t thread_entry)
{
	size_t kept = 0;

	for (size_t i = 0; i < crosscheck->open_count; i++)
		if (crosscheck->open[i].thread_entry != thread_entry)
			crosscheck->open[kept++] = crosscheck->open[i];
	crosscheck->open_count = kept;
}

/* Until its thread says whether it holds. One too many is taken as it is. */
static void wait_for_word(struct event_context *context, const struct contradiction *wrong)
{
	struct crosscheck *crosscheck = &context->process->holdings->crosscheck;

	if (crosscheck->open_count == MOST_CONTRADICTIONS) {
		log_check(context, wrong);
		return;
	}
	crosscheck->open = memory_room(crosscheck->open, crosscheck->open_count, &crosscheck->open_capacity,
	                               sizeof(*crosscheck->open));
	crosscheck->open[crosscheck->open_count++] = *wrong;
}

/* What is as it is recorded counts at once; what is not may be taken back. */
void apply_crosscheck(struct event_context *context)
{
	struct crosscheck *crosscheck = &context->process->holdings->crosscheck;
	const struct tta_event *event = context->event;
	struct allocator_sum recorded = recorded_sum(context);

	forget(crosscheck, context->thread_entry);
	if (agree(event, &recorded)) {
		log_check(context, NULL);
		return;
	}
	wait_for_word(context, &(struct contradiction){.thread_entry = context->thread_entry,
	                                               .device = event->device,
	                                               .region = event->region,
	                                               .allocator = event->allocator,
	                                               .at_ns = context->at_ns,
	                                               .said_bank_bytes = event->crosscheck.bank_bytes,
	                                               .said_blocks = event->crosscheck.blocks,
	                                               .recorded_bank_bytes = recorded.bank_bytes,
	                                               .recorded_blocks = recorded.blocks});
}

void apply_crosscheck_holds(struct event_context *context)
{
	struct crosscheck *crosscheck = &context->process->holdings->crosscheck;

	for (size_t i = 0; i < crosscheck->open_count; i++)
		if (crosscheck->open[i].thread_entry == context->thread_entry)
			log_check(context, &crosscheck->open[i]);
	forget(crosscheck, context->thread_entry);
}
