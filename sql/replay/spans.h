/* SPDX-License-Identifier: Apache-2.0
 *
 * spans.h - what the recorder keeps ready about all blocks together, so that unfiltered figures need not be replayed.
 */
#ifndef SQL_SPANS_H
#define SQL_SPANS_H

#include "figures.h"

struct span_peak {
	struct catalog_series series;
	struct figures figures; /* the peaks; their process is not known */
};

struct spans {
	struct span_peak *list; /* by device and region */
	size_t count, capacity;
	int64_t dirty_ns; /* from then on some of them cannot be relied on; INT64_MAX: all can */
};

int spans_load(struct spans *spans, struct recording *recording, struct sql_error *error);
void spans_clear(struct spans *spans);

/* The peaks of FIGURES, which are zeroed, one per series of CATALOG, which has no filter: out of spans, and replayed
 * where those cannot be relied on. 0, or -1 with ERROR. */
int spans_figures(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                  struct sql_error *error);

/* The same, and with changes (about) and largest_bank_bytes, without a replay. */
int spans_quick_figures(struct recording *recording, const struct catalog *catalog, struct figures *figures,
                        struct sql_error *error);

#endif
