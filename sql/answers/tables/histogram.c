/* SPDX-License-Identifier: Apache-2.0
 *
 * histogram.c - histogram_bins(): sizes or lifetimes of blocks in powers of two, for each device and region. A
 * time window takes what lived in it.
 */
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/store/recording.h"
#include "sql/replay/scan.h"
#include "sql/answers/table_function.h"

/* [0, 1), [1, 2), [2, 4), ... up to INT64_MAX. */
#define BINS 64

enum what { OF_SIZE, OF_BANK, OF_LIFETIME };

struct bin {
	int64_t blocks, bytes, held_blocks, held_bytes;
};

struct histogram {
	struct bin (*bins)[BINS]; /* per series */
	const struct catalog *catalog;
	enum what what;
	int64_t end_ns; /* of the recording */
};

static int bin_of(int64_t value)
{
	return value < 1 ? 0 : 64 - __builtin_clzll((unsigned long long)value);
}

static int64_t bin_start(int bin)
{
	return bin == 0 ? 0 : INT64_C(1) << (bin - 1);
}

static int64_t bin_end(int bin)
{
	return bin == BINS - 1 ? INT64_MAX : INT64_C(1) << bin;
}

static int64_t value_of(const struct histogram *histogram, const struct scan_block *block)
{
	int64_t end_ns = block->end == SCAN_LIVE ? histogram->end_ns : block->end_ns;

	if (histogram->what == OF_SIZE)
		return block->size_bytes;
	if (histogram->what == OF_BANK)
		return block->bank_bytes;
	/* unsigned, because a corrupt row may overflow */
	return (int64_t)((uint64_t)end_ns - (uint64_t)block->alloc_ns);
}

static int take_block(const struct scan_block *block, void *context)
{
	struct histogram *histogram = context;

	if (block->origin->aliased || !scan_is_chosen(histogram->catalog, block))
		return 0;
	struct bin *bin = &histogram->bins[block->origin->series][bin_of(value_of(histogram, block))];
	bin->blocks++;
	bin->bytes = (int64_t)((uint64_t)bin->bytes + (uint64_t)block->size_bytes);
	if (block->end == SCAN_FREED || block->end == SCAN_REPLACED)
		return 0;
	bin->held_blocks++;
	bin->held_bytes = (int64_t)((uint64_t)bin->held_bytes + (uint64_t)block->size_bytes);
	return 0;
}

/* From the first bin that has blocks to the last one. */
static int add_rows(struct table_call *call, const struct catalog_series *series, const struct bin *bins)
{
	int first = 0, end = BINS;

	while (first < BINS && bins[first].blocks == 0)
		first++;
	while (end > first && bins[end - 1].blocks == 0)
		end--;
	for (int i = first; i < end; i++) {
		int64_t cells[] = {series->device, series->region, bin_start(i),        bin_end(i),
		                   bins[i].blocks, bins[i].bytes,  bins[i].held_blocks, bins[i].held_bytes};

		if (table_add(call->table, cells, call->error) < 0)
			return -1;
	}
	return 0;
}

static int read_question(struct table_call *call, enum what *what)
{
	static const char *const words[] = {[OF_SIZE] = "size", [OF_BANK] = "bank", [OF_LIFETIME] = "lifetime"};

	for (size_t i = 0; call->arguments[0].text && i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(call->arguments[0].text, words[i]) == 0) {
			*what = (enum what)i;
			return 0;
		}
	}
	return sql_fail(call->error, "a histogram is of 'size', 'bank' or 'lifetime'");
}

static int fill_histogram_bins(struct table_call *call)
{
	struct catalog catalog = {0};
	struct histogram histogram = {.catalog = &catalog};
	int result = read_question(call, &histogram.what);

	if (result == 0)
		result = recording_integer(call->recording, "SELECT end_ns FROM main.recording_info", 0,
		                           &histogram.end_ns, call->error);
	if (result == 0)
		result = catalog_load(&catalog, call->recording, &call->filter, false, call->error);
	if (result == 0) {
		histogram.bins = calloc(catalog.series_count + 1, sizeof(*histogram.bins));
		result = histogram.bins ? scan_blocks(call->recording, &catalog, take_block, &histogram, call->error)
		                        : sql_fail(call->error, "out of memory");
	}
	for (size_t i = 0; result == 0 && i < catalog.series_count; i++)
		result = add_rows(call, &catalog.series[i], histogram.bins[i]);
	free(histogram.bins);
	catalog_clear(&catalog);
	return result;
}

const struct table_function table_histogram_bins = {
    .name = "histogram_bins",
    .columns = "device, region, bin_start, bin_end, blocks, bytes, held_blocks, held_bytes",
    .arguments = {"of"},
    .fill = fill_histogram_bins,
};
