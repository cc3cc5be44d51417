/* SPDX-License-Identifier: Apache-2.0
 *
 * choose.c - which request is meant, where, and at which moment.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/store/recording.h"
#include "sql/base/units.h"
#include "private.h"
#include "ttalloc.h"

const char *why_region_word(int64_t region, char *text, size_t bytes)
{
	const char *word = region_word(region);

	snprintf(text, bytes, "%" PRId64, region);
	return word ? word : text;
}

/* ---- Which failure ---- */

static const char failures_sql[] =
    "SELECT f.key, f.at_ns, o.process, o.device, o.region, coalesce(f.bank_bytes, f.size_bytes), f.size_bytes, f.why, "
    "p.pid, a.allocator FROM main.failure_info f JOIN main.origin o ON o.id = f.origin LEFT JOIN main.process_info p "
    "ON p.id = "
    "o.process LEFT JOIN origin_allocator a ON a.origin = f.origin WHERE (?1 IS NULL OR o.device = ?1) AND (?2 IS NULL "
    "OR o.region = ?2) AND (?3 IS NULL OR p.pid = ?3) "
    "ORDER BY f.at_ns, o.process, f.key";

static void take_failure(struct why_work *work, sqlite3_stmt *row, int64_t number)
{
	struct why *why = work->why;
	const char *said = (const char *)sqlite3_column_text(row, 7);

	work->moment = (struct why_moment){.stop = STOP_AT_PLACE,
	                                   .at_ns = sqlite3_column_int64(row, 1),
	                                   .process = sqlite3_column_int64(row, 2),
	                                   .key = sqlite3_column_int64(row, 0)};
	why->failure = number;
	why->failure_key = sqlite3_column_int64(row, 0);
	why->device = sqlite3_column_int64(row, 3);
	why->region = work->failure_region = sqlite3_column_int64(row, 4);
	work->moment.asker = (struct asker){
	    .process = work->moment.process, .device = why->device, .allocator = (uint16_t)sqlite3_column_int(row, 9)};
	why->request_bank_bytes = sqlite3_column_int64(row, 5);
	why->pid = sqlite3_column_type(row, 8) == SQLITE_NULL ? WHY_NONE : sqlite3_column_int64(row, 8);
	if (work->question->kind == WHY_MESSAGE)
		return; /* the message is what was said */
	snprintf(why->said, sizeof(why->said), "%s", said ? said : "");
	work->has_message = said && message_parse(said, strlen(said), &work->message);
}

/* Whether the failure in ROW can be what the message tells of. */
static bool is_told(const struct why_work *work, sqlite3_stmt *row)
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
static int find_failure(struct why_work *work, int64_t *count)
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

static int choose_failure(struct why_work *work)
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
static int choose_device(struct why_work *work)
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
		                why_region_word(work->why->region, word, sizeof(word)));
	work->why->device = device;
	return state;
}

static int choose_moment(struct why_work *work)
{
	const struct why_question *question = work->question;

	if (question->size_bytes <= 0)
		return sql_fail(work->error, "--at needs --size, the bytes that are asked for in each bank");
	if (!question->filter.has_region)
		return sql_fail(work->error, "--at needs --region");
	if (question->filter.region == TTALLOC_CB || question->filter.region == TTALLOC_HOST)
		return sql_fail(work->error, "only regions of banks, such as DRAM and L1, can be asked about");
	work->why->region = question->filter.region;
	work->why->request_bank_bytes = question->size_bytes;
	work->moment = (struct why_moment){
	    .at_ns = question->at_ns, .process = INT64_MAX, .key = INT64_MAX, .stop = STOP_AT_PLACE};
	return choose_device(work);
}

/* The last moment at which what the message says can have been. */
static void choose_last(struct why_work *work)
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

static int choose_told(struct why_work *work)
{
	const struct why_question *question = work->question;
	struct message *message = &work->message;
	int64_t count;

	work->has_message = message_parse(question->message, strlen(question->message), message);
	if (!work->has_message)
		return sql_fail(work->error, "--message: no message of TT-Metal about memory is in it, such as 'Out of "
		                             "Memory: Not enough space to allocate ...'");
	if (message->region == MESSAGE_UNKNOWN)
		message->region = question->filter.has_region ? question->filter.region : TTALLOC_L1;
	if (question->filter.has_region && question->filter.region != message->region)
		return sql_fail(work->error, "--region and the message contradict each other: the message is about %s",
		                region_word(message->region));
	int found = find_failure(work, &count);
	if (found != 0)
		return found < 0 ? -1 : 0;
	work->why->region = message->region;
	work->why->request_bank_bytes =
	    message->request_bank_bytes == MESSAGE_UNKNOWN ? WHY_NONE : message->request_bank_bytes;
	if (message->kind == MESSAGE_LIMIT || message->kind == MESSAGE_TRACE_REGION) {
		work->why->device = question->filter.has_device ? question->filter.device : WHY_NONE;
		return 0; /* all that is to be said is in the message */
	}
	choose_last(work);
	return choose_device(work);
}

int why_choose(struct why_work *work)
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
