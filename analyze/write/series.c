/* SPDX-License-Identifier: Apache-2.0
 *
 * series.c - see series.h.
 */
#include "series.h"

#include <string.h>

void series_begin(struct series *series, const char *each, const struct column *columns, size_t count)
{
	char names[256];
	*series = (struct series){.columns = columns};
	snprintf(names, sizeof names, "%s", each ? each : "");
	for (char *rest = names, *name; (name = strsep(&rest, ", "));) {
		size_t index = column_find(columns, count, name);
		if (index < count && series->key_count < SERIES_COLUMNS_MAX)
			series->keys[series->key_count++] = index;
	}
}

/* Numbers need their column's name to be understood. */
static size_t put_key(char *out, size_t size, const struct column *column, const struct query_cell *cell)
{
	struct shown shown;
	cell_show(&shown, &(struct column){.name = ""}, cell);
	bool text = column->unit == UNIT_TEXT;
	int length = snprintf(out, size, "%.40s%s%.64s", text ? "" : column->name, text ? "" : " ", shown.main);
	return (size_t)length < size ? (size_t)length : size - 1;
}

bool series_enter(struct series *series, const struct query_cell *cells)
{
	char name[sizeof series->name] = "";
	size_t used = 0;
	for (size_t i = 0; i < series->key_count; i++) {
		if (used > 0 && used + 1 < sizeof name)
			name[used++] = ' ';
		used += put_key(name + used, sizeof name - used, &series->columns[series->keys[i]],
		                &cells[series->keys[i]]);
	}
	bool entered = strcmp(name, series->name) != 0;
	memcpy(series->name, name, sizeof name);
	return entered;
}
