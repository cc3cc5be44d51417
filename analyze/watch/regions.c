/* SPDX-License-Identifier: Apache-2.0
 *
 * regions.c - the regions of a device: a bar against the bank, figures, and a trend; see section.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "alike.h"
#include "sql/base/memory.h"
#include "section.h"
#include "ttalloc.h"

#define BLOCK_MOST 400 /* columns of a bar or a trend */
#define NAME_WIDTH 9
#define NOW_WIDTH 10
#define FLEXIBLE_LEAST 9

/* What a line has room for; 0: not shown. Each width has the blank before it in it. */
struct columns {
	size_t bar, percent, peak, bank, of, trend, blocks;
};

static struct columns fit_columns(size_t width)
{
	struct columns columns = {0};
	size_t left = width > NAME_WIDTH + NOW_WIDTH ? width - NAME_WIDTH - NOW_WIDTH : 0;
	struct {
		size_t *to, width;
	} wanted[] = {{&columns.bar, FLEXIBLE_LEAST},
	              {&columns.percent, 8},
	              {&columns.peak, 10},
	              {&columns.bank, 10},
	              {&columns.of, 10},
	              {&columns.trend, FLEXIBLE_LEAST + 1},
	              {&columns.blocks, 8}};
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		if (wanted[i].width > left)
			break;
		*wanted[i].to = wanted[i].width;
		left -= wanted[i].width;
	}
	size_t to_trend = columns.trend > 0 ? left / 2 : 0;
	columns.trend += to_trend;
	columns.bar += left - to_trend;
	return columns;
}

static bool has_banks(const struct live_region *region)
{
	return region->region != TTALLOC_HOST && region->region != TTALLOC_KERNEL;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static double fraction(int64_t part, int64_t whole)
{
	double share = whole > 0 ? (double)part / (double)whole : 0;
	return share < 0 ? 0 : share > 1 ? 1 : share;
}

static enum tone tone_of(double share)
{
	return share >= 0.9 ? TONE_HIGH : share >= 0.75 ? TONE_MIDDLE : TONE_LOW;
}

/* Full up to NOW, in eighths of a column, and shaded up to the peak. */
static void put_bar(struct canvas *canvas, size_t row, size_t column, size_t width, const struct live_region *region)
{
	static const char *const eighths[] = {"", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"};
	if (width > BLOCK_MOST)
		width = BLOCK_MOST;
	if (region->capacity_bytes <= 0) {
		canvas_put(canvas, row, column, width, TONE_DIM, has_banks(region) ? "size unknown" : "");
		return;
	}
	double now = fraction(region->bank_bytes, region->capacity_bytes);
	size_t filled = (size_t)(now * (double)width * 8 + 0.5), full = filled / 8, at = 0;
	if (filled == 0 && region->bank_bytes > 0)
		filled = 1;
	size_t peak = (size_t)(fraction(larger(region->peak_bank_bytes, region->bank_bytes), region->capacity_bytes) *
	                           (double)width +
	                       0.5);
	for (; at < full; at++)
		canvas_put(canvas, row, column + at, 1, tone_of(now), "\u2588");
	if (filled % 8 != 0)
		canvas_put(canvas, row, column + at++, 1, tone_of(now), eighths[filled % 8]);
	for (; at < width; at++)
		canvas_put(canvas, row, column + at, 1, TONE_DIM, at < peak ? "\u2591" : "\u00b7");
}

/* From the lowest to the highest of VALUES, but not so close that what is nearly level looks steep. */
struct scale {
	double low, range;
};

static struct scale scale_of(const int64_t *values, size_t count)
{
	double low = (double)values[0], high = low;
	for (size_t i = 1; i < count; i++) {
		low = (double)values[i] < low ? (double)values[i] : low;
		high = (double)values[i] > high ? (double)values[i] : high;
	}
	if (high - low < high / 10) /* about the middle, then */
		low = (low + high) / 2 - high / 20;
	return (struct scale){low, high - low > high / 10 ? high - low : high / 10};
}

static void put_trend(struct canvas *canvas, size_t row, size_t column, size_t width, const struct model *model,
                      const struct live_region *region)
{
	static const char *const heights[] = {"\u2581", "\u2582", "\u2583", "\u2584",
	                                      "\u2585", "\u2586", "\u2587", "\u2588"};
	int64_t values[BLOCK_MOST];
	if (width > BLOCK_MOST)
		width = BLOCK_MOST;
	model_trend(model, region, values, width);
	struct scale scale = scale_of(values, width);
	for (size_t i = 0; i < width; i++) {
		double share = scale.range > 0 ? ((double)values[i] - scale.low) / scale.range : 0;
		int height = (int)(share * 7 + 0.5);
		const char *glyph = values[i] <= 0 ? " " : heights[height < 0 ? 0 : height > 7 ? 7 : height];
		canvas_put(canvas, row, column + i, 1, TONE_TREND, glyph);
	}
}

static void put_bytes(struct canvas *canvas, size_t row, size_t column, size_t width, enum tone tone, bool known,
                      int64_t bytes)
{
	char text[UNITS_TEXT_MAX] = "-";
	if (known)
		units_bytes(text, bytes);
	canvas_put_right(canvas, row, column, width, tone, text);
}

static void region_line(const struct columns *columns, const struct model *model, const struct live_region *region,
                        struct canvas *canvas, size_t row)
{
	char text[UNITS_TEXT_MAX];
	size_t column = NAME_WIDTH;
	section_region_name(text, region->region);
	canvas_put(canvas, row, 0, NAME_WIDTH - 1, TONE_PLAIN, strcmp(text, "SYSTEM_MEMORY") == 0 ? "SYSTEM" : text);
	if (columns->bar > 0)
		put_bar(canvas, row, column, columns->bar - 1, region);
	column += columns->bar;
	section_share(text, region->bank_bytes, region->capacity_bytes);
	canvas_put_right(canvas, row, column, columns->percent, TONE_PLAIN, text);
	column += columns->percent;
	put_bytes(canvas, row, column, NOW_WIDTH, TONE_PLAIN, true, region->bytes);
	column += NOW_WIDTH;
	put_bytes(canvas, row, column, columns->peak, TONE_PLAIN, true, larger(region->peak_bytes, region->bytes));
	column += columns->peak;
	put_bytes(canvas, row, column, columns->bank, TONE_PLAIN, has_banks(region), region->bank_bytes);
	column += columns->bank;
	put_bytes(canvas, row, column, columns->of, TONE_PLAIN, region->capacity_bytes > 0, region->capacity_bytes);
	column += columns->of;
	section_count(text, region->blocks);
	canvas_put_right(canvas, row, column, columns->blocks, TONE_PLAIN, text);
	column += columns->blocks;
	if (columns->trend > 1)
		put_trend(canvas, row, column + 1, columns->trend - 1, model, region);
}

/* Kernel binaries lie in DRAM: a line below says how much of it they are. */
static void binaries_line(const struct columns *columns, const struct live_region *region, struct canvas *canvas,
                          size_t row)
{
	size_t column = NAME_WIDTH + columns->bar + columns->percent;
	canvas_put(canvas, row, 0, column, TONE_DIM, columns->bar > 8 ? " of it kernel binaries" : " binaries");
	put_bytes(canvas, row, column, NOW_WIDTH, TONE_DIM, true, region->binary_bytes);
}

static void heading(const struct columns *columns, const struct model *model, const char *first, struct canvas *canvas,
                    size_t row)
{
	char text[80];
	int64_t from_ns, to_ns;
	size_t column = NAME_WIDTH;
	canvas_put(canvas, row, 0, NAME_WIDTH + columns->bar - 1, TONE_HEAD, first);
	column += columns->bar;
	canvas_put_right(canvas, row, column, columns->percent, TONE_HEAD, "USED");
	column += columns->percent;
	canvas_put_right(canvas, row, column, NOW_WIDTH, TONE_HEAD, "NOW");
	column += NOW_WIDTH;
	canvas_put_right(canvas, row, column, columns->peak, TONE_HEAD, "PEAK");
	column += columns->peak;
	canvas_put_right(canvas, row, column, columns->bank, TONE_HEAD, "PER BANK");
	column += columns->bank;
	canvas_put_right(canvas, row, column, columns->of, TONE_HEAD, "OF");
	column += columns->of;
	canvas_put_right(canvas, row, column, columns->blocks, TONE_HEAD, "BLOCKS");
	column += columns->blocks;
	model_window(model, &from_ns, &to_ns);
	snprintf(text, sizeof text, columns->trend >= 14 ? "TREND %.0f s" : "TREND", (double)(to_ns - from_ns) / 1e9);
	if (columns->trend > 0)
		canvas_put(canvas, row, column + 1, columns->trend - 1, TONE_HEAD, text);
}

static bool is_shown(const struct view *view, const struct model *model, const struct live_region *region)
{
	return (region->peak_bytes > 0 || region->capacity_bytes > 0) && alike_leads(view, model, region->device);
}

static bool has_binaries(const struct model *model, const struct live_region *region)
{
	return model->live.groups_state == LIVE_GROUPS_READ && !model->live.groups_of_ended && region->binary_bytes > 0;
}

size_t section_region_rows(const struct view *view, const struct model *model)
{
	size_t rows = 0;
	for (size_t i = 0; i < model->live.region_count; i++)
		rows += 3u * is_shown(view, model, &model->live.regions[i]); /* with a heading and binaries at worst */
	return rows;
}

static size_t count_shown(const struct view *view, const struct model *model, size_t from)
{
	size_t count = 0;
	for (size_t i = from; i < model->live.region_count; i++)
		count += is_shown(view, model, &model->live.regions[i]);
	return count;
}

size_t section_regions(const struct view *view, const struct model *model, struct canvas *canvas, size_t row,
                       size_t bottom)
{
	const struct live *live = &model->live;
	struct columns columns = fit_columns(canvas->columns);
	int64_t device = MODEL_ALL_DEVICES;
	size_t skip = view->scroll, total = count_shown(view, model, 0);
	if (skip >= total)
		skip = total > 0 ? total - 1 : 0;
	for (size_t i = 0; i < live->region_count; i++) {
		const struct live_region *region = &live->regions[i];
		if (!is_shown(view, model, region) || (skip > 0 && skip-- > 0))
			continue;
		size_t needed = 1 + (device != region->device);
		size_t after = count_shown(view, model, i + 1);
		if (row + needed + (after > 0) > bottom) {
			char text[60];
			snprintf(text, sizeof text, "... %zu more%s", after + 1, view->keys ? ": arrow down" : "");
			if (row < bottom)
				canvas_put(canvas, row++, 0, canvas->columns, TONE_DIM, text);
			break;
		}
		if (device != region->device) {
			char first[60], name[ALIKE_NAME_BYTES];
			size_t count = alike_name(view, model, region->device, name);
			snprintf(first, sizeof first, "DEVICE%s %s", count > 1 ? "S" : "", name);
			heading(&columns, model, first, canvas, row++);
			device = region->device;
		}
		region_line(&columns, model, region, canvas, row++);
		if (has_binaries(model, region) && row + after < bottom)
			binaries_line(&columns, region, canvas, row++);
	}
	return row;
}
