/* SPDX-License-Identifier: Apache-2.0
 *
 * test_operations.c - blocks by the operation that allocated them and the tensor that they hold, and chosen by it.
 */
#include "tests/unit/sql/answers.h"
#include "tests/unit/sql/ranges.h"

/* matmul #1 (keys 10 to 30) with create_device_tensor #2 (12 to 16) in it; add #3 (40 to 50); load #4 goes on. */
static void fill(struct fixture *fixture)
{
	const struct range_record ended[] = {{10, 20, 100, 200, 1}, {12, 4, 120, 40, 2}, {40, 10, 400, 100, 3}};

	fixture_make(fixture);
	add_process(fixture, 1, NULL, 0);
	run(fixture, "INSERT INTO batch VALUES(1, 100, 1, 1, 100, 0, 1000, 0)");
	run(fixture,
	    "INSERT INTO operation_text VALUES(1, 'ttnn::matmul'), (2, 'tt::create_device_tensor'), (3, 'add'), "
	    "(4, 'load')");
	run(fixture, "INSERT INTO range_what VALUES(1, 1, NULL, NULL, 1, NULL, NULL, NULL, 0),"
	             "(2, 1, NULL, NULL, 2, NULL, 1, NULL, 0), (3, 1, NULL, NULL, 3, NULL, NULL, NULL, 0),"
	             "(4, 1, NULL, NULL, 4, NULL, NULL, NULL, 0)");
	add_page(fixture, 1, 1, ended, 3);
	run(fixture, "INSERT INTO range_open VALUES(60, 1, 4, 600, 4)");
	run(fixture,
	    "INSERT INTO origin VALUES(1, 1, 1, NULL, NULL, 0, 1, 0, 0, 0), (2, 1, 1, NULL, NULL, 0, 1, 0, 2, 0),"
	    "(3, 1, 2, NULL, NULL, 0, 1, 0, 0, 0)");
	run(fixture,
	    "INSERT INTO tensor_spec VALUES(1, '32x64', 'bfloat16', 'TILE', 'block sharded', '32x32', '[[0,0,1,0]]',"
	    "'ROW_MAJOR'), (2, '8', 'uint32', 'ROW_MAJOR', 'interleaved', NULL, NULL, NULL)");
	run(fixture, "INSERT INTO origin_tensor VALUES(1, 2), (2, 1)");
	hold(fixture, 5, 1, 1);              /* before all */
	hold(fixture, 14, 2, 10);            /* matmul, as what is made for it */
	free_block(fixture, 20, 45, 1, 100); /* matmul */
	hold(fixture, 42, 2, 1000);          /* add */
	hold(fixture, 43, 3, 10000);         /* another thread */
	hold(fixture, 70, 1, 100000);        /* load */
	run(fixture, "INSERT INTO failure_info VALUES(44, 440, 1, 7, NULL, 'no'), (55, 550, 1, 9, NULL, 'no')");
	opened(fixture);
}

static void test_groups(void **state)
{
	struct fixture fixture;

	(void)state;
	fill(&fixture);
	expect_rows(&fixture, "allocated", "by=op", "device region group blocks bytes",
	            "0|L1|load #4|1|100000\n0|L1||2|10001\n0|L1|add #3|1|1000\n0|L1|ttnn::matmul #1|2|110\n");
	expect_rows(&fixture, "allocated", "by=opname", "device region group blocks bytes",
	            "0|L1|load|1|100000\n0|L1||2|10001\n0|L1|add|1|1000\n0|L1|ttnn::matmul|2|110\n");
	expect_rows(&fixture, "allocated", "by=tensor", "device region group blocks bytes",
	            "0|L1|8 uint32 ROW_MAJOR, L1 interleaved|3|100101\n0|L1||1|10000\n"
	            "0|L1|32x64 bfloat16 TILE, L1 block sharded 2x1|2|1010\n");
	fixture_remove(&fixture);
}

static void test_filter(void **state)
{
	struct fixture fixture;

	(void)state;
	fill(&fixture);
	expect_rows(&fixture, "allocated", "by=size op=1", "device region group blocks bytes",
	            "0|L1|100|1|100\n0|L1|10|1|10\n");
	expect_rows(&fixture, "allocated", "by=size op=2", "device region group blocks bytes", "0|L1|10|1|10\n");
	expect_rows(&fixture, "allocated", "by=size op=matmul", "device region group blocks bytes",
	            "0|L1|100|1|100\n0|L1|10|1|10\n");
	expect_rows(&fixture, "allocated", "by=size op=*a*d*", "device region group blocks bytes",
	            "0|L1|100000|1|100000\n0|L1|1000|1|1000\n0|L1|10|1|10\n");
	expect_rows(&fixture, "peak", "op=1", "peak_bytes peak_blocks peak_ns", "110|200|2\n");
	expect_rows(&fixture, "failures", "op=add by=size", "group requests least_bytes", "7|1|7\n");
	expect_rows(&fixture, "churn", "op=add by=size", "group bytes blocks", "1000|1000|1\n");
	run(&fixture, "INSERT INTO step_mark VALUES(1, 1, 1, 10), (41, 1, 2, 410)");
	expect_rows(&fixture, "steps", "op=1", "step allocated_bytes live_bytes peak_bytes allocs frees",
	            "1|110|110|110|2|0\n2|0|10|110|0|1\n");
	fixture_remove(&fixture);
}

/* Tensors a (10 bytes), b (100) and c (1000). add #1 makes a; #2 takes a and makes b; #3 makes c; a is freed before c
 * is made, b after: so a is not late, b is by one operation, and c, which nothing uses but its maker, by none. */
static void fill_late(struct fixture *fixture)
{
	const struct range_record ended[] = {{10, 5, 100, 50, 1}, {20, 5, 200, 50, 2}, {30, 5, 300, 50, 3}};

	fixture_make(fixture);
	add_process(fixture, 1, NULL, 0);
	run(fixture, "INSERT INTO batch VALUES(1, 100, 1, 1, 100, 0, 1000, 0)");
	run(fixture, "INSERT INTO operation_text VALUES(1, 'add')");
	run(fixture, "INSERT INTO tensor_list VALUES(1, '[[1,0,1,1,1]]'), (2, '[[0,0,1,0,11],[1,0,1,1,1]]')");
	run(fixture,
	    "INSERT INTO range_what VALUES(1, 1, NULL, NULL, 1, NULL, NULL, 1, 0), (2, 1, NULL, NULL, 1, NULL, NULL,"
	    "2, 0), (3, 1, NULL, NULL, 1, NULL, NULL, 1, 0)");
	add_page(fixture, 1, 1, ended, 3);
	run(fixture,
	    "INSERT INTO origin VALUES(1, 1, 1, NULL, NULL, 0, 1, 0, 0, 0), (2, 1, 1, NULL, NULL, 0, 1, 0, 0, 0)");
	run(fixture, "INSERT INTO tensor_spec VALUES(1, '32', 'bfloat16', 'TILE', 'interleaved', NULL, NULL, NULL)");
	run(fixture, "INSERT INTO origin_tensor VALUES(1, 1)");
	hold(fixture, 5, 2, 7); /* no tensor */
	free_block(fixture, 11, 29, 1, 10);
	free_block(fixture, 21, 36, 1, 100);
	free_block(fixture, 31, 37, 1, 1000);
	opened(fixture);
}

static void test_late(void **state)
{
	struct fixture fixture;

	(void)state;
	fill_late(&fixture);
	expect_rows(
	    &fixture, "late", "",
	    "device region made_by last_used_by tensor blocks bytes longest_ns operations never_freed peak_bytes "
	    "without_peak_bytes",
	    "0|L1|add|add #2|32 bfloat16 TILE, L1 interleaved|1|100|110|1|0|1107|1007\n");
	expect_rows(&fixture, "late", "at_least=111", "blocks", "");
	/* in a window: what was late in it, and its peak */
	expect_rows(&fixture, "late", "end=305", "blocks peak_bytes without_peak_bytes", "1|117|117\n");
	expect_rows(&fixture, "late", "start=340", "blocks peak_bytes without_peak_bytes", "1|1107|1007\n");
	expect_rows(&fixture, "late", "start=359 end=1000", "blocks peak_bytes without_peak_bytes", "1|1107|7\n");
	expect_rows(&fixture, "late", "end=249", "blocks", "");
	expect_rows(&fixture, "late", "start=360", "blocks", "");
	expect_rows(&fixture, "late", "op=2", "blocks bytes", "1|100\n");
	expect_rows(&fixture, "late", "op=1", "blocks", "");
	run(&fixture, "INSERT INTO step_mark VALUES(1, 1, 1, 10), (19, 1, 2, 190)");
	expect_rows(&fixture, "late", "step=2", "blocks bytes", "1|100\n");
	expect_rows(&fixture, "late", "step=1", "blocks", "");
	fixture_remove(&fixture);
}

/* At the peak there is one that is freed in the operation that made it, too. */
static void test_life(void **state)
{
	struct fixture fixture;

	(void)state;
	fill_late(&fixture);
	free_block(&fixture, 32, 34, 2, 5);
	expect_rows(&fixture, "peak", "by=life end=900", "group bytes blocks",
	            "temporary before the first step|1000|1\nkept beyond its last use|100|1\npersistent|7|1\n"
	            "temporary to an operation|5|1\n");
	fixture_remove(&fixture);
}

static void test_what_is_not_there(void **state)
{
	struct fixture fixture;

	(void)state;
	fill(&fixture);
	expect_refused(&fixture, "leaks", "op=softmax",
	               "there is no operation 'softmax' in the recording; 'ttalloc-analyze ops' lists them\n");
	expect_refused(&fixture, "leaks", "op=3", "\n");
	run(&fixture, "DELETE FROM range_page; DELETE FROM range_open");
	expect_refused(&fixture, "leaks", "by=op",
	               "no operation was recorded: those of ttnn are, without any option, unless its recorder was told "
	               "--no-ops, or the build of ttnn cannot be observed, which 'info' says then\n");
	fixture_remove(&fixture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_groups),
	    cmocka_unit_test(test_filter),
	    cmocka_unit_test(test_late),
	    cmocka_unit_test(test_life),
	    cmocka_unit_test(test_what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
