/* SPDX-License-Identifier: Apache-2.0
 *
 * drawing.h - one pass over a recording that draws all of a page's pictures: the time line by one or several words of
 * --by (levels.h), the blocks that matter most (keep.h), and how full all together made each part of a bank (raster.h).
 */
#ifndef SQL_DRAW_DRAWING_H
#define SQL_DRAW_DRAWING_H

#include "keep.h"
#include "levels.h"
#include "raster.h"
#include "sql/replay/catalog.h"

struct drawing_wish {
	const char *by;              /* words of --by with commas between them; NULL: none */
	int64_t buckets;             /* parts of the window */
	int64_t blocks;              /* to be kept of each series at most; 0: none are wanted */
	bool no_blocks, no_circular; /* circular buffers alone, or all but them: a pass of its own each */
};

struct drawing {
	struct catalog catalog;
	struct levels levels;
	struct keep **kept;     /* per series; NULL: none were wanted */
	struct raster *rasters; /* per series, with them */
	int64_t blocks;
	bool with_blocks, with_circular; /* which kinds of region it has drawn */
};

/* What is drawn of RECORDING under FILTER; what the last call drew, where that is enough. Stays the recording's until
 * the next call. NULL with ERROR. */
const struct drawing *drawing_get(struct recording *recording, const struct filter *filter,
                                  const struct drawing_wish *wish, struct sql_error *error);

/* The grouping by that word; NULL: it is not drawn. */
const struct grouping *drawing_grouping(const struct drawing *drawing, const char *by);

/* Whether FILTER's device and region choose the series. */
bool drawing_chooses(const struct drawing *drawing, uint32_t series, const struct filter *filter);

#endif
