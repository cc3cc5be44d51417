/* SPDX-License-Identifier: Apache-2.0
 *
 * layout.h - how wide the columns of a table are, and which of them give way when the terminal is too narrow.
 */
#ifndef ANALYZE_LAYOUT_H
#define ANALYZE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "writer.h"

enum hidden { SHOWN, HIDDEN_SAME, HIDDEN_NO_ROOM };

struct shape {
	char *name; /* safe */
	struct column column;
	size_t width;       /* exact part included */
	size_t exact_width; /* 0: there is none */
	bool left;          /* holds text */
	enum hidden hidden;
};

struct field {
	char *main, *exact; /* owned by the table; safe */
};

struct layout {
	struct shape *shapes;
	size_t count, last; /* last: the rightmost shown column */
	size_t *main_widths;
};

void layout_init(struct layout *layout, const struct column *columns, size_t count);
void layout_free(struct layout *layout);

/* Makes the FIELDS of a row, and room for it. */
void layout_row(struct layout *layout, const struct query_cell *cells, struct field *fields);

/* Fits the columns into WIDTH (0: any). Texts are shortened first; then, when the ROWS kept are ALL, columns that say
 * the same in every row are lifted out; then columns are left out from the right, texts last. */
void layout_fit(struct layout *layout, const struct field *fields, size_t rows, size_t width, bool all);

#endif
