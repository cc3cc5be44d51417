/* SPDX-License-Identifier: Apache-2.0
 *
 * test_allocator.c - placements worked out by hand from TT-Metal's rules, and random streams against the plainest
 * model.
 *
 * The rules: pages are dealt out to the banks, so a bank needs ceil(pages / banks) * page size, each page padded to the
 * alignment (DRAM 32 B on Wormhole and 64 B on Blackhole, L1 16 B); no slot is smaller than the alignment of DRAM; of
 * the free blocks with room the lowest is taken from below, or the highest from above; freed neighbours become one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "allocator.h"
#include "device.h"
#include "program.h"

enum { TILE = 2048 };

struct request {
	uint64_t size_bytes;
	uint64_t page_bytes;
	uint32_t banks;
	enum direction direction;
};

static uint64_t place(struct allocator *allocator, uint64_t page_alignment_bytes, struct request request)
{
	struct placement placed;
	uint64_t share = allocator_share(request.size_bytes, request.page_bytes, request.banks, page_alignment_bytes);

	assert_true(allocator_place(allocator, share, request.direction, &placed));
	return placed.address;
}

static uint64_t dram(struct allocator *allocator, uint64_t size_bytes, uint64_t page_bytes)
{
	return place(allocator, 32, (struct request){size_bytes, page_bytes, 12, BOTTOM_UP});
}

static uint64_t binary(struct allocator *allocator, uint64_t size_bytes)
{
	return place(allocator, 32, (struct request){size_bytes, 2048, 12, TOP_DOWN});
}

static uint64_t l1(struct allocator *allocator, uint64_t size_bytes, uint64_t page_bytes, uint32_t cores)
{
	return place(allocator, 16, (struct request){size_bytes, page_bytes, cores, TOP_DOWN});
}

/* 12 banks of 1,073,741,824 B, of which 32 + 1,048,576 = 1,048,608 B at the low end are reserved. */
static void test_wormhole_dram(void **state)
{
	struct allocator *a = allocator_create(&(struct allocator_bank){
	    .base_address = 1048608, .bank_bytes = 1073741824 - 1048608, .alignment_bytes = 32, .minimum_bytes = 32});

	(void)state;
	/* 1: 4 MiB = 2048 tiles; ceil(2048 / 12) = 171; 171 * 2048 = 350,208 from the base on */
	assert_int_equal(dram(a, 4194304, TILE), 1048608);
	/* 2: one page of 100 B, padded to 128; 1,048,608 + 350,208 */
	assert_int_equal(dram(a, 100, 100), 1398816);
	/* 3: 100 pages of 10 B, padded to 32; ceil(100 / 12) = 9; 288 B; 1,398,816 + 128 */
	assert_int_equal(dram(a, 1000, 10), 1398944);
	/* 4: a kernel binary, from above: 11 pages, 1 in a bank; 1,073,741,824 - 2048 */
	assert_int_equal(binary(a, 21744), 1073739776);
	/* 5: 14 pages, 2 in a bank; 1,073,739,776 - 4096 */
	assert_int_equal(binary(a, 26880), 1073735680);
	/* 6: number 2 goes; 64 B fit into its 128 B, which lie below the rest */
	assert_true(allocator_release(a, 1398816));
	assert_int_equal(dram(a, 64, 64), 1398816);
	/* 7: 96 B do not fit into the 64 B left there: behind number 3; 1,398,944 + 288 */
	assert_int_equal(dram(a, 96, 96), 1399232);
	/* 8: 33 B take 64 B, exactly what is left of number 2's; 1,398,816 + 64 */
	assert_int_equal(dram(a, 33, 33), 1398880);
	/* 9: number 1 goes; 12 tiles, 1 in a bank, at the base again */
	assert_true(allocator_release(a, 1048608));
	assert_int_equal(dram(a, 12 * TILE, TILE), 1048608);
	/* 10: 350,208 B do not fit into 350,208 - 2048: behind number 7; 1,399,232 + 96 */
	assert_int_equal(dram(a, 4194304, TILE), 1399328);
	/* 11: number 5 goes and joins the free memory below it; from above: 1,073,739,776 - 2048 */
	assert_true(allocator_release(a, 1073735680));
	assert_int_equal(binary(a, 2048), 1073737728);
	/* 12: number 8 goes: a hole of 64 B; yet 64 B go to the lowest hole, that of number 1: 1,048,608 + 2048 */
	assert_true(allocator_release(a, 1398880));
	assert_int_equal(dram(a, 64, 64), 1050656);
	allocator_destroy(a);
}

/* 56 cores; from 104,224 on 1,394,912 B, so that L1 ends at 1,499,136. */
static void test_wormhole_l1(void **state)
{
	struct allocator *a = allocator_create(&(struct allocator_bank){
	    .base_address = 104224, .bank_bytes = 1394912, .alignment_bytes = 16, .minimum_bytes = 32});
	struct allocator_figures figures;
	struct placement placed;

	(void)state;
	/* 13: 2048 tiles over 56 cores: 37 each, 75,776 B; 1,499,136 - 75,776 */
	assert_int_equal(l1(a, 4194304, TILE, 56), 1423360);
	/* 14: sharded over 32 cores: 64 tiles each, 131,072 B, taken on all of them; 1,423,360 - 131,072 */
	assert_int_equal(l1(a, 4194304, TILE, 32), 1292288);
	/* 15: a semaphore of 4 B: padded to 16, but no slot is below 32 B; 1,292,288 - 32 */
	assert_int_equal(l1(a, 4, 4, 56), 1292256);
	/* 16: one page of 40 B, padded to 48, a multiple of 16; 1,292,256 - 48 */
	assert_int_equal(l1(a, 40, 40, 56), 1292208);
	assert_int_equal(allocator_lowest_live(a), 1292208);
	/* 17: number 13 goes; the highest hole is taken from its upper end: 1,499,136 - 32 */
	assert_true(allocator_release(a, 1423360));
	assert_int_equal(l1(a, 4, 4, 56), 1499104);
	/* 18: 1024 tiles: 19 each, 38,912 B; 1,499,104 - 38,912 */
	assert_int_equal(l1(a, 2097152, TILE, 56), 1460192);
	/* 19: number 14 goes and joins what number 13 left: 1,292,288 to 1,460,192; 80 tiles = 163,840 B from its end
	 */
	assert_true(allocator_release(a, 1292288));
	assert_int_equal(l1(a, 80 * TILE, TILE, 1), 1296352);
	/* 32 + 48 + 163,840 + 38,912 + 32 are taken; the largest hole is the one above the base, 1,292,208 - 104,224 */
	figures = allocator_measure(a);
	assert_int_equal(figures.allocated_bytes, 202864);
	assert_int_equal(figures.free_bytes, 1394912 - 202864);
	assert_int_equal(figures.largest_free_bytes, 1187984);
	assert_false(allocator_place(a, 1187985, TOP_DOWN, &placed));
	assert_true(allocator_place(a, 1187984, TOP_DOWN, &placed));
	assert_int_equal(placed.address, 104224);
	allocator_destroy(a);
}

static void test_blackhole(void **state)
{
	struct allocator *l1_bank = allocator_create(&(struct allocator_bank){
	    .base_address = 111360, .bank_bytes = 1461504, .alignment_bytes = 16, .minimum_bytes = 64});
	struct allocator *dram_bank = allocator_create(&(struct allocator_bank){
	    .base_address = 1048640, .bank_bytes = 4278190080 - 1048640, .alignment_bytes = 64, .minimum_bytes = 64});

	(void)state;
	/* 20: a semaphore takes 64 B of the end, 111,360 + 1,461,504 = 1,572,864 */
	assert_int_equal(l1(l1_bank, 4, 4, 130), 1572800);
	/* 21: one page of 100 B takes 128 B: 64 + 1 MiB is the base */
	assert_int_equal(place(dram_bank, 64, (struct request){100, 100, 8, BOTTOM_UP}), 1048640);
	/* 22: 10 pages of 65 B, padded to 128: 2 in a bank, 256 B */
	assert_int_equal(place(dram_bank, 64, (struct request){650, 65, 8, BOTTOM_UP}), 1048768);
	/* 23: 3 tiles on 8 banks: 1 in a bank; 1,048,768 + 256 */
	assert_int_equal(place(dram_bank, 64, (struct request){3 * TILE, TILE, 8, BOTTOM_UP}), 1049024);
	allocator_destroy(l1_bank);
	allocator_destroy(dram_bank);
}

/* Circular buffers: 64 + 2 + 64 tiles and 100 B; 104,224 + 131,072 + 4096 + 131,072 + 100, padded to 32, is 370,592. */
static void test_circular_buffers_and_clash(void **state)
{
	static const struct program_recipe recipe = {
	    .name = "norm", .binary_bytes = 4096, .cb_bytes = {64 * TILE, 2 * TILE, 64 * TILE, 100}};
	struct device *device = device_open(&wormhole_b0, 0, 0, 0);
	struct program first = {0}, second = {0};
	struct buffer buffer;

	(void)state;
	assert_true(program_run(device, &first, 1, &recipe, NULL));
	assert_int_equal(first.cb_end, 370592);
	/* Two pages of the binary, from above: 1,073,741,824 - 2048. */
	assert_int_equal(first.binary.address, 1073739776);
	/* Another program begins at the same place. */
	assert_true(program_run(device, &second, 2, &recipe, NULL));
	assert_int_equal(second.cb_end, 370592);
	/* An L1 buffer down to 370,592 is the most there is room for; 32 B more clash. 1,499,136 - 370,592 = 1,128,544.
	 */
	assert_true(device_allocate(
	    device, &(struct buffer_request){.region = 1, .size_bytes = 1128544, .page_bytes = 1128544}, &buffer));
	assert_int_equal(buffer.address, 370592);
	assert_true(program_run(device, &first, 1, &recipe, NULL));
	device_release(device, &buffer);
	assert_true(device_allocate(
	    device, &(struct buffer_request){.region = 1, .size_bytes = 1128576, .page_bytes = 1128576}, &buffer));
	assert_false(program_run(device, &first, 1, &recipe, NULL));
	assert_non_null(strstr(device_message(device), "370560"));
	device_close(device);
}

static void test_out_of_memory_says_the_figures(void **state)
{
	struct device *device = device_open(&wormhole_b0, 0, 23887872, 0);
	struct buffer half, other;
	const struct buffer_request request = {.region = 0, .size_bytes = 12 * UINT64_C(600000000), .page_bytes = 32};

	(void)state;
	assert_true(device_allocate(device, &request, &half));
	assert_false(device_allocate(device, &request, &other));
	/* 1,073,741,824 - 1,048,608 - 23,887,872 / 12 = 1,070,702,560 */
	assert_string_equal(device_message(device),
	                    "Out of Memory: no space for a DRAM buffer of 7200000000 B across 12 banks: each bank "
	                    "needs 600000000 B, bank size is 1070702560 B (allocated: 600000000 B, free: 470702560 B, "
	                    "largest free block: 470702560 B)");
	assert_false(other.placed);
	device_close(device);
}

/* The model: every byte granule of a small bank is taken or not. */
enum { GRANULE = 32, GRANULES = 2048, LIVE_MAX = 300, ROUNDS = 200000 };

static int64_t model_place(const bool *taken, uint32_t wanted, enum direction direction)
{
	uint32_t run = 0;

	for (uint32_t i = 0; i < GRANULES; i++) {
		uint32_t at = direction == BOTTOM_UP ? i : GRANULES - 1 - i;

		/* The whole hole has to be large enough, and is filled from the end at which the search began. */
		run = taken[at] ? 0 : run + 1;
		if (run == wanted)
			return direction == BOTTOM_UP ? at + 1 - wanted : at;
	}
	return -1;
}

struct live {
	uint64_t address;
	uint32_t granules;
};

static void place_in_both(struct allocator *a, bool *taken, struct live *live)
{
	uint32_t wanted = 1 + (uint32_t)rand() % (rand() % 8 ? 8 : 200);
	enum direction direction = rand() % 2 ? BOTTOM_UP : TOP_DOWN;
	int64_t at = model_place(taken, wanted, direction);
	struct placement placed;

	assert_int_equal(
	    allocator_place(a, (uint64_t)wanted * GRANULE - (uint64_t)rand() % GRANULE, direction, &placed), at >= 0);
	if (at < 0)
		return;
	assert_int_equal(placed.address, 4096 + at * GRANULE);
	assert_int_equal(placed.bank_bytes, wanted * GRANULE);
	memset(&taken[at], true, wanted);
	*live = (struct live){.address = placed.address, .granules = wanted};
}

static void test_random_streams(void **state)
{
	struct allocator *a = allocator_create(&(struct allocator_bank){.base_address = 4096,
	                                                                .bank_bytes = GRANULES * GRANULE,
	                                                                .alignment_bytes = GRANULE,
	                                                                .minimum_bytes = GRANULE});
	static bool taken[GRANULES];
	static struct live live[LIVE_MAX];

	(void)state;
	srand(1);
	for (int round = 0; round < ROUNDS; round++) {
		struct live *slot = &live[rand() % LIVE_MAX];

		if (slot->granules == 0) {
			place_in_both(a, taken, slot);
			continue;
		}
		assert_true(allocator_release(a, slot->address));
		assert_false(allocator_release(a, slot->address));
		memset(&taken[(slot->address - 4096) / GRANULE], false, slot->granules);
		slot->granules = 0;
	}
	allocator_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_wormhole_dram),
	    cmocka_unit_test(test_wormhole_l1),
	    cmocka_unit_test(test_blackhole),
	    cmocka_unit_test(test_circular_buffers_and_clash),
	    cmocka_unit_test(test_out_of_memory_says_the_figures),
	    cmocka_unit_test(test_random_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
