/* SPDX-License-Identifier: Apache-2.0
 *
 * test_ingest_cases.c - the back half on cases worked out by hand: gaps and losses, names that are hostile, a disk that
 * is full for a while, spans that are made anew while recording.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "recorder/ledger/ingest.h"
#include "tests/unit/recorder/ingest_file.h"
#include "ttalloc.h"

static uint32_t introduce(struct ingest *ingest, uint8_t name, uint8_t parent)
{
	struct ingest_process about = {.segment_id = {name}, .parent_id = {parent}, .segment_path = "p"};
	uint64_t committed;

	return ingest_process(ingest, &about, &committed);
}

/* COUNT allocs of 100 bytes, from number FIRST on, one nanosecond apart, at an address for each number. */
static void allocs(struct ingest *ingest, uint32_t process, uint64_t first, uint32_t count, uint64_t at_ns)
{
	struct tta_event events[8192];
	uint64_t times[8192];
	uint32_t threads[8192] = {0};
	struct ingest_batch batch = {
	    .first_number = first, .count = count, .events = events, .at_ns = times, .thread_entries = threads};

	for (uint32_t i = 0; i < count; i++) {
		events[i] = (struct tta_event){.kind = TTA_ALLOC, .address = first + i, .size_bytes = 100};
		times[i] = at_ns + i;
	}
	ingest_batch(ingest, process, &batch);
}

static void one_event(struct ingest *ingest, uint32_t process, uint64_t number, struct tta_event event,
                      struct ingest_table table)
{
	ingest_batch(ingest, process,
	             &(struct ingest_batch){
	                 .first_number = number,
	                 .count = 1,
	                 .events = &event,
	                 .at_ns = &number,
	                 .thread_entries = &(uint32_t){3},
	                 .table = table,
	             });
}

static int64_t ask(const char *text)
{
	sqlite3_stmt *statement;
	int64_t value;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return value;
}

static void commit(struct ingest *ingest)
{
	struct ingest_totals totals;

	do {
		ingest_tick(ingest, 0, true);
		usleep(1000);
		ingest_totals(ingest, &totals);
	} while (totals.committed_events < totals.taken_events);
}

static void test_gaps_and_losses(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);
	struct ingest_loss bad = {.from_number = 31, .to_number = 40, .count = 10, .why = "bad"};
	struct tta_event mark = {.kind = TTA_LOSS, .address = 5, .size_bytes = 7, .bank_bytes = TTA_LOST_RING_FULL};

	(void)state;
	allocs(ingest, process, 11, 10, 0);  /* the first of all: no gap */
	allocs(ingest, process, 16, 10, 20); /* five again */
	allocs(ingest, process, 29, 2, 40);  /* 26..28 are missing */
	ingest_loss(ingest, process, &bad, (struct ingest_table){0});
	allocs(ingest, process, 41, 1, 60); /* no gap */
	one_event(ingest, process, 42, mark, (struct ingest_table){0});
	one_event(ingest, process, 43, (struct tta_event){.kind = 99}, (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask("SELECT count(*) FROM loss_row"), 4);
	assert_int_equal(ask("SELECT count FROM loss_row WHERE from_number = 26 AND to_number = 28"), 3);
	assert_int_equal(ask("SELECT count FROM loss_row WHERE from_number = 31 AND to_number = 40"), 10);
	assert_int_equal(ask("SELECT count FROM loss_row WHERE why = 'ring full' AND from_ns = 5"), 7);
	assert_int_equal(ask("SELECT lost FROM process_info"), 3 + 10 + 7 + 1);
	assert_int_equal(ask("SELECT first_number * 1000 + committed_number FROM process_info"), 11043);
	assert_int_equal(ask("SELECT count(*) FROM held"), 10 + 5 + 2 + 1);
	assert_int_equal(ask("SELECT sum(count) FROM batch"), 10 + 5 + 2 + 1 + 1 + 1);
	assert_int_equal(ask("SELECT sum(marks) FROM batch"), 1 + 1);
	assert_int_equal(ask("SELECT events FROM process_info"), 10 + 5 + 2 + 1);
}

struct table {
	uint8_t bytes[16384];
	uint32_t used;
};

static uint32_t add_text(struct table *table, const char *text)
{
	struct tta_entry_header header = {.type = TTA_ENTRY_TEXT, .data_bytes = (uint32_t)strlen(text)};
	uint32_t id = table->used / 8;

	memcpy(table->bytes + table->used, &header, sizeof(header));
	memcpy(table->bytes + table->used + sizeof(header), text, header.data_bytes);
	table->used += (8 + header.data_bytes + 7) / 8 * 8;
	return id;
}

static uint32_t add_label(struct table *table, uint32_t parent, const char *name)
{
	struct tta_entry_header header = {.type = TTA_ENTRY_LABEL, .data_bytes = 8 + (uint32_t)strlen(name)};
	uint32_t id = table->used / 8;

	memcpy(table->bytes + table->used, &header, 8);
	memcpy(table->bytes + table->used + 8, &parent, 4);
	memcpy(table->bytes + table->used + 16, name, strlen(name));
	table->used += (8 + header.data_bytes + 7) / 8 * 8;
	return id;
}

static void test_names(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0), labels[8], parent = 0;
	struct table table = {.used = 8};
	uint64_t number = 0;

	(void)state;
	labels[0] = add_label(&table, 0, "a");
	labels[1] = add_label(&table, labels[0], "b\xFF");
	labels[2] = add_label(&table, labels[0], "b\xFF"); /* the same again */
	labels[3] = add_label(&table, 9999, "later");      /* names what comes later: its parent is none */
	labels[4] = labels[0] + 1;                         /* no entry begins there */
	labels[5] = 1u << 31;                              /* beyond the table */
	for (int i = 0; i < 300; i++)
		parent = add_label(&table, parent, "deep");
	labels[6] = parent;
	labels[7] = 0;
	for (int i = 0; i < 8; i++) {
		struct tta_event event = {.kind = TTA_ALLOC, .address = (uint64_t)i, .size_bytes = 1};

		event.label = labels[i];
		event.stack = labels[i];
		one_event(ingest, process, ++number, event,
		          (struct ingest_table){.bytes = table.bytes, .size_bytes = table.used});
	}
	close_all(ingest);
	assert_int_equal(ask("SELECT count(*) FROM held"), 8);
	assert_int_equal(ask("SELECT count(*) FROM label_info WHERE path = 'a/b\xEF\xBF\xBD'"), 1);
	assert_int_equal(ask("SELECT count(*) FROM label_info WHERE path = 'later'"), 1);
	assert_int_equal(ask("SELECT count(*) FROM label_info"), 2 + 1 + 64);
	assert_int_equal(ask("SELECT count(*) FROM origin WHERE label IS NULL"), 1);
	assert_int_equal(ask("SELECT count(*) FROM thread_info"), 1);
	assert_int_equal(ask("SELECT count(*) FROM stack_info"), 0);
}

static void test_late_parent_and_devices(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t child = introduce(ingest, 2, 1), parent = introduce(ingest, 1, 0);

	(void)state;
	for (uint32_t device = 0; device < 5000; device++)
		one_event(ingest, parent, device + 1,
		          (struct tta_event){.kind = TTA_ALLOC, .device = (uint16_t)device, .size_bytes = 3},
		          (struct ingest_table){0});
	one_event(ingest, child, 1, (struct tta_event){.kind = TTA_FREE, .address = 77}, (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask("SELECT parent FROM process_info WHERE id = 1"), parent);
	assert_int_equal(ask("SELECT inherited_frees FROM process_info WHERE id = 1"), 1);
	assert_int_equal(ask("SELECT count(*) FROM process_usage WHERE live_bytes = 3"), 4096);
	assert_int_equal(ask("SELECT lost FROM process_info WHERE id = 2"), 5000 - 4096);
	assert_int_equal(ask("SELECT max_bytes FROM span WHERE device = 255"), 3);
}

/* The last event, a failure say, is to be seen with what the process held at that moment. */
static void test_end_comes_after_the_last_event(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t early = introduce(ingest, 1, 0), late = introduce(ingest, 2, 0);

	(void)state;
	allocs(ingest, early, 1, 1, 500);
	ingest_process_ended(ingest, early, 500, "process exit");
	allocs(ingest, late, 1, 1, 600);
	ingest_process_ended(ingest, late, 900, "process exit");
	close_all(ingest);
	assert_int_equal(ask("SELECT ended_ns FROM process_info WHERE id = 1"), 501);
	assert_int_equal(ask("SELECT ended_ns FROM process_info WHERE id = 2"), 900);
}

/* Spans that are made anew end where those that are made at once do: blocks that count nothing move no total when they
 * end with their process. */
static void test_aliased_blocks_end_in_no_span(void **state)
{
	struct tta_event aliased = {.kind = TTA_ALLOC, .flags = TTALLOC_ALIASED, .address = 1, .size_bytes = 10};
	struct tta_event late = {.kind = TTA_ALLOC, .address = 2, .size_bytes = 20};
	struct ingest *ingest = open_new();
	uint32_t first = introduce(ingest, 1, 0), second = introduce(ingest, 2, 0);

	(void)state;
	one_event(ingest, first, 100, aliased, (struct ingest_table){0});
	ingest_process_ended(ingest, first, 900, "process exit");
	one_event(ingest, second, 50, late, (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask("SELECT min(from_ns) FROM span"), 50);
	assert_int_equal(ask("SELECT max(to_ns) FROM span"), 100);
}

/* What the host's malloc gave is not the device's, though it has the number of one. */
static void test_device_close_leaves_the_host(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);

	(void)state;
	one_event(ingest, process, 1, (struct tta_event){.kind = TTA_ALLOC, .region = TTALLOC_HOST, .size_bytes = 10},
	          (struct ingest_table){0});
	one_event(ingest, process, 2, (struct tta_event){.kind = TTA_ALLOC, .region = TTALLOC_L1, .size_bytes = 20},
	          (struct ingest_table){0});
	one_event(ingest, process, 3, (struct tta_event){.kind = TTA_DEVICE_CLOSE}, (struct ingest_table){0});
	one_event(ingest, process, 4, (struct tta_event){.kind = TTA_FREE, .region = TTALLOC_HOST},
	          (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask("SELECT held_ns FROM freed WHERE size_bytes = 10"), 3);
	assert_int_equal(ask("SELECT end_ns FROM held WHERE size_bytes = 20"), 3);
	assert_int_equal(ask("SELECT unmatched_frees FROM process_info"), 0);
}

static void note_committed(uint32_t process, uint64_t number, bool ended, void *context)
{
	(void)process, (void)ended;
	*(uint64_t *)context = number;
}

/* Nothing is acknowledged that is not in the file; when there is room again, all of it is. */
static void test_full_disk(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0), taken = 0;
	struct rlimit before, small;
	uint64_t acknowledged = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &small);
	for (int i = 0; i < 1000 && ingest_has_room(ingest); i++, taken += 4096) {
		allocs(ingest, process, taken + 1, 4096, taken);
		usleep(100);
	}
	assert_false(ingest_has_room(ingest));
	for (int i = 0; i < 1000 && !ingest_trouble(ingest); i++)
		usleep(10000);
	assert_non_null(ingest_trouble(ingest)); /* and so nothing more is committed for now */
	ingest_take_committed(ingest, note_committed, &acknowledged);
	assert_int_equal(ask("SELECT committed_number FROM process_info UNION ALL SELECT 0"), acknowledged);
	assert_int_equal(ask("SELECT count(*) FROM held"), acknowledged);
	assert_true(acknowledged < taken);
	setrlimit(RLIMIT_FSIZE, &before);
	commit(ingest);
	assert_null(ingest_trouble(ingest));
	ingest_take_committed(ingest, note_committed, &acknowledged);
	assert_int_equal(acknowledged, taken);
	close_all(ingest);
	assert_int_equal(ask("SELECT count(*) FROM held"), taken);
}

static void test_give_up(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);
	struct rlimit before, small;
	struct sql_error error;
	int give_up = 1;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = 1;
	setrlimit(RLIMIT_FSIZE, &small);
	allocs(ingest, process, 1, 10, 0);
	assert_int_equal(ingest_close(ingest, "clean", NULL, NULL, &give_up, &error), -1);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_true(strlen(error.text) > 0);
}

/* Two processes out of order: the spans are right again soon, while recording goes on. */
static void test_spans_are_made_anew_meanwhile(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t first = introduce(ingest, 1, 0), second = introduce(ingest, 2, 0);

	(void)state;
	allocs(ingest, first, 1, 100, 5000);
	commit(ingest);
	allocs(ingest, second, 1, 100, 1000);
	commit(ingest);
	assert_int_equal(ask("SELECT dirty_ns FROM region_usage"), 1000);
	for (int i = 0; i < 60 && ask("SELECT count(*) FROM region_usage WHERE dirty_ns IS NOT NULL"); i++)
		usleep(100000);
	assert_int_equal(ask("SELECT count(*) FROM span"), 1);
	assert_int_equal(ask("SELECT count(*) FROM span WHERE from_ns = 1000 AND to_ns = 5099 AND max_bytes = 20000"),
	                 1);
	allocs(ingest, second, 101, 1, 6000);
	commit(ingest);
	assert_int_equal(ask("SELECT count(*) FROM span WHERE from_ns = 1000 AND to_ns = 6000 AND max_bytes = 20100"),
	                 1);
	close_all(ingest);
}

static void one_cb(struct ingest *ingest, uint32_t process, uint64_t number, uint64_t program, uint32_t index,
                   uint64_t size_bytes)
{
	struct {
		uint64_t nothing;
		struct tta_entry_header header;
		struct tta_cb_entry cb;
	} table = {
	    .header = {.type = TTA_ENTRY_CB, .data_bytes = sizeof(struct tta_cb_entry)},
	    .cb = {.program = program, .index = index},
	};
	struct tta_event event = {
	    .kind = TTA_CB_ALLOC, .region = TTALLOC_CB, .size_bytes = size_bytes, .bank_bytes = 1};

	one_event(ingest, process, number, event,
	          (struct ingest_table){.bytes = (const uint8_t *)&table, .size_bytes = sizeof(table)});
}

/* The program that placed one last is taken for the one that ran, although it has none left and the recorder is
 * another one now. */
static void test_warm_up_goes_on_in_another_recorder(void **state)
{
	static const char live[] = "SELECT live_bytes FROM process_usage WHERE region = 16";
	struct tta_event gone = {.kind = TTA_CB_FREE, .region = TTALLOC_CB, .address = 2};
	struct tta_event runs = {.kind = TTA_PROGRAM_RUN, .region = TTALLOC_CB, .address = 2};
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);

	(void)state;
	one_cb(ingest, process, 1, 1, 0, 1000);
	one_cb(ingest, process, 2, 2, 0, 1000);
	one_event(ingest, process, 3, gone, (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask("SELECT peak_bytes FROM process_usage WHERE region = 16"), 1000);
	assert_int_equal(ask(live), 0);

	ingest = open_file(true);
	process = introduce(ingest, 1, 0);
	one_cb(ingest, process, 4, 1, 1, 10);
	commit(ingest);
	assert_int_equal(ask(live), 1010);
	one_event(ingest, process, 5, runs, (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask(live), 0);
}

/* A note as the hook sends it: TEXT is the number of an entry, or of none. */
static void note(struct ingest *ingest, uint32_t process, uint32_t text, uint64_t count, const struct table *table)
{
	static uint64_t number;

	one_event(ingest, process, ++number, (struct tta_event){.kind = TTA_NOTE, .address = text, .size_bytes = count},
	          (struct ingest_table){.bytes = table->bytes, .size_bytes = table->used});
}

/* Events whose hook's table was full say so themselves: they are there, and what they lack is a loss. */
static void test_what_was_left_out(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);
	struct table table = {.used = 8};
	uint32_t label = add_label(&table, 0, "outer");
	struct ingest_table names = {.bytes = table.bytes, .size_bytes = table.used};
	struct tta_event alloc = {.kind = TTA_ALLOC, .address = 64, .size_bytes = 1, .bank_bytes = TTA_LEFT_OUT};
	struct tta_event failed = {.kind = TTA_ALLOC_FAILED, .address = TTA_LEFT_OUT, .size_bytes = 2};

	(void)state;
	alloc.label = label | TTA_LEFT_OUT;
	alloc.stack = TTA_LEFT_OUT;
	one_event(ingest, process, 1, alloc, names);
	one_event(ingest, process, 2, failed, names);
	close_all(ingest);
	assert_int_equal(ask("SELECT events FROM process_info"), 2);
	assert_int_equal(ask("SELECT lost FROM process_info"), 0);
	assert_int_equal(ask("SELECT count(*) FROM loss_row"), 3);
	assert_int_equal(ask("SELECT count FROM loss_row WHERE why = 'no room for labels'"), 1);
	assert_int_equal(ask("SELECT count FROM loss_row WHERE why = 'no room for call stacks'"), 1);
	assert_int_equal(ask("SELECT count FROM loss_row WHERE why = 'no room for names'"), 1);
	assert_int_equal(ask("SELECT o.label IS NOT NULL FROM held h JOIN origin o ON o.id = h.origin"), 1);
	assert_int_equal(ask("SELECT count(*) FROM failure_info"), 1);
}

/* What is larger than anything that can be recorded of it is there, and a loss. */
static void test_too_large(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);
	struct tta_event failed = {.kind = TTA_ALLOC_FAILED};

	(void)state;
	failed.failed.size_bytes = UINT64_C(1) << 63;
	one_event(ingest, process, 1, (struct tta_event){.kind = TTA_ALLOC, .size_bytes = (UINT64_C(1) << 48) - 1},
	          (struct ingest_table){0});
	one_event(ingest, process, 2,
	          (struct tta_event){.kind = TTA_ALLOC, .address = 1, .size_bytes = UINT64_C(1) << 48},
	          (struct ingest_table){0});
	one_event(ingest, process, 3, failed, (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask("SELECT sum(count) FROM loss_row WHERE why = 'no room for sizes from 256 TiB on in the "
	                     "recorder'"),
	                 2);
	assert_int_equal(ask("SELECT events FROM process_info"), 3);
	assert_int_equal(ask("SELECT max(size_bytes) = (1 << 48) - 1 FROM held"), 1);
}

/* PAIRS of an alloc and its free, each at an address of its own from the number FROM on. */
static void come_and_go(struct ingest *ingest, uint32_t process, uint64_t from, uint32_t pairs)
{
	static struct tta_event events[8192];
	static uint64_t times[8192];
	static uint32_t threads[8192];

	for (uint32_t i = 0; i < 2 * pairs; i++) {
		events[i] = (struct tta_event){.kind = i % 2 ? TTA_FREE : TTA_ALLOC, .address = from + i / 2};
		times[i] = 10;
	}
	while (!ingest_has_room(ingest))
		usleep(100);
	ingest_batch(ingest, process,
	             &(struct ingest_batch){.first_number = 2 * from + 1,
	                                    .count = 2 * pairs,
	                                    .events = events,
	                                    .at_ns = times,
	                                    .thread_entries = threads});
}

/* A forked process's frees of nothing are of what it inherited, unless it had something there itself. Of how many
 * places that is known is limited, which a note says once. */
static void test_too_many_addresses(void **state)
{
	enum { MOST = 1 << 20, EACH = 4096 };
	struct ingest *ingest = open_new();
	uint32_t child = introduce(ingest, 2, 1);
	uint64_t number = 2 * (uint64_t)(MOST + EACH);
	const uint64_t freed[] = {0, MOST - 1, MOST, MOST + EACH};

	(void)state;
	for (uint64_t from = 0; from < MOST; from += EACH)
		come_and_go(ingest, child, from, EACH);
	commit(ingest);
	assert_int_equal(ask("SELECT count(*) FROM process_note"), 0);
	come_and_go(ingest, child, MOST, EACH);
	for (size_t i = 0; i < sizeof(freed) / sizeof(*freed); i++)
		one_event(ingest, child, ++number, (struct tta_event){.kind = TTA_FREE, .address = freed[i]},
		          (struct ingest_table){0});
	close_all(ingest);
	assert_int_equal(ask("SELECT unmatched_frees FROM process_info"), 2);
	assert_int_equal(ask("SELECT inherited_frees FROM process_info"), 2);
	assert_int_equal(ask("SELECT count FROM process_note WHERE note LIKE '%more addresses than are remembered%'"),
	                 1);
}

/* Entries where a table is not read any more are missing, and counted as such. */
static void test_beyond_the_table(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);
	struct tta_event alloc = {.kind = TTA_ALLOC, .address = 64, .size_bytes = 1};
	struct table table = {.used = 8};
	uint32_t label = add_label(&table, 0, "outer");
	struct ingest_table names = {table.bytes, table.used, table.used};

	(void)state;
	alloc.label = label;
	one_event(ingest, process, 1, alloc, names);
	alloc.address = 128;
	alloc.label = table.used / 8;
	one_event(ingest, process, 2, alloc, names);
	alloc.label = TTA_LEFT_OUT; /* at the top already, which is counted as ever */
	one_event(ingest, process, 3, alloc, names);
	close_all(ingest);
	assert_int_equal(ask("SELECT sum(count) FROM loss_row WHERE why LIKE '%so large a table of names%'"), 1);
	assert_int_equal(ask("SELECT sum(count) FROM loss_row WHERE why = 'no room for labels'"), 1);
	assert_int_equal(ask("SELECT count(*) FROM held h JOIN origin o ON o.id = h.origin WHERE o.label IS NOT NULL"),
	                 1);
}

static void test_notes(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0);
	struct table table = {.used = 8};
	uint32_t blind_first = add_text(&table, "blind first"), blind_last = add_text(&table, "blind last");
	uint32_t counted = add_text(&table, "counted");

	(void)state;
	note(ingest, process, blind_first, 0, &table);
	note(ingest, process, blind_first, 7, &table);
	note(ingest, process, blind_last, 7, &table);
	note(ingest, process, counted, 2, &table);
	commit(ingest);
	note(ingest, process, blind_last, 0, &table);
	note(ingest, process, counted, 3, &table);
	note(ingest, process, 0, 4, &table); /* a text that is not there, of something that is no gap */
	commit(ingest);
	assert_int_equal(ask("SELECT count(*) FROM loss_row"), 0);
	note(ingest, process, 12345, 0, &table);
	close_all(ingest);
	assert_int_equal(ask("SELECT group_concat(note) = 'blind first,blind last' FROM process_note WHERE count = 0"),
	                 1);
	assert_int_equal(ask("SELECT count FROM process_note WHERE note = 'counted'"), 5);
	assert_int_equal(ask("SELECT count(*) FROM process_note"), 3);
	assert_int_equal(ask("SELECT count(*) FROM loss_row WHERE count IS NULL AND why LIKE '%cannot see%'"), 1);
}

static void test_notes_without_end(void **state)
{
	struct ingest *ingest = open_new();
	uint32_t process = introduce(ingest, 1, 0), other = introduce(ingest, 2, 0);
	struct table table = {.used = 8};
	uint32_t texts[300];

	(void)state;
	for (int i = 0; i < 300; i++) {
		char text[16];

		snprintf(text, sizeof(text), "note %d", i);
		texts[i] = add_text(&table, text);
		note(ingest, process, texts[i], 2, &table);
	}
	note(ingest, process, texts[0], 5, &table); /* one that is kept still counts for itself */
	note(ingest, other, texts[299], 1, &table); /* another process has room of its own */
	commit(ingest);
	assert_int_equal(ask("SELECT count(*) FROM process_note WHERE process = 1"), 257);
	assert_int_equal(ask("SELECT count FROM process_note WHERE note = 'more notes'"), (300 - 256) * 2);
	assert_int_equal(ask("SELECT count FROM process_note WHERE note = 'note 0'"), 7);
	assert_int_equal(ask("SELECT count FROM process_note WHERE note = 'note 299' AND process = 2"), 1);
	note(ingest, process, texts[299], 0, &table); /* what cannot be seen makes what stands for it incomplete */
	close_all(ingest);
	assert_int_equal(ask("SELECT count FROM process_note WHERE note = 'more notes'"), 0);
}

static void test_who_reports(void **state)
{
	struct ingest *ingest = open_new();
	struct ingest_process about = {.segment_id = {1}, .segment_path = "p", .producer = "api"};
	struct tta_event named = {.kind = TTA_PRODUCER};
	struct ingest_table none = {0};
	struct table table = {.used = 8};
	uint64_t committed, number = 0;
	uint32_t process = ingest_process(ingest, &about, &committed);
	const char *const names[] = {"host-malloc", "preload", "%", "preload", "a name that is far too long", ""};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		assert_int_equal(ingest_is_hooked(ingest, process), i > 1);
		named.address = add_text(&table, names[i]);
		one_event(ingest, process, ++number, named,
		          (struct ingest_table){.bytes = table.bytes, .size_bytes = table.used});
	}
	one_event(ingest, process, ++number, named, none);
	close_all(ingest);
	assert_int_equal(ask("SELECT producer = 'host-malloc, preload, %, a name that is ' FROM process_info"), 1);
	assert_int_equal(ask("SELECT events + lost FROM process_info"), 0);

	ingest = open_file(true);
	assert_int_equal(ingest_process(ingest, &about, &committed), process);
	assert_true(ingest_is_hooked(ingest, process));
	close_all(ingest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_gaps_and_losses, clean_up),
	    cmocka_unit_test_teardown(test_names, clean_up),
	    cmocka_unit_test_teardown(test_what_was_left_out, clean_up),
	    cmocka_unit_test_teardown(test_too_large, clean_up),
	    cmocka_unit_test_teardown(test_too_many_addresses, clean_up),
	    cmocka_unit_test_teardown(test_beyond_the_table, clean_up),
	    cmocka_unit_test_teardown(test_notes, clean_up),
	    cmocka_unit_test_teardown(test_notes_without_end, clean_up),
	    cmocka_unit_test_teardown(test_who_reports, clean_up),
	    cmocka_unit_test_teardown(test_late_parent_and_devices, clean_up),
	    cmocka_unit_test_teardown(test_end_comes_after_the_last_event, clean_up),
	    cmocka_unit_test_teardown(test_aliased_blocks_end_in_no_span, clean_up),
	    cmocka_unit_test_teardown(test_device_close_leaves_the_host, clean_up),
	    cmocka_unit_test_teardown(test_warm_up_goes_on_in_another_recorder, clean_up),
	    cmocka_unit_test_teardown(test_full_disk, clean_up),
	    cmocka_unit_test_teardown(test_give_up, clean_up),
	    cmocka_unit_test_teardown(test_spans_are_made_anew_meanwhile, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
