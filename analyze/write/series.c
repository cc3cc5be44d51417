/* SPDX-License-Identifier: Apache-2.0
 *
 * series.c - see series.h.
 */
#include "series.h"

#include <string.h>

void series_begin(struct series *series, const struct column *columns, size_t count)
{
	*series = (struct series){.count = count,
	                          .device = column_find(columns, count, "device"),
	                          .region = column_find(columns, count, "region")};
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
