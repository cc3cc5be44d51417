/* SPDX-License-Identifier: Apache-2.0
 *
 * answers.h - a panel's question asked, as the JSON that the page takes in:
 *
 *   {"id": ..., "command": "ttalloc-analyze peak run.db", "answer": {...}}, or "error" in place of "answer"
 */
#ifndef ANALYZE_REPORT_ANSWERS_H
#define ANALYZE_REPORT_ANSWERS_H

#include "ask.h"
#include "panels.h"

struct asker {
	report_ask *ask;
	void *context;
	struct recording *recording;
	const char *file, *old_file; /* as the command names them */
};

/* More words than the panel has: a part of the run, a moment. Not escaped: the caller checks them. */
struct more_words {
	const char *list[8];
	size_t count;
};

/* Writes the JSON of PANEL to OUT. An answer that cannot be given is part of it. 0; -1: OUT failed. */
int answer_panel(const struct asker *asker, const struct panel *panel, const struct more_words *more, FILE *out);

/* Draws what PANELS' pictures need, from START to END (nanoseconds; "": all), in one pass: those of circular buffers,
 * or all others. An error shows up where the pictures are asked for. */
void answer_draw(const struct asker *asker, const struct panels *panels, bool circular, const char *start,
                 const char *end);

#endif
