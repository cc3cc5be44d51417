/* SPDX-License-Identifier: Apache-2.0
 *
 * peaks.h - the most that was live at once, for table-valued functions.
 */
#ifndef SQL_PEAKS_H
#define SQL_PEAKS_H

#include "sql/replay/figures.h"
#include "sql/answers/table_function.h"

/* Fills in CATALOG and, per series, FIGURES, as the call's filter says. 0 or -1; both are the caller's to free, either
 * way. */
int peaks_find(struct table_call *call, struct catalog *catalog, struct figures **figures);

#endif
