/* SPDX-License-Identifier: Apache-2.0
 *
 * folded.c - what flame graph tools read: a text, a blank and a number on each line, and nothing else.
 */
#include "sql/base/memory.h"
#include "sql/base/text.h"
#include "writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct folded {
	struct writer writer;
	FILE *out;
	size_t count;
};

static void folded_begin(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count)
{
	(void)answer, (void)columns;
	((struct folded *)writer)->count = count;
}

/* Nothing of a name may divide a line or drive a terminal, also when the query has let it through. */
static void put_text(FILE *out, const struct query_cell *cell)
{
	char *safe = memory_get(cell->bytes + 1, 4);
	text_terminal(safe, (cell->bytes + 1) * 4, cell->text, cell->bytes);
	fputs(safe, out);
	free(safe);
}

static void folded_row(struct writer *writer, const struct query_cell *cells)
{
	struct folded *folded = (struct folded *)writer;
	if (folded->count < 2 || cells[0].type != CELL_TEXT || cells[1].type != CELL_INTEGER)
		return;
	put_text(folded->out, &cells[0]);
	fprintf(folded->out, " %" PRId64 "\n", cells[1].integer);
}

static void folded_end(struct writer *writer)
{
	(void)writer;
}

static void folded_free(struct writer *writer)
{
	free(writer);
}

struct writer *writer_folded(const struct style *style)
{
	struct folded *folded = memory_get(1, sizeof *folded);
	folded->out = style->out;
	folded->writer =
	    (struct writer){.begin = folded_begin, .row = folded_row, .end = folded_end, .free = folded_free};
	return &folded->writer;
}
