/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ingest.c - random streams through the back half, compared with what brute force says the file must hold; also
 * across a recorder that dies at a random moment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "recorder/ledger/ingest.h"
#include "tests/unit/recorder/ingest_oracle.h"

#define MOST_EVENTS 6000
#define BATCHES 256

/* Of a dozen random streams; a sanitizer sees the last four, which are of each sort. */
#define STREAMS 12
#define FIRST_STREAM (SANITIZED ? STREAMS - 4 : 0)

/* ---- a random stream: per process its events, and the order in which batches are delivered ---- */

struct step {
	uint32_t process, from, count; /* count 0: the process ends */
	uint64_t at_ns;
};

struct stream {
	struct oracle_event *events[ORACLE_PROCESSES];
	uint32_t counts[ORACLE_PROCESSES];
	struct step steps[4 * BATCHES];
	uint32_t step_count;
	uint64_t seed;
	uint8_t table[4096];
	uint32_t table_bytes, thread, label, cbs[16];
	uint64_t gap_ns; /* mean distance of two events */
	bool idle;       /* no program runs on device 1 */
};

static uint32_t draw(struct stream *stream, uint32_t below)
{
	stream->seed = stream->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(stream->seed >> 33) % below;
}

static uint32_t add_entry(struct stream *stream, uint32_t type, const void *data, uint32_t bytes)
{
	struct tta_entry_header header = {.type = type, .data_bytes = bytes};
	uint32_t id = stream->table_bytes / 8;

	memcpy(stream->table + stream->table_bytes, &header, sizeof(header));
	memcpy(stream->table + stream->table_bytes + 8, data, bytes);
	stream->table_bytes += (8 + bytes + 7) / 8 * 8;
	return id;
}

/* Circular buffers 0..15 belong to programs 100..103, four each. */
static void make_table(struct stream *stream)
{
	struct tta_thread_entry thread = {.tid = 7, .serial = 1, .name = "main"};
	struct {
		uint32_t parent[2];
		char name[4];
	} label = {.name = "step"};

	stream->table_bytes = 8;
	stream->thread = add_entry(stream, TTA_ENTRY_THREAD, &thread, sizeof(thread));
	stream->label = add_entry(stream, TTA_ENTRY_LABEL, &label, sizeof(label));
	for (uint32_t i = 0; i < 16; i++) {
		struct tta_cb_entry cb = {.program = 100 + i / 4, .index = i % 4};

		stream->cbs[i] = add_entry(stream, TTA_ENTRY_CB, &cb, sizeof(cb));
	}
}

static const uint16_t regions[] = {TTALLOC_DRAM, TTALLOC_L1, TTALLOC_L1_SMALL};

static struct oracle_event random_event(struct stream *stream)
{
	struct oracle_event event = {
	    .device = draw(stream, 2),
	    .region = regions[draw(stream, 3)],
	    .address = 4096ull * draw(stream, 24),
	    .allocator = draw(stream, 3) ? (uint16_t)draw(stream, 3) : 0,
	};
	uint32_t kind = draw(stream, 1000);

	if (kind < 400) {
		event.kind = TTA_ALLOC;
		event.size_bytes = 1 + draw(stream, 100000);
		event.bank_bytes = draw(stream, 2) ? 1 + draw(stream, 5000) : 0;
		event.flags = draw(stream, 20) == 0 ? TTALLOC_ALIASED : 0;
	} else if (kind < 780) {
		event.kind = TTA_FREE;
		event.device = draw(stream, 10) == 0 ? TTALLOC_ANY : event.device;
		event.region = draw(stream, 6) == 0 ? TTALLOC_ANY : event.region;
	} else if (kind < 840) {
		event.kind = TTA_CB_ALLOC;
		event.region = TTALLOC_CB;
		event.number = draw(stream, 16);
		event.size_bytes = 1 + draw(stream, 1000);
		event.flags = draw(stream, 8) == 0 ? TTALLOC_ALIASED : 0;
	} else if (kind < 870) {
		event.kind = TTA_CB_FREE;
		event.region = TTALLOC_CB;
		event.address = 100 + draw(stream, 4);
		event.one = draw(stream, 3) == 0;
		event.number = draw(stream, 4);
	} else if (kind < 950) {
		event.kind = TTA_PROGRAM_RUN;
		event.region = TTALLOC_CB;
		event.address = 100 + draw(stream, 5);
		event.device = stream->idle ? 0 : event.device;
	} else if (kind < 965) {
		event.kind = TTA_KERNEL_LOAD;
		event.region = TTALLOC_KERNEL;
		event.address = draw(stream, 10);
		event.size_bytes = 1 + draw(stream, 10000);
	} else if (kind < 980) {
		event.kind = TTA_KERNEL_UNLOAD;
		event.region = TTALLOC_KERNEL;
		event.address = draw(stream, 10);
	} else if (kind < 985) {
		event.kind = TTA_DEVICE_CLOSE;
		event.region = 0;
	} else if (kind < 992) {
		event.kind = TTA_ALLOC_FAILED;
		event.size_bytes = 1ull << 40;
	} else {
		event.kind = TTA_STEP;
	}
	return event;
}

static void make_events(struct stream *stream, uint32_t process, uint32_t count)
{
	uint64_t at_ns = draw(stream, 1000);

	stream->events[process] = calloc(count, sizeof(struct oracle_event));
	stream->counts[process] = count;
	for (uint32_t i = 0; i < count; i++) {
		struct oracle_event event = random_event(stream);

		at_ns += draw(stream, 4) ? draw(stream, (uint32_t)(2 * stream->gap_ns)) : 0;
		event.at_ns = at_ns;
		stream->events[process][i] = event;
	}
}

/* Cuts the streams into batches and mixes them. LATE: one process comes last of all. */
static void make_steps(struct stream *stream, bool late)
{
	uint32_t at[ORACLE_PROCESSES] = {0}, left = ORACLE_PROCESSES;
	bool ended[ORACLE_PROCESSES] = {false};

	while (left > 0) {
		uint32_t process = draw(stream, ORACLE_PROCESSES);
		struct step *step = &stream->steps[stream->step_count];
		uint32_t rest = stream->counts[process] - at[process];

		if (ended[process] || (late && process == 1 && left > 1))
			continue;
		*step = (struct step){.process = process, .from = at[process]};
		if (rest) {
			step->count = 1 + draw(stream, 200);
			step->count = step->count < rest ? step->count : rest;
			at[process] += step->count;
		} else {
			/* The last one is never heard of again, but lives. */
			step->at_ns = stream->events[process][stream->counts[process] - 1].at_ns + draw(stream, 1000);
			ended[process] = true;
			left--;
			if (process == 3)
				continue;
		}
		stream->step_count++;
	}
}

static void make_stream(struct stream *stream, uint64_t seed, uint64_t gap_ns, bool late)
{
	*stream = (struct stream){.seed = seed, .gap_ns = gap_ns, .idle = seed % 4 >= 2};
	make_table(stream);
	for (uint32_t i = 0; i < ORACLE_PROCESSES; i++)
		make_events(stream, i, 300 + draw(stream, MOST_EVENTS / 4 - 300));
	make_steps(stream, late);
}

static void free_stream(struct stream *stream)
{
	for (uint32_t i = 0; i < ORACLE_PROCESSES; i++)
		free(stream->events[i]);
}

static uint64_t program_of(const struct oracle_event *event)
{
	return 100 + event->number / 4;
}

static void ask_oracle(const struct stream *stream, struct oracle *oracle)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < ORACLE_PROCESSES; i++)
		all += stream->counts[i];
	oracle_begin(oracle, all);
	oracle->processes[2].forked = true;
	for (uint32_t i = 0; i < stream->step_count; i++) {
		const struct step *step = &stream->steps[i];

		for (uint32_t j = step->from; j < step->from + step->count; j++) {
			struct oracle_event event = stream->events[step->process][j];

			/* The number in its program. */
			event.number %= 4;
			oracle_take(oracle, step->process, &event, program_of(&stream->events[step->process][j]));
		}
		if (!step->count)
			oracle_process_ended(oracle, step->process, step->at_ns);
	}
	oracle_sort(oracle);
}

/* ---- delivering it ---- */

static struct tta_event wire_event(const struct stream *stream, const struct oracle_event *event)
{
	struct tta_event wire = {
	    .kind = event->kind,
	    .flags = event->flags,
	    .region = event->region,
	    .device = (uint16_t)event->device,
	    .allocator = event->allocator,
	    .address = event->address,
	    .size_bytes = event->size_bytes,
	    .bank_bytes = event->bank_bytes,
	    .label = stream->label,
	};

	if (event->kind == TTA_CB_ALLOC)
		wire.bank_bytes = stream->cbs[event->number];
	else if (event->one)
		wire.bank_bytes = stream->cbs[(event->address - 100) * 4 + event->number];
	return wire;
}

/* OVERLAP: begins that many events too early, as a resend does. */
static void deliver(struct ingest *ingest, const struct stream *stream, uint32_t id, const struct step *step,
                    uint32_t overlap)
{
	struct tta_event events[1024];
	uint64_t at_ns[1024];
	uint32_t threads[1024], from = step->from - (overlap < step->from ? overlap : step->from);
	struct ingest_batch batch = {
	    .first_number = from + 1,
	    .count = step->from + step->count - from,
	    .events = events,
	    .at_ns = at_ns,
	    .thread_entries = threads,
	    .table = {.bytes = stream->table, .size_bytes = stream->table_bytes},
	};

	for (uint32_t i = 0; i < batch.count; i++) {
		const struct oracle_event *event = &stream->events[step->process][from + i];

		events[i] = wire_event(stream, event);
		at_ns[i] = event->at_ns;
		threads[i] = stream->thread;
	}
	while (!ingest_has_room(ingest))
		usleep(100);
	ingest_batch(ingest, id, &batch);
}

static void introduce(struct ingest *ingest, uint32_t *ids, uint64_t *committed)
{
	for (uint32_t i = 0; i < ORACLE_PROCESSES; i++) {
		struct ingest_process about = {
		    .segment_id = {(uint8_t)(i + 1)},
		    .segment_path = "/nowhere/x.segment",
		    .producer = "api",
		    .executable = "test",
		    .command = "test",
		    .pid = 100 + i,
		};

		if (i == 2)
			about.parent_id[0] = 1;
		ids[i] = ingest_process(ingest, &about, &committed[i]);
		assert_int_equal(ids[i], i + 1);
	}
}

static struct ingest *open_ingest(const char *path, bool append)
{
	struct ingest_options options = {.path = path, .append = append, .socket = "/nowhere/socket"};
	struct ingest_recording recording;
	struct sql_error error;
	struct ingest *ingest = NULL;

	if (ingest_open(&options, &ingest, &recording, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(recording.clean, false);
	assert_string_equal(recording.socket, "/nowhere/socket");
	return ingest;
}

static void deliver_all(struct ingest *ingest, struct stream *stream, uint32_t steps, uint32_t overlap)
{
	uint32_t ids[ORACLE_PROCESSES];
	uint64_t committed[ORACLE_PROCESSES];

	introduce(ingest, ids, committed);
	for (uint32_t i = 0; i < steps; i++) {
		const struct step *step = &stream->steps[i];

		if (step->count)
			deliver(ingest, stream, ids[step->process], step, overlap);
		else
			ingest_process_ended(ingest, ids[step->process], step->at_ns, "process exit");
		if (draw(stream, 10) == 0)
			ingest_tick(ingest, 0, true);
		if (draw(stream, 20) == 0)
			usleep(2000);
	}
}

static void close_ingest(struct ingest *ingest)
{
	struct sql_error error;

	if (ingest_close(ingest, "clean", NULL, NULL, NULL, &error) != 0 || error.text[0])
		fail_msg("%s", error.text);
}

/* ---- comparing ---- */

static sqlite3_stmt *query(sqlite3 *db, const char *text)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	return statement;
}

static int64_t single(sqlite3 *db, const char *text)
{
	sqlite3_stmt *statement = query(db, text);
	int64_t value;

	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

static const struct oracle_block *block_by_key(const struct oracle *oracle, int64_t key)
{
	for (size_t i = 0; i < oracle->block_count; i++)
		if (oracle->blocks[i].key == key)
			return &oracle->blocks[i];
	fail_msg("no block has key %lld", (long long)key);
	return NULL;
}

static void compare_block(sqlite3_stmt *row, const struct oracle_block *block)
{
	assert_int_equal(sqlite3_column_int64(row, 1), block->alloc_ns);
	assert_int_equal(sqlite3_column_int64(row, 2), block->address);
	assert_int_equal(sqlite3_column_int64(row, 3), block->size_bytes);
	assert_int_equal(sqlite3_column_int64(row, 4), block->bank_bytes);
	assert_int_equal(sqlite3_column_int64(row, 5), block->process + 1);
	assert_int_equal(sqlite3_column_int64(row, 6), block->device);
	assert_int_equal(sqlite3_column_int64(row, 7), block->region);
	assert_int_equal(sqlite3_column_int64(row, 8), block->flags);
	assert_int_equal(sqlite3_column_int64(row, 9), block->allocator);
}

#define ALLOCATOR "coalesce((SELECT allocator FROM origin_allocator a WHERE a.origin = o.id), 0)"

static size_t compare_freed(sqlite3 *db, const struct oracle *oracle)
{
	sqlite3_stmt *rows = query(
	    db, "SELECT f.key - life, free_ns - held_ns, address, size_bytes, coalesce(bank_bytes, size_bytes), "
	        "o.process, o.device, o.region, o.flags, " ALLOCATOR ", f.key, free_ns, e.ended, e.thread FROM freed f "
	        "JOIN origin o ON o.id = f.origin JOIN origin e ON e.id = coalesce(free_origin, f.origin)");
	size_t count = 0;

	for (; sqlite3_step(rows) == SQLITE_ROW; count++) {
		const struct oracle_block *block = block_by_key(oracle, sqlite3_column_int64(rows, 0));

		compare_block(rows, block);
		assert_int_equal(sqlite3_column_int64(rows, 10), block->end_key);
		assert_int_equal(sqlite3_column_int64(rows, 11), block->end_ns);
		assert_string_equal(sqlite3_column_int(rows, 12) ? "replaced" : "freed", block->ended);
		assert_int_equal(sqlite3_column_int(rows, 13) != 0, 1);
	}
	sqlite3_finalize(rows);
	return count;
}

static size_t compare_held(sqlite3 *db, const struct oracle *oracle)
{
	sqlite3_stmt *rows = query(
	    db, "SELECT h.key, alloc_ns, address, size_bytes, coalesce(bank_bytes, size_bytes), o.process, o.device, "
	        "o.region, o.flags, " ALLOCATOR ", end_key, end_ns FROM held h JOIN origin o ON o.id = h.origin");
	size_t count = 0;

	for (; sqlite3_step(rows) == SQLITE_ROW; count++) {
		const struct oracle_block *block = block_by_key(oracle, sqlite3_column_int64(rows, 0));

		compare_block(rows, block);
		assert_int_equal(sqlite3_column_int64(rows, 10), block->end_key);
		assert_int_equal(sqlite3_column_int64(rows, 11), block->end_ns);
		assert_true(!block->ended || strcmp(block->ended, "device close") == 0);
	}
	sqlite3_finalize(rows);
	return count;
}

static size_t compare_cbs(sqlite3 *db, const struct oracle *oracle)
{
	sqlite3_stmt *rows = query(
	    db, "SELECT c.key, alloc_ns, address, size_bytes, 0, o.process, o.device, o.region, o.flags, " ALLOCATOR
	        ", end_key, "
	        "end_ns, c.ended, program, idx FROM circular_buffer c JOIN origin o ON o.id = c.origin");
	size_t count = 0;

	for (; sqlite3_step(rows) == SQLITE_ROW; count++) {
		const struct oracle_block *cb = block_by_key(oracle, sqlite3_column_int64(rows, 0));
		const char *ended = (const char *)sqlite3_column_text(rows, 12);

		assert_true(cb->cb);
		compare_block(rows, cb);
		assert_int_equal(sqlite3_column_int64(rows, 10), cb->end_key);
		assert_int_equal(sqlite3_column_int64(rows, 11), cb->end_ns);
		assert_string_equal(ended ? ended : "", cb->ended ? cb->ended : "");
		assert_int_equal(sqlite3_column_int64(rows, 13), cb->program);
		assert_int_equal(sqlite3_column_int64(rows, 14), cb->number);
	}
	sqlite3_finalize(rows);
	return count;
}

static void compare_processes(sqlite3 *db, const struct stream *stream, const struct oracle *oracle)
{
	sqlite3_stmt *rows =
	    query(db, "SELECT id, first_number, committed_number, events, failures, lost, "
	              "unmatched_frees, inherited_frees, replaced, ended_ns, parent FROM process_info");

	for (int i = 0; i < ORACLE_PROCESSES; i++) {
		const struct oracle_process *process = &oracle->processes[i];

		assert_int_equal(sqlite3_step(rows), SQLITE_ROW);
		assert_int_equal(sqlite3_column_int64(rows, 0), i + 1);
		assert_int_equal(sqlite3_column_int64(rows, 1), 1);
		assert_int_equal(sqlite3_column_int64(rows, 2), stream->counts[i]);
		assert_int_equal(sqlite3_column_int64(rows, 3), process->events);
		assert_int_equal(sqlite3_column_int64(rows, 4), process->failures);
		assert_int_equal(sqlite3_column_int64(rows, 5), 0);
		assert_int_equal(sqlite3_column_int64(rows, 6), process->unmatched);
		assert_int_equal(sqlite3_column_int64(rows, 7), process->inherited);
		assert_int_equal(sqlite3_column_int64(rows, 8), process->replaced);
		assert_int_equal(sqlite3_column_type(rows, 9) != SQLITE_NULL, process->ended);
		assert_int_equal(sqlite3_column_int64(rows, 9), process->ended_ns);
		assert_int_equal(sqlite3_column_int64(rows, 10), i == 2);
	}
	sqlite3_finalize(rows);
}

/* Changes are in the order of the recording, so those of one process are in its own. */
static void compare_usage(sqlite3 *db, const struct oracle *oracle)
{
	sqlite3_stmt *rows = query(db, "SELECT * FROM process_usage");
	size_t count = 0;

	for (; sqlite3_step(rows) == SQLITE_ROW; count++) {
		uint32_t process = (uint32_t)sqlite3_column_int(rows, 0) - 1,
		         device = (uint32_t)sqlite3_column_int(rows, 1);
		uint16_t region = (uint16_t)sqlite3_column_int(rows, 2);
		int64_t allocs = 0, frees = 0, bytes = 0, bank = 0, blocks = 0;
		int64_t peak = -1, peak_ns = 0, peak_key = 0, peak_blocks = 0, peak_bank = -1, peak_bank_ns = 0;

		for (size_t i = 0; i < oracle->change_count; i++) {
			const struct oracle_change *change = &oracle->changes[i];

			if (change->process != process || change->device != device || change->region != region ||
			    change->key == INT64_MAX)
				continue;
			allocs += change->allocs, frees += change->frees, bytes += change->bytes;
			bank += change->bank_bytes, blocks += change->blocks;
			if (bytes > peak) {
				peak = bytes, peak_ns = (int64_t)change->at_ns, peak_key = change->key;
				peak_blocks = blocks;
			}
			if (bank > peak_bank)
				peak_bank = bank, peak_bank_ns = (int64_t)change->at_ns;
		}
		assert_int_equal(sqlite3_column_int64(rows, 3), allocs);
		assert_int_equal(sqlite3_column_int64(rows, 4), frees);
		assert_int_equal(sqlite3_column_int64(rows, 6), bytes);
		assert_int_equal(sqlite3_column_int64(rows, 7), bank);
		assert_int_equal(sqlite3_column_int64(rows, 8), blocks);
		assert_int_equal(sqlite3_column_int64(rows, 9), peak);
		assert_int_equal(sqlite3_column_int64(rows, 10), peak_ns);
		assert_int_equal(sqlite3_column_int64(rows, 11), peak_key);
		assert_int_equal(sqlite3_column_int64(rows, 12), peak_blocks);
		assert_int_equal(sqlite3_column_int64(rows, 13), peak_bank);
		assert_int_equal(sqlite3_column_int64(rows, 14), peak_bank_ns);
	}
	sqlite3_finalize(rows);
	assert_true(count > 20);
}

struct walk {
	const struct oracle *oracle;
	uint32_t device;
	uint16_t region;
	size_t at;
	int64_t bytes, bank_bytes, blocks;
};

/* The next change of the walk's device and region, or NULL. Aliased blocks that vanish are none. */
static const struct oracle_change *next_change(struct walk *walk)
{
	for (; walk->at < walk->oracle->change_count; walk->at++) {
		const struct oracle_change *change = &walk->oracle->changes[walk->at];

		if (change->device == walk->device && change->region == walk->region &&
		    (change->bytes || change->blocks || change->bank_bytes || change->allocs || change->frees))
			return change;
	}
	return NULL;
}

/* Changes of one key are one moment. */
static bool moment_ends(const struct walk *walk, const struct oracle_change *change)
{
	struct walk after = *walk;
	const struct oracle_change *next;

	after.at++;
	next = next_change(&after);
	return !next || next->key != change->key || next->process != change->process || next->at_ns != change->at_ns;
}

enum span_column {
	FROM_NS,
	TO_NS,
	START,
	MIN,
	MAX,
	END,
	MAX_NS,
	MAX_KEY,
	MAX_BLOCKS,
	START_BANK,
	MAX_BANK,
	MAX_BANK_NS,
	END_BANK,
	START_BLOCKS,
	END_BLOCKS,
	ALLOCS,
	FREES,
	NEXT_FROM
};

static void compare_span(sqlite3_stmt *row, struct walk *walk)
{
	int64_t min = INT64_MAX, max = INT64_MIN, max_ns = 0, max_key = 0, max_blocks = 0, max_bank = INT64_MIN;
	int64_t max_bank_ns = 0, allocs = 0, frees = 0, to_ns = sqlite3_column_int64(row, TO_NS);
	const struct oracle_change *change = next_change(walk);

	assert_non_null(change);
	assert_int_equal(sqlite3_column_int64(row, FROM_NS), change->at_ns);
	assert_int_equal(sqlite3_column_int64(row, START), walk->bytes);
	assert_int_equal(sqlite3_column_int64(row, START_BANK), walk->bank_bytes);
	assert_int_equal(sqlite3_column_int64(row, START_BLOCKS), walk->blocks);
	assert_true(to_ns - sqlite3_column_int64(row, FROM_NS) <= 1000000000);
	for (; (change = next_change(walk)) && (int64_t)change->at_ns <= to_ns; walk->at++) {
		bool whole = moment_ends(walk, change);

		walk->bytes += change->bytes, walk->bank_bytes += change->bank_bytes, walk->blocks += change->blocks;
		allocs += change->allocs, frees += change->frees;
		if (!whole)
			continue;
		min = walk->bytes < min ? walk->bytes : min;
		if (walk->bytes > max) {
			max = walk->bytes, max_ns = (int64_t)change->at_ns, max_key = change->key;
			max_blocks = walk->blocks;
		}
		if (walk->bank_bytes > max_bank)
			max_bank = walk->bank_bytes, max_bank_ns = (int64_t)change->at_ns;
	}
	assert_int_equal(sqlite3_column_int64(row, MIN), min);
	assert_int_equal(sqlite3_column_int64(row, MAX), max);
	assert_int_equal(sqlite3_column_int64(row, END), walk->bytes);
	assert_int_equal(sqlite3_column_int64(row, MAX_NS), max_ns);
	assert_int_equal(sqlite3_column_int64(row, MAX_KEY), max_key);
	assert_int_equal(sqlite3_column_int64(row, MAX_BLOCKS), max_blocks);
	assert_int_equal(sqlite3_column_int64(row, MAX_BANK), max_bank);
	assert_int_equal(sqlite3_column_int64(row, MAX_BANK_NS), max_bank_ns);
	assert_int_equal(sqlite3_column_int64(row, END_BANK), walk->bank_bytes);
	assert_int_equal(sqlite3_column_int64(row, END_BLOCKS), walk->blocks);
	assert_int_equal(sqlite3_column_int64(row, ALLOCS), allocs);
	assert_int_equal(sqlite3_column_int64(row, FREES), frees);
}

static void compare_region(sqlite3 *db, const struct oracle *oracle, uint32_t device, uint16_t region)
{
	struct walk walk = {.oracle = oracle, .device = device, .region = region};
	sqlite3_stmt *rows = query(
	    db, "SELECT from_ns, to_ns, start_bytes, min_bytes, max_bytes, end_bytes, max_ns, max_key, max_blocks, "
	        "start_bank_bytes, max_bank_bytes, max_bank_ns, end_bank_bytes, start_blocks, end_blocks, allocs, "
	        "frees FROM span WHERE device = ? AND region = ? ORDER BY from_ns, id");

	sqlite3_bind_int(rows, 1, (int)device);
	sqlite3_bind_int(rows, 2, region);
	while (sqlite3_step(rows) == SQLITE_ROW)
		compare_span(rows, &walk);
	assert_null(next_change(&walk));
	sqlite3_finalize(rows);
}

static void compare_file(const char *path, const struct stream *stream, const struct oracle *oracle)
{
	static const uint16_t all_regions[] = {TTALLOC_DRAM, TTALLOC_L1, TTALLOC_L1_SMALL, TTALLOC_CB, TTALLOC_KERNEL};
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(single(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
	assert_int_equal(single(db, "SELECT count(*) FROM loss_row"), 0);
	assert_int_equal(single(db, "SELECT max(last_key) FROM batch"), oracle->next_key - 1);
	assert_int_equal(single(db, "SELECT count(*) FROM program_run"), oracle->runs);
	assert_int_equal(single(db, "SELECT count(*) FROM other_event"), oracle->others);
	assert_int_equal(single(db, "SELECT count(*) FROM recording_info WHERE ended = 'clean'"), 1);
	assert_int_equal(single(db, "SELECT count(*) FROM region_usage WHERE dirty_ns IS NOT NULL"), 0);
	assert_int_equal(compare_freed(db, oracle) + compare_held(db, oracle) + compare_cbs(db, oracle),
	                 oracle->block_count);
	compare_processes(db, stream, oracle);
	compare_usage(db, oracle);
	for (uint32_t device = 0; device < 2; device++)
		for (size_t i = 0; i < sizeof(all_regions) / sizeof(all_regions[0]); i++)
			compare_region(db, oracle, device, all_regions[i]);
	sqlite3_close(db);
}

/* ---- tests ---- */

static void scratch_path(char *path, size_t bytes)
{
	snprintf(path, bytes, "/tmp/ttalloc-test-ingest-%d.db", (int)getpid());
	unlink(path);
}

static void assert_single_file(const char *path)
{
	char wal[128];

	snprintf(wal, sizeof(wal), "%s-wal", path);
	assert_int_not_equal(access(wal, F_OK), 0);
	snprintf(wal, sizeof(wal), "%s-shm", path);
	assert_int_not_equal(access(wal, F_OK), 0);
}

static void run_stream(uint64_t seed, uint64_t gap_ns, bool late)
{
	struct stream stream;
	struct oracle oracle;
	struct ingest *ingest;
	char path[64];

	scratch_path(path, sizeof(path));
	make_stream(&stream, seed, gap_ns, late);
	ask_oracle(&stream, &oracle);
	ingest = open_ingest(path, false);
	deliver_all(ingest, &stream, stream.step_count, draw(&stream, 50));
	close_ingest(ingest);
	assert_single_file(path);
	compare_file(path, &stream, &oracle);
	unlink(path);
	oracle_end(&oracle);
	free_stream(&stream);
}

static void test_random_streams(void **state)
{
	(void)state;
	for (uint64_t seed = FIRST_STREAM + 1; seed <= STREAMS; seed++)
		run_stream(seed, seed % 3 == 0 ? 3000000 : 500, seed % 4 == 0);
}

/* A child delivers some of it and dies; then it goes on in another recorder, and begins a little too early. */
static void run_killed(uint64_t seed)
{
	struct stream stream;
	struct oracle oracle;
	struct ingest *ingest;
	char path[64];
	pid_t child;
	int status;

	scratch_path(path, sizeof(path));
	make_stream(&stream, seed, seed % 2 ? 500 : 2000000, seed % 3 == 0);
	ask_oracle(&stream, &oracle);
	for (uint32_t run = 0; run < 3; run++) {
		uint32_t steps = draw(&stream, stream.step_count);

		child = fork();
		if (child == 0) {
			ingest = open_ingest(path, run > 0);
			deliver_all(ingest, &stream, steps, 0);
			usleep(draw(&stream, 20000));
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
	ingest = open_ingest(path, true);
	deliver_all(ingest, &stream, stream.step_count, 0);
	close_ingest(ingest);
	compare_file(path, &stream, &oracle);
	unlink(path);
	oracle_end(&oracle);
	free_stream(&stream);
}

static void test_killed_recorder(void **state)
{
	(void)state;
	for (uint64_t seed = 100 + FIRST_STREAM; seed < 100 + STREAMS; seed++)
		run_killed(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_streams),
	    cmocka_unit_test(test_killed_recorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
