/* SPDX-License-Identifier: Apache-2.0
 *
 * series.c - see series.h.
 */
#include "series.h"

#include <string.h>

static size_t find_column(const struct column *columns, size_t count, const char *name)
{
	size_t i = 0;
	while (i < count && strcmp(columns[i].name, name) != 0)
		i++;
	return i;
}

void series_begin(struct series *series, const struct column *columns, size_t count)
{
	*series = (struct series){.count = count,
	                          .device = find_column(columns, count, "device"),
	                          .region = find_column(columns, count, "region")};
}

bool series_enter(struct series *series, const struct query_cell *cells)
{
	static const struct column plain = {.name = ""};
	struct shown device = {.main = ""}, region = {.main = ""};
	char name[sizeof series->name];
	if (series->device < series->count)
		cell_show(&device, &plain, &cells[series->device]);
	if (series->region < series->count)
		cell_show(&region, &plain, &cells[series->region]);
	snprintf(name, sizeof name, "device %.20s %.64s", device.main, region.main);
	bool entered = strcmp(name, series->name) != 0;
	memcpy(series->name, name, sizeof name);
	return entered;
}
