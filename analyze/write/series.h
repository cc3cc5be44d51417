/* SPDX-License-Identifier: Apache-2.0
 *
 * series.h - rows that belong together, such as those of one device and region, which answers give one behind the
 * other.
 */
#ifndef ANALYZE_SERIES_H
#define ANALYZE_SERIES_H

#include "writer.h"

#define SERIES_COLUMNS_MAX 4

struct series {
	const struct column *columns;
	size_t keys[SERIES_COLUMNS_MAX], key_count;
	char name[192]; /* device 0 DRAM; safe */
};

/* EACH: the names of the columns that rows which belong together agree in, with commas between them; those that are not
 * there are left out. NULL: none, and all rows belong together. */
void series_begin(struct series *series, const char *each, const struct column *columns, size_t count);

/* Takes the next row. Whether it is the first one of its series. */
bool series_enter(struct series *series, const struct query_cell *cells);

#endif
