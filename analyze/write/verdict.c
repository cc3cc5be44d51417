/* SPDX-License-Identifier: Apache-2.0
 *
 * verdict.c - what the formats of CI need of a row.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "writer.h"

void verdict_columns_find(struct verdict_columns *found, const struct column *columns, size_t count)
{
	*found = (struct verdict_columns){.count = count,
	                                  .budget = column_find(columns, count, "budget"),
	                                  .device = column_find(columns, count, "device"),
	                                  .region = column_find(columns, count, "region"),
	                                  .verdict = column_find(columns, count, "verdict"),
	                                  .detail = column_find(columns, count, "detail"),
	                                  .source = column_find(columns, count, "source")};
}

const char *verdict_text(const struct query_cell *cells, size_t column, size_t count)
{
	return column < count && cells[column].type == CELL_TEXT ? cells[column].text : "";
}

char *verdict_name(const struct verdict_columns *columns, const struct query_cell *cells)
{
	const char *budget = verdict_text(cells, columns->budget, columns->count);
	const char *region = verdict_text(cells, columns->region, columns->count);
	size_t bytes = strlen(budget) + strlen(region) + 64;
	char *name = memory_get(bytes, 1);
	bool has_device = columns->device < columns->count && cells[columns->device].type == CELL_INTEGER;
	if (has_device)
		snprintf(name, bytes, "%s [device %" PRId64 "%s%s]", budget, cells[columns->device].integer,
		         *region ? " " : "", region);
	else
		snprintf(name, bytes, "%s%s%s%s", budget, *region ? " [" : "", region, *region ? "]" : "");
	return name;
}
