/* SPDX-License-Identifier: Apache-2.0
 *
 * test_crosscheck.c - what allocators say of themselves, against what is recorded at that place.
 */
#include <sqlite3.h>
#include <string.h>

#include "tests/unit/recorder/ingest_file.h"
#include "ttalloc.h"

enum { CHIP = 1, ALLOCATOR = 7, UNCHECKED = UINT8_MAX };

struct stream {
	struct ingest *ingest;
	uint32_t process;
	uint64_t number;
};

static struct stream open_stream(struct ingest *ingest)
{
	struct ingest_process about = {.segment_id = {1}, .segment_path = "p"};
	struct stream stream = {.ingest = ingest};
	uint64_t committed;

	stream.process = ingest_process(ingest, &about, &committed);
	stream.number = committed;
	return stream;
}

static void send_from(struct stream *stream, uint32_t thread, struct tta_event event)
{
	stream->number++;
	ingest_batch(stream->ingest, stream->process,
	             &(struct ingest_batch){.first_number = stream->number,
	                                    .count = 1,
	                                    .events = &event,
	                                    .at_ns = &(uint64_t){10 * stream->number},
	                                    .thread_entries = &thread});
}

static void block(struct stream *stream, uint8_t kind, uint16_t allocator, uint64_t address)
{
	send_from(stream, 0,
	          (struct tta_event){.kind = kind,
	                             .device = CHIP,
	                             .allocator = allocator,
	                             .region = TTALLOC_L1,
	                             .address = address,
	                             .size_bytes = kind == TTA_ALLOC ? 1000 : 0,
	                             .bank_bytes = kind == TTA_ALLOC ? 64 : 0});
}

/* BLOCKS: at addresses, or UNCHECKED of them. */
static void say_from(struct stream *stream, uint32_t thread, uint64_t bank_bytes, uint64_t blocks,
                     const uint64_t *addresses)
{
	struct tta_event event = {.kind = TTA_CROSSCHECK,
	                          .device = CHIP,
	                          .allocator = ALLOCATOR,
	                          .region = TTALLOC_L1,
	                          .size_bytes = bank_bytes};

	for (uint64_t i = 0; blocks != UNCHECKED && i < blocks; i++)
		event.address += tta_address_sum(addresses[i]);
	event.bank_bytes = blocks == UNCHECKED ? 0 : blocks + 1;
	send_from(stream, thread, event);
}

static void say(struct stream *stream, uint64_t bank_bytes, uint64_t blocks, const uint64_t *addresses)
{
	say_from(stream, 0, bank_bytes, blocks, addresses);
	send_from(stream, 0, (struct tta_event){.kind = TTA_CROSSCHECK_HOLDS});
}

/* checks, differences, and the first of these: bytes and blocks, what was said / what is recorded. */
static void expect(const char *wanted)
{
	static const char sql[] =
	    "SELECT checks || ' ' || differences || coalesce(' ' || said_bank_bytes || '/' || "
	    "recorded_bank_bytes || ' ' || coalesce(said_blocks, '?') || '/' || recorded_blocks, '') "
	    "FROM crosscheck WHERE device = 1 AND allocator = 7 AND region = 'L1'";
	sqlite3_stmt *statement;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(statement, 0), wanted);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static const uint64_t addresses[] = {4096, 8192, 12288};

/* Of its own allocator alone, through frees, blocks placed over others, and a device that closes. */
static void test_agree(void **state)
{
	struct stream stream;

	(void)state;
	stream = open_stream(open_new());
	say(&stream, 0, 0, NULL);
	for (int i = 0; i < 3; i++)
		block(&stream, TTA_ALLOC, ALLOCATOR, addresses[i]);
	block(&stream, TTA_ALLOC, ALLOCATOR + 1, addresses[0]);
	say(&stream, 192, 3, addresses);
	say(&stream, 192, UNCHECKED, NULL);
	block(&stream, TTA_ALLOC, ALLOCATOR, addresses[1]);
	say(&stream, 192, 3, addresses);
	block(&stream, TTA_FREE, ALLOCATOR, addresses[2]);
	say(&stream, 128, 2, addresses);
	send_from(&stream, 0, (struct tta_event){.kind = TTA_DEVICE_CLOSE, .device = CHIP, .allocator = ALLOCATOR});
	say(&stream, 0, 0, NULL);
	close_all(stream.ingest);
	expect("6 0");
}

/* Bytes, number and addresses each, and the first of them stays. */
static void test_differ(void **state)
{
	static const uint64_t others[] = {4096, 8256};
	struct stream stream;

	(void)state;
	stream = open_stream(open_new());
	block(&stream, TTA_ALLOC, ALLOCATOR, addresses[0]);
	block(&stream, TTA_ALLOC, ALLOCATOR, addresses[1]);
	say(&stream, 128, 2, others);
	say(&stream, 128, 1, addresses);
	say(&stream, 192, 3, addresses);
	say(&stream, 64, UNCHECKED, NULL);
	say(&stream, 128, 2, addresses);
	close_all(stream.ingest);
	expect("5 4 128/128 2/2");
}

/* What is not confirmed by its own thread, before that says something else, was said in vain. */
static void test_taken_back(void **state)
{
	const struct tta_event holds = {.kind = TTA_CROSSCHECK_HOLDS};
	struct stream stream;

	(void)state;
	stream = open_stream(open_new());
	block(&stream, TTA_ALLOC, ALLOCATOR, addresses[0]);
	say_from(&stream, 1, 1000, UNCHECKED, NULL);
	say_from(&stream, 2, 500, 3, addresses);
	send_from(&stream, 3, holds);
	say_from(&stream, 1, 64, 1, addresses);
	send_from(&stream, 1, holds);
	send_from(&stream, 2, holds);
	send_from(&stream, 2, holds);
	close_all(stream.ingest);
	expect("2 1 500/64 3/1");
}

/* A recorder that goes on knows what is held, and adds to what was checked. */
static void test_resumed(void **state)
{
	struct stream stream;

	(void)state;
	stream = open_stream(open_new());
	block(&stream, TTA_ALLOC, ALLOCATOR, addresses[0]);
	block(&stream, TTA_ALLOC, ALLOCATOR, addresses[1]);
	say(&stream, 128, 2, addresses);
	close_all(stream.ingest);
	stream = open_stream(open_file(true));
	block(&stream, TTA_FREE, ALLOCATOR, addresses[1]);
	say(&stream, 64, 1, addresses);
	say(&stream, 128, 2, addresses);
	close_all(stream.ingest);
	expect("3 1 128/64 2/1");
}

/* However many threads were contradicted and have said no more since, what one more says is not forgotten. */
static void test_more_than_can_wait(void **state)
{
	enum { WAITING = 1024 };
	struct stream stream;

	(void)state;
	stream = open_stream(open_new());
	block(&stream, TTA_ALLOC, ALLOCATOR, addresses[0]);
	for (uint32_t i = 0; i < WAITING; i++)
		say_from(&stream, 1 + i, 1000, UNCHECKED, NULL);
	say_from(&stream, 1 + WAITING, 500, UNCHECKED, NULL);
	send_from(&stream, 1 + WAITING, (struct tta_event){.kind = TTA_CROSSCHECK_HOLDS});
	close_all(stream.ingest);
	expect("1 1 500/64 ?/1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_teardown(test_agree, clean_up),
	    cmocka_unit_test_teardown(test_differ, clean_up),
	    cmocka_unit_test_teardown(test_taken_back, clean_up),
	    cmocka_unit_test_teardown(test_resumed, clean_up),
	    cmocka_unit_test_teardown(test_more_than_can_wait, clean_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
