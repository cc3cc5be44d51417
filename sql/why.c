/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - see why.h: which request is meant, what the bank had for it, and the verdict.
 */
#include "why.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "recording.h"
#include "value.h"
#include "why_private.h"
#include "window.h"

/* An answer in the making. */
struct work {
	struct recording *recording;
	const struct why_question *question;
	struct why *why;
	struct sql_error *error;
	struct layouts layouts;
	struct why_bank bank;
	struct why_moment moment;
	struct message message;
	bool has_message;
	int64_t failure_region; /* as it was recorded */
};

const char *why_verdict_word(enum why_verdict verdict)
{
	static const char *const words[] = {[WHY_EXHAUSTED] = "exhausted",
	                                    [WHY_FRAGMENTED] = "fragmented",
	                                    [WHY_CLASH] = "clash",
	                                    [WHY_CONSTRAINT] = "constraint",
	                                    [WHY_FITS] = "fits"};

	return words[verdict];
}

static bool is_about_circular(const struct work *work)
{
	return work->failure_region == REGION_CB ||
	       (work->has_message && (work->message.kind == MESSAGE_CLASH || work->message.kind == MESSAGE_BEYOND_L1));
}

/* A word for messages; regions without one go by their number. */
static const char *region_word(int64_t region, char *text, size_t bytes)
{
	const char *word = value_region_word(region);

	snprintf(text, bytes, "%" PRId64, region);
	return word ? word : text;
}

/* ---- Which failure ---- */

static const char failures_sql[] =
    "SELECT f.key, f.at_ns, o.process, o.device, o.region, coalesce(f.bank_bytes, f.size_bytes), f.size_bytes, f.why, "
    "p.pid FROM main.failure_info f JOIN main.origin o ON o.id = f.origin LEFT JOIN main.process_info p ON p.id = "
    "o.process WHERE (?1 IS NULL OR o.device = ?1) AND (?2 IS NULL OR o.region = ?2) AND (?3 IS NULL OR p.pid = ?3) "
    "ORDER BY f.at_ns, o.process, f.key";

static void take_failure(struct work *work, sqlite3_stmt *row, int64_t number)
{
	struct why *why = work->why;
	const char *said = (const char *)sqlite3_column_text(row, 7);

	work->moment = (struct why_moment){.stop = STOP_AT_PLACE,
	                                   .at_ns = sqlite3_column_int64(row, 1),
	                                   .process = sqlite3_column_int64(row, 2),
	                                   .key = sqlite3_column_int64(row, 0)};
	why->failure = number;
	why->device = sqlite3_column_int64(row, 3);
	why->region = work->failure_region = sqlite3_column_int64(row, 4);
	why->request_bank_bytes = sqlite3_column_int64(row, 5);
	why->pid = sqlite3_column_type(row, 8) == SQLITE_NULL ? WHY_NONE : sqlite3_column_int64(row, 8);
	if (work->question->kind == WHY_MESSAGE)
		return; /* the message is what was said */
	snprintf(why->said, sizeof(why->said), "%s", said ? said : "");
	work->has_message = said && message_parse(said, strlen(said), &work->message);
}

/* Whether the failure in ROW can be what the message tells of. */
static bool is_told(const struct work *work, sqlite3_stmt *row)
{
	const struct message *message = &work->message;
	const char *said = (const char *)sqlite3_column_text(row, 7);
	int64_t region = sqlite3_column_int64(row, 4), bank_bytes = sqlite3_column_int64(row, 5);
	struct message own;

	if (said && message_parse(said, strlen(said), &own))
		return message_is_same(&own, message);
	switch (message->kind) {
	case MESSAGE_OUT_OF_MEMORY:
		return region == message->region && bank_bytes == message->request_bank_bytes;
	case MESSAGE_TRACE_REGION:
		return region == message->region && sqlite3_column_int64(row, 6) == message->size_bytes;
	default:
		return false;
	}
}

/* Finds the failure that is asked about. 1; 0: there is none; -1 */
static int find_failure(struct work *work, int64_t *count)
{
	const struct why_question *question = work->question;
	const struct filter *filter = &question->filter;
	bool any_region = !filter->has_region || question->kind == WHY_MESSAGE;
	sqlite3_stmt *rows = recording_prepare(work->recording, failures_sql, work->error);
	int state = -1, found = 0;

	*count = 0;
	if (!rows)
		return -1;
	if (filter->has_device)
		sqlite3_bind_int64(rows, 1, filter->device);
	if (!any_region)
		sqlite3_bind_int64(rows, 2, filter->region);
	if (filter->has_pid)
		sqlite3_bind_int64(rows, 3, filter->pid);
	while ((state = recording_step(work->recording, rows, work->error)) == 1) {
		++*count;
		if (question->kind == WHY_MESSAGE ? !is_told(work, rows)
		                                  : question->failure && question->failure != *count)
			continue;
		take_failure(work, rows, *count);
		found = 1;
	}
	sqlite3_finalize(rows);
	return state < 0 ? -1 : found;
}

static int choose_failure(struct work *work)
{
	int64_t count;
	int found = find_failure(work, &count);

	if (found < 0)
		return -1;
	if (found)
		return 0;
	if (count)
		return sql_fail(work->error,
		                "there %s %" PRId64 " failed request%s, and no number %" PRId64
		                "; 'ttalloc-analyze failures' lists them",
		                count == 1 ? "is" : "are", count, count == 1 ? "" : "s", work->question->failure);
	return sql_fail(
	    work->error,
	    "no failed request is recorded%s: ask for a moment (--at 50%% --size 4M --region L1), or give the "
	    "text of the error (--message TEXT); programs report failures with ttalloc_alloc_failed()",
	    work->question->filter.has_device || work->question->filter.has_region || work->question->filter.has_pid
	        ? " that the filters choose"
	        : "");
}

/* ---- Where ---- */

/* The device, when it is not said: the only one that has the region. */
static int choose_device(struct work *work)
{
	char word[32];
	int64_t device = 0, devices = 0;
	sqlite3_stmt *rows =
	    recording_prepare(work->recording,
	                      "SELECT device FROM main.device_mark WHERE region = ?1 AND bank_bytes > 0 UNION "
	                      "SELECT device FROM main.origin WHERE region = ?1",
	                      work->error);
	int state = -1;

	work->why->device = work->question->filter.device;
	if (work->question->filter.has_device) {
		sqlite3_finalize(rows);
		return rows ? 0 : -1;
	}
	if (!rows)
		return -1;
	sqlite3_bind_int64(rows, 1, work->why->region);
	while ((state = recording_step(work->recording, rows, work->error)) == 1) {
		device = sqlite3_column_int64(rows, 0);
		devices++;
	}
	sqlite3_finalize(rows);
	if (state == 0 && devices > 1)
		return sql_fail(work->error, "%" PRId64 " devices have %s: choose one with --device", devices,
		                region_word(work->why->region, word, sizeof(word)));
	work->why->device = device;
	return state;
}

static int choose_moment(struct work *work)
{
	const struct why_question *question = work->question;

	if (question->size_bytes <= 0)
		return sql_fail(work->error, "--at needs --size, the bytes that are asked for in each bank");
	if (!question->filter.has_region)
		return sql_fail(work->error, "--at needs --region");
	if (question->filter.region == REGION_CB || question->filter.region == REGION_HOST)
		return sql_fail(work->error, "only regions of banks, such as DRAM and L1, can be asked about");
	work->why->region = question->filter.region;
	work->why->request_bank_bytes = question->size_bytes;
	work->moment = (struct why_moment){
	    .at_ns = question->at_ns, .process = INT64_MAX, .key = INT64_MAX, .stop = STOP_AT_PLACE};
	return choose_device(work);
}

/* The last moment at which what the message says can have been. */
static void choose_last(struct work *work)
{
	const struct message *message = &work->message;

	work->moment = (struct why_moment){.stop = STOP_AT_ALLOC, .key = INT64_MAX};
	if (message->kind == MESSAGE_CLASH) {
		work->moment.stop = STOP_BEFORE_END_OF;
		work->moment.address = (uint64_t)message->buffer_address;
	} else if (message->allocated_bytes > 0) {
		work->moment.stop = STOP_AT_USED;
		work->moment.used_bytes = (uint64_t)message->allocated_bytes;
	}
}

static int choose_told(struct work *work)
{
	const struct why_question *question = work->question;
	struct message *message = &work->message;
	int64_t count;

	work->has_message = message_parse(question->message, strlen(question->message), message);
	if (!work->has_message)
		return sql_fail(work->error, "--message: no message of TT-Metal about memory is in it, such as 'Out of "
		                             "Memory: Not enough space to allocate ...'");
	if (message->region == MESSAGE_UNKNOWN)
		message->region = question->filter.has_region ? question->filter.region : REGION_L1;
	if (question->filter.has_region && question->filter.region != message->region)
		return sql_fail(work->error, "--region and the message contradict each other: the message is about %s",
		                value_region_word(message->region));
	int found = find_failure(work, &count);
	if (found != 0)
		return found < 0 ? -1 : 0;
	work->why->region = message->region;
	work->why->request_bank_bytes =
	    message->request_bank_bytes == MESSAGE_UNKNOWN ? WHY_NONE : message->request_bank_bytes;
	choose_last(work);
	return choose_device(work);
}

static int choose(struct work *work)
{
	switch (work->question->kind) {
	case WHY_FAILURE:
		return choose_failure(work);
	case WHY_MOMENT:
		return choose_moment(work);
	case WHY_MESSAGE:
		break;
	}
	return choose_told(work);
}

/* ---- What was there ---- */

static void find_bank(struct work *work)
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
static void remark_moment(struct work *work)
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
static int collect(struct work *work)
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

static void measure(struct work *work, const struct bank_block *list, size_t count)
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

static int find_window(struct work *work, const struct bank_block *list, size_t count)
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
static void compare(struct work *work, const char *what, int64_t said, int64_t recorded)
{
	if (work->has_message && said != MESSAGE_UNKNOWN && recorded != WHY_NONE && said != recorded)
		why_add_line(work->why->remarks,
		             "message and recording contradict each other: %s is %" PRId64 " B in the message, %" PRId64
		             " B in the recording",
		             what, said, recorded);
}

static void compare_all(struct work *work)
{
	const struct message *message = &work->message;
	struct why *why = work->why;

	if (!work->bank.known || !work->has_message)
		return;
	compare(work, "the bank", message->bank_bytes, why->bank_bytes);
	compare(work, "what is free", message->free_bytes, why->free_bytes);
	compare(work, "the largest free block", message->largest_free_bytes, why->largest_free_bytes);
	compare(work, "the request in each bank", message->request_bank_bytes, why->request_bank_bytes);
}

/* ---- Verdicts ---- */

static void judge(const struct work *work)
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

/* Of a bank that is not in the recording: by the message alone. */
static int judge_by_message(struct work *work)
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
		                why->device, region_word(why->region, word, sizeof(word)));
	why->bank_bytes = message->bank_bytes;
	why->free_bytes = message->free_bytes;
	why->largest_free_bytes = message->largest_free_bytes;
	why->needed_bytes = why->request_bank_bytes;
	why_add_line(why->remarks, "the device's geometry was not recorded (ttalloc_device_open): the figures are the "
	                           "message's, and who is in the way is not known");
	judge(work);
	return 0;
}

static int answer_bank(struct work *work)
{
	struct why *why = work->why;
	uint64_t unit = work->bank.unit, rest;
	size_t count;
	int result;

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

/* Circular buffers that do not fit below the L1 buffers, or not into L1 at all. */
static int answer_circular(struct work *work)
{
	struct why *why = work->why;
	const struct message *message = &work->message;
	int64_t end = 0;

	why->region = REGION_L1;
	find_bank(work);
	work->bank.unit = 1; /* what is compared are addresses, not room */
	if (collect(work) < 0 || why_collect_circular(work->recording, &work->moment, why, &end, work->error) < 0)
		return -1;
	find_floor(why);
	if (work->has_message) {
		end = message->cb_end;
	} else {
		if (__builtin_add_overflow(end, why->request_bank_bytes, &end))
			return sql_fail(work->error,
			                "the request was for %" PRId64 " B, which nothing can be said about",
			                why->request_bank_bytes);
		why_add_line(why->remarks,
		             "circular buffers are taken to end where the resident ones and the request do");
	}
	why->cb_end_address = end;
	if (work->has_message && message->kind == MESSAGE_BEYOND_L1) {
		why->verdict = WHY_EXHAUSTED;
		why->missing_bytes = end - message->limit;
		snprintf(why->sentence, sizeof(why->sentence),
		         "missed by %" PRId64 " B: circular buffers reach up to %" PRId64 ", and L1 ends at %" PRId64
		         "; no other block is in their way",
		         why->missing_bytes, end, message->limit);
		return 0;
	}
	if (work->has_message && message->kind == MESSAGE_CLASH && why->floor_address != message->buffer_address)
		why_add_line(why->remarks,
		             "message and recording contradict each other: L1's lowest block is at %" PRId64
		             " in the message, at %" PRId64 " in the recording",
		             message->buffer_address, why->floor_address == WHY_NONE ? 0 : why->floor_address);
	if (why->floor_address == WHY_NONE && work->has_message)
		why->floor_address = message->buffer_address;
	if (why->floor_address == WHY_NONE || why->floor_address >= end) {
		why->verdict = WHY_CONSTRAINT;
		snprintf(why->sentence, sizeof(why->sentence),
		         "the recording shows no L1 block below 0x%" PRIx64 ", where the circular buffers end",
		         (uint64_t)end);
		return 0;
	}
	why->verdict = WHY_CLASH;
	why->missing_bytes = why->window_bytes = end - why->floor_address;
	why->window_address = why->floor_address;
	occupy(why, (uint64_t)why->floor_address, (uint64_t)end);
	return 0;
}

static int answer_below_limit(struct work *work)
{
	const struct message *message = &work->message;
	struct why *why = work->why;

	why->verdict = WHY_CONSTRAINT;
	why->missing_bytes = message->limit > message->address ? message->limit - message->address : 0;
	snprintf(why->sentence, sizeof(why->sentence),
	         "missed by %" PRId64 " B: the free place at 0x%" PRIx64 " begins below 0x%" PRIx64
	         ", under which nothing may lie",
	         why->missing_bytes, (uint64_t)message->address, (uint64_t)message->limit);
	if (work->bank.known)
		return collect(work);
	return 0;
}

static int answer_trace_region(struct work *work)
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

static int answer(struct work *work)
{
	find_bank(work);
	if (is_about_circular(work))
		return answer_circular(work);
	if (work->has_message && work->message.kind == MESSAGE_BELOW_LIMIT)
		return answer_below_limit(work);
	if (work->has_message && work->message.kind == MESSAGE_TRACE_REGION)
		return answer_trace_region(work);
	if (work->why->region == REGION_HOST)
		return sql_fail(work->error, "the host's memory has no banks, of which could be said what was free");
	return answer_bank(work);
}

int why_answer(struct recording *recording, const struct why_question *question, struct why *why,
               struct sql_error *error)
{
	struct work work = {.recording = recording, .question = question, .why = why, .error = error};
	int result = -1;

	*why = (struct why){.at_ns = WHY_NONE,
	                    .failure = WHY_NONE,
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
	if (layouts_load(&work.layouts, recording, error) == 0 && choose(&work) == 0 && answer(&work) == 0)
		result = why_tell(recording, &work.bank, why, error);
	layouts_clear(&work.layouts);
	return result;
}

void why_clear(struct why *why)
{
	free(why->blocks);
}
