/* SPDX-License-Identifier: Apache-2.0
 *
 * test_holders.c - who held memory, where, and for how long: floor, temporary, histogram and top over small recordings.
 */
#include "tests/unit/sql/answers.h"

/* Keys 1 to 40 and 61 to 99 are those of process 1, 41 to 60 of process 2. */
static const char batches[] = "INSERT INTO batch VALUES(1, 40, 1, 1, 40, 10, 400, 0), (41, 60, 2, 1, 20, 410, 600, 0), "
                              "(61, 99, 1, 41, 39, 610, 990, 0)";

/* Origins: 1 in L1 under label a, 2 under b, 3 aliased, 4 of process 2, 5 that says "replaced", 6 in DRAM, 7 of
 * circular buffers, 8 kernels. */
static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture_make(fixture);
	add_process(fixture, 1, NULL, 0);
	add_process(fixture, 2, NULL, 0);
	run(fixture, "INSERT INTO label_info VALUES(1, NULL, 'a', 'a'), (2, NULL, 'b', 'b')");
	run(fixture, "INSERT INTO origin VALUES(1, 1, 1, 1, NULL, 0, 1, 0, 0, 0), (2, 1, 1, 2, NULL, 0, 1, 0, 0, 0),"
	             "(3, 1, 1, 1, NULL, 0, 1, 0, 4, 0), (4, 2, 2, 1, NULL, 0, 1, 0, 0, 0),"
	             "(5, 1, 1, 1, NULL, 0, 1, 0, 0, 1), (6, 1, 1, 1, NULL, 0, 0, 0, 0, 0),"
	             "(7, 1, 1, 1, NULL, 0, 16, 2, 0, 0), (8, 1, 1, 1, NULL, 0, 17, 3, 0, 0)");
	run(fixture, "%s", batches);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	free(*state);
	return 0;
}

/* A block at ADDRESS that lived from 10 times its key to 10 times END_KEY; 0: it is held. */
static void place(struct fixture *fixture, int key, int end_key, int origin, int address, int size_bytes)
{
	if (end_key)
		run(fixture, "INSERT INTO freed VALUES(%d, %d, %d, %d, %d, %d, NULL, %d, NULL)", end_key, end_key - key,
		    end_key * 10, (end_key - key) * 10, address, size_bytes, origin);
	else
		run(fixture, "INSERT INTO held VALUES(%d, %d, %d, %d, NULL, %d, NULL, NULL)", key, key * 10, address,
		    size_bytes, origin);
}

static void replace(struct fixture *fixture, int key, int end_key, int size_bytes)
{
	free_block(fixture, key, end_key, 1, size_bytes);
	run(fixture, "UPDATE freed SET free_origin = 5 WHERE key = %d", end_key);
}

/* The query NAME does not answer, and says why. */
static void expect_error(struct fixture *fixture, const char *name, const char *value_name, const char *value,
                         const char *wanted)
{
	struct sql_error error = {.text = ""};
	struct query_value values[] = {{.name = value_name, .type = QUERY_TEXT, .text = value}};
	struct query_run *run = query_start(fixture->recording, query_named(name), values, 1, &error);

	if (run && query_next(run, &error) >= 0)
		fail_msg("%s %s=%s answers", name, value_name, value);
	if (!strstr(error.text, wanted))
		fail_msg("%s %s=%s: '%s'", name, value_name, value, error.text);
	query_finish(run);
	recording_release(fixture->recording);
}

/* ---- floor ---- */

static const char spans[] = "from_ns to_ns address label";

static void test_floor_of_the_lowest(void **state)
{
	struct fixture *fixture = *state;

	place(fixture, 10, 0, 1, 8000, 16);
	place(fixture, 20, 30, 2, 4000, 16);
	place(fixture, 25, 28, 1, 6000, 16);
	opened(fixture);
	expect_rows(fixture, "floor", "", spans, "100|200|8000|a\n200|300|4000|b\n300|1000|8000|a\n");
	expect_rows(fixture, "floor", "start=150 end=250", spans, "150|200|8000|a\n200|250|4000|b\n");
	expect_rows(fixture, "floor", "start=300 end=300", spans, "300|300|8000|a\n");
	expect_rows(fixture, "floor", "end=200", spans, "100|200|8000|a\n200|200|4000|b\n");
	expect_rows(fixture, "floor", "end=50", spans, "");
	expect_rows(fixture, "floor", "label=a", spans, "100|250|8000|a\n250|280|6000|a\n280|1000|8000|a\n");
	expect_rows(fixture, "floor", "by=label", "group held_ns longest_ns spans lowest_address",
	            "a|800|700|2|8000\nb|100|100|1|4000\n");
	expect_rows(fixture, "floor", "by=size", "group held_ns spans", "16|900|3\n");
	/* the longest, and beside them the lowest */
	expect_rows(fixture, "floor", "spans=1", spans, "200|300|4000|b\n300|1000|8000|a\n");
	expect_rows(fixture, "floor", "at_least=101", spans, "300|1000|8000|a\n");
	expect_rows(fixture, "floor", "at_least=101 by=label", "group spans", "a|1\n");
}

/* Blocks at one address, one nanosecond, or that take no space. */
static void test_floor_of_equals(void **state)
{
	struct fixture *fixture = *state;

	place(fixture, 10, 70, 1, 4000, 16);
	place(fixture, 42, 0, 4, 4000, 16); /* of the other process */
	place(fixture, 15, 0, 3, 100, 16);  /* aliased */
	place(fixture, 16, 0, 2, 200, 0);   /* nothing */
	place(fixture, 30, 31, 2, 50, 16);
	run(fixture, "UPDATE freed SET held_ns = 0, free_ns = 300 WHERE key = 31"); /* within a nanosecond */
	opened(fixture);
	expect_rows(fixture, "floor", "", "from_ns to_ns address pid", "100|700|4000|1001\n700|1000|4000|1002\n");
	expect_rows(fixture, "floor", "pid=1002", "from_ns to_ns address pid", "420|1000|4000|1002\n");
}

static void test_floor_and_ends(void **state)
{
	struct fixture *fixture = *state;

	place(fixture, 10, 0, 1, 4000, 16);
	place(fixture, 20, 0, 2, 8000, 16);
	run(fixture, "UPDATE held SET end_key = 30, end_ns = 300 WHERE key = 10"); /* the device was closed */
	run(fixture, "UPDATE process_info SET ended = 'process exit', ended_ns = 995 WHERE id = 1");
	opened(fixture);
	expect_rows(fixture, "floor", "", spans, "100|300|4000|a\n300|995|8000|b\n");
	expect_rows(fixture, "floor", "by=label", "group held_ns", "b|695\na|200\n");
	expect_rows(fixture, "floor", "step=1", spans, "");
}

static void test_floor_and_geometry(void **state)
{
	static const char missing[] = "above_base_bytes needs the geometry of device 0 L1, which was not recorded "
	                              "(ttalloc_device_open)\n";
	struct fixture *fixture = *state;

	place(fixture, 10, 0, 1, 4000, 16);
	opened(fixture);
	expect_rows(fixture, "floor", "", "address above_base_bytes", "4000|\n");
	expect_notes(fixture, "floor", "", missing);
	expect_notes(fixture, "floor", "device=3", "");
	run(fixture, "INSERT INTO device_mark VALUES(5, 1, 0, 1, 50, 'x', 4, 9000, 1000, 16, 1)");
	expect_rows(fixture, "floor", "", "address above_base_bytes", "4000|3000\n");
	expect_rows(fixture, "floor", "by=label", "lowest_address lowest_above_base_bytes", "4000|3000\n");
	expect_notes(fixture, "floor", "", "");
	run(fixture, "UPDATE device_mark SET base_address = -7");
	expect_rows(fixture, "floor", "", "address above_base_bytes", "4000|\n");
}

static void test_floor_of_other_regions(void **state)
{
	struct fixture *fixture = *state;

	place(fixture, 10, 0, 6, 4000, 16);
	run(fixture, "DELETE FROM origin WHERE region = 1");
	opened(fixture);
	expect_rows(fixture, "floor", "", spans, "");
	expect_notes(fixture, "floor", "", "no block of L1 is recorded; --region asks about another region\n");
	expect_rows(fixture, "floor", "region=DRAM", spans, "100|1000|4000|a\n");
	expect_error(fixture, "floor", "region", "CB", "the floor is that of buffers");
	expect_error(fixture, "floor", "region", "KERNEL", "the floor is that of buffers");
	expect_error(fixture, "floor", "spans", "0", "spans: from 1 to");
	expect_error(fixture, "floor", "spans", "9999999", "spans: from 1 to");
}

/* ---- temporary ---- */

static const char temporaries[] = "group temporary_blocks temporary_bytes blocks";

static void test_temporary_by_own_free(void **state)
{
	struct fixture *fixture = *state;

	free_block(fixture, 1, 2, 1, 100);
	free_block(fixture, 3, 6, 1, 100); /* crossed with the next one, of its size */
	free_block(fixture, 4, 5, 2, 100);
	free_block(fixture, 7, 8, 3, 100); /* aliased */
	hold(fixture, 9, 1, 100);
	opened(fixture);
	expect_rows(fixture, "temporary", "", temporaries, "a|1|100|3\nb|1|100|1\n");
	expect_rows(fixture, "temporary", "within=2", temporaries, "a|1|100|3\nb|1|100|1\n");
	expect_rows(fixture, "temporary", "within=3", temporaries, "a|2|200|3\nb|1|100|1\n");
	expect_rows(fixture, "temporary", "by=size", temporaries, "100|2|200|4\n");
	expect_rows(fixture, "temporary", "label=b", temporaries, "b|1|100|1\n");
	expect_rows(fixture, "temporary", "start=21 end=55", temporaries, "b|1|100|1\n");
	expect_rows(fixture, "temporary", "start=20 end=55", temporaries, "a|1|100|2\nb|1|100|1\n");
	expect_error(fixture, "temporary", "within", "0", "within: from 1 to");
	expect_error(fixture, "temporary", "within", "-1", "within: from 1 to");
	expect_error(fixture, "temporary", "within", "100001", "within: from 1 to");
}

/* Keys between an alloc and its free that are no events of the process. */
static void test_temporary_between(void **state)
{
	struct fixture *fixture = *state;

	free_block(fixture, 40, 61, 1, 100); /* another process's batch */
	free_block(fixture, 70, 73, 1, 10);
	run(fixture, "INSERT INTO step_mark VALUES(71, 1, 1, 710), (72, 1, 2, 720)");
	opened(fixture);
	expect_rows(fixture, "temporary", "", temporaries, "a|2|110|2\n");
	expect_rows(fixture, "temporary", "by=step", temporaries, "|2|110|2\n");
	/* a block is replaced at 81, by the alloc 82: of 80 to 83 two are events */
	free_block(fixture, 80, 83, 2, 1000);
	replace(fixture, 79, 81, 5);
	expect_rows(fixture, "temporary", "label=b", temporaries, "");
	expect_rows(fixture, "temporary", "label=b within=2", temporaries, "b|1|1000|1\n");
	/* a replaced block was not freed */
	expect_rows(fixture, "temporary", "label=a within=3", temporaries, "a|2|110|3\n");
	/* numbers 41 to 43 were lost */
	run(fixture, "UPDATE batch SET first_number = 44 WHERE first_key = 61");
	expect_rows(fixture, "temporary", "label=a within=3", temporaries, "a|1|10|3\n");
	expect_rows(fixture, "temporary", "label=a within=4", temporaries, "a|2|110|3\n");
}

/* More replaced blocks than have to be kept in mind. */
static void test_temporary_and_many_replaced(void **state)
{
	struct fixture *fixture = *state;

	free_block(fixture, 1, 39, 2, 100);
	for (int key = 3; key < 37; key += 2)
		replace(fixture, key - 1, key, 1);
	opened(fixture);
	/* from 2 on: 38 keys, of which 17 are replacements */
	expect_rows(fixture, "temporary", "label=b within=20", temporaries, "");
	expect_rows(fixture, "temporary", "label=b within=21", temporaries, "b|1|100|1\n");
	expect_rows(fixture, "temporary", "label=b within=2", temporaries, "");
}

static void test_temporary_circular_buffers(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "INSERT INTO circular_buffer VALUES(1, 10, 7, 1, 0, 0, 64, NULL, 3, 30, 'freed'),"
	             "(2, 20, 7, 1, 1, 64, 32, NULL, 3, 30, 'freed'), (4, 40, 7, 1, 2, 64, 7, NULL, NULL, NULL, NULL)");
	opened(fixture);
	expect_rows(fixture, "temporary", "", temporaries, "a|1|32|3\n");
	expect_rows(fixture, "temporary", "within=2", temporaries, "a|2|96|3\n");
}

/* ---- histogram ---- */

static const char sizes[] = "region from_bytes to_bytes blocks held_blocks held_bytes";

static void test_histogram_of_sizes(void **state)
{
	struct fixture *fixture = *state;

	hold(fixture, 1, 1, 0);
	hold(fixture, 2, 1, 1);
	free_block(fixture, 3, 4, 1, 7);
	hold(fixture, 5, 1, 8);
	hold(fixture, 6, 3, 4); /* aliased */
	hold(fixture, 7, 6, 4096);
	opened(fixture);
	expect_rows(fixture, "histogram", "", sizes,
	            "DRAM|4096|8192|1|1|4096\nL1|0|1|1|1|0\nL1|1|2|1|1|1\nL1|2|4|0|0|0\nL1|4|8|1|0|0\nL1|8|16|1|1|8\n");
	expect_rows(fixture, "histogram", "region=L1 start=40 end=45", sizes,
	            "L1|0|1|1|1|0\nL1|1|2|1|1|1\nL1|2|4|0|0|0\nL1|4|8|1|0|0\n");
	run(fixture, "UPDATE held SET bank_bytes = 3 WHERE key = 7");
	expect_rows(fixture, "histogram", "of=bank region=DRAM", "from_bytes to_bytes bytes", "2|4|4096\n");
	/* nothing that a recorder writes */
	run(fixture, "DELETE FROM freed; DELETE FROM held WHERE key <> 7");
	run(fixture, "UPDATE held SET size_bytes = 9223372036854775807");
	expect_rows(fixture, "histogram", "", "from_bytes to_bytes", "4611686018427387904|9223372036854775807\n");
	run(fixture, "UPDATE held SET size_bytes = -9");
	expect_rows(fixture, "histogram", "", "from_bytes to_bytes", "0|1\n");
}

static void test_histogram_of_lifetimes(void **state)
{
	struct fixture *fixture = *state;
	static const char columns[] = "from_ns to_ns blocks bytes held_blocks";

	free_block(fixture, 1, 2, 1, 100); /* 10 ns */
	hold(fixture, 90, 1, 7);           /* 100 ns, up to the end */
	hold(fixture, 60, 4, 9);           /* 10 ns, until its process ended */
	hold(fixture, 70, 1, 5);           /* 20 ns, until its device was closed */
	run(fixture, "UPDATE process_info SET ended = 'exec', ended_ns = 610 WHERE id = 2");
	run(fixture, "UPDATE held SET end_key = 72, end_ns = 720 WHERE key = 70");
	opened(fixture);
	expect_rows(fixture, "histogram", "of=lifetime", columns,
	            "8|16|2|109|1\n16|32|1|5|1\n32|64|0|0|0\n64|128|1|7|1\n");
	expect_rows(fixture, "histogram", "of=lifetime pid=1002", columns, "8|16|1|9|1\n");
	run(fixture, "DELETE FROM freed; DELETE FROM held");
	expect_rows(fixture, "histogram", "of=lifetime", columns, "");
}

/* ---- top ---- */

static void test_top(void **state)
{
	struct fixture *fixture = *state;
	static const char columns[] = "region group bytes blocks oldest_age_ns at_ns";

	free_block(fixture, 10, 65, 1, 100);
	free_block(fixture, 20, 40, 2, 300);
	hold(fixture, 30, 3, 50);
	hold(fixture, 35, 6, 8);
	opened(fixture);
	expect_rows(fixture, "top", "", columns, "DRAM|a|8|1|650|1000\nL1|a|0|0|700|1000\n");
	expect_rows(fixture, "top", "at=399", columns, "DRAM|a|8|1|49|399\nL1|b|300|1|199|399\nL1|a|100|1|299|399\n");
	/* after all that happened at that nanosecond */
	expect_rows(fixture, "top", "at=400 region=L1", columns, "L1|a|100|1|300|400\n");
	expect_rows(fixture, "top", "end=250", columns, "L1|b|300|1|50|250\nL1|a|100|1|150|250\n");
	expect_rows(fixture, "top", "at=50", columns, "");
	expect_rows(fixture, "top", "at=250 by=size", "group bytes", "300|300\n100|100\n");
}

static void test_top_and_contradictions(void **state)
{
	struct fixture *fixture = *state;

	opened(fixture);
	expect_refused(fixture, "top", "at=10 start=20",
	               "--at lies outside of the time that is asked about, from 20 to 1000 ns (--start, --end, or the "
	               "part of a recording that the file is)\n");
	expect_refused(fixture, "top", "at=30 end=20",
	               "--at lies outside of the time that is asked about, from 0 to 20 ns (--start, --end, or the "
	               "part of a recording that the file is)\n");
	expect_refused(fixture, "top", "at=20 start=20 end=20", "");
	expect_refused(fixture, "top", "at=1001", "--at is behind the end of the recording, which is 1000 ns long\n");
	expect_refused(fixture, "top", "at=1000", "");
	expect_refused(fixture, "top", "by=stack",
	               "the recording has no call stacks; record with 'ttalloc-recorder --stacks'\n");
	run(fixture, "UPDATE process_info SET ended = 'process exit', ended_ns = 900");
	expect_notes(fixture, "top", "",
	             "nothing is live at the end: every process has ended; 'leaks' lists what they held, and --at 50% "
	             "asks about a moment before\n");
	expect_notes(fixture, "top", "at=10", "");
}

/* ---- All of them ---- */

static void test_missing_labels_and_steps(void **state)
{
	static const char label[] = "no block has a label: the program opens none (ttalloc_label_push, or "
	                            "ttalloc-recorder --ttnn)\n";
	static const char step[] = "no step was marked (ttalloc_step, or ttalloc-recorder --auto-step)\n";
	static const char *const verbs[] = {"floor", "temporary", "top"};
	struct fixture *fixture = *state;

	run(fixture, "INSERT INTO device_mark VALUES(5, 1, 0, 1, 50, 'x', 4, 9000, 1000, 16, 1)");
	opened(fixture);
	for (size_t i = 0; i < 3; i++) {
		expect_notes(fixture, verbs[i], "by=label", "");
		expect_notes(fixture, verbs[i], "by=step", step);
	}
	run(fixture, "UPDATE origin SET label = NULL");
	for (size_t i = 0; i < 3; i++) {
		expect_notes(fixture, verbs[i], "by=label", label);
		expect_notes(fixture, verbs[i], "by=class", "");
	}
}

static void test_empty_recordings(void **state)
{
	static const char *const verbs[] = {"floor", "temporary", "histogram", "top"};
	struct fixture *fixture = *state;

	run(fixture, "DELETE FROM origin; DELETE FROM batch; DELETE FROM process_info");
	opened(fixture);
	for (size_t i = 0; i < 4; i++) {
		expect_rows(fixture, verbs[i], "", "", "");
		if (query_named(verbs[i])->notes)
			expect_notes(fixture, verbs[i], "", "");
	}
}

/* Rows that make no sense are an error that names the remedy, or an answer, and no crash. */
static void test_corrupt(void **state)
{
	static const struct {
		const char *damage;
		bool all_notice;
	} damages[] = {
	    {"UPDATE freed SET life = key + 5", true},
	    {"UPDATE freed SET life = -9223372036854775807", true},
	    {"UPDATE freed SET origin = 9999999", true},
	    {"UPDATE held SET origin = -1", true},
	    {"UPDATE batch SET process = 3 - process", false},
	    {"UPDATE freed SET held_ns = -9223372036854775807, free_ns = 9223372036854775807", false},
	    {"UPDATE held SET alloc_ns = 9223372036854775807, size_bytes = -1", false},
	    {"UPDATE batch SET first_number = 9223372036854775807, count = -9223372036854775807", false},
	};
	static const char *const calls[] = {"temporary_sums('5 2')", "histogram_bins('lifetime')",
	                                    "floor_longest('3 0')", "floor_sums('2 0')"};
	struct fixture *fixture = *state;

	opened(fixture);
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages) * 4; i++) {
		struct sql_error error = {.text = ""};
		char sql[96];
		int code;

		run(fixture, "DELETE FROM freed; DELETE FROM held; DELETE FROM batch");
		run(fixture, "%s", batches);
		for (int key = 1; key < 30; key += 3) {
			free_block(fixture, key, key + 2, 1, key);
			hold(fixture, key + 1, 2, key);
		}
		run(fixture, "%s", damages[i / 4].damage);
		snprintf(sql, sizeof(sql), "SELECT * FROM %s", calls[i % 4]);
		struct query_run *query = query_start_sql(fixture->recording, sql, &error);
		assert_non_null(query);
		while ((code = query_next(query, &error)) == 1)
			;
		if (code < 0 ? !strstr(error.text, "corrupt") : damages[i / 4].all_notice)
			fail_msg("%s: %s: '%s'", damages[i / 4].damage, calls[i % 4], error.text);
		query_finish(query);
		recording_release(fixture->recording);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_floor_of_the_lowest, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_floor_of_equals, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_floor_and_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_floor_and_geometry, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_floor_of_other_regions, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_temporary_by_own_free, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_temporary_between, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_temporary_and_many_replaced, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_temporary_circular_buffers, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_histogram_of_sizes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_histogram_of_lifetimes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_top, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_top_and_contradictions, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_missing_labels_and_steps, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_empty_recordings, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
