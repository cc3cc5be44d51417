/* SPDX-License-Identifier: Apache-2.0
 *
 * test_client.c - one recorded process, from its first frame to the drain of what it left, against a back half that
 * only writes down what it is given.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "recorder/serve/liveness.h"
#include "recorder/serve/recorded.h"
#include "tests/unit/recorder/front_segment_writer.h"
#include "sql/base/machine.h"

/* ---- The back half: remembers. ---- */

enum { MOST = 4096 };

struct ingest {
	uint64_t numbers[MOST], at_ns[MOST], addresses[MOST];
	size_t count;
	struct ingest_loss losses[8];
	size_t loss_count;
	uint64_t committed_number; /* what it claims to have */
	uint64_t end_ns;
	const char *how;
};

uint32_t ingest_process(struct ingest *ingest, const struct ingest_process *process, uint64_t *committed_number)
{
	assert_string_equal(process->command, "test");
	*committed_number = ingest->committed_number;
	return 5;
}

void ingest_batch(struct ingest *ingest, uint32_t process, const struct ingest_batch *batch)
{
	assert_int_equal(process, 5);
	for (uint32_t i = 0; i < batch->count; i++) {
		assert_true(ingest->count < MOST);
		ingest->numbers[ingest->count] = batch->first_number + i;
		ingest->at_ns[ingest->count] = batch->at_ns[i];
		ingest->addresses[ingest->count++] = batch->events[i].address;
	}
}

void ingest_loss(struct ingest *ingest, uint32_t process, const struct ingest_loss *loss, struct ingest_table table)
{
	assert_int_equal(process, 5);
	assert_non_null(table.bytes);
	assert_true(ingest->loss_count < 8);
	ingest->losses[ingest->loss_count++] = *loss;
}

void ingest_process_ended(struct ingest *ingest, uint32_t process, uint64_t at_ns, const char *how)
{
	assert_int_equal(process, 5);
	assert_null(ingest->how);
	ingest->end_ns = at_ns;
	ingest->how = how;
}

/* ---- The tests. ---- */

struct fixture {
	struct segment_writer writer;
	struct recorded_shared shared;
	struct clock_map *clock;
	struct ingest ingest;
	struct recorded *process;
	uint64_t start_ns;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.start_ns = clock_monotonic_ns()};
	writer_open(&fixture.writer);
	fixture.clock = clock_map_new(fixture.start_ns);
	clock_map_advance(fixture.clock, clock_read());
	*state = &fixture;
	if (recorded_shared_open(&fixture.shared, fixture.clock) < 0)
		return -1;
	fixture.shared.ingest = &fixture.ingest;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	recorded_close(fixture->process);
	recorded_shared_close(&fixture->shared);
	clock_map_free(fixture->clock);
	writer_close(&fixture->writer);
	return 0;
}

static int open_it(struct fixture *fixture)
{
	struct sql_error error;

	recorded_close(fixture->process);
	return recorded_open(&fixture->shared, fixture->writer.path, getuid(), &fixture->process, &error);
}

static void pump_all(struct fixture *fixture)
{
	for (int i = 0; recorded_pump(&fixture->shared, fixture->process); i++)
		assert_true(i < 1000);
}

/* An event of the past, NS after the recording's start. */
static struct tta_event at(const struct fixture *fixture, uint64_t ns, uint64_t address)
{
	return writer_event(fixture->start_ns + ns, address);
}

static void seal_three(struct fixture *fixture, uint64_t ns)
{
	struct tta_event events[] = {at(fixture, ns, 1), at(fixture, ns + 2, 2), at(fixture, ns + 1, 3)};

	writer_seal(&fixture->writer, events, 3);
}

static void assert_rising(const struct ingest *ingest, uint64_t first_number)
{
	for (size_t i = 0; i < ingest->count; i++) {
		assert_int_equal(ingest->numbers[i], first_number + i);
		assert_true(i == 0 || ingest->at_ns[i] >= ingest->at_ns[i - 1]);
	}
}

static void what_is_sealed_is_taken_and_late_stamps_are_lifted(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(open_it(fixture), 0);
	pump_all(fixture);
	assert_int_equal(fixture->ingest.count, 0);
	seal_three(fixture, 10);
	assert_true(recorded_is_idle(fixture->process)); /* nobody has told yet */
	assert_true(recorded_sealed(fixture->process, fixture->writer.header->outbox_sealed));
	assert_false(recorded_is_idle(fixture->process));
	pump_all(fixture);
	assert_int_equal(fixture->ingest.count, 3);
	assert_rising(&fixture->ingest, 1);
	assert_int_equal(fixture->ingest.at_ns[2], fixture->ingest.at_ns[1]);
	assert_false(recorded_is_settled(fixture->process));
	recorded_set_committed(fixture->process, 3);
	assert_true(recorded_is_settled(fixture->process));
}

static void claims_that_cannot_be_are_not_taken(void **state)
{
	struct fixture *fixture = *state;
	uint64_t sealed;

	seal_three(fixture, 10);
	assert_int_equal(open_it(fixture), 0);
	sealed = fixture->writer.header->outbox_sealed;
	assert_true(recorded_sealed(fixture->process, sealed));
	pump_all(fixture);
	assert_false(recorded_sealed(fixture->process, sealed + 4));
	assert_false(recorded_sealed(fixture->process, UINT64_MAX & ~7ull));
	assert_false(recorded_sealed(fixture->process, sealed + WRITER_OUTBOX_BYTES + 8));
	assert_true(recorded_sealed(fixture->process, sealed));
	assert_true(recorded_sealed(fixture->process, 0)); /* late */
	pump_all(fixture);
	assert_int_equal(fixture->ingest.count, 3);
}

/* Frames that nobody has announced, records in the rings, drops without a mark. */
static void leave_a_mess(struct fixture *fixture)
{
	seal_three(fixture, 10);
	seal_three(fixture, 20);
	for (uint64_t i = 0; i < 5; i++)
		writer_push(&fixture->writer, (uint32_t)(i % 2), at(fixture, 100 - i, 10 + i));
	fixture->writer.rings[1].dropped = 4;
	fixture->writer.rings[1].first_dropped_ticks = fixture->start_ns + 50;
	fixture->writer.rings[1].last_dropped_ticks = fixture->start_ns + 60;
	fixture->writer.header->no_ring_lost = 9;
}

static void the_dead_are_drained(void **state)
{
	struct fixture *fixture = *state;
	struct ingest *ingest = &fixture->ingest;

	leave_a_mess(fixture);
	assert_int_equal(open_it(fixture), 0);
	recorded_die(&fixture->shared, fixture->process, "process exit", 77);
	assert_true(recorded_is_dead(fixture->process));
	pump_all(fixture);
	assert_true(recorded_has_ended(fixture->process));
	assert_int_equal(ingest->count, 11);
	assert_rising(ingest, 1);
	assert_int_equal(ingest->loss_count, 2);
	assert_int_equal(ingest->losses[0].count, 4);
	assert_int_equal(ingest->losses[0].thread_entry, 1);
	assert_int_equal(ingest->losses[0].from_ns, 50);
	assert_int_equal(ingest->losses[0].to_ns, 60);
	assert_int_equal(ingest->losses[1].count, 9);
	assert_string_equal(ingest->how, "process exit");
	assert_true(ingest->end_ns >= ingest->at_ns[10]); /* 77 cannot be: it was alive at 100 */
	assert_false(recorded_pump(&fixture->shared, fixture->process));
}

/* The recorder was killed when the frames and two records of the rings were committed. */
static void a_drain_can_be_done_again(void **state)
{
	struct fixture *fixture = *state;
	uint64_t first_addresses[5];

	leave_a_mess(fixture);
	assert_int_equal(open_it(fixture), 0);
	recorded_die(&fixture->shared, fixture->process, "process exit", 77);
	pump_all(fixture);
	memcpy(first_addresses, &fixture->ingest.addresses[6], sizeof(first_addresses));

	fixture->ingest = (struct ingest){.committed_number = 8};
	assert_int_equal(open_it(fixture), 0);
	recorded_die(&fixture->shared, fixture->process, "process exit", 77);
	pump_all(fixture);
	assert_int_equal(fixture->ingest.count, 5); /* the frames were passed over */
	assert_rising(&fixture->ingest, 7);
	assert_memory_equal(first_addresses, fixture->ingest.addresses, sizeof(first_addresses));
}

/* All frames were released: numbers go on from the header. */
static void rings_are_drained_without_any_frame(void **state)
{
	struct fixture *fixture = *state;

	fixture->writer.header->sealed_number = 40;
	fixture->ingest.committed_number = 40;
	writer_push(&fixture->writer, 0, at(fixture, 1, 1));
	assert_int_equal(open_it(fixture), 0);
	recorded_die(&fixture->shared, fixture->process, "exec", 0);
	pump_all(fixture);
	assert_int_equal(fixture->ingest.count, 1);
	assert_rising(&fixture->ingest, 41);
	assert_string_equal(fixture->ingest.how, "exec");
}

static void damage_is_told_once_and_the_end_comes(void **state)
{
	struct fixture *fixture = *state;
	struct ingest *ingest = &fixture->ingest;

	seal_three(fixture, 10);
	seal_three(fixture, 20);
	memset(fixture->writer.file + fixture->writer.header->outbox_offset, 0xee, 64);
	writer_push(&fixture->writer, 0, at(fixture, 1, 1));
	assert_int_equal(open_it(fixture), 0);
	recorded_look(&fixture->shared, fixture->process);
	pump_all(fixture);
	assert_int_equal(ingest->count, 0);
	assert_int_equal(ingest->loss_count, 1);
	assert_int_equal(ingest->losses[0].count, 0);
	assert_int_equal(fixture->shared.refused, 1);
	assert_null(ingest->how);
	recorded_look(&fixture->shared, fixture->process);
	recorded_die(&fixture->shared, fixture->process, "process exit", 5);
	pump_all(fixture);
	assert_int_equal(ingest->loss_count, 1);
	assert_string_equal(ingest->how, "process exit");
}

static void a_batch_that_cannot_be_read_is_a_loss_with_numbers(void **state)
{
	struct fixture *fixture = *state;
	struct ingest *ingest = &fixture->ingest;
	struct tta_event event = at(fixture, 30, 1);
	uint8_t *frame;

	seal_three(fixture, 10);
	frame = writer_seal(&fixture->writer, &event, 1);
	frame[sizeof(struct tta_batch_header) + WRITER_RINGS * sizeof(struct tta_ring_position)] ^= 0xff;
	seal_three(fixture, 40);
	assert_int_equal(open_it(fixture), 0);
	recorded_look(&fixture->shared, fixture->process);
	pump_all(fixture);
	assert_int_equal(ingest->count, 6);
	assert_int_equal(ingest->loss_count, 1);
	assert_int_equal(ingest->losses[0].from_number, 4);
	assert_int_equal(ingest->losses[0].to_number, 4);
	assert_int_equal(ingest->losses[0].count, 1);
	assert_int_equal(ingest->losses[0].to_ns, 30);
}

static void another_machines_segment_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->writer.header->boot_id[0] ^= 1;
	assert_int_equal(open_it(fixture), 1);
	fixture->writer.header->boot_id[0] ^= 1;
	assert_int_equal(open_it(fixture), 0);
}

static void a_pid_of_another_namespace_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct tta_segment_header *header = fixture->writer.header;

	header->pid_namespace = fixture->shared.pid_namespace ^ 1;
	assert_int_equal(open_it(fixture), -1);
	header->pid_namespace = fixture->shared.pid_namespace;
	assert_int_equal(open_it(fixture), 0);
}

/* It is dead, so that nobody but its header can be asked. */
static void a_time_namespace_is_what_the_segment_says(void **state)
{
	struct fixture *fixture = *state;
	struct tta_segment_header *header = fixture->writer.header;
	int64_t shift_ns = INT64_C(100000000000);

	header->pid = INT32_MAX;
	header->anchor_monotonic_ns += (uint64_t)shift_ns;
	header->time_offset_ns = shift_ns - liveness_shift_of(0);
	seal_three(fixture, (uint64_t)shift_ns + 10);
	for (uint32_t knows = 0; knows < 2; knows++) {
		fixture->ingest.count = 0;
		header->knows_time_offset = knows;
		assert_int_equal(open_it(fixture), 0);
		recorded_look(&fixture->shared, fixture->process);
		pump_all(fixture);
		assert_int_equal(fixture->ingest.count, 3);
		assert_int_equal(fixture->ingest.at_ns[0] == 10, knows);
	}
	header->time_offset_ns = INT64_MIN; /* whatever it says */
	assert_int_equal(open_it(fixture), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_is_sealed_is_taken_and_late_stamps_are_lifted),
	    TEST(claims_that_cannot_be_are_not_taken),
	    TEST(the_dead_are_drained),
	    TEST(a_drain_can_be_done_again),
	    TEST(rings_are_drained_without_any_frame),
	    TEST(damage_is_told_once_and_the_end_comes),
	    TEST(a_batch_that_cannot_be_read_is_a_loss_with_numbers),
	    TEST(another_machines_segment_is_refused),
	    TEST(a_pid_of_another_namespace_is_refused),
	    TEST(a_time_namespace_is_what_the_segment_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
