/* SPDX-License-Identifier: Apache-2.0
 *
 * test_views.c - the public views over a recording that has one of everything, and that the largest of them is cheap.
 */
#include "tests/unit/sql/fixture.h"

/* Process 1 lives; process 2 exited at 900. Keys are times divided by ten. */
static void fill(struct fixture *fixture)
{
	add_process(fixture, 1, NULL, 0);
	add_process(fixture, 2, "process exit", 900);
	run(fixture, "INSERT INTO label_info VALUES(1, NULL, 'a', 'a'), (2, 1, 'b', 'a/b')");
	run(fixture, "INSERT INTO origin VALUES"
	             "(1, 1, 1, 2, 7, 0, 0, 0, 3, 0),"               /* process 1, a/b, DRAM, top down and sharded */
	             "(2, 1, 1, NULL, NULL, 0, 0, 0, 0, 1),"         /* the end of a replaced block */
	             "(3, 2, 2, NULL, NULL, 1, 1, 0, 4, 0),"         /* process 2, L1, aliased */
	             "(4, 1, 1, NULL, NULL, 0, 16, 2, 0, 0),"        /* circular buffer */
	             "(5, 1, 1, NULL, NULL, 0, 17, 3, 0, 0),"        /* kernel */
	             "(6, 1, 1, NULL, NULL, 65535, 65535, 0, 0, 0)," /* a free that said nothing */
	             "(7, 1, 1, NULL, NULL, 0, 99, 0, 0, 0)");       /* a region without a word */
	run(fixture, "INSERT INTO step_mark VALUES(1, 1, 100, 10), (20, 1, 101, 200)");
	run(fixture, "INSERT INTO freed VALUES(12, 10, 120, 100, 4096, 64, NULL, 1, NULL)," /* key 2: freed */
	             "(24, 3, 240, 30, 8192, 32, 40, 1, 2)");                               /* key 21: replaced */
	run(fixture, "INSERT INTO held VALUES(25, 250, 8192, 16, NULL, 1, NULL, NULL),"     /* live */
	             "(40, 400, 0, 8, NULL, 3, NULL, NULL),"                                /* process exit */
	             "(41, 410, 64, 8, NULL, 3, 42, 420),"                                  /* device close */
	             "(50, 500, 5, 100, NULL, 5, NULL, NULL),"                              /* kernel */
	             "(51, 510, 6, 1, NULL, 7, NULL, NULL)");
	run(fixture, "INSERT INTO circular_buffer VALUES(30, 300, 4, 77, 0, 0, 128, NULL, 33, 330, 'freed')");
	run(fixture, "INSERT INTO program_run VALUES(31, 310, 4, 77)");
	run(fixture, "INSERT INTO kernel_info VALUES(50, 'matmul', 'application', 'worker')");
	run(fixture, "INSERT INTO failure_info VALUES(60, 600, 1, 1000, 125, 'no room')");
	run(fixture, "INSERT INTO other_event VALUES(33, 330, 5, 4, 77), (42, 420, 10, 3, 0), (61, 610, 2, 6, 4711)");
	run(fixture, "INSERT INTO loss_row VALUES(1, 2, NULL, 5, 6, NULL, NULL, 12, 'ring full')");
	run(fixture, "INSERT INTO span VALUES(1, 0, 0, 10, 100, 0, 0, 64, 64, 20, 2, 1, 0, 64, 20, 64, 0, 1, 1, 0),"
	             "(2, 0, 0, 110, 300, 64, 0, 64, 0, 120, 12, 0, 64, 64, 120, 0, 1, 0, 0, 1)");
	run(fixture, "INSERT INTO region_usage VALUES(0, 0, 200)");
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture_make(fixture);
	fill(fixture);
	opened(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	free(*state);
	return 0;
}

static void test_allocation(void **state)
{
	expect_answer(
	    *state,
	    "SELECT allocation_id, pid, tid, device, region, class, address, size_bytes, bank_bytes, alloc_ns, "
	    "free_ns, ended, label, step, stack, top_down, sharded, aliased FROM allocation ORDER BY allocation_id",
	    "2|1001|1001|0|DRAM|buffer|4096|64|64|20|120|freed|a/b|100|7|1|1|0\n"
	    "21|1001|1001|0|DRAM|buffer|8192|32|40|210|240|replaced|a/b|101|7|1|1|0\n"
	    "25|1001|1001|0|DRAM|buffer|8192|16|16|250||live|a/b|101|7|1|1|0\n"
	    "30|1001|1001|0|CB|circular_buffer|0|128|128|300|330|freed||101||0|0|0\n"
	    "40|1002|1002|1|L1|buffer|0|8|8|400|900|process exit||||0|0|1\n"
	    "41|1002|1002|1|L1|buffer|64|8|8|410|420|device close||||0|0|1\n"
	    "50|1001|1001|0|KERNEL|kernel|5|100|100|500||live||101||0|0|0\n"
	    "51|1001|1001|0|99|buffer|6|1|1|510||live||101||0|0|0\n");
}

static void test_event(void **state)
{
	expect_answer(
	    *state,
	    "SELECT event_id, at_ns, kind, pid, device, region, address, size_bytes, program, step, why FROM event",
	    "2|20|alloc|1001|0|DRAM|4096|64||100|\n"
	    "12|120|free|1001|0|DRAM|4096|64||100|\n"
	    "21|210|alloc|1001|0|DRAM|8192|32||101|\n"
	    "25|250|alloc|1001|0|DRAM|8192|16||101|\n"
	    "30|300|cb_alloc|1001|0|CB|0|128|77|101|\n"
	    "31|310|program_run|1001|0|CB|||77|101|\n"
	    "33|330|cb_free|1001|0|CB|||77|101|\n"
	    "40|400|alloc|1002|1|L1|0|8|||\n"
	    "41|410|alloc|1002|1|L1|64|8|||\n"
	    "42|420|device_close|1002|1||||||\n"
	    "50|500|kernel_load|1001|0|KERNEL|5|100||101|\n"
	    "51|510|alloc|1001|0|99|6|1||101|\n"
	    "60|600|alloc_failed|1001|0|DRAM||1000||101|no room\n"
	    "61|610|free|1001|||4711|||101|\n");
}

static void test_others(void **state)
{
	expect_answer(*state, "SELECT pid, kernel, name, kind, core_type, size_bytes, load_ns, unload_ns FROM kernel",
	              "1001|5|matmul|application|worker|100|500|\n");
	expect_answer(*state, "SELECT pid, device, region, size_bytes, bank_bytes, label, step, why FROM failure",
	              "1001|0|DRAM|1000|125|a/b|101|no room\n");
	expect_answer(*state, "SELECT pid, tid, from_ns, to_ns, count, why FROM loss", "1002||5|6|12|ring full\n");
	expect_answer(*state, "SELECT pid, number, at_ns FROM step", "1001|100|10\n1001|101|200\n");
	expect_answer(*state, "SELECT label_id, parent, path FROM label", "1||a\n2|1|a/b\n");
	expect_answer(*state, "SELECT pid, ended, ended_ns FROM process", "1001||\n1002|process exit|900\n");
	/* the second span reaches into what is to be made anew */
	expect_answer(*state, "SELECT region, from_ns, to_ns, max_bytes FROM usage", "DRAM|10|100|64\n");
}

/* Ids of frames are 4 bytes, low ones first; what is nowhere is a row all the same. */
static void test_stack(void **state)
{
	struct fixture *fixture = *state;

	run(fixture, "INSERT INTO module_info VALUES(1, '/bin/x', 'ab', 'found'), (2, '/lib/y', '', NULL)");
	run(fixture, "INSERT INTO frame_info VALUES(67305985, 1, 64), (4294967295, NULL, 128)");
	run(fixture,
	    "INSERT INTO symbol_info VALUES(67305985, 0, 'in', 'x.c', 5, NULL), (67305985, 1, 'out', 'x.c', 9, "
	    "NULL)");
	run(fixture, "INSERT INTO stack_info VALUES(7, x'01020304ffffffff09000000'), (8, x''), (9, x'010203')");
	expect_answer(fixture, "SELECT * FROM stack",
	              "7|0|/bin/x|ab|64|in|x.c|5|1|\n7|1|/bin/x|ab|64|out|x.c|9|0|\n7|2|||128||||0|\n"
	              "7|3|||||||0|\n");
	expect_answer(fixture, "SELECT * FROM module", "1|/bin/x|ab|1|found\n2|/lib/y||0|\n");
}

/* Its columns' comments are in the file, for '.schema allocation'. */
static void test_comments_are_kept(void **state)
{
	expect_answer(*state, "SELECT sql LIKE '%-- payload%' FROM main.sqlite_schema WHERE name = 'allocation'",
	              "1\n");
	expect_answer(*state, "SELECT sql LIKE '%-- of its first change%' FROM main.sqlite_schema WHERE name = 'usage'",
	              "1\n");
}

/* A sum over all blocks reads the three tables and looks nothing up. */
static void test_plan(void **state)
{
	struct fixture *fixture = *state;
	sqlite3_stmt *plan;

	assert_int_equal(sqlite3_prepare_v2(fixture->db,
	                                    "EXPLAIN QUERY PLAN SELECT count(*), sum(size_bytes) FROM allocation", -1,
	                                    &plan, NULL),
	                 SQLITE_OK);
	while (sqlite3_step(plan) == SQLITE_ROW)
		assert_null(strstr((const char *)sqlite3_column_text(plan, 3), "SEARCH"));
	sqlite3_finalize(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_allocation, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_event, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_others, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stack, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_comments_are_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_plan, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
