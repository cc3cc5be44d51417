/* SPDX-License-Identifier: Apache-2.0
 *
 * section.c - processes and labels; see section.h.
 */
#include "alike.h"
#include "section.h"
#include "ttalloc/vocabulary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/text.h"

/* Rows that are asked for; a screen may have room for fewer. */
#define PROCESSES_MAX 50
#define LABELS_MAX 20
#define REGION_COLUMNS 3

void section_region_name(char out[static UNITS_TEXT_MAX], int64_t region)
{
	const char *word = region_word(region);
	if (word)
		snprintf(out, UNITS_TEXT_MAX, "%s", word);
	else
		snprintf(out, UNITS_TEXT_MAX, "%" PRId64, region);
}

void section_count(char out[static UNITS_TEXT_MAX], int64_t count)
{
	if (count < 0 || count < 1000)
		snprintf(out, UNITS_TEXT_MAX, "%" PRId64, count);
	else if (count < 1000000)
		snprintf(out, UNITS_TEXT_MAX, "%" PRId64 ",%03" PRId64, count / 1000, count % 1000);
	else if (count < INT64_C(1000000000))
		snprintf(out, UNITS_TEXT_MAX, "%.2f M", (double)count / 1e6);
	else
		snprintf(out, UNITS_TEXT_MAX, "%.2f G", (double)count / 1e9);
}

void section_share(char out[static UNITS_TEXT_MAX], int64_t part, int64_t whole)
{
	if (whole > 0 && part >= 0)
		units_ratio(out, (double)part / (double)whole);
	else
		strcpy(out, "-");
}

static bool shows(const struct view *view, int64_t device)
{
	return view->device == MODEL_ALL_DEVICES || view->device == device;
}

static size_t count_groups(const struct view *view, const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->live.group_count; i++)
		count += alike_leads(view, model, model->live.groups[i].device);
	return count;
}

/* ---- processes ---- */

/* The regions that get a column: those of the device that people ask for first. Where no process lives, peaks of one
 * device tell more than what was never freed. */
struct region_columns {
	int64_t list[REGION_COLUMNS];
	size_t count;
	bool peaks;
};

static bool has_region(const struct view *view, const struct model *model, int64_t region)
{
	const struct live *live = &model->live;
	for (size_t i = 0; i < live->region_count; i++)
		if (shows(view, live->regions[i].device) && live->regions[i].region == region &&
		    (live->regions[i].peak_bytes > 0 || live->regions[i].capacity_bytes > 0))
			return true;
	return false;
}

static struct region_columns choose_columns(const struct view *view, const struct model *model, size_t width)
{
	static const int64_t wanted[] = {0, 1, 32, 16, 17, 3, 4, 2};
	struct region_columns columns = {.peaks = view->device != MODEL_ALL_DEVICES && !model_any_alive(model)};
	size_t most = width >= 100 ? 3 : width >= 60 ? 2 : 1;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted && columns.count < most; i++)
		if (has_region(view, model, wanted[i]))
			columns.list[columns.count++] = wanted[i];
	return columns;
}

size_t section_process_rows(const struct model *model)
{
	size_t count = model->live.process_count;
	return count < PROCESSES_MAX ? count : PROCESSES_MAX;
}

static size_t process_heading(const struct region_columns *columns, struct canvas *canvas, size_t row, bool events)
{
	char name[UNITS_TEXT_MAX];
	size_t column = 8;
	canvas_put_right(canvas, row, 0, 8, TONE_HEAD, "PID");
	for (size_t i = 0; i < columns->count; i++) {
		section_region_name(name, columns->list[i]);
		canvas_put_right(canvas, row, column, 10, TONE_HEAD, name);
		canvas_put_right(canvas, row, column + 10, 9, TONE_HEAD, columns->peaks ? "PEAK" : "SHARE");
		column += 19;
	}
	if (events)
		canvas_put_right(canvas, row, column, 9, TONE_HEAD, "EVENTS");
	column += events ? 9 : 0;
	canvas_put(canvas, row, column + 2, canvas->columns, TONE_HEAD, "PROCESS");
	return row + 1;
}

static void process_line(const struct view *view, const struct model *model, const struct region_columns *columns,
                         const struct live_process *process, struct canvas *canvas, size_t row, bool events)
{
	char text[UNITS_TEXT_MAX], command[512];
	enum tone tone = process->ended ? TONE_DIM : TONE_PLAIN;
	size_t column = 8;
	snprintf(text, sizeof text, "%" PRId64, process->pid);
	canvas_put_right(canvas, row, 0, 8, tone, text);
	for (size_t i = 0; i < columns->count; i++) {
		int64_t bytes = model_process_bytes(model, process, view->device, columns->list[i]);
		int64_t whole = process->ended ? 0 : model_region_bytes(model, view->device, columns->list[i]);
		units_bytes(text, bytes);
		canvas_put_right(canvas, row, column, 10, tone, text);
		section_share(text, bytes, whole);
		if (columns->peaks)
			units_bytes(text, model_process_peak(model, process, view->device, columns->list[i]));
		canvas_put_right(canvas, row, column + 10, 9, tone, text);
		column += 19;
	}
	section_count(text, process->events);
	if (events)
		canvas_put_right(canvas, row, column, 9, tone, text);
	column += (events ? 9 : 0) + 2;
	if (process->ended)
		column += canvas_put(canvas, row, column, canvas->columns, tone, "(ended) ");
	if (process->operation) {
		text_terminal(command, sizeof command, process->operation, strlen(process->operation));
		column +=
		    canvas_put(canvas, row, column, canvas->columns, tone, process->in_operation ? "in " : "after ");
		column += canvas_put(canvas, row, column, canvas->columns, tone, command) + 2;
	}
	if (column >= canvas->columns)
		return;
	text_terminal(command, sizeof command, process->command, strlen(process->command));
	text_shorten(command, canvas->columns - column);
	canvas_put(canvas, row, column, canvas->columns, tone, command);
}

size_t section_processes(const struct view *view, const struct model *model, struct canvas *canvas, size_t row,
                         size_t most)
{
	struct region_columns columns = choose_columns(view, model, canvas->columns);
	bool events = canvas->columns >= 70;
	size_t count;
	int64_t first = columns.count > 0 ? columns.list[0] : 0;
	struct process_row *rows = model_processes(model, view->device, first, view->order, &count);
	size_t shown = count <= most ? count : most > 0 ? most - 1 : 0;
	row = process_heading(&columns, canvas, row, events);
	for (size_t i = 0; i < shown; i++)
		process_line(view, model, &columns, rows[i].process, canvas, row++, events);
	if (shown < count && most > 0) {
		char text[60];
		snprintf(text, sizeof text, "        ... %zu more", count - shown);
		canvas_put(canvas, row++, 0, canvas->columns, TONE_DIM, text);
	}
	free(rows);
	return row;
}

/* ---- labels ---- */

size_t section_label_rows(const struct view *view, const struct model *model)
{
	size_t count = count_groups(view, model) + (model->live.groups_left_out > 0);
	return count == 0 ? 1 : count < LABELS_MAX ? count : LABELS_MAX; /* 1: why there is none */
}

static void name_group(char *out, size_t size, const struct live_group *group)
{
	const char *class = group->class == TTA_CLASS_KERNEL_BINARY ? "kernel binaries"
	                    : group->class == TTA_CLASS_KERNEL      ? "kernels"
	                    : group->class == TTA_CLASS_TRACE       ? "traces"
	                                                            : NULL;
	if (group->path)
		text_terminal(out, size, group->path, strlen(group->path));
	else
		snprintf(out, size, class ? "(%s)" : "(no label)", class);
}

/* Of what is before the figures: devices, which may be several that are alike, and the region. */
static size_t place_width(const struct view *view, const struct model *model)
{
	char name[ALIKE_NAME_BYTES];
	size_t widest = 1;

	for (size_t i = 0; view->device == MODEL_ALL_DEVICES && i < model_device_count(model); i++) {
		if (!alike_leads(view, model, model_device(model, i)))
			continue;
		alike_name(view, model, model_device(model, i), name);
		widest = strlen(name) > widest ? strlen(name) : widest;
	}
	return 11 + widest;
}

static void label_line(const struct view *view, const struct model *model, const struct live_group *group,
                       struct canvas *canvas, size_t row)
{
	char text[UNITS_TEXT_MAX], place[2 * UNITS_TEXT_MAX], name[1024], devices[ALIKE_NAME_BYTES];
	size_t column = place_width(view, model);
	section_region_name(text, group->region);
	alike_name(view, model, group->device, devices);
	if (view->device == MODEL_ALL_DEVICES)
		snprintf(place, sizeof place, "%s %s", devices, text);
	else
		snprintf(place, sizeof place, "%s", text);
	canvas_put(canvas, row, 0, column, TONE_PLAIN, place);
	units_bytes(text, group->bytes);
	canvas_put_right(canvas, row, column, 10, TONE_PLAIN, text);
	column += 10;
	if (canvas->columns >= 60) {
		int64_t whole = model_region_bytes(model, group->device, group->region);
		section_share(text, group->bytes, whole);
		canvas_put_right(canvas, row, column, 8, TONE_PLAIN, text);
		section_count(text, group->blocks);
		canvas_put_right(canvas, row, column + 8, 9, TONE_PLAIN, text);
		column += 17;
	}
	column += 2;
	if (column >= canvas->columns)
		return;
	name_group(name, sizeof name, group);
	text_shorten(name, canvas->columns - column);
	canvas_put(canvas, row, column, canvas->columns, TONE_PLAIN, name);
}

static void label_heading(const struct view *view, const struct model *model, struct canvas *canvas, size_t row)
{
	size_t column = place_width(view, model);
	canvas_put(canvas, row, 0, column, TONE_HEAD, view->device == MODEL_ALL_DEVICES ? "DEV REGION" : "REGION");
	canvas_put_right(canvas, row, column, 10, TONE_HEAD, model->live.groups_of_ended ? "NOT FREED" : "LIVE");
	column += 10;
	if (canvas->columns >= 60) {
		canvas_put_right(canvas, row, column, 8, TONE_HEAD, "SHARE");
		canvas_put_right(canvas, row, column + 8, 9, TONE_HEAD, "BLOCKS");
		column += 17;
	}
	canvas_put(canvas, row, column + 2, canvas->columns, TONE_HEAD, "LABEL");
}

size_t section_labels(const struct view *view, const struct model *model, struct canvas *canvas, size_t row,
                      size_t most)
{
	const char *const why_none[] = {
	    [LIVE_GROUPS_NONE] = "labels are yet to be looked up",
	    [LIVE_GROUPS_READ] = model->live.groups_of_ended ? "everything was freed" : "no live blocks",
	    [LIVE_GROUPS_TOO_MANY] = "not shown: too many live blocks to look through every few seconds",
	};
	const struct live *live = &model->live;
	size_t shown = 0, count = count_groups(view, model);
	/* where some are left out, the last line says so */
	size_t room = count > most || live->groups_left_out > 0 ? (most > 0 ? most - 1 : 0) : most;
	label_heading(view, model, canvas, row++);
	for (size_t i = 0; i < live->group_count && shown < room; i++) {
		if (!alike_leads(view, model, live->groups[i].device))
			continue;
		label_line(view, model, &live->groups[i], canvas, row++);
		shown++;
	}
	if (room < most) {
		char text[60];
		snprintf(text, sizeof text, "... %s%zu more: top --by label",
		         live->groups_left_out > 0 ? "at least " : "", count - shown + (live->groups_left_out > 0));
		canvas_put(canvas, row++, 0, canvas->columns, TONE_DIM, text);
		return row;
	}
	if (shown == 0 && most > 0)
		canvas_put(canvas, row++, 0, canvas->columns, TONE_DIM, why_none[live->groups_state]);
	return row;
}
