/* SPDX-License-Identifier: Apache-2.0
 *
 * test_answers.c - the built-in queries over two small recordings: what they count, what they leave out, and in which
 * order their rows come.
 */
#include "tests/unit/sql/answers.h"

/* The recordings that a test asks: one, and an older one to compare it with. */
struct pair {
	struct fixture new, old;
};

/* Two processes that run the same program; of the first, both threads. Origins: 1 a buffer under label a, 2 under a
 * label of its own thread, 3 an aliased one, 4 a kernel binary, 5 a trace, 6 of the second process, 7 a kernel. */
static void fill(struct fixture *fixture, int pid)
{
	add_process(fixture, 1, NULL, 0);
	add_process(fixture, 2, NULL, 0);
	run(fixture, "UPDATE process_info SET pid = %d + id, command = 'python train.py'", pid);
	run(fixture, "INSERT INTO thread_info VALUES(3, 1, 2, %d, 'worker/4')", pid + 50);
	run(fixture, "UPDATE thread_info SET tid = %d + id WHERE id < 3", pid);
	run(fixture, "INSERT INTO label_info VALUES(1, NULL, 'a', 'a'), (2, NULL, 'b', 'b'), (3, NULL, 'k', 'k')");
	run(fixture, "INSERT INTO origin VALUES(1, 1, 1, 1, NULL, 0, 0, 0, 0, 0), (2, 1, 3, 2, NULL, 0, 0, 0, 0, 0),"
	             "(3, 1, 1, 1, NULL, 0, 0, 0, 4, 0), (4, 1, 1, 3, NULL, 0, 0, 1, 8, 0),"
	             "(5, 1, 1, 1, NULL, 0, 4, 4, 0, 0), (6, 2, 2, 1, NULL, 1, 1, 0, 0, 0),"
	             "(7, 1, 1, 3, NULL, 0, 17, 3, 0, 0)");
	run(fixture, "INSERT INTO batch VALUES(1, 99, 1, 1, 99, 10, 990, 0), (101, 199, 2, 1, 99, 10, 990, 0)");
	run(fixture, "INSERT INTO step_mark VALUES(15, 1, 1, 150), (35, 1, 2, 350)");
	run(fixture, "INSERT INTO region_usage SELECT DISTINCT device, region, 0 FROM origin"); /* no spans yet */
}

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct sql_error error = {.text = ""};

	fixture_make(&pair->new);
	fixture_make(&pair->old);
	fill(&pair->new, 1000);
	fill(&pair->old, 2000);
	opened(&pair->new);
	assert_int_equal(recording_attach_old(pair->new.recording, pair->old.path, &error), 0);
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	fixture_remove(&pair->new);
	fixture_remove(&pair->old);
	free(pair);
	return 0;
}

/* ---- leaks ---- */

static void test_leaks_of_the_runtime(void **state)
{
	struct pair *pair = *state;

	hold(&pair->new, 1, 1, 100);
	hold(&pair->new, 2, 4, 30);
	hold(&pair->new, 3, 4, 40);
	hold(&pair->new, 4, 3, 1000);
	hold(&pair->new, 5, 5, 7);
	hold(&pair->new, 6, 7, 8);
	expect_rows(&pair->new, "leaks", "by=label", "region group blocks bytes runtime_blocks runtime_bytes",
	            "DRAM|a|1|100|0|0\nDRAM|k|2|70|2|70\nKERNEL|k|1|8|1|8\nTRACE|a|1|7|1|7\n");
	expect_rows(&pair->new, "leaks", "by=region", "group blocks bytes runtime_blocks runtime_bytes",
	            "DRAM|3|170|2|70\nKERNEL|1|8|1|8\nTRACE|1|7|1|7\n");
}

static void test_aliased_leaks(void **state)
{
	struct pair *pair = *state;

	hold(&pair->new, 1, 1, 100);
	hold(&pair->new, 2, 3, 50);
	expect_rows(&pair->new, "leaks", "", "size_bytes aliased", "100|0\n50|1\n");
}

/* Who is asked about a block that was not freed. Origins: 12 of L1_SMALL, 13 a word on each of
 * some cores, 14 as small, and not sharded. */
static void test_owners(void **state)
{
	struct fixture *fixture = &((struct pair *)*state)->new;

	run(fixture, "INSERT INTO origin VALUES(12, 1, 1, 1, NULL, 0, 3, 0, 0, 0), (13, 1, 1, 1, NULL, 0, 1, 0, 2, 0),"
	             "(14, 1, 1, 1, NULL, 0, 1, 0, 0, 0)");
	hold(fixture, 1, 1, 100);
	hold(fixture, 2, 12, 2048);
	hold(fixture, 3, 13, 520);
	hold(fixture, 4, 14, 520);
	hold(fixture, 5, 4, 30);
	run(fixture, "UPDATE held SET bank_bytes = 16 WHERE key IN (3, 4)");
	expect_rows(fixture, "leaks", "", "region size_bytes owner",
	            "L1_SMALL|2048|live program\nL1|520|live program\nL1|520|live program\nDRAM|100|live program\n"
	            "DRAM|30|runtime\n");
	run(fixture, "UPDATE process_info SET ended = 'process exit', ended_ns = 990");
	run(fixture, "UPDATE held SET end_key = 90, end_ns = 900 WHERE key IN (2, 3, 4)");
	expect_rows(fixture, "leaks", "", "region size_bytes owner",
	            "L1_SMALL|2048|runtime\nL1|520|runtime\nL1|520|program\nDRAM|100|program\nDRAM|30|runtime\n");
	expect_rows(fixture, "leaks", "by=region", "group blocks runtime_blocks live_blocks",
	            "L1_SMALL|1|1|0\nL1|2|1|0\nDRAM|2|1|0\n");
}

/* A request of a mesh fails on each of its chips, one after the other, and is one; that of a retry is another. */
static void test_failures_by(void **state)
{
	struct fixture *fixture = &((struct pair *)*state)->new;

	run(fixture, "INSERT INTO origin VALUES(12, 1, 1, 1, NULL, 1, 0, 0, 0, 0)"); /* as 1, on another chip */
	run(fixture,
	    "INSERT INTO failure_info(key, at_ns, origin, size_bytes, bank_bytes, why) VALUES"
	    "(1, 10, 1, 500, 50, 'w'), (2, 20, 12, 500, 50, 'w'), (3, 30, 1, 500, 50, 'w'), (4, 40, 12, 500, 50, 'w'),"
	    "(5, 50, 12, 500, 50, 'w'), (7, 70, 2, 900, 90, 'w')");
	expect_rows(fixture, "failures", "by=label",
	            "region group requests devices least_bytes most_bytes most_bank_bytes first_ns last_ns",
	            "DRAM|a|3|2|500|500|50|10|50\nDRAM|b|1|1|900|900|90|70|70\n");
	expect_rows(fixture, "failures", "by=size device=1", "group requests devices", "500|3|1\n");
	expect_rows(fixture, "failures", "device=1", "at_ns label", "20|a\n40|a\n50|a\n");
}

/* A file may say that it ended at the end of time. */
static void test_timeline_ends(void **state)
{
	struct fixture *fixture = &((struct pair *)*state)->new;

	hold(fixture, 1, 1, 100);
	run(fixture, "UPDATE recording_info SET end_ns = 9223372036854775807");
	run(fixture, "UPDATE held SET alloc_ns = 9223372036854775807");
	expect_rows(fixture, "timeline", "buckets=3", "max_bytes end_bytes", "0|0\n0|0\n100|100\n");
}

/* ---- diff ---- */

static void test_diff_without_change(void **state)
{
	struct pair *pair = *state;

	for (size_t i = 0; i < 2; i++) {
		struct fixture *fixture = i ? &pair->old : &pair->new;

		hold(fixture, 1, 1, 100);
		hold(fixture, 2, 2, 50);
	}
	expect_rows(&pair->new, "diff", "", "", "");
	expect_rows(&pair->new, "diff", "all=1", "group delta_bytes", "a|0\nb|0\n");
	expect_rows(&pair->new, "diff", "by=process what=leaks", "", "");
	expect_rows(&pair->new, "diff", "by=thread what=allocated", "", "");
	expect_rows(&pair->new, "diff", "by=process all=1", "group old_bytes new_bytes", "python train.py|150|150\n");
	expect_rows(&pair->new, "diff", "by=thread all=1", "group old_bytes new_bytes",
	            "main|100|100\nworker/4|50|50\n");
	assert_string_equal(query_named("diff")->exit_above, "delta_bytes");
}

/* The largest first, whichever way it went; equal ones by group, then device, then region. */
static void test_diff_order(void **state)
{
	struct pair *pair = *state;

	hold(&pair->old, 1, 1, 100);
	hold(&pair->old, 2, 2, 500);
	hold(&pair->new, 101, 6, 100);
	hold(&pair->new, 3, 2, 100);
	expect_rows(&pair->new, "diff", "", "device region group delta_bytes old_blocks new_blocks",
	            "0|DRAM|b|-400|1|1\n0|DRAM|a|-100|1|0\n1|L1|a|100|0|1\n");
	/* as many bytes, in other blocks */
	hold(&pair->new, 4, 2, 400);
	expect_rows(&pair->new, "diff", "device=0", "group delta_bytes old_blocks new_blocks", "a|-100|1|0\nb|0|1|2\n");
}

static void test_diff_of_leaks(void **state)
{
	struct pair *pair = *state;

	hold(&pair->new, 1, 1, 100);
	hold(&pair->new, 2, 4, 30);
	hold(&pair->new, 3, 5, 7);
	hold(&pair->new, 4, 7, 8);
	/* what a program that lives holds, it may yet free */
	expect_rows(&pair->new, "diff", "what=leaks", "", "");
	run(&pair->new, "UPDATE process_info SET ended = 'process exit', ended_ns = 990");
	expect_rows(&pair->new, "diff", "what=leaks", "region group delta_bytes new_blocks", "DRAM|a|100|1\n");
	expect_rows(&pair->new, "diff", "what=leaks all=1 by=device", "region group delta_bytes new_blocks",
	            "DRAM|0|100|1\n");
	expect_rows(&pair->new, "diff", "what=leaks by=class", "group delta_bytes",
	            "buffer|100\nkernel_binary|30\nkernel|8\ntrace|7\n");
	expect_rows(&pair->new, "diff", "what=allocated", "region group delta_bytes",
	            "DRAM|a|100\nDRAM|k|30\nKERNEL|k|8\nTRACE|a|7\n");
}

/* ---- Time windows ---- */

/* A block from before the window, one that begins in it, one that is past it. */
static void fill_window(struct fixture *fixture)
{
	free_block(fixture, 10, 40, 1, 100);
	free_block(fixture, 20, 60, 1, 30);
	hold(fixture, 30, 2, 7);
	hold(fixture, 70, 1, 1000);
}

static void test_processes_in_a_window(void **state)
{
	struct pair *pair = *state;
	static const char columns[] = "allocs frees allocated_bytes peak_bytes live_bytes";

	fill_window(&pair->new);
	expect_rows(&pair->new, "processes", "start=150 end=450", columns, "2|1|37|137|7\n");
	expect_rows(&pair->new, "timeline", "start=150 end=450 buckets=1", "max_bytes allocs frees", "137|2|1\n");
	expect_rows(&pair->new, "processes", "start=200 end=400", columns, "2|1|37|137|7\n");
	expect_rows(&pair->new, "processes", "start=410", columns, "1|1|1000|1007|1007\n");
	expect_rows(&pair->new, "processes", "start=410 end=420", columns, "0|0|0|37|7\n");
	expect_rows(&pair->new, "processes", "end=300", columns, "3|0|137|137|7\n");
}

static void test_buffers_in_a_window(void **state)
{
	struct pair *pair = *state;

	run(&pair->new, "INSERT INTO origin VALUES(8, 1, 1, NULL, NULL, 0, 16, 2, 0, 0)");
	run(&pair->new, "INSERT INTO circular_buffer VALUES(10, 100, 8, 1, 0, 0, 64, NULL, 40, 400, 'freed'),"
	                "(30, 300, 8, 1, 1, 64, 32, NULL, NULL, NULL, NULL)");
	static const char columns[] = "allocs frees allocated_bytes peak_bytes live_bytes";
	expect_rows(&pair->new, "processes", "start=200 end=450", columns, "1|1|32|96|32\n");
	expect_rows(&pair->new, "timeline", "start=200 end=450 buckets=1", "max_bytes allocs frees", "96|1|1\n");
	expect_rows(&pair->new, "processes", "start=450", columns, "0|0|0|32|32\n");
}

static void test_allocated_in_a_window(void **state)
{
	struct pair *pair = *state;

	fill_window(&pair->new);
	expect_rows(&pair->new, "allocated", "", "group blocks bytes", "a|3|1130\nb|1|7\n");
	expect_rows(&pair->new, "allocated", "start=150 end=650", "group blocks bytes", "a|1|30\nb|1|7\n");
	expect_rows(&pair->new, "allocated", "start=700", "group blocks bytes", "a|1|1000\n");
	expect_rows(&pair->new, "allocated", "step=1", "group blocks bytes", "a|1|30\nb|1|7\n");
	expect_rows(&pair->new, "allocated", "step=1..2 by=step", "group blocks bytes", "2|1|1000\n1|2|37\n");
	expect_rows(&pair->new, "allocated", "by=step", "group blocks bytes", "2|1|1000\n|1|100\n1|2|37\n");
}

/* ---- The rest ---- */

static void test_order_of_processes(void **state)
{
	struct pair *pair = *state;

	run(&pair->new, "UPDATE process_info SET pid = 3000 - id");
	run(&pair->new,
	    "INSERT INTO process_usage(process, device, region, allocs, frees, allocated_bytes, live_bytes, "
	    "live_bank_bytes, live_blocks, peak_bytes, peak_blocks, peak_bank_bytes) VALUES"
	    "(2, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1), (1, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1),"
	    "(1, 0, 4, 1, 0, 1, 1, 1, 1, 1, 1, 1), (1, 0, 0, 1, 0, 1, 1, 1, 1, 1, 1, 1)");
	expect_rows(&pair->new, "processes", "", "pid device region",
	            "2999|0|DRAM\n2999|0|TRACE\n2999|1|DRAM\n2998|1|L1\n");
}

static void test_no_call_stacks(void **state)
{
	static const char missing[] = "the recording has no call stacks; record with 'ttalloc-recorder --stacks'\n";
	struct pair *pair = *state;
	static const char *const verbs[] = {"leaks", "peak", "allocated"};

	for (size_t i = 0; i < 3; i++) {
		expect_refused(&pair->new, verbs[i], "by=stack", missing);
		expect_refused(&pair->new, verbs[i], "by=function", missing);
		expect_refused(&pair->new, verbs[i], "by=label", "");
		expect_notes(&pair->new, verbs[i], "", "");
	}
	run(&pair->new, "INSERT INTO stack_info VALUES(1, x'0100000000000000')");
	for (size_t i = 0; i < 3; i++) {
		expect_refused(&pair->new, verbs[i], "by=stack", "\n"); /* NULL: nothing is wrong */
		expect_notes(&pair->new, verbs[i], "by=stack", "");
	}
	run(&pair->new,
	    "INSERT INTO module_info VALUES(1, '/bin/x', '00', NULL); INSERT INTO frame_info VALUES(1, 1, 16)");
	for (size_t i = 0; i < 3; i++)
		expect_notes(
		    &pair->new, verbs[i], "by=stack",
		    "not all functions have been looked up: run 'ttalloc-analyze symbolize' where the program is "
		    "installed\n");
	run(&pair->new, "UPDATE module_info SET symbols = 'no such file'");
	expect_notes(&pair->new, "diff", "by=function", "not all functions have names: /bin/x (no such file)\n");
}

/* Blocks of three stacks, two of which end in the same function; exact by each key. */
static void test_stacks(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = &pair->new;

	run(fixture, "INSERT INTO module_info VALUES(1, '/bin/x', '00', 'found'), (2, '/lib/y.so', '01', 'found')");
	run(fixture, "INSERT INTO frame_info VALUES(1, 1, 16), (2, 1, 32), (3, 2, 48)");
	run(fixture, "INSERT INTO symbol_info VALUES(1, 0, 'main', '/s/x.c', 3, NULL), (2, 0, 'f', '/s/x.c', 9, NULL), "
	             "(3, 0, 'grow', '/s/y.c', 1, NULL)");
	run(fixture, "INSERT INTO stack_info VALUES(1, x'0300000001000000'), (2, x'030000000200000001000000'), "
	             "(3, x'0200000001000000')");
	run(fixture,
	    "INSERT INTO origin SELECT 100 + s.id, process, thread, label, s.id, device, region, class, flags, "
	    "ended FROM origin o, stack_info s WHERE o.id = 1");
	for (int i = 0; i < 3; i++)
		hold(fixture, 1000 + i, 101 + i, 1 << i);
	hold(fixture, 1003, 103, 8);
	expect_rows(fixture, "leaks", "by=function", "group blocks bytes", "f|2|12\ngrow|2|3\n");
	expect_rows(fixture, "leaks", "by=file", "group bytes", "/s/x.c|12\n/s/y.c|3\n");
	expect_rows(fixture, "leaks", "by=module", "group bytes", "/bin/x|12\n/lib/y.so|3\n");
	expect_rows(fixture, "leaks", "by=stack", "group bytes", "f < main|12\ngrow < f < main|2\ngrow < main|1\n");
	expect_rows(fixture, "leaks", "by=stack_id", "group bytes", "3|12\n2|2\n1|1\n");
	expect_rows(fixture, "flame", "what=leaks device=0 region=DRAM", "stack bytes",
	            "main;f|12\nmain;f;grow|2\nmain;grow|1\n");
}

/* A crafted file may end at the end of time: a time line still does. */
static void test_end_of_time(void **state)
{
	struct pair *pair = *state;

	run(&pair->new, "UPDATE recording_info SET end_ns = 9223372036854775807");
	run(&pair->new,
	    "INSERT INTO freed VALUES(90, 80, 9223372036854775807, 9223372036854775000, 64, 64, NULL, 1, NULL)");
	expect_answer(&pair->new, "SELECT count(*) > 0, sum(frees) FROM buckets WHERE device = 0 AND region = 0",
	              "1|1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_leaks_of_the_runtime, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_aliased_leaks, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_owners, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_timeline_ends, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_failures_by, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_diff_without_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_diff_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_diff_of_leaks, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_processes_in_a_window, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_buffers_in_a_window, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_allocated_in_a_window, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_order_of_processes, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_no_call_stacks, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_stacks, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_end_of_time, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
