/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.c - see notes.h.
 */
#include "notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/question.h"
#include "sql/base/memory.h"
#include "sql/base/error.h"

#define LOSS_LINES 32
#define NOTES_MAX 64 /* more would bury the answer */

static void add(struct notes *notes, const char *who, const char *text, size_t bytes)
{
	size_t size = strlen(who) + bytes + 1;
	char *line = memory_get(size, 1);
	memcpy(line, who, strlen(who));
	memcpy(line + strlen(who), text, bytes);
	notes->list = memory_append(notes->list, notes->count, sizeof *notes->list);
	notes->list[notes->count++] = line;
}

/* Of two recordings that lack something else, any region may lack something. */
static void note_gaps(struct notes *notes, struct recording *recording)
{
	char gaps[RECORDING_REGIONS_BYTES];

	recording_gaps(recording, gaps);
	if (notes->complete)
		snprintf(notes->gaps, sizeof notes->gaps, "%s", gaps);
	else if (strcmp(notes->gaps, gaps) != 0)
		notes->gaps[0] = '\0';
	notes->complete = false;
}

void notes_add_loss(struct notes *notes, struct recording *recording, const char *regions, const char *who)
{
	char lines[LOSS_LINES][256];
	if (!recording_complete(recording, regions))
		note_gaps(notes, recording);
	size_t count = recording_loss_lines(recording, regions, lines, LOSS_LINES);
	for (size_t i = 0; i < count && i < LOSS_LINES; i++)
		add(notes, who, lines[i], strlen(lines[i]));
}

int notes_add_query(struct notes *notes, struct recording *recording, const struct query *query,
                    const struct values *values, struct sql_error *error)
{
	if (!query->notes || query->notes[0] == '\0')
		return 0;
	struct query_run *run = query_start_beside(recording, query, query->notes, values->list, values->count, error);
	if (!run)
		return -1;
	int state;
	while ((state = query_next(run, error)) == 1 && notes->count < NOTES_MAX) {
		struct query_cell cell;
		query_cell(run, 0, &cell);
		if (cell.type == CELL_TEXT)
			add(notes, "", cell.text, cell.bytes);
	}
	query_finish(run);
	return state < 0 ? -1 : 0;
}

void notes_free(struct notes *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		free(notes->list[i]);
	free(notes->list);
}
