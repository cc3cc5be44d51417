/* SPDX-License-Identifier: Apache-2.0
 *
 * requests.c - see requests.h. A record ends with its tag, so that the file, which is written from the last request to
 * the first, can be read from its end.
 */
#include "requests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/map.h"
#include "sql/replay/replay.h"
#include "sql/store/recording.h"
#include "ttalloc/vocabulary.h"

#define CHUNK_BYTES ((size_t)1 << 20)

/* Beyond this nothing is real, and sums could overflow. */
#define BYTES_MAX ((uint64_t)1 << 60)

/* TAG: kind, direction, whether it was there before, and bank. */
#define TAG_KIND 3u
#define TAG_TOP_DOWN 4u
#define TAG_WAS_THERE 8u
#define TAG_BANK_SHIFT 4

struct given_record {
	uint32_t slot, tag;
};

struct placed_record {
	uint64_t bytes, address;
	int64_t at_ns, key;
	uint32_t slot, tag;
};
_Static_assert(sizeof(struct placed_record) == 40 && sizeof(struct given_record) == 8, "records end with their tag");

/* Geometry that one opening told. */
struct mark {
	int64_t process, device, region, at_ns, allocator; /* process: an id; allocator 0: not said */
	struct bank_layout layout;
};

struct failure {
	int64_t at_ns, key;
	uint64_t bytes;
	uint32_t process, bank;
	bool top_down;
};

struct requests {
	struct recording *recording;
	const struct catalog *catalog;
	FILE *file;
	struct request_bank *banks;
	size_t bank_count, bank_capacity;
	struct map bank_of, slot_of; /* (process, allocator, device and region); (process, key) */
	uint32_t *bank_of_origin;    /* MAP_NONE: it has none */
	uint8_t *top_down_of_origin;
	uint32_t *free_slots;
	size_t free_count, free_capacity;
	uint32_t slots;
	int64_t begin_key; /* of the last event before the file */
	struct mark *marks;
	size_t mark_count, mark_capacity;
	struct failure *failures; /* the latest last */
	size_t failure_count, failure_capacity;
	struct sql_error *error; /* of what is under way */
	int result;
};

static int no_memory(struct requests *requests)
{
	return sql_fail(requests->error, "%s: out of memory", requests->recording->path);
}

/* ---- Banks ---- */

static bool has_banks(int64_t region)
{
	return region != TTALLOC_CB && region != TTALLOC_KERNEL && region != TTALLOC_HOST;
}

static int enter_bank(struct requests *requests, const struct request_bank *bank, uint32_t *index)
{
	const struct map_key key = {(int64_t)bank->process << 16 | bank->allocator, bank->device, bank->region};

	*index = map_enter(&requests->bank_of, key, (uint32_t)requests->bank_count);
	if (*index == MAP_NONE)
		return no_memory(requests);
	if (*index < requests->bank_count)
		return 0;
	if (array_reserve(&requests->banks, &requests->bank_capacity, requests->bank_count) < 0)
		return no_memory(requests);
	requests->banks[requests->bank_count++] = *bank;
	return 0;
}

static int take_origin(struct requests *requests, sqlite3_stmt *row)
{
	int64_t id = sqlite3_column_int64(row, 0), region = sqlite3_column_int64(row, 2);
	const struct catalog_origin *origin = catalog_origin(requests->catalog, id);

	if (!origin || !origin->chosen || !has_banks(region))
		return 0;
	requests->top_down_of_origin[id] = (sqlite3_column_int64(row, 3) & TTALLOC_TOP_DOWN) != 0;
	return enter_bank(requests,
	                  &(struct request_bank){.device = sqlite3_column_int64(row, 1),
	                                         .region = region,
	                                         .process = origin->process,
	                                         .allocator = origin->allocator},
	                  &requests->bank_of_origin[id]);
}

static int take_mark(struct requests *requests, sqlite3_stmt *row)
{
	int64_t base = sqlite3_column_int64(row, 5), bank = sqlite3_column_int64(row, 6);
	int64_t unit = sqlite3_column_int64(row, 7);
	struct mark mark = {.process = sqlite3_column_int64(row, 0),
	                    .device = sqlite3_column_int64(row, 1),
	                    .region = sqlite3_column_int64(row, 2),
	                    .at_ns = sqlite3_column_int64(row, 3),
	                    .allocator = sqlite3_column_int64(row, 4)};

	if (base < 0 || bank <= 0 || (uint64_t)base > BYTES_MAX || (uint64_t)bank > BYTES_MAX || unit < 0 ||
	    unit > bank)
		return 0;
	mark.layout = (struct bank_layout){.base_address = (uint64_t)base,
	                                   .bank_bytes = (uint64_t)bank,
	                                   .alignment_bytes = (uint64_t)unit,
	                                   .top_down = sqlite3_column_int64(row, 8) != 0};
	if (array_reserve(&requests->marks, &requests->mark_capacity, requests->mark_count) < 0)
		return no_memory(requests);
	requests->marks[requests->mark_count++] = mark;
	return 0;
}

/* Calls TAKE for all rows of SQL. */
static int each_row(struct requests *requests, const char *sql, int (*take)(struct requests *, sqlite3_stmt *))
{
	sqlite3_stmt *rows = recording_prepare(requests->recording, sql, requests->error);
	int state = -1;

	while (rows && (state = recording_step(requests->recording, rows, requests->error)) == 1) {
		if (take(requests, rows) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	return state;
}

const struct bank_layout *requests_layout(const struct requests *requests, size_t bank, int64_t at_ns,
                                          int64_t *until_ns)
{
	const struct request_bank *of = &requests->banks[bank];
	int64_t process = requests->catalog->processes[of->process].id;
	const struct mark *best = NULL;

	*until_ns = INT64_MAX;
	for (size_t i = 0; i < requests->mark_count; i++) {
		const struct mark *mark = &requests->marks[i];

		if (mark->process != process || mark->device != of->device || mark->region != of->region ||
		    (mark->allocator && of->allocator && mark->allocator != of->allocator))
			continue;
		if (best && mark->at_ns > at_ns) {
			*until_ns = mark->at_ns;
			break;
		}
		best = mark;
	}
	return best ? &best->layout : NULL;
}

/* ---- Failed requests ---- */

static int take_failure(struct requests *requests, sqlite3_stmt *row)
{
	int64_t origin_id = sqlite3_column_int64(row, 2), bytes = sqlite3_column_int64(row, 3);
	const struct catalog_origin *origin = catalog_origin(requests->catalog, origin_id);

	if (!origin || requests->bank_of_origin[origin_id] == MAP_NONE || bytes <= 0 || (uint64_t)bytes > BYTES_MAX)
		return 0;
	if (array_reserve(&requests->failures, &requests->failure_capacity, requests->failure_count) < 0)
		return no_memory(requests);
	requests->failures[requests->failure_count++] =
	    (struct failure){.at_ns = sqlite3_column_int64(row, 1),
	                     .key = sqlite3_column_int64(row, 0),
	                     .bytes = (uint64_t)bytes,
	                     .process = origin->process,
	                     .bank = requests->bank_of_origin[origin_id],
	                     .top_down = requests->top_down_of_origin[origin_id]};
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct failure *first = a, *second = b;

	if (first->at_ns != second->at_ns)
		return first->at_ns < second->at_ns ? -1 : 1;
	if (first->process != second->process)
		return first->process < second->process ? -1 : 1;
	return (first->key > second->key) - (first->key < second->key);
}

/* Whether the latest failure that is left came after EVENT. */
static bool failure_is_next(const struct requests *requests, const struct replay_event *event)
{
	const struct failure *last = &requests->failures[requests->failure_count - 1];
	const struct failure other = {.at_ns = event->at_ns, .key = event->key, .process = event->process};

	return by_place(last, &other) > 0;
}

/* ---- Writing, backwards ---- */

static int write_record(struct requests *requests, const void *record, size_t bytes)
{
	if (fwrite(record, bytes, 1, requests->file) == 1)
		return 0;
	return sql_fail(requests->error, "a temporary file for the requests: %s", strerror(errno));
}

/* Before the file began, of several, or the time that it was cut to. */
static bool was_there_before(const struct requests *requests, const struct placed_record *record)
{
	const struct recording *recording = requests->recording;

	return record->key <= requests->begin_key || (recording->cut && record->at_ns < recording->cut_from_ns);
}

static int write_placed(struct requests *requests, struct placed_record record, enum request_kind kind, uint32_t bank,
                        bool top_down)
{
	bool was_there = kind == REQUEST_PLACED && was_there_before(requests, &record);

	record.tag =
	    (uint32_t)kind | (top_down ? TAG_TOP_DOWN : 0) | (was_there ? TAG_WAS_THERE : 0) | bank << TAG_BANK_SHIFT;
	return write_record(requests, &record, sizeof(record));
}

static int write_failure(struct requests *requests)
{
	const struct failure *failure = &requests->failures[--requests->failure_count];

	return write_placed(
	    requests, (struct placed_record){.bytes = failure->bytes, .at_ns = failure->at_ns, .key = failure->key},
	    REQUEST_FAILED, failure->bank, failure->top_down);
}

static bool counts(const struct requests *requests, const struct replay_block *block)
{
	return requests->bank_of_origin[block->origin] != MAP_NONE &&
	       !requests->catalog->origins[block->origin].aliased && block->bank_bytes > 0 && block->address >= 0 &&
	       (uint64_t)block->bank_bytes <= BYTES_MAX && (uint64_t)block->address <= BYTES_MAX;
}

static struct map_key key_of(const struct requests *requests, const struct replay_block *block)
{
	return (struct map_key){requests->catalog->origins[block->origin].process, block->alloc_key, 0};
}

/* A slot for a block that is live from here on back. */
static uint32_t take_slot(struct requests *requests, const struct replay_block *block)
{
	uint32_t slot = requests->free_count ? requests->free_slots[--requests->free_count] : requests->slots++;

	if (map_put(&requests->slot_of, key_of(requests, block), slot) < 0)
		return MAP_NONE;
	return slot;
}

static void take_live(const struct replay_block *block, void *context)
{
	struct requests *requests = context;

	if (counts(requests, block) && take_slot(requests, block) == MAP_NONE)
		requests->result = no_memory(requests);
}

static int write_given(struct requests *requests, const struct replay_block *block)
{
	struct given_record record = {.slot = take_slot(requests, block)};

	if (record.slot == MAP_NONE)
		return no_memory(requests);
	record.tag = REQUEST_GIVEN | requests->bank_of_origin[block->origin] << TAG_BANK_SHIFT;
	return write_record(requests, &record, sizeof(record));
}

/* The block's alloc; its slot is free before. */
static int write_alloc(struct requests *requests, const struct replay_block *block)
{
	struct map_key key = key_of(requests, block);
	uint32_t slot = map_get(&requests->slot_of, key);

	if (slot == MAP_NONE)
		return 0;
	map_remove(&requests->slot_of, key);
	if (array_reserve(&requests->free_slots, &requests->free_capacity, requests->free_count) < 0)
		return no_memory(requests);
	requests->free_slots[requests->free_count++] = slot;
	return write_placed(requests,
	                    (struct placed_record){.bytes = (uint64_t)block->bank_bytes,
	                                           .address = (uint64_t)block->address,
	                                           .at_ns = block->alloc_ns,
	                                           .key = block->alloc_key,
	                                           .slot = slot},
	                    REQUEST_PLACED, requests->bank_of_origin[block->origin],
	                    requests->top_down_of_origin[block->origin]);
}

static int write_all(struct requests *requests, struct replay *replay)
{
	struct replay_event event;
	int state;

	replay_each(replay, take_live, requests);
	if (requests->result < 0)
		return -1;
	while ((state = replay_peek(replay, &event, requests->error)) == 1) {
		while (requests->failure_count > 0 && failure_is_next(requests, &event))
			if (write_failure(requests) < 0)
				return -1;
		if (counts(requests, event.block) &&
		    (event.is_alloc ? write_alloc(requests, event.block) : write_given(requests, event.block)) < 0)
			return -1;
		if (replay_undo(replay, requests->error) < 0)
			return -1;
	}
	while (state == 0 && requests->failure_count > 0)
		if (write_failure(requests) < 0)
			return -1;
	if (state == 0 && fflush(requests->file) != 0)
		return sql_fail(requests->error, "a temporary file for the requests: %s", strerror(errno));
	return state;
}

static int load(struct requests *requests)
{
	size_t origins = requests->catalog->origin_count + 1;

	requests->bank_of_origin = malloc(origins * sizeof(*requests->bank_of_origin));
	requests->top_down_of_origin = calloc(origins, sizeof(*requests->top_down_of_origin));
	requests->file = tmpfile();
	if (!requests->bank_of_origin || !requests->top_down_of_origin)
		return no_memory(requests);
	if (!requests->file)
		return sql_fail(requests->error, "a temporary file for the requests: %s", strerror(errno));
	for (size_t i = 0; i < origins; i++)
		requests->bank_of_origin[i] = MAP_NONE;
	if (each_row(requests, "SELECT id, device, region, flags FROM main.origin ORDER BY device, region, process, id",
	             take_origin) < 0 ||
	    each_row(requests,
	             "SELECT m.process, m.device, m.region, m.at_ns, coalesce(i.allocator, 0), m.base_address, "
	             "m.bank_bytes, m.alignment_bytes, m.top_down FROM main.device_mark m LEFT JOIN device_identity i "
	             "ON i.key = m.key ORDER BY m.at_ns, m.key",
	             take_mark) < 0 ||
	    each_row(requests, "SELECT key, at_ns, origin, coalesce(bank_bytes, size_bytes) FROM main.failure_info",
	             take_failure) < 0)
		return -1;
	if (recording_integer(requests->recording, "SELECT begin_key FROM main.recording_file WHERE number > 0", 0,
	                      &requests->begin_key, requests->error) < 0)
		return -1;
	if (requests->failure_count > 1)
		qsort(requests->failures, requests->failure_count, sizeof(*requests->failures), by_place);
	return 0;
}

struct requests *requests_open(struct recording *recording, const struct catalog *catalog, struct sql_error *error)
{
	struct requests *requests = calloc(1, sizeof(*requests));
	struct replay *replay;
	int result = -1;

	if (!requests) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	*requests = (struct requests){.recording = recording, .catalog = catalog, .error = error};
	if (load(requests) == 0 && (replay = replay_open(recording, catalog, error))) {
		result = write_all(requests, replay);
		replay_close(replay);
	}
	map_clear(&requests->slot_of);
	if (result == 0)
		return requests;
	requests_close(requests);
	return NULL;
}

void requests_close(struct requests *requests)
{
	if (!requests)
		return;
	if (requests->file)
		fclose(requests->file);
	map_clear(&requests->bank_of);
	map_clear(&requests->slot_of);
	free(requests->bank_of_origin);
	free(requests->top_down_of_origin);
	free(requests->free_slots);
	free(requests->failures);
	free(requests->marks);
	free(requests->banks);
	free(requests);
}

size_t requests_bank_count(const struct requests *requests)
{
	return requests->bank_count;
}

const struct request_bank *requests_bank(const struct requests *requests, size_t bank)
{
	return &requests->banks[bank];
}

uint32_t requests_slots(const struct requests *requests)
{
	return requests->slots;
}

/* ---- Reading, forwards: the file from its end ---- */

/* Reads the record that ends at BYTES + USED. Returns its length. */
static size_t read_record(const char *bytes, size_t used, struct request *request)
{
	struct given_record given;
	struct placed_record placed = {0};
	size_t length = sizeof(given);

	memcpy(&given, bytes + used - sizeof(given), sizeof(given));
	*request = (struct request){.kind = (enum request_kind)(given.tag & TAG_KIND),
	                            .bank = given.tag >> TAG_BANK_SHIFT,
	                            .slot = given.slot,
	                            .top_down = (given.tag & TAG_TOP_DOWN) != 0,
	                            .was_there = (given.tag & TAG_WAS_THERE) != 0};
	if (request->kind == REQUEST_GIVEN)
		return length;
	length = sizeof(placed);
	if (used >= length)
		memcpy(&placed, bytes + used - length, length);
	request->bytes = placed.bytes;
	request->address = placed.address;
	request->at_ns = placed.at_ns;
	request->key = placed.key;
	return length;
}

/* Hands out the records at BYTES from the last one on, as long as they lie there whole. Returns what is left of USED.
 */
static size_t hand_out(const char *bytes, size_t used, bool is_first,
                       int (*each)(const struct request *request, void *context), void *context, int *result)
{
	struct request request;

	while (*result == 0 && used >= sizeof(struct given_record)) {
		if (!is_first && used < sizeof(struct placed_record))
			break;
		used -= read_record(bytes, used, &request);
		*result = each(&request, context);
	}
	return used;
}

int requests_each(const struct requests *requests, int (*each)(const struct request *request, void *context),
                  void *context, struct sql_error *error)
{
	char *bytes = malloc(CHUNK_BYTES + sizeof(struct placed_record));
	off_t end = lseek(fileno(requests->file), 0, SEEK_END);
	size_t left = 0; /* of the chunk before, at the beginning of which it stands */
	int result = 0;

	if (!bytes)
		return sql_fail(error, "out of memory");
	while (result == 0 && end > 0) {
		size_t count = (uint64_t)end < CHUNK_BYTES ? (size_t)end : CHUNK_BYTES;

		memmove(bytes + count, bytes, left);
		end -= (off_t)count;
		if (pread(fileno(requests->file), bytes, count, end) != (ssize_t)count)
			result = sql_fail(error, "a temporary file for the requests: it cannot be read");
		else
			left = hand_out(bytes, count + left, end == 0, each, context, &result);
	}
	free(bytes);
	return result;
}
