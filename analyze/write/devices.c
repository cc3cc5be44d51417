/* SPDX-License-Identifier: Apache-2.0
 *
 * devices.c - shows devices that are all the same once: of a mesh of 32 chips, a table tells "0-31" and not 32 times as
 * much. Devices are the same when a table would show the same of them, row by row. What comes behind the rows that are
 * kept for comparison is shown as it comes.
 */
#include "sql/base/memory.h"
#include "writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 65536 /* that are kept */

/* Devices of which a table shows the same. */
struct alike {
	struct query_cell *cells; /* of the first one: rows, and texts of their own */
	uint64_t rows;
	int64_t *devices; /* in the order in which they came */
	size_t count;
};

struct devices {
	struct writer writer;
	struct writer *inner;
	const struct column *columns;
	size_t count, device; /* of columns; the one of the device */
	struct alike *groups;
	size_t group_count; /* the last one is still being read */
	uint64_t kept;      /* rows of all groups */
	bool passing;       /* rows are shown as they come */
};

static void devices_begin(struct writer *writer, const struct answer *answer, const struct column *columns,
                          size_t count)
{
	struct devices *devices = (struct devices *)writer;
	devices->columns = columns;
	devices->count = count;
	devices->device = column_find(columns, count, "device");
	devices->passing = devices->device == count;
	devices->inner->begin(devices->inner, answer, columns, count);
}

static bool same_cell(const struct column *column, const struct query_cell *a, const struct query_cell *b)
{
	struct shown first, second;
	cell_show(&first, column, a);
	cell_show(&second, column, b);
	return strcmp(first.main, second.main) == 0 && strcmp(first.exact, second.exact) == 0;
}

static bool same_rows(const struct devices *devices, const struct alike *a, const struct alike *b)
{
	if (a->rows != b->rows)
		return false;
	for (size_t i = 0; i < a->rows * devices->count; i++) {
		size_t column = i % devices->count;
		if (column != devices->device && !same_cell(&devices->columns[column], &a->cells[i], &b->cells[i]))
			return false;
	}
	return true;
}

static void free_group(const struct devices *devices, struct alike *group)
{
	for (size_t i = 0; i < group->rows * devices->count; i++)
		free((char *)group->cells[i].text);
	free(group->cells);
	free(group->devices);
}

static void add_device(struct alike *group, int64_t device)
{
	group->devices = memory_append(group->devices, group->count, sizeof *group->devices);
	group->devices[group->count++] = device;
}

/* All of a device was read: it is one of those before, or another. */
static void close_group(struct devices *devices)
{
	if (devices->group_count < 2)
		return;
	struct alike *last = &devices->groups[devices->group_count - 1];
	for (size_t i = 0; i + 1 < devices->group_count; i++) {
		if (!same_rows(devices, &devices->groups[i], last))
			continue;
		add_device(&devices->groups[i], last->devices[0]);
		devices->kept -= last->rows;
		free_group(devices, last);
		devices->group_count--;
		return;
	}
}

static void keep_row(struct devices *devices, const struct query_cell *cells)
{
	struct alike *group = &devices->groups[devices->group_count - 1];
	for (size_t i = 0; i < devices->count; i++) {
		size_t at = group->rows * devices->count + i;
		group->cells = memory_append(group->cells, at, sizeof *group->cells);
		group->cells[at] = cells[i];
		if (!cells[i].text)
			continue;
		char *text = memory_get(cells[i].bytes + 1, 1);
		memcpy(text, cells[i].text, cells[i].bytes);
		group->cells[at].text = text;
	}
	group->rows++;
	devices->kept++;
}

void devices_name(char *out, size_t size, const int64_t *devices, size_t count)
{
	size_t used = 0;
	for (size_t i = 0; i < count && used < size; i++) {
		size_t first = i;
		while (i + 1 < count && devices[i + 1] == devices[i] + 1)
			i++;
		used += (size_t)snprintf(out + used, size - used, "%s%" PRId64, first > 0 ? "," : "", devices[first]);
		if (i > first && used < size)
			used += (size_t)snprintf(out + used, size - used, "-%" PRId64, devices[i]);
	}
	if (used >= size) /* so many, and no two of them neighbours */
		snprintf(out, size, "%zu devices", count);
}

static void show_group(struct devices *devices, struct alike *group)
{
	char name[64];
	devices_name(name, sizeof name, group->devices, group->count);
	for (uint64_t row = 0; row < group->rows; row++) {
		struct query_cell *cells = group->cells + row * devices->count, own = cells[devices->device];
		if (group->count > 1)
			cells[devices->device] =
			    (struct query_cell){.type = CELL_TEXT, .text = name, .bytes = strlen(name)};
		devices->inner->row(devices->inner, cells);
		cells[devices->device] = own;
	}
}

static void show_all(struct devices *devices)
{
	for (size_t i = 0; i < devices->group_count; i++) {
		show_group(devices, &devices->groups[i]);
		free_group(devices, &devices->groups[i]);
	}
	devices->group_count = 0;
	devices->kept = 0;
}

static void devices_row(struct writer *writer, const struct query_cell *cells)
{
	struct devices *devices = (struct devices *)writer;
	const struct query_cell *device = devices->passing ? NULL : &cells[devices->device];
	if (device && (device->type != CELL_INTEGER || devices->kept == ROWS_MAX)) {
		close_group(devices);
		show_all(devices);
		devices->passing = true;
	}
	if (devices->passing) {
		devices->inner->row(devices->inner, cells);
		return;
	}
	bool begins = devices->group_count == 0;
	if (!begins)
		begins = devices->groups[devices->group_count - 1].devices[0] != device->integer;
	if (begins)
		close_group(devices);
	begins |= devices->group_count == 0;
	if (begins) {
		devices->groups = memory_append(devices->groups, devices->group_count, sizeof *devices->groups);
		devices->groups[devices->group_count] = (struct alike){.cells = NULL};
		add_device(&devices->groups[devices->group_count++], device->integer);
	}
	keep_row(devices, cells);
}

static void devices_end(struct writer *writer)
{
	struct devices *devices = (struct devices *)writer;
	close_group(devices);
	show_all(devices);
	devices->inner->end(devices->inner);
}

static void devices_free(struct writer *writer)
{
	struct devices *devices = (struct devices *)writer;
	for (size_t i = 0; i < devices->group_count; i++)
		free_group(devices, &devices->groups[i]);
	free(devices->groups);
	devices->inner->free(devices->inner);
	free(devices);
}

struct writer *writer_devices(struct writer *inner)
{
	struct devices *devices = memory_get(1, sizeof *devices);
	devices->inner = inner;
	devices->writer =
	    (struct writer){.begin = devices_begin, .row = devices_row, .end = devices_end, .free = devices_free};
	return &devices->writer;
}
