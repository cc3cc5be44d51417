/* SPDX-License-Identifier: Apache-2.0
 *
 * series.h - rows of one device and region, which answers over time give one behind the other.
 */
#ifndef ANALYZE_SERIES_H
#define ANALYZE_SERIES_H

#include "writer.h"

struct series {
	size_t device, region; /* columns; the count of columns where there is none */
	size_t count;
	char name[96]; /* device 0 DRAM; safe */
};

void series_begin(struct series *series, const struct column *columns, size_t count);

/* Takes the next row. Whether it is the first one of its device and region. */
bool series_enter(struct series *series, const struct query_cell *cells);

#endif
