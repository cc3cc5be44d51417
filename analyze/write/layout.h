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
	size_t head_width; /* of the name, which may be broken in two */
	size_t break_at;   /* where its second line begins; 0: it has one line */
	size_t width;      /* exact part included */
	size_t exact;      /* width of the exact part, its gap included; 0: none is shown */
	size_t least;      /* of a text: at which different ones still differ */
	size_t keep_head;  /* of a text that is shortened: what it keeps of its beginning */
	bool left;         /* holds text */
	enum hidden hidden;
};

struct field {
	char *main, *exact; /* owned by the table; safe */
};

struct layout {
	struct shape *shapes;
	size_t count, last; /* last: the rightmost shown column */
	bool one_row;       /* is all that there is */
	size_t *main_widths, *exact_widths;
};

void layout_init(struct layout *layout, const struct column *columns, size_t count);
void layout_free(struct layout *layout);

/* Makes the FIELDS of a row, and room for it. */
void layout_row(struct layout *layout, const struct query_cell *cells, struct field *fields);

/* Fits the columns into WIDTH (0: any), in this order, until they fit: exact figures beside the human ones go; names
 * take two lines; columns that say the same in every row are lifted out, when the ROWS kept are ALL; texts are
 * shortened while different ones stay different; columns are left out by their rank, and texts shortened further. */
void layout_fit(struct layout *layout, const struct field *fields, size_t rows, size_t width, bool all);

/* How much column INDEX tells: those of the lowest rank are left out first, and RANK_KEPT never. */
enum rank { RANK_CONTEXT, RANK_MOMENT, RANK_COUNT, RANK_DERIVED, RANK_REMARK, RANK_KEY, RANK_FIGURE, RANK_KEPT };
enum rank layout_rank(const struct layout *layout, size_t index);

#endif
