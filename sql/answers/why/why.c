/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - see why.h: what the bank had for the request, and the verdict.
 */
#include "why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/store/recording.h"
#include "private.h"
#include "sql/replay/window.h"
#include "ttalloc.h"

const char *why_verdict_word(enum why_verdict verdict)
{
	static const char *const words[] = {[WHY_EXHAUSTED] = "exhausted",
	                                    [WHY_FRAGMENTED] = "fragmented",
	                                    [WHY_CLASH] = "clash",
	                                    [WHY_CONSTRAINT] = "constraint",
	                                    [WHY_FITS] = "fits"};

	return words[verdict];
}

static bool is_about_circular(const struct why_work *work)
{
	return work->failure_region == TTALLOC_CB ||
	       (work->has_message && (work->message.kind == MESSAGE_CLASH || work->message.kind == MESSAGE_BEYOND_L1));
}

/* ---- What was there ---- */

static void find_bank(struct why_work *work)
{
	int64_t at_ns = work->moment.stop == STOP_AT_PLACE ? work->moment.at_ns : INT64_MAX;
	const struct bank_layout *layout = layouts_at(&work->layouts, work->why->device, work->why->region, at_ns);
	struct why_bank *bank = &work->bank;

	*bank = (struct why_bank){.high = INT64_MAX, .unit = 1};
	if (!layout)
		return;
	bank->known = true;
	bank->unit = layout->alignment_bytes ? layout->alignment_bytes : 1;
	bank->low = layout->base_address;
	bank->high = bank->low + layout->bank_bytes - layout->bank_bytes % bank->unit;
	bank->top_down = layout->top_down;
	work->why->bank_bytes = (int64_t)layout->bank_bytes;
	work->why->alignment_bytes = (int64_t)bank->unit;
}

/* What the answer is to rest on, when no failure of the request is recorded. */
static void remark_moment(struct why_work *work)
{
	static const char *const how[] = {[STOP_AT_USED] = "at which as much was allocated as the message says",
	                                  [STOP_AT_ALLOC] = "after an alloc in this region",
	                                  [STOP_BEFORE_END_OF] = "at which a block lay where the message says"};

	if (work->moment.found)
		why_add_line(work->why->remarks, "no such failure is recorded: shown is the last moment %s",
		             how[work->moment.stop]);
	else
		why_add_line(work->why->remarks, "no such failure is recorded, nor any alloc in this region");
}

/* Collects what was live at the moment; where there is none as the message says, after the last alloc. */
static int collect(struct why_work *work)
{
	struct why_moment *moment = &work->moment;
	bool is_told = moment->stop == STOP_AT_USED || moment->stop == STOP_BEFORE_END_OF;
	bool is_recorded = moment->stop == STOP_AT_PLACE;

	if (why_collect(work->recording, &work->bank, moment, work->why, work->error) < 0)
		return -1;
	if (is_told && !moment->found) {
		why_add_line(work->why->remarks, "message and recording contradict each other: %s",
		             moment->stop == STOP_AT_USED ? "never was as much allocated as the message says"
		                                          : "no L1 block ever lay where the message says");
		*moment = (struct why_moment){.stop = STOP_AT_ALLOC, .key = INT64_MAX};
		if (why_collect(work->recording, &work->bank, moment, work->why, work->error) < 0)
			return -1;
	}
	if (!is_recorded)
		remark_moment(work);
	if (work->why->unknown_bytes)
		why_add_line(work->why->remarks,
		             "%" PRId64 " B of other allocators of this chip are not counted: the one that was asked "
		             "does not know of them ('overlaps' shows what they share)",
		             work->why->unknown_bytes);
	work->why->at_ns = moment->at_ns;
	return 0;
}

/* The blocks that count, as window_find() wants them. */
static struct bank_block *list_blocks(const struct why *why, size_t *count)
{
	struct bank_block *list = calloc(why->block_count + 1, sizeof(*list));

	*count = 0;
	for (size_t i = 0; list && i < why->block_count; i++) {
		const struct why_block *block = &why->blocks[i];

		if (!block->aliased && block->end > block->start)
			list[(*count)++] = (struct bank_block){block->start, block->end - block->start};
	}
	return list;
}

static void occupy(struct why *why, uint64_t low, uint64_t high)
{
	uint64_t bytes = 0;

	why->eviction_blocks = 0;
	for (size_t i = 0; i < why->block_count; i++) {
		struct why_block *block = &why->blocks[i];

		block->occupies = block->start < high && block->end > low;
		if (!block->occupies || block->aliased)
			continue;
		bytes += block->end - block->start;
		why->eviction_blocks++;
	}
	why->eviction_bytes = bytes < INT64_MAX ? (int64_t)bytes : INT64_MAX; /* blocks may overlap */
}

static void measure(struct why_work *work, const struct bank_block *list, size_t count)
{
	struct why *why = work->why;
	uint64_t at = work->bank.low, largest = 0, total = 0;

	why->free_blocks = 0;
	for (size_t i = 0; i <= count; i++) {
		uint64_t start = i < count ? list[i].address : work->bank.high;

		if (start > at) {
			total += start - at;
			largest = start - at > largest ? start - at : largest;
			why->free_blocks++;
		}
		if (i < count && list[i].address + list[i].bytes > at)
			at = list[i].address + list[i].bytes;
	}
	why->free_bytes = (int64_t)total;
	why->largest_free_bytes = (int64_t)largest;
}

static int find_window(struct why_work *work, const struct bank_block *list, size_t count)
{
	struct why *why = work->why;
	struct window_space space = {work->bank.low, work->bank.high, work->bank.top_down};
	struct window window;
	int found = window_find(&space, list, count, (uint64_t)why->needed_bytes, &window);

	if (found < 0)
		return sql_fail(work->error, "out of memory");
	if (!found) {
		why_add_line(why->remarks, "the request is larger than an empty bank");
		return 0;
	}
	why->window_address = (int64_t)window.address;
	why->window_bytes = why->needed_bytes;
	occupy(why, window.address, window.address + (uint64_t)why->needed_bytes);
	return 0;
}

/* What message and recording both know has to be the same. */
static void compare(struct why_work *work, const char *what, int64_t said, int64_t recorded)
{
	if (work->has_message && said != MESSAGE_UNKNOWN && recorded != WHY_NONE && said != recorded)
		why_add_line(work->why->remarks,
		             "message and recording contradict each other: %s is %" PRId64 " B in the message, %" PRId64
		             " B in the recording",
		             what, said, recorded);
}

/* Where some cores have blocks of their own, the message's "free" is that of one list, beside which others have theirs;
 * what is left of it all it says behind that, unless the request is larger than a bank. */
static void compare_placeable(struct why_work *work)
{
	const struct message *message = &work->message;

	if (message->largest_placeable_bytes == MESSAGE_UNKNOWN || message->placeable_bytes == 0)
		return;
	compare(work, "what could be placed", message->placeable_bytes, work->why->free_bytes);
	compare(work, "the largest place", message->largest_placeable_bytes, work->why->largest_free_bytes);
}

static void compare_all(struct why_work *work)
{
	const struct message *message = &work->message;
	struct why *why = work->why;

	if (!work->bank.known || !work->has_message)
		return;
	compare(work, "the bank", message->bank_bytes, why->bank_bytes);
	compare(work, "the request in each bank", message->request_bank_bytes, why->request_bank_bytes);
	if (why->on_cores) {
		compare_placeable(work);
		return;
	}
	compare(work, "what is free", message->free_bytes, why->free_bytes);
	compare(work, "the largest free block", message->largest_free_bytes, why->largest_free_bytes);
	if (message->largest_placeable_bytes != MESSAGE_UNKNOWN)
		why_add_line(
		    why->remarks,
		    "sub-devices share the bank: other than what their allocators hold, the message says, %" PRId64
		    " B could be placed, at most %" PRId64 " B in one piece",
		    message->placeable_bytes, message->largest_placeable_bytes);
}

/* ---- Verdicts ---- */

static void judge(const struct why_work *work)
{
	struct why *why = work->why;
	int64_t needed = why->needed_bytes;

	if (why->free_bytes < needed)
		why->verdict = WHY_EXHAUSTED;
	else if (why->largest_free_bytes < needed)
		why->verdict = WHY_FRAGMENTED;
	else
		why->verdict = work->question->kind == WHY_MOMENT ? WHY_FITS : WHY_CONSTRAINT;
	why->missing_bytes = needed > why->largest_free_bytes ? needed - why->largest_free_bytes : 0;
}

/* With what a program sets the size of a region, when it opens a device; NULL: it cannot. */
static const char *option_of(int64_t region)
{
	return region == TTALLOC_L1_SMALL ? "l1_small_size" : region == TTALLOC_TRACE ? "trace_region_size" : NULL;
}

/* Whether there is nothing of the region on the device. */
static bool is_without_region(const struct why_work *work)
{
	if (work->has_message && work->message.bank_bytes != MESSAGE_UNKNOWN)
		return work->message.bank_bytes == 0;
	return !work->bank.known && option_of(work->why->region) &&
	       layouts_at(&work->layouts, work->why->device, TTALLOC_L1, INT64_MAX);
}

/* Of a bank that is not in the recording: by the message alone. */
static int judge_by_message(struct why_work *work)
{
	const struct message *message = &work->message;
	struct why *why = work->why;
	char word[32];

	if (!work->has_message || message->free_bytes == MESSAGE_UNKNOWN ||
	    message->largest_free_bytes == MESSAGE_UNKNOWN)
		return sql_fail(work->error,
		                "the geometry of device %" PRId64
		                " %s was not recorded, and without it nothing is known of "
		                "free space: programs report it with ttalloc_device_open(), before they allocate",
		                why->device, why_region_word(why->region, word, sizeof(word)));
	why->bank_bytes = message->bank_bytes;
	why->free_bytes = message->free_bytes;
	why->largest_free_bytes = message->largest_free_bytes;
	why->needed_bytes = why->request_bank_bytes;
	why_add_line(why->remarks, "the device's geometry was not recorded (ttalloc_device_open): the figures are the "
	                           "message's, and who is in the way is not known");
	judge(work);
	return 0;
}

/* A region that the device was opened without. */
static int answer_no_region(struct why_work *work)
{
	struct why *why = work->why;
	const char *option = option_of(why->region);
	char word[32];

	why->verdict = WHY_EXHAUSTED;
	why->bank_bytes = why->free_bytes = why->largest_free_bytes = 0;
	why->needed_bytes = why->missing_bytes = why->request_bank_bytes;
	snprintf(why->sentence, sizeof(why->sentence),
	         "missed by %" PRId64 " B: the device has no %s, its size is 0 B%s%s", why->missing_bytes,
	         why_region_word(why->region, word, sizeof(word)),
	         option ? ": it is reserved when the device is opened, so open it with a large enough " : "",
	         option ? option : "");
	return 0;
}

static int answer_bank(struct why_work *work)
{
	struct why *why = work->why;
	uint64_t unit = work->bank.unit, rest;
	size_t count;
	int result;

	if (is_without_region(work))
		return answer_no_region(work);
	if (!work->bank.known)
		return judge_by_message(work);
	if (why->request_bank_bytes <= 0 || why->request_bank_bytes > INT64_MAX / 2)
		return sql_fail(work->error, "the request was for %" PRId64 " B, which nothing can be said about",
		                why->request_bank_bytes);
	rest = (uint64_t)why->request_bank_bytes % unit;
	why->needed_bytes = why->request_bank_bytes + (int64_t)(rest ? unit - rest : 0);
	if (collect(work) < 0)
		return -1;
	struct bank_block *list = list_blocks(why, &count);
	if (!list)
		return sql_fail(work->error, "out of memory");
	measure(work, list, count);
	judge(work);
	result = find_window(work, list, count);
	free(list);
	compare_all(work);
	return result;
}

static void find_floor(struct why *why)
{
	for (size_t i = 0; why->floor_address == WHY_NONE && i < why->block_count; i++)
		if (!why->blocks[i].aliased)
			why->floor_address = (int64_t)why->blocks[i].start;
}

/* Where circular buffers end, or would: as the message has it, else what is resident and the request on top. 0 or -1.
 */
static int find_circular_end(struct why_work *work, int64_t resident_end)
{
	struct why *why = work->why;

	if (work->has_message) {
		why->cb_end_address = work->message.cb_end;
		why->grower = work->message.wording->subject;
		return 0;
	}
	if (__builtin_add_overflow(resident_end, why->request_bank_bytes, &why->cb_end_address))
		return sql_fail(work->error, "the request was for %" PRId64 " B, which nothing can be said about",
		                why->request_bank_bytes);
	why_add_line(why->remarks, "%s are taken to end where the resident ones and the request do", why->grower);
	return 0;
}

static void say_beyond_l1(struct why_work *work)
{
	struct why *why = work->why;
	const struct message *message = &work->message;

	why->verdict = WHY_EXHAUSTED;
	why->missing_bytes = why->cb_end_address - message->limit;
	snprintf(why->sentence, sizeof(why->sentence),
	         "missed by %" PRId64 " B: %s reach up to %" PRId64 ", and %s at %" PRId64
	         ": an empty L1 would not help",
	         why->missing_bytes, why->grower, why->cb_end_address, message->wording->place, message->limit);
}

/* The message and the recording should name the same lowest block. */
static void compare_floors(struct why_work *work)
{
	struct why *why = work->why;
	const struct message *message = &work->message;

	if (!work->has_message)
		return;
	if (message->kind == MESSAGE_CLASH && why->floor_address != message->buffer_address)
		why_add_line(why->remarks,
		             "message and recording contradict each other: L1's lowest block is at %" PRId64
		             " in the message, at %" PRId64 " in the recording",
		             message->buffer_address, why->floor_address == WHY_NONE ? 0 : why->floor_address);
	if (why->floor_address == WHY_NONE)
		why->floor_address = message->buffer_address;
}

/* Circular buffers that do not fit below the L1 buffers, which come down towards them, or not into L1 at all. */
static int answer_circular(struct why_work *work)
{
	struct why *why = work->why;
	int64_t resident_end = 0;

	why->region = TTALLOC_L1;
	find_bank(work);
	work->moment.asker.allocator = 0; /* whoever placed a block, it is in the way */
	work->bank.unit = 1;              /* what is compared are addresses, not room */
	if (collect(work) < 0 ||
	    why_collect_circular(work->recording, &work->moment, why, &resident_end, work->error) < 0)
		return -1;
	find_floor(why);
	if (find_circular_end(work, resident_end) < 0)
		return -1;
	if (work->has_message && work->message.kind == MESSAGE_BEYOND_L1) {
		say_beyond_l1(work);
		return 0;
	}
	compare_floors(work);
	if (why->floor_address == WHY_NONE || why->floor_address >= why->cb_end_address) {
		why->verdict = WHY_CONSTRAINT;
		snprintf(why->sentence, sizeof(why->sentence),
		         "the recording shows no L1 block below 0x%" PRIx64 ", where %s end",
		         (uint64_t)why->cb_end_address, why->grower);
		return 0;
	}
	why->verdict = WHY_CLASH;
	why->missing_bytes = why->window_bytes = why->cb_end_address - why->floor_address;
	why->window_address = why->floor_address;
	occupy(why, (uint64_t)why->floor_address, (uint64_t)why->cb_end_address);
	return 0;
}

static int answer_below_limit(struct why_work *work)
{
	const struct message *message = &work->message;
	struct why *why = work->why;

	why->verdict = WHY_CONSTRAINT;
	why->missing_bytes = message->limit > message->address ? message->limit - message->address : 0;
	snprintf(
	    why->sentence, sizeof(why->sentence),
	    "missed by %" PRId64 " B: %s at 0x%" PRIx64 " begins below 0x%" PRIx64 ", under which nothing may lie%s",
	    why->missing_bytes, message->wording->subject, (uint64_t)message->address, (uint64_t)message->limit,
	    message->wording->region == TTALLOC_DRAM ? ": what a trace uses does, so release other traces, or open "
	                                               "the device with a trace_region_size"
	                                             : "");
	if (work->bank.known)
		return collect(work);
	return 0;
}

static int answer_trace_region(struct why_work *work)
{
	const struct message *message = &work->message;
	struct why *why = work->why;

	why->verdict = WHY_EXHAUSTED;
	why->missing_bytes = message->size_bytes > message->free_bytes ? message->size_bytes - message->free_bytes : 0;
	snprintf(why->sentence, sizeof(why->sentence),
	         "missed by %" PRId64 " B: the trace region has %" PRId64
	         " B; open the device with trace_region_size=%" PRId64,
	         why->missing_bytes, message->free_bytes, message->size_bytes);
	return 0;
}

/* What TT-Metal or an operation refused by its own reckoning, before the allocator was asked. */
static int answer_limit(struct why_work *work)
{
	const struct wording *wording = work->message.wording;
	int64_t needed = work->message.size_bytes, there = work->message.free_bytes;
	struct why *why = work->why;
	char figure[64] = "";

	why->verdict = WHY_EXHAUSTED;
	if (needed != MESSAGE_UNKNOWN && there != MESSAGE_UNKNOWN) {
		why->missing_bytes = needed > there ? needed - there : 0;
		snprintf(why->sentence, sizeof(why->sentence),
		         "missed by %" PRId64 " B: %" PRId64 " B are needed for %s; %s: %" PRId64 " B",
		         why->missing_bytes, needed, wording->subject, wording->place, there);
	} else {
		if (needed != MESSAGE_UNKNOWN || there != MESSAGE_UNKNOWN)
			snprintf(figure, sizeof(figure), "; %" PRId64 " B are %s",
			         needed != MESSAGE_UNKNOWN ? needed : there,
			         needed != MESSAGE_UNKNOWN ? "needed" : "there");
		snprintf(why->sentence, sizeof(why->sentence),
		         "%s: too large for %s%s, and the message does not say by how much", wording->subject,
		         wording->place, figure);
	}
	why_add_line(why->remarks,
	             "it was refused before anything was asked of the allocator: nothing of it is recorded");
	return 0;
}

static int answer(struct why_work *work)
{
	find_bank(work);
	if (is_about_circular(work))
		return answer_circular(work);
	if (work->has_message && work->message.kind == MESSAGE_BELOW_LIMIT)
		return answer_below_limit(work);
	if (work->has_message && work->message.kind == MESSAGE_TRACE_REGION)
		return answer_trace_region(work);
	if (work->has_message && work->message.kind == MESSAGE_LIMIT)
		return answer_limit(work);
	if (work->why->region == TTALLOC_HOST)
		return sql_fail(work->error, "the host's memory has no banks, of which could be said what was free");
	return answer_bank(work);
}

int why_answer(struct recording *recording, const struct why_question *question, struct why *why,
               struct sql_error *error)
{
	struct why_work work = {.recording = recording, .question = question, .why = why, .error = error};
	int result = -1;

	*why = (struct why){.grower = "program memory",
	                    .at_ns = WHY_NONE,
	                    .failure = WHY_NONE,
	                    .failure_key = WHY_NONE,
	                    .pid = WHY_NONE,
	                    .request_bank_bytes = WHY_NONE,
	                    .needed_bytes = WHY_NONE,
	                    .alignment_bytes = WHY_NONE,
	                    .bank_bytes = WHY_NONE,
	                    .free_bytes = WHY_NONE,
	                    .largest_free_bytes = WHY_NONE,
	                    .free_blocks = WHY_NONE,
	                    .missing_bytes = WHY_NONE,
	                    .window_address = WHY_NONE,
	                    .window_bytes = WHY_NONE,
	                    .eviction_bytes = WHY_NONE,
	                    .eviction_blocks = WHY_NONE,
	                    .floor_address = WHY_NONE,
	                    .cb_end_address = WHY_NONE};
	if (layouts_load(&work.layouts, recording, error) == 0 && why_choose(&work) == 0 && answer(&work) == 0)
		result = why_tell(recording, &work.bank, why, error);
	layouts_clear(&work.layouts);
	return result;
}

void why_clear(struct why *why)
{
	free(why->blocks);
}
