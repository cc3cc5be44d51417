/* SPDX-License-Identifier: Apache-2.0
 *
 * section.h - the tables of the picture: regions with bars and trends, processes, labels.
 */
#ifndef ANALYZE_WATCH_SECTION_H
#define ANALYZE_WATCH_SECTION_H

#include "sql/base/units.h"
#include "view.h"

/* Rows that each would fill, without headings. */
size_t section_region_rows(const struct view *view, const struct model *model);
size_t section_process_rows(const struct model *model);
size_t section_label_rows(const struct view *view, const struct model *model);

/* Draw from ROW on and return the row behind. Regions stay above BOTTOM; the others have a heading and MOST rows. */
size_t section_regions(const struct view *view, const struct model *model, struct canvas *canvas, size_t row,
                       size_t bottom);
size_t section_processes(const struct view *view, const struct model *model, struct canvas *canvas, size_t row,
                         size_t most);
size_t section_labels(const struct view *view, const struct model *model, struct canvas *canvas, size_t row,
                      size_t most);

/* DRAM; numbers without a name as they are. */
void section_region_name(char out[static UNITS_TEXT_MAX], int64_t region);
/* 1,234; 12.3 M */
void section_count(char out[static UNITS_TEXT_MAX], int64_t count);
/* "12.3 %", or "-" where there is no whole. */
void section_share(char out[static UNITS_TEXT_MAX], int64_t part, int64_t whole);

#endif
