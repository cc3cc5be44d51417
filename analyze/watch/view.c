/* SPDX-License-Identifier: Apache-2.0
 *
 * view.c - see view.h: title, sections, and how they share the rows.
 */
#include "view.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/text.h"
#include "sql/base/units.h"
#include "section.h"

#define QUIET_NS INT64_C(3000000000)
#define SEPARATOR "  "

/* A line that is built from pieces, of which the first come first when room is short. */
struct line {
	struct canvas *canvas;
	size_t row, column;
};

static void line_add(struct line *line, enum tone tone, const char *text)
{
	size_t gap = line->column > 1 ? strlen(SEPARATOR) : 0;
	if (line->column + gap + text_width(text) > line->canvas->columns)
		return;
	line->column += gap;
	line->column += canvas_put(line->canvas, line->row, line->column, line->canvas->columns, tone, text);
}

static void seconds(char out[static UNITS_TEXT_MAX], int64_t ns)
{
	if (ns >= INT64_C(60000000000)) { /* no thousandths behind minutes */
		units_ns(out, ns / 1000000000 * 1000000000);
		char *point = strchr(out, '.');
		if (point)
			strcpy(point, "s");
		return;
	}
	snprintf(out, UNITS_TEXT_MAX, "%.1f s", (double)(ns > 0 ? ns : 0) / 1e9);
}

static void add_loss(struct line *line, const struct live *live)
{
	char text[80], count[UNITS_TEXT_MAX];
	section_count(count, live->lost);
	if (live->lost == 0 && !live->loss_unknown) {
		line_add(line, TONE_TITLE, "no loss");
		return;
	}
	snprintf(text, sizeof text, "LOST %s%s", live->loss_unknown ? "at least " : "", count);
	line_add(line, TONE_ALARM, text);
}

static void add_silence(struct line *line, const struct view *view, const struct live *live)
{
	char text[80], time[UNITS_TEXT_MAX];
	int64_t silent_ns = view->now_ns - live->start_monotonic_ns - live->end_ns;
	bool comparable = view->now_ns > 0 && view->boot_id && strcmp(view->boot_id, live->boot_id) == 0;
	if (live->ended || !comparable || silent_ns < QUIET_NS)
		return;
	seconds(time, silent_ns);
	snprintf(text, sizeof text, "last commit %s ago", time);
	line_add(line, TONE_TITLE, text);
}

static void compose_title(const struct view *view, const struct model *model, struct canvas *canvas)
{
	char text[512], path[256], time[UNITS_TEXT_MAX], count[UNITS_TEXT_MAX];
	const struct live *live = &model->live;
	struct line line = {.canvas = canvas, .column = canvas->columns > 40};
	bool average;
	double rate = model_rate(model, &average);
	text_terminal(path, sizeof path, view->path, strlen(view->path));
	text_shorten(path, canvas->columns / 3 > 8 ? canvas->columns / 3 : 8);
	line_add(&line, TONE_TITLE, path);
	seconds(time, live->end_ns);
	snprintf(text, sizeof text, "%s %s", live->ended ? "ended" : "recording", time);
	line_add(&line, TONE_TITLE, text);
	if (view->paused)
		line_add(&line, TONE_TITLE, "PAUSED");
	if (live->lost != 0 || live->loss_unknown)
		add_loss(&line, live);
	if (live->unrecorded) {
		section_count(count, live->unrecorded);
		snprintf(text, sizeof text, "%s not recorded", count);
		line_add(&line, TONE_ALARM, text);
	}
	section_count(count, (int64_t)rate);
	snprintf(text, sizeof text, "%s events/s%s", count, average ? " on average" : "");
	line_add(&line, TONE_TITLE, text);
	section_count(count, live->events);
	snprintf(text, sizeof text, "%s events", count);
	line_add(&line, TONE_TITLE, text);
	if (live->failures != 0) {
		section_count(count, live->failures);
		snprintf(text, sizeof text, "%s failed", count);
		line_add(&line, TONE_ALARM, text);
	}
	if (live->lost == 0 && !live->loss_unknown)
		add_loss(&line, live);
	add_silence(&line, view, live);
	for (size_t column = 0; column < canvas->columns; column++)
		if (canvas->cells[column].tone == TONE_PLAIN)
			canvas->cells[column].tone = TONE_TITLE;
}

/* Which devices there are, and which is shown. */
static void compose_tabs(const struct view *view, const struct model *model, struct canvas *canvas, size_t row)
{
	char text[40];
	size_t column = canvas_put(canvas, row, 0, canvas->columns, TONE_DIM, "device ");
	for (size_t i = 0, count = model_device_count(model); i <= count; i++) {
		int64_t device = model_device(model, i);
		enum tone tone = device == view->device ? TONE_TITLE : TONE_PLAIN;
		if (device == MODEL_ALL_DEVICES)
			strcpy(text, " all ");
		else
			snprintf(text, sizeof text, " %" PRId64 " ", device);
		column += canvas_put(canvas, row, column, canvas->columns, tone, text);
	}
}

static void compose_keys(const struct view *view, const struct model *model, struct canvas *canvas)
{
	static const char *const orders[ORDER_COUNT] = {"memory", "events", "pid"};
	char text[200];
	snprintf(text, sizeof text, "q quit  h help  p %s  %ss sorts by %s", view->paused ? "go on" : "pause",
	         model_device_count(model) > 1 ? "tab device  " : "", orders[view->order]);
	canvas_put(canvas, canvas->rows - 1, 0, canvas->columns, TONE_DIM, text);
}

static size_t compose_help(struct canvas *canvas, size_t row)
{
	static const char *const lines[] = {
	    "tab, arrows   next device, previous device",
	    "0 to 9, a     that device; all devices",
	    "up, down      scroll the regions of all devices",
	    "s             sort processes by memory, events, pid",
	    "p, space      hold the picture, go on",
	    "h, ?          this; any key leaves it",
	    "q             quit",
	    "",
	    "Bars and % are the fullest reading there is: the bytes in",
	    "each bank against the bank's size; \u2591 is the peak so far.",
	    "NOW and PEAK are payload over all banks. CB, what programs",
	    "have in L1, is per core. Devices are added up on request (a).",
	};
	for (size_t i = 0; i < sizeof lines / sizeof *lines && row < canvas->rows; i++)
		canvas_put(canvas, row++, canvas->columns > 60, canvas->columns, TONE_PLAIN, lines[i]);
	return row;
}

static size_t compose_state(const struct view *view, struct canvas *canvas)
{
	char text[640];
	text_terminal(text, sizeof text, view->state, strlen(view->state));
	size_t row = 0, width = canvas->columns;
	const char *rest = text;
	while (*rest != '\0' && row < canvas->rows && width > 0) { /* the end of a line is where it is full */
		canvas_put(canvas, row++, 0, width, TONE_PLAIN, rest);
		size_t used = 0;
		while (*rest != '\0' && used < width) {
			int32_t code;
			rest += text_decode(rest, strlen(rest), &code);
			used++;
		}
	}
	if (view->keys && canvas->rows > row)
		canvas_put(canvas, canvas->rows - 1, 0, width, TONE_DIM, "q quit");
	return row;
}

/* Processes and labels share what the regions left. */
static size_t compose_rest(const struct view *view, const struct model *model, struct canvas *canvas, size_t row,
                           size_t bottom)
{
	size_t processes = section_process_rows(model), labels = section_label_rows(view, model);
	size_t left = bottom - row;
	if (left < 3 || processes == 0)
		return row;
	size_t headings = left >= 8 ? 4 : 2; /* with the blank line above each */
	if (headings == 2)
		labels = 0;
	size_t room = left - headings;
	size_t most = labels == 0 ? room : room * 3 / 5;
	if (labels > 0 && room - most > labels)
		most = room - labels;
	if (processes > most)
		processes = most;
	row = section_processes(view, model, canvas, row + 1, processes);
	if (headings < 4 || bottom - row < 3)
		return row;
	labels = section_label_rows(view, model);
	return section_labels(view, model, canvas, row + 1, bottom - row - 2 < labels ? bottom - row - 2 : labels);
}

size_t view_compose(const struct view *view, const struct model *model, struct canvas *canvas)
{
	if (canvas->rows == 0)
		return 0;
	if (view->state)
		return compose_state(view, canvas);
	size_t row = 0, bottom = canvas->rows;
	compose_title(view, model, canvas);
	row++;
	if (view->keys && canvas->rows > 4)
		compose_keys(view, model, canvas), bottom--;
	if (view->help)
		return compose_help(canvas, row);
	if (view->keys && model_device_count(model) > 1 && row < bottom)
		compose_tabs(view, model, canvas, row++);
	if (model_device_count(model) == 0) {
		canvas_put(canvas, row, 0, canvas->columns, TONE_DIM, "nothing was allocated yet");
		return row < bottom ? row + 1 : row;
	}
	row = section_regions(view, model, canvas, row, bottom);
	return view->compact ? row : compose_rest(view, model, canvas, row, bottom);
}

size_t view_height(const struct view *view, const struct model *model)
{
	if (view->state)
		return 12;
	return 16 + section_region_rows(view, model) + section_process_rows(model) + section_label_rows(view, model);
}
