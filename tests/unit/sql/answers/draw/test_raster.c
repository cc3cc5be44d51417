/* SPDX-License-Identifier: Apache-2.0
 *
 * How full blocks made the parts of a bank: against the same added up cell by cell.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/answers/draw/raster.h"

#define BUCKETS 20
#define LENGTH_NS 2000
#define STEPS 1000
#define BLOCKS 60

struct cells {
	const struct raster *raster;
	double share[RASTER_BANDS][BUCKETS];
};

static int take(void *context, const struct raster_run *run)
{
	struct cells *cells = context;
	size_t band = (run->address - cells->raster->low) >> cells->raster->band_log2;

	assert_true(band < RASTER_BANDS && run->first < run->end && run->end <= BUCKETS && run->share > 0);
	for (int64_t i = run->first; i < run->end; i++) {
		assert_true(cells->share[band][i] == 0);
		cells->share[band][i] = (double)run->share / STEPS;
	}
	return 0;
}

static void read_cells(const struct raster *raster, struct cells *cells)
{
	memset(cells, 0, sizeof(*cells));
	cells->raster = raster;
	assert_int_equal(raster_each(raster, STEPS, take, cells), 0);
}

static struct raster raster_of_run(void)
{
	struct raster raster;

	raster_open(&raster, &(struct buckets){.count = BUCKETS, .start_ns = 0, .end_ns = LENGTH_NS - 1});
	return raster;
}

static double overlap(double from, double to, double low, double high)
{
	double first = from > low ? from : low, last = to < high ? to : high;

	return last > first ? last - first : 0;
}

struct block {
	uint64_t address, bytes;
	int64_t from_ns, to_ns;
};

static double added_up(const struct raster *raster, const struct block *blocks, size_t count, size_t band,
                       size_t bucket)
{
	double height = (double)(UINT64_C(1) << raster->band_log2), low = (double)raster->low + (double)band * height;
	double width = LENGTH_NS / BUCKETS, from = width * (double)bucket, full = 0;

	for (size_t i = 0; i < count; i++) {
		double bottom = (double)blocks[i].address, top = bottom + (double)blocks[i].bytes;

		full += overlap((double)blocks[i].from_ns, (double)blocks[i].to_ns, from, from + width) / width *
		        overlap(bottom, top, low, low + height) / height;
	}
	return full < 1 ? full : 1;
}

/* Of blocks that lie anywhere, and widen the bands while they come. */
static void test_random_blocks(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct raster raster = raster_of_run();
		struct block blocks[BLOCKS];
		struct cells cells;

		srand(seed);
		for (size_t i = 0; i < BLOCKS; i++) {
			int64_t from_ns = rand() % LENGTH_NS;

			blocks[i] = (struct block){.address = (uint64_t)(rand() % 5000) * 64 + 4096 * i,
			                           .bytes = (uint64_t)(rand() % 300 + 1) * 64,
			                           .from_ns = from_ns,
			                           .to_ns = from_ns + rand() % (LENGTH_NS - from_ns)};
			assert_int_equal(
			    raster_add(&raster, blocks[i].address, blocks[i].bytes, blocks[i].from_ns, blocks[i].to_ns),
			    0);
		}
		read_cells(&raster, &cells);
		for (size_t band = 0; band < RASTER_BANDS; band++)
			for (size_t bucket = 0; bucket < BUCKETS; bucket++) {
				double full = added_up(&raster, blocks, BLOCKS, band, bucket);

				/* rounded up: by a step, and by a unit of each block whenever bands become wider */
				assert_true(cells.share[band][bucket] > full - 0.001);
				assert_true(cells.share[band][bucket] < full + 0.012);
			}
		raster_clear(&raster);
	}
}

/* However small and short, a block is there, and only there. */
static void test_the_least_block(void **state)
{
	struct raster raster = raster_of_run();
	struct cells cells;
	size_t marked = 0;

	(void)state;
	assert_int_equal(raster_add(&raster, UINT64_C(1) << 40, 1, 777, 777), 0);
	assert_int_equal(raster_add(&raster, 0, 1, 1999, 1999), 0);
	read_cells(&raster, &cells);
	for (size_t band = 0; band < RASTER_BANDS; band++)
		for (size_t bucket = 0; bucket < BUCKETS; bucket++)
			marked += cells.share[band][bucket] > 0;
	assert_int_equal(marked, 2);
	assert_true(cells.share[0][19] > 0);
	assert_true(cells.share[(UINT64_C(1) << 40) >> raster.band_log2][7] > 0);
	raster_clear(&raster);
}

/* What a damaged file may say: all addresses at once, and none. */
static void test_the_largest_block(void **state)
{
	struct raster raster = raster_of_run();
	struct cells cells;

	(void)state;
	read_cells(&raster, &cells);
	assert_int_equal(raster_add(&raster, INT64_MAX, INT64_MAX, 0, LENGTH_NS - 1), 0);
	assert_int_equal(raster_add(&raster, UINT64_MAX, 5, 0, LENGTH_NS - 1),
	                 0); /* beyond the last address: left out */
	assert_int_equal(raster_add(&raster, 0, INT64_MAX, 0, 0), 0);
	assert_int_equal(raster_add(&raster, 5, 0, 0, LENGTH_NS - 1), 0);
	read_cells(&raster, &cells);
	assert_true(cells.share[RASTER_BANDS - 1][10] >= 0.99);
	assert_true(cells.share[0][10] == 0);
	raster_clear(&raster);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_random_blocks),
	    cmocka_unit_test(test_the_least_block),
	    cmocka_unit_test(test_the_largest_block),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
