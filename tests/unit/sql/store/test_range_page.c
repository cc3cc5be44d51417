/* SPDX-License-Identifier: Apache-2.0
 *
 * test_range_page.c - pages come back as they were packed, by C and by the views alike; damaged ones are refused.
 */
#include "tests/unit/sql/ranges.h"

static uint8_t bytes[RANGE_PAGE_BYTES];

/* COUNT records from KEY on, each of two keys, with what lies between. */
static void make_records(struct range_record *records, size_t count, int64_t key)
{
	for (size_t i = 0; i < count; i++)
		records[i] = (struct range_record){.key = key + (int64_t)i * 3,
		                                   .life = i == 7 ? 123456 : 2,
		                                   .begin_ns = (int64_t)(i * 10007),
		                                   .held_ns = (int64_t)(i * i),
		                                   .what = (uint32_t)(1 + i % 5)};
}

static void expect_back(const struct range_record *records, size_t count)
{
	struct range_record back[RANGE_PAGE_MOST];
	struct range_page_row row = {.process = 1};

	range_page_pack(records, count, bytes, &row);
	assert_int_equal(range_page_unpack(&row, back), count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(back[i].key, records[i].key);
		assert_int_equal(back[i].life, records[i].life);
		assert_int_equal(back[i].begin_ns, records[i].begin_ns);
		assert_int_equal(back[i].held_ns, records[i].held_ns);
		assert_int_equal(back[i].what, records[i].what);
	}
}

static void test_records_come_back(void **state)
{
	struct range_record records[RANGE_PAGE_MOST];
	struct range_record large = {.key = INT64_C(1) << 50,
	                             .life = INT64_C(1) << 50,
	                             .begin_ns = INT64_C(1) << 58,
	                             .held_ns = INT64_C(999999999999999999),
	                             .what = UINT32_MAX};

	(void)state;
	for (size_t count = 1; count <= RANGE_PAGE_MOST; count += count < 12 ? 1 : 61) {
		make_records(records, count, 1000);
		expect_back(records, count);
	}
	expect_back(&large, 1);
	expect_back(&(struct range_record){0}, 1);
}

static void test_a_loop_costs_ten_bytes(void **state)
{
	struct range_record records[RANGE_PAGE_MOST];
	struct range_page_row row = {0};

	(void)state;
	for (size_t i = 0; i < RANGE_PAGE_MOST; i++) /* 16 us each, four keys each, of hundreds of kinds */
		records[i] = (struct range_record){.key = 123456789 + (int64_t)i * 4,
		                                   .life = 2,
		                                   .begin_ns = 9876543210 + (int64_t)i * 16000,
		                                   .held_ns = 12000,
		                                   .what = (uint32_t)(i * 5)};
	range_page_pack(records, RANGE_PAGE_FULL, bytes, &row);
	assert_true(row.offsets.count + row.lives.count + row.begins.count + row.helds.count + row.whats.count <=
	            10 * RANGE_PAGE_FULL);
}

static void test_damaged_pages_are_refused(void **state)
{
	struct range_record records[RANGE_PAGE_MOST], back[RANGE_PAGE_MOST];
	struct range_page_row good = {.process = 1}, bad;

	(void)state;
	make_records(records, 100, 5);
	range_page_pack(records, 100, bytes, &good);
	assert_int_equal(range_page_unpack(&good, back), 100);
	for (int i = 0; i < 9; i++) {
		bad = good;
		switch (i) {
		case 0:
			bad.count = 0;
			break;
		case 1:
			bad.count = 257;
			break;
		case 2:
			bad.count = 99;
			break; /* no whole number of bytes each */
		case 3:
			bad.last_key = 6;
			break;
		case 4:
			bad.key = -1;
			break;
		case 5:
			bad.from_ns = INT64_MAX;
			break;
		case 6:
			bad.offsets.count = 0;
			break; /* all begin at once */
		case 7:
			bad.lives = row_text(bytes, 1000);
			break; /* wider than a number */
		default:
			bad.helds = row_text(memset(bytes + sizeof(bytes) - 200, 0xAB, 200), 200);
			break;
		}
		assert_int_equal(range_page_unpack(&bad, back), 0);
	}
}

/* The views take apart what C packed. */
static void test_views_read_pages(void **state)
{
	struct fixture fixture = {0};
	struct range_record records[3];

	(void)state;
	fixture_make(&fixture);
	add_process(&fixture, 1, NULL, 0);
	run(&fixture, "INSERT INTO label_info VALUES(1, NULL, 'mlp', 'mlp')");
	run(&fixture, "INSERT INTO operation_text VALUES(1, 'matmul'), (2, 'transpose=0')");
	run(&fixture,
	    "INSERT INTO tensor_spec VALUES(1, '32x64', 'bfloat16', 'TILE', 'block sharded', '32x32', '[[0,0,1,0]]', "
	    "'ROW_MAJOR')");
	run(&fixture, "INSERT INTO tensor_list VALUES(1, '[[1,0,1,1,1],[0,0,1,0,7]]'), (2, 'no list')");
	run(&fixture,
	    "INSERT INTO range_what VALUES(1, 1, 1, 9, 1, 2, NULL, 1, 0), (2, 1, NULL, NULL, 1, NULL, 1, NULL, 1),"
	    "(3, 1, 1, NULL, NULL, NULL, NULL, NULL, 0), (4, 1, NULL, NULL, 1, NULL, NULL, 2, 0),"
	    "(5, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0)");
	run(&fixture, "INSERT INTO origin VALUES(1, 1, 1, 1, NULL, 0, 1, 0, 0, 0)");
	run(&fixture, "INSERT INTO origin_tensor VALUES(1, 1)");
	run(&fixture, "INSERT INTO held VALUES(7, 70, 64, 4096, NULL, 1, NULL, NULL)");
	run(&fixture, "INSERT INTO freed VALUES(990, 980, 900, 850, 128, 4096, NULL, 1, NULL)");
	make_records(records, 3, 9);
	for (uint32_t i = 0; i < 3; i++)
		records[i].what = (const uint32_t[]){1, 2, 4}[i];
	add_page(&fixture, 1, 5, records, 3);
	run(&fixture, "INSERT INTO range_open VALUES(20, 1, 8, 30000, 2), (21, 1, NULL, 30001, 3)");
	opened(&fixture);

	expect_answer(
	    &fixture,
	    "SELECT operation_id, number, tid, name, around, begin_ns, end_ns, duration_ns, ended, label, stack, "
	    "arguments FROM operation ORDER BY operation_id",
	    "9|5|1001|matmul||0|0|0|returned|mlp|9|transpose=0\n"
	    "12|6|1001|matmul|5|10007|10008|1|exception|||\n"
	    "15|7|1001|matmul||20014|20018|4|returned|||\n"
	    "20|8|1001|matmul|7|30000|||running|||\n");
	expect_answer(&fixture,
	              "SELECT operation_id, output, position, allocation_id, shape, memory FROM operation_tensor",
	              "9|1|0|10|32x64|block sharded\n"
	              "9|0|0|7|32x64|block sharded\n");
	expect_answer(
	    &fixture,
	    "SELECT allocation_id, region, shape, dtype, layout, shard_shape, made_by, uses, last_used_by FROM tensor "
	    "ORDER BY 1",
	    "7|L1|32x64|bfloat16|TILE|32x32||1|9\n"
	    "10|L1|32x64|bfloat16|TILE|32x32|9|0|\n");
	expect_answer(&fixture, "SELECT tensor FROM allocation",
	              "32x64 bfloat16 TILE block sharded 32x32\n"
	              "32x64 bfloat16 TILE block sharded 32x32\n");
	expect_answer(&fixture, "SELECT label_span_id, label, begin_ns, end_ns FROM label_span", "21|mlp|30001|\n");
	fixture_remove(&fixture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_records_come_back),
	    cmocka_unit_test(test_a_loop_costs_ten_bytes),
	    cmocka_unit_test(test_damaged_pages_are_refused),
	    cmocka_unit_test(test_views_read_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
