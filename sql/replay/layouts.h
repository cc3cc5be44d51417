/* SPDX-License-Identifier: Apache-2.0
 *
 * layouts.h - the geometry of banks as programs told it, by device, region and time.
 */
#ifndef SQL_LAYOUTS_H
#define SQL_LAYOUTS_H

#include "bank.h"
#include "sql/base/sql.h"

struct recording;

struct layout_mark {
	int64_t device, region, at_ns;
	struct bank_layout layout;
};

struct layouts {
	struct layout_mark *marks; /* by device, region, and the order of the recording */
	size_t count;
};

int layouts_load(struct layouts *layouts, struct recording *recording, struct sql_error *error);
void layouts_clear(struct layouts *layouts);

/* What was told last at that time; what was told later still beats nothing. NULL: nothing was told, or no size. */
const struct bank_layout *layouts_at(const struct layouts *layouts, int64_t device, int64_t region, int64_t at_ns);

#endif
