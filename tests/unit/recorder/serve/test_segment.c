/* SPDX-License-Identifier: Apache-2.0
 *
 * test_segment.c - reading segments: frames in order, rings merged, and nothing believed of hostile ones.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorder/serve/drain.h"
#include "tests/unit/recorder/front_segment_writer.h"
#include "recorder/serve/segment.h"

struct fixture {
	struct segment_writer writer;
	struct segment_scratch *scratch;
	struct segment *segment;
	struct sql_error error;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){0};
	writer_open(&fixture.writer);
	fixture.scratch = segment_scratch_new();
	*state = &fixture;
	return fixture.scratch ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	segment_close(fixture->segment);
	segment_scratch_free(fixture->scratch);
	writer_close(&fixture->writer);
	return 0;
}

static int open_it(struct fixture *fixture)
{
	segment_close(fixture->segment);
	return segment_open(fixture->writer.path, getuid(), &fixture->segment, &fixture->error);
}

static void seal(struct fixture *fixture, uint32_t count, uint64_t first_address)
{
	struct tta_event events[64];

	for (uint32_t i = 0; i < count; i++)
		events[i] = writer_event(100 * (first_address + i), first_address + i);
	writer_seal(&fixture->writer, events, count);
}

static enum segment_result next(struct fixture *fixture, uint64_t committed, struct segment_batch *batch)
{
	return segment_next(fixture->segment, fixture->writer.header->outbox_sealed, committed, fixture->scratch,
	                    batch);
}

static void frames_come_in_order_and_around_the_end(void **state)
{
	struct fixture *fixture = *state;
	struct segment_batch batch;
	uint64_t number = 1;

	assert_int_equal(open_it(fixture), 0);
	while (fixture->writer.header->outbox_sealed < 5 * WRITER_OUTBOX_BYTES) {
		seal(fixture, 20, number);
		assert_int_equal(next(fixture, 0, &batch), SEGMENT_BATCH);
		assert_int_equal(batch.first_number, number);
		assert_int_equal(batch.count, 20);
		assert_int_equal(batch.events[19].address, number + 19);
		number += 20;
		assert_int_equal(next(fixture, 0, &batch), SEGMENT_NOTHING);
	}
	assert_int_equal(segment_last_number(fixture->segment), number - 1);
}

static void committed_frames_are_passed_over(void **state)
{
	struct fixture *fixture = *state;
	struct segment_batch batch;

	for (int i = 0; i < 4; i++)
		seal(fixture, 10, 1);
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(next(fixture, 25, &batch), SEGMENT_BATCH); /* 26 is in the third */
	assert_int_equal(batch.first_number, 21);
	assert_int_equal(next(fixture, 40, &batch), SEGMENT_NOTHING);
	assert_int_equal(segment_last_number(fixture->segment), 40);
}

static void an_unreadable_batch_is_told_from_a_broken_frame(void **state)
{
	struct fixture *fixture = *state;
	struct segment_batch batch;
	struct tta_event event = writer_event(1, 1);
	uint8_t *first = writer_seal(&fixture->writer, &event, 1), *third;

	writer_seal(&fixture->writer, &event, 1);
	third = writer_seal(&fixture->writer, &event, 1);
	first[sizeof(struct tta_batch_header) + WRITER_RINGS * sizeof(struct tta_ring_position) + 3] ^= 0x5a;
	third[20] ^= 1;
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(next(fixture, 0, &batch), SEGMENT_UNREADABLE);
	assert_int_equal(batch.first_number, 1);
	assert_int_equal(batch.count, 1);
	assert_int_equal(next(fixture, 0, &batch), SEGMENT_BATCH);
	assert_int_equal(next(fixture, 0, &batch), SEGMENT_BROKEN);
}

/* Every field of a signed header with absurd values: nothing crashes, nothing is read out of bounds. */
static void signed_nonsense_is_refused(void **state)
{
	static const uint64_t absurd[] = {0, 1, 7, 9, 0x7fffffff, 0xffffffff, 1ull << 40, 1ull << 63, UINT64_MAX};
	struct fixture *fixture = *state;
	struct tta_event event = writer_event(1, 1);
	uint8_t *frame = writer_seal(&fixture->writer, &event, 1);
	struct tta_batch_header whole;

	memcpy(&whole, frame, sizeof(whole));
	for (size_t offset = 0; offset + 8 <= sizeof(whole); offset += 4) {
		for (size_t i = 0; i < sizeof(absurd) / sizeof(*absurd); i++) {
			struct tta_batch_header *header = (struct tta_batch_header *)(void *)frame;
			struct segment_batch batch;

			memcpy(frame, &whole, sizeof(whole));
			memcpy(frame + offset, &absurd[i], 8);
			if (header->ring_count <= TTA_MAX_RINGS)
				writer_sign(frame);
			assert_int_equal(open_it(fixture), 0);
			next(fixture, 0, &batch);
		}
	}
}

static void a_truncated_file_is_broken(void **state)
{
	struct fixture *fixture = *state;
	struct segment_batch batch;

	seal(fixture, 10, 1);
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(truncate(fixture->writer.path, 8192), 0);
	/* the header cannot be reached through the mapping's later pages any more, but it is in the first */
	assert_int_equal(next(fixture, 0, &batch), SEGMENT_BROKEN);
	assert_int_equal(segment_refresh(fixture->segment), 0);
	assert_int_equal(open_it(fixture), -1);
	assert_int_equal(truncate(fixture->writer.path, 100), 0);
	assert_int_equal(open_it(fixture), -1);
	assert_int_equal(truncate(fixture->writer.path, (off_t)fixture->writer.file_bytes), 0);
}

static void headers_that_cannot_be_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct tta_segment_header *header = fixture->writer.header, whole = *header;

	header->magic[0] = 'x';
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	header->version = TTA_SEGMENT_VERSION + 1;
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	header->uid++;
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	header->table_offset = UINT64_MAX - 7;
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	header->table_capacity = UINT64_MAX - 7;
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	header->outbox_capacity = UINT64_MAX & ~7ull;
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	header->outbox_capacity = 0;
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	header->outbox_sealed = 1ull << 40;
	assert_int_equal(open_it(fixture), -1);
	*header = whole;
	memset(header->command, 'a', sizeof(header->command));
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(strlen(segment_header(fixture->segment)->command), sizeof(header->command) - 1);
}

static void places_that_are_not_the_users_alone_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char link[160];

	assert_int_equal(chmod(fixture->writer.directory, 0755), 0);
	assert_int_equal(open_it(fixture), -1);
	assert_int_equal(chmod(fixture->writer.directory, 0700), 0);
	assert_int_equal(open_it(fixture), 0);
	snprintf(link, sizeof(link), "%s/link.segment", fixture->writer.directory);
	assert_int_equal(symlink(fixture->writer.path, link), 0);
	assert_int_equal(segment_open(link, getuid(), &(struct segment *){0}, &fixture->error), -1);
	unlink(link);
	assert_int_equal(mkfifo(link, 0600), 0); /* must not block either */
	assert_int_equal(segment_open(link, getuid(), &(struct segment *){0}, &fixture->error), -1);
	unlink(link);
	assert_int_equal(segment_open("relative.segment", getuid(), &(struct segment *){0}, &fixture->error), -1);
	assert_int_equal(segment_open("/", getuid(), &(struct segment *){0}, &fixture->error), -1);
}

/* The directory is its user's, who may put a link to another one in its place: nothing is removed there. */
static void a_segment_is_removed_where_it_was(void **state)
{
	struct fixture *fixture = *state;
	char moved[sizeof(fixture->writer.directory) + 8];

	assert_int_equal(open_it(fixture), 0);
	snprintf(moved, sizeof(moved), "%s.moved", fixture->writer.directory);
	assert_int_equal(rename(fixture->writer.directory, moved), 0);
	assert_int_equal(symlink(moved, fixture->writer.directory), 0);
	segment_unlink(fixture->segment);
	assert_int_equal(access(fixture->writer.path, F_OK), 0);
	assert_int_equal(unlink(fixture->writer.directory), 0);
	assert_int_equal(rename(moved, fixture->writer.directory), 0);
	segment_unlink(fixture->segment);
	assert_int_equal(access(fixture->writer.path, F_OK), -1);
}

static void the_table_grows_in_place(void **state)
{
	struct fixture *fixture = *state;
	uint8_t *table = fixture->writer.file + fixture->writer.header->table_offset;
	struct ingest_table first, second;

	assert_int_equal(open_it(fixture), 0);
	memset(table, 1, 16);
	first = segment_table(fixture->segment, 16);
	memset(table, 2, 32); /* what was read is not read again */
	second = segment_table(fixture->segment, 32);
	assert_ptr_equal(first.bytes, second.bytes);
	assert_int_equal(second.size_bytes, 32);
	assert_int_equal(second.bytes[15], 1);
	assert_int_equal(second.bytes[16], 2);
	assert_int_equal(segment_table(fixture->segment, UINT64_MAX).size_bytes, WRITER_TABLE_BYTES);
}

/* Of a table that may become larger than what is read of it, it is known where that ends. */
static void a_table_may_be_too_large(void **state)
{
	struct fixture *fixture = *state;
	struct tta_segment_header *header = fixture->writer.header;

	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(segment_table(fixture->segment, 16).most_bytes, 0);
	header->table_capacity = SEGMENT_TABLE_MAX_BYTES;
	assert_int_equal(truncate(fixture->writer.path, (off_t)(header->table_offset + header->table_capacity + 8)), 0);
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(segment_table(fixture->segment, 16).most_bytes, 0);
	header->table_capacity += 8;
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(segment_table(fixture->segment, 16).most_bytes, SEGMENT_TABLE_MAX_BYTES);
}

static uint32_t drain_all(struct drain *drain, struct tta_event *events, uint32_t capacity)
{
	uint32_t threads[4096], count = 0, got;

	while ((got = drain_next(drain, events + count, threads, 7)))
		assert_true((count += got) + 7 <= capacity);
	return count;
}

static void rings_are_merged_by_time_and_ring(void **state)
{
	static struct tta_event events[4096];
	struct fixture *fixture = *state;
	struct drain *drain;
	struct drain_loss loss;
	uint32_t count;

	for (uint64_t i = 0; i < 300; i++) /* around the ring's end as well */
		for (uint32_t ring = 0; ring < 3; ring++)
			writer_push(&fixture->writer, ring, writer_event(i * 3 / 2, i));
	fixture->writer.rings[2].tail = 300; /* all of it is sealed */
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(segment_refresh(fixture->segment), 0);
	drain = drain_new(fixture->segment);
	assert_non_null(drain);
	count = drain_all(drain, events, 4096);
	assert_int_equal(count, 600);
	for (uint32_t i = 1; i < count; i++)
		assert_true(events[i].ticks >= events[i - 1].ticks);
	assert_false(drain_next_loss(drain, &loss));
	drain_free(drain);
}

static void the_last_frame_knows_better_than_the_tails(void **state)
{
	static struct tta_event events[64];
	struct fixture *fixture = *state;
	struct segment_batch batch;
	struct drain *drain;

	for (uint64_t i = 0; i < 5; i++)
		writer_push(&fixture->writer, 0, writer_event(i, i));
	seal(fixture, 5, 0); /* and killed before the tails moved */
	writer_push(&fixture->writer, 0, writer_event(9, 9));
	assert_int_equal(open_it(fixture), 0);
	assert_int_equal(next(fixture, 0, &batch), SEGMENT_BATCH);
	drain = drain_new(fixture->segment);
	assert_int_equal(drain_all(drain, events, 64), 1);
	assert_int_equal(events[0].address, 9);
	drain_free(drain);
}

static void drops_that_no_mark_tells_of_are_lost(void **state)
{
	static struct tta_event events[64];
	struct fixture *fixture = *state;
	struct tta_event mark = {.kind = TTA_LOSS, .size_bytes = 4, .bank_bytes = TTA_LOST_RING_FULL};
	struct drain_loss loss;
	struct drain *drain;

	fixture->writer.rings[1].marked_sealed = 10;
	fixture->writer.rings[1].dropped = 17; /* 10 sealed, 4 in the ring, 3 without a mark */
	fixture->writer.rings[1].first_dropped_ticks = 55;
	fixture->writer.rings[3].capacity = 3; /* no power of two */
	fixture->writer.header->no_ring_lost = 2;
	writer_push(&fixture->writer, 1, mark);
	assert_int_equal(open_it(fixture), 0);
	drain = drain_new(fixture->segment);
	assert_int_equal(drain_all(drain, events, 64), 1);
	assert_true(drain_next_loss(drain, &loss));
	assert_int_equal(loss.count, 3);
	assert_int_equal(loss.from_ticks, 55);
	assert_int_equal(loss.thread_entry, 1);
	assert_true(drain_next_loss(drain, &loss));
	assert_int_equal(loss.count, 0); /* the ring that cannot be */
	assert_true(drain_next_loss(drain, &loss));
	assert_int_equal(loss.count, 2);
	assert_false(drain_next_loss(drain, &loss));
	assert_false(drain_next_loss(drain, &loss));
	drain_free(drain);
}

static void rings_that_lie_are_not_followed(void **state)
{
	static struct tta_event events[64];
	struct fixture *fixture = *state;
	struct tta_ring *rings = fixture->writer.rings;
	struct drain *drain;

	rings[0].head = WRITER_RING_RECORDS + 1;
	rings[1].offset = UINT64_MAX - 7;
	rings[1].head = 1;
	rings[2].capacity = 1ull << 63;
	rings[2].head = 1;
	rings[3].head = 5;
	rings[3].tail = 9;
	fixture->writer.header->ring_count = UINT32_MAX;
	assert_int_equal(open_it(fixture), 0);
	drain = drain_new(fixture->segment);
	assert_int_equal(drain_all(drain, events, 64), 0);
	drain_free(drain);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(frames_come_in_order_and_around_the_end),
	    TEST(committed_frames_are_passed_over),
	    TEST(an_unreadable_batch_is_told_from_a_broken_frame),
	    TEST(signed_nonsense_is_refused),
	    TEST(a_truncated_file_is_broken),
	    TEST(headers_that_cannot_be_are_refused),
	    TEST(places_that_are_not_the_users_alone_are_refused),
	    TEST(a_segment_is_removed_where_it_was),
	    TEST(the_table_grows_in_place),
	    TEST(a_table_may_be_too_large),
	    TEST(rings_are_merged_by_time_and_ring),
	    TEST(the_last_frame_knows_better_than_the_tails),
	    TEST(drops_that_no_mark_tells_of_are_lost),
	    TEST(rings_that_lie_are_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
