/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.c - see reference.h. Of views.sql it reads, for each view, the comment under CREATE VIEW and what stands
 * behind the AS that ends a column.
 */
#include "reference.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "table_function.h"
#include "sql/store/embedded.h"

#define CREATE "CREATE VIEW "

static size_t word_length(const char *text)
{
	size_t length = 0;
	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	return length;
}

/* The name behind the last " AS " of the LENGTH bytes at LINE, when that ends a column there; its length in NAMED. */
static const char *column_of(const char *line, size_t length, size_t *named)
{
	const char *comment = memmem(line, length, " --", 3), *end = comment ? comment : line + length;
	const char *name = NULL;

	for (const char *at = line; at < end && (at = memmem(at, (size_t)(end - at), " AS ", 4)); at += 4)
		name = at + 4;
	if (!name)
		return NULL;
	*named = word_length(name);
	const char *rest = name + *named;
	rest += rest < end && *rest == ',';
	while (rest < end && *rest == ' ')
		rest++;
	return rest == end ? name : NULL;
}

static void add_column(struct reference *reference, const char *name, size_t length)
{
	size_t used = strlen(reference->columns);

	snprintf(reference->columns + used, sizeof(reference->columns) - used, "%s%.*s", used ? ", " : "", (int)length,
	         name);
}

/* Reads one view at TEXT, up to the line that begins with its own FROM. */
static void read_view(const char *text, struct reference *reference)
{
	const char *line = text + strcspn(text, "\n") + 1;

	*reference = (struct reference){.columns = ""};
	snprintf(reference->name, sizeof(reference->name), "%.*s", (int)word_length(text), text);
	if (strncmp(line, "-- ", 3) == 0)
		snprintf(reference->summary, sizeof(reference->summary), "%.*s", (int)strcspn(line + 3, "\n"),
		         line + 3);
	while (*line && strncmp(line, "FROM ", 5) != 0) {
		size_t length = strcspn(line, "\n"), named;
		const char *name = column_of(line, length, &named);

		if (name)
			add_column(reference, name, named);
		line += length + (line[length] == '\n');
	}
}

bool reference_view(size_t index, struct reference *reference)
{
	const char *at = sql_views;

	for (size_t i = 0; (at = strstr(at, CREATE)); i++) {
		at += strlen(CREATE);
		if (i == index) {
			read_view(at, reference);
			return true;
		}
	}
	return false;
}

/* Those that answer a question by themselves. */
static const struct {
	const struct table_function *function;
	const char *summary;
} functions[] = {
    {&table_peaks, "The most that was live at once, for each device and region."},
    {&table_peak_blocks, "The blocks that were live at that moment."},
    {&table_live_blocks, "The blocks that were live at a moment, which must be given."},
    {&table_buckets, "What was live over time, in COUNT equal parts of the recording or of the window."},
    {&table_bank_samples, "How the free memory of each bank is cut up, at COUNT moments of each region."},
    {&table_failure_banks, "What was free in each bank when a request failed; key is event_id of the view failure."},
    {&table_process_figures, "What each process did in each region; process is process_id of the view process."},
};

bool reference_function(size_t index, struct reference *reference)
{
	if (index >= sizeof(functions) / sizeof(*functions))
		return false;
	const struct table_function *function = functions[index].function;

	*reference = (struct reference){.columns = ""};
	snprintf(reference->name, sizeof(reference->name), "%s(%s)", function->name,
	         function->arguments[0] ? function->arguments[0] : "");
	snprintf(reference->summary, sizeof(reference->summary), "%s", functions[index].summary);
	snprintf(reference->columns, sizeof(reference->columns), "%s", function->columns);
	return true;
}
