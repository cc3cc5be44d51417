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

#define NOTES_MAX 64 /* more would bury the answer, and are counted */

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
	char lines[RECORDING_LINES][RECORDING_LINE_BYTES];
	if (!recording_complete(recording, regions))
		note_gaps(notes, recording);
	size_t count = recording_loss_lines(recording, regions, lines, RECORDING_LINES);
	for (size_t i = 0; i < count; i++)
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
	size_t more = 0;
	while ((state = query_next(run, error)) == 1) {
		struct query_cell cell;
		query_cell(run, 0, &cell);
		if (cell.type == CELL_TEXT && notes->count < NOTES_MAX)
			add(notes, "", cell.text, cell.bytes);
		else
			more += cell.type == CELL_TEXT;
	}
	if (more) {
		char line[64];
		add(notes, "", line, (size_t)snprintf(line, sizeof line, "and %zu more notes of this kind", more));
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
