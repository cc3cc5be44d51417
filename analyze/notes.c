/* SPDX-License-Identifier: Apache-2.0
 *
 * notes.c - see notes.h.
 */
#include "notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

void notes_add_loss(struct notes *notes, struct recording *recording, const char *who)
{
	char lines[LOSS_LINES][256];
	notes->complete &= recording_complete(recording);
	size_t count = recording_loss_lines(recording, lines, LOSS_LINES);
	for (size_t i = 0; i < count && i < LOSS_LINES; i++)
		add(notes, who, lines[i], strlen(lines[i]));
}

/* Starts SQL, which QUERY declares beside its body, over the same parameters and filters. */
static struct query_run *start_beside(const char *sql, struct recording *recording, const struct query *query,
                                      const struct values *values, struct sql_error *error)
{
	struct query beside = *query;
	beside.body = sql;
	beside.notes = beside.refuse = NULL;
	beside.columns = NULL;
	beside.column_count = 0;
	return query_start(recording, &beside, values->list, values->count, error);
}

int notes_add_query(struct notes *notes, struct recording *recording, const struct query *query,
                    const struct values *values, struct sql_error *error)
{
	if (!query->notes || query->notes[0] == '\0')
		return 0;
	struct query_run *run = start_beside(query->notes, recording, query, values, error);
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

int notes_check_refused(struct recording *recording, const struct query *query, const struct values *values,
                        struct sql_error *error)
{
	if (!query->refuse || query->refuse[0] == '\0')
		return 0;
	struct query_run *run = start_beside(query->refuse, recording, query, values, error);
	if (!run)
		return -1;
	int state;
	while ((state = query_next(run, error)) == 1) {
		struct query_cell cell;
		query_cell(run, 0, &cell);
		if (cell.type == CELL_TEXT)
			state = sql_fail(error, "%.*s", (int)cell.bytes, cell.text);
		if (state < 0)
			break;
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
