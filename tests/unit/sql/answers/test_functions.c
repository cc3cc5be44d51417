/* SPDX-License-Identifier: Apache-2.0
 *
 * test_functions.c - the SQL functions, the lines about what is missing, and what peaks do with spans that are kept
 * ready.
 */
#include "tests/unit/sql/fixture.h"

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture_make(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	free(*state);
	return 0;
}

static void test_label_matches(void **state)
{
	opened(*state);
	expect_answer(
	    *state,
	    "SELECT label_matches('a/b', 'a/b'), label_matches('a/b', 'a/b/c'), label_matches('a/b', 'a/bc'), "
	    "label_matches('a/b', 'a'), label_matches('*[bc]', 'a/c'), label_matches('a?c', 'a/c/d'), "
	    "label_matches(NULL, 'a'), label_matches('a', NULL), label_matches('', 'a')",
	    "1|1|0|0|1|0|1|0|0\n");
}

static void test_words(void **state)
{
	opened(*state);
	expect_answer(*state,
	              "SELECT region_word(3), region_word(99), region_word(NULL), region_number('cb'), class_word(4)",
	              "L1_SMALL|99||16|trace\n");
	expect_answer(*state, "SELECT human_bytes(1000), human_bytes(1536), human_bytes(NULL)", "1000 B|1.50 KiB|\n");
}

static void test_completeness(void **state)
{
	struct fixture *fixture = *state;
	char lines[8][RECORDING_LINE_BYTES];

	opened(fixture);
	assert_true(recording_complete(fixture->recording, NULL));
	assert_int_equal(recording_loss_lines(fixture->recording, NULL, lines, 8), 0);
	recording_release(fixture->recording);
	add_process(fixture, 1, NULL, 0);
	run(fixture, "UPDATE recording_info SET ended = NULL");
	run(fixture, "INSERT INTO loss_row VALUES(1, 1, NULL, 5, 6, NULL, NULL, 11, 'ring full'), "
	             "(2, 1, NULL, 7, 8, NULL, NULL, 1, 'ring full')");
	assert_false(recording_complete(fixture->recording, NULL));
	assert_int_equal(recording_loss_lines(fixture->recording, NULL, lines, 8), 4);
	assert_string_equal(
	    lines[0], "12 events lost in 2 gaps; a lost alloc makes a peak too low, a lost free makes a block a leak");
	assert_non_null(strstr(lines[1], "lost 11 events of process 1001"));
	assert_non_null(strstr(lines[3], "no clean end"));
	assert_int_equal(recording_loss_lines(fixture->recording, NULL, lines, 1), 1);
}

/* Of many the first, and how many more there are; none is cut. */
static void test_many_gaps(void **state)
{
	struct fixture *fixture = *state;
	char lines[RECORDING_LINES][RECORDING_LINE_BYTES];

	opened(fixture);
	add_process(fixture, 1, NULL, 0);
	run(fixture,
	    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 6) "
	    "INSERT INTO process_note SELECT 1, replace(hex(zeroblob(127)), '0', char(96 + i)) || i, 0 FROM n");
	run(fixture,
	    "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 11) INSERT INTO "
	    "crosscheck_row(process, device, allocator, region, checks, last_ns, differences, at_ns, said_bank_bytes, "
	    "recorded_bank_bytes) SELECT 1, i, 1, 0, 1, 1, 1, 1, 5, 6 FROM n");
	assert_int_equal(recording_loss_lines(fixture->recording, NULL, lines, RECORDING_LINES), 10);
	assert_int_equal(strlen(lines[0]), strlen("process 1001: ") + 255);
	assert_string_equal(lines[4], "and 2 more, in the view note");
	assert_string_equal(lines[9], "and 7 more, in the view crosscheck");
}

/* A span is believed until its region is dirty; from then on the blocks are. */
static void test_spans(void **state)
{
	struct fixture *fixture = *state;

	add_process(fixture, 1, NULL, 0);
	run(fixture, "INSERT INTO origin VALUES(1, 1, 1, NULL, NULL, 0, 0, 0, 0, 0)");
	run(fixture, "INSERT INTO batch VALUES(1, 40, 1, 1, 40, 10, 400, 0)");
	run(fixture,
	    "INSERT INTO freed VALUES(20, 10, 200, 100, 0, 50, NULL, 1, NULL), (31, 1, 310, 10, 0, 70, NULL, 1, NULL)");
	/* the maximum of the first span is another than that of its blocks, so that it shows who was asked */
	run(fixture, "INSERT INTO span VALUES(1, 0, 0, 100, 200, 0, 0, 60, 0, 100, 10, 1, 0, 55, 120, 0, 0, 0, 1, 1),"
	             "(2, 0, 0, 300, 310, 0, 0, 99, 0, 300, 30, 1, 0, 99, 300, 0, 0, 0, 1, 1)");
	run(fixture, "INSERT INTO region_usage VALUES(0, 0, NULL)");
	opened(fixture);
	expect_answer(fixture, "SELECT * FROM peaks()", "0|0|99|300|1|99|300\n");
	run(fixture, "UPDATE region_usage SET dirty_ns = 300");
	expect_answer(fixture, "SELECT * FROM peaks()", "0|0|70|300|1|70|300\n");
	run(fixture, "UPDATE span SET max_bytes = 80 WHERE id = 1");
	expect_answer(fixture, "SELECT * FROM peaks()", "0|0|80|100|1|70|300\n");
	expect_answer(fixture, "SELECT * FROM peaks(0)", "0|0|70|300|1|70|300\n");
}

static void test_old_recording(void **state)
{
	struct fixture *fixture = *state;
	struct sql_error error = {.text = ""};

	opened(fixture);
	struct query_run *query =
	    query_start_sql(fixture->recording, "SELECT * FROM peaks WHERE recording = 'old'", &error);
	assert_non_null(query);
	assert_int_equal(query_next(query, &error), -1);
	assert_non_null(strstr(error.text, "no old recording"));
	query_finish(query);
	recording_release(fixture->recording);
	assert_int_equal(recording_attach_old(fixture->recording, fixture->path, &error), 0);
	expect_answer(fixture, "SELECT count(*) FROM peaks WHERE recording = 'old'", "0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_label_matches, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_words, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_completeness, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_many_gaps, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_spans, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_old_recording, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
