/* SPDX-License-Identifier: Apache-2.0
 *
 * run.c - see run.h. The one runner for every verb that asks something.
 */
#include "run.h"

#include <stdlib.h>
#include <string.h>

#include "sql/answers/question.h"
#include "sql/base/memory.h"
#include "notes.h"
#include "sql/base/say.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "analyze/write/status.h"

struct rows {
	struct column *columns;
	struct query_cell *cells;
	size_t count;
	struct ownership ownership; /* the runtime's rows are no finding */
	bool gated;                 /* nor are rows without more than 0 in one column */
	size_t above;               /* that column; count: this answer has none such */
	bool fold, found;
};

static void rows_init(struct rows *rows, const struct query_run *run, const struct query *query)
{
	rows->count = query_column_count(run);
	rows->columns = memory_get(rows->count, sizeof *rows->columns);
	rows->cells = memory_get(rows->count, sizeof *rows->cells);
	for (size_t i = 0; i < rows->count; i++) {
		const char *name = query_column_name(run, i);
		const struct query_column *declared = query_column_declared(run, i);
		rows->columns[i] =
		    (struct column){.name = name, .unit = unit_by_name(declared ? declared->unit : NULL)};
		if (declared)
			rows->columns[i].rank = declared->rank;
		if (rows->columns[i].unit == UNIT_NONE)
			rows->columns[i].unit = unit_of_column(name);
	}
	rows->fold = query && query->show.fold_runtime;
	rows->gated = query && query->exit_above;
	if (rows->gated)
		rows->above = column_find(rows->columns, rows->count, query->exit_above);
	ownership_find(&rows->ownership, rows->columns, rows->count);
}

static void rows_take(struct rows *rows, const struct query_run *run)
{
	for (size_t i = 0; i < rows->count; i++)
		query_cell(run, i, &rows->cells[i]);
	if (rows->gated && rows->above == rows->count)
		return;
	if (rows->gated && (rows->cells[rows->above].type != CELL_INTEGER || rows->cells[rows->above].integer <= 0))
		return;
	if (!rows->fold || ownership_of(&rows->ownership, rows->cells) == OWNER_PROGRAM)
		rows->found = true;
}

static void rows_free(struct rows *rows)
{
	free(rows->columns);
	free(rows->cells);
}

static bool is_gate(const struct request *request)
{
	bool always = request->query && request->query->exit_always;
	return always || arguments_text(request->arguments, "exit-code");
}

static bool folds_runtime(const struct request *request)
{
	return request->query && request->query->show.fold_runtime;
}

static const char *nothing_of(const struct request *request)
{
	const char *empty = !request->query ? NULL : request->query->show.empty;
	return empty ? empty : "nothing";
}

static bool has_column(const struct rows *rows, const char *name)
{
	return column_find(rows->columns, rows->count, name) < rows->count;
}

static bool declares(const struct query *query, const char *name)
{
	for (size_t i = 0; i < query->column_count; i++)
		if (strcmp(query->columns[i].name, name) == 0)
			return true;
	return false;
}

/* Tells the author of a query file where its declaration and its answer differ. With another body, neither has all. */
static void check_declared(const struct request *request, const struct rows *rows)
{
	const struct query *query = request->query;
	const char *file = request->verb->path;
	if (!file || query->column_count == 0)
		return;
	for (size_t i = 0; i < query->column_count && query->other_count == 0; i++)
		if (!has_column(rows, query->columns[i].name))
			say("warning: %s: declares the column '%s', which its answer does not have", file,
			    query->columns[i].name);
	for (size_t i = 0; i < rows->count; i++)
		if (!declares(query, rows->columns[i].name))
			say("warning: %s: does not declare the column '%s' of its answer", file, rows->columns[i].name);
}

struct finding {
	bool any;
	bool told; /* the rows say what is the runtime's */
};

/* Writes what RUN has. Nothing is written before the first step has succeeded, so that most errors leave stdout empty.
 * 0 with FINDING set, or -1 with ERROR filled. */
static int write_rows(struct query_run *run, const struct request *request, struct output *output,
                      const struct answer *answer, struct finding *finding, struct sql_error *error)
{
	struct rows rows = {0};
	uint64_t written = 0;
	uint64_t limit = output->format == FORMAT_TABLE ? 0 : output->rows; /* tables count what they do not show */
	bool gate = is_gate(request), wanted = true;
	int state = query_next(run, error);
	if (state < 0)
		return -1;
	struct writer *writer = output_writer(output, request->query);
	rows_init(&rows, run, request->query);
	check_declared(request, &rows);
	writer->begin(writer, answer, rows.columns, rows.count);
	/* A gate goes on behind the last row that is wanted, until it has found something. */
	while (state == 1 && (wanted || (gate && !rows.found))) {
		rows_take(&rows, run);
		if (wanted) {
			writer->row(writer, rows.cells);
			wanted = !output_broken(output) && ++written != limit;
		}
		state = query_next(run, error);
	}
	if (state >= 0)
		writer->end(writer);
	*finding = (struct finding){.any = rows.found, .told = ownership_is_told(&rows.ownership)};
	writer->free(writer);
	rows_free(&rows);
	return state < 0 ? -1 : 0;
}

/* Formats without room for it say on stderr that something is missing. */
static void say_notes(const struct output *output, const struct answer *answer)
{
	if (output->format == FORMAT_TABLE || output->format == FORMAT_JSON || output->format == FORMAT_COLUMNS ||
	    output->format == FORMAT_PLOT)
		return;
	char line[ANSWER_LINE_BYTES];
	if (!answer->complete)
		say("%s: %s", answer->file, answer_incomplete(answer, line));
	if (answer->complete && output->style.quiet)
		return;
	for (size_t i = 0; i < answer->note_count; i++)
		say("%s: %s", answer->file, answer->notes[i]);
}

static struct query_run *start(struct recording *recording, const struct request *request, const struct values *values,
                               struct sql_error *error)
{
	if (request->query)
		return query_start(recording, request->query, values->list, values->count, error);
	return query_start_sql(recording, request->statement, error);
}

/* Where groups (--by) do not tell what the runtime owns, a gate asks again without grouping. */
static int find_ungrouped(struct recording *recording, const struct request *request, const struct values *values,
                          bool *found, struct sql_error *error)
{
	struct rows rows = {0};
	struct query plain = *request->query;
	plain.other_count = 0;
	struct query_run *run = query_start(recording, &plain, values->list, values->count, error);
	if (!run)
		return -1;
	rows_init(&rows, run, request->query);
	int state = 1;
	while (!rows.found && (state = query_next(run, error)) == 1)
		rows_take(&rows, run);
	*found = rows.found;
	rows_free(&rows);
	query_finish(run);
	return state < 0 ? -1 : 0;
}

static bool is_grouped(const struct request *request)
{
	for (size_t i = 0; request->query && i < request->query->other_count; i++)
		if (arguments_text(request->arguments, request->query->others[i].param))
			return true;
	return false;
}

/* What a verb asks for when a table is to show it. */
static void add_table_default(struct values *values, const struct request *request, const struct output *output)
{
	const struct query_show *show = request->query ? &request->query->show : NULL;
	if (!show || !show->param || output->format != FORMAT_TABLE || arguments_text(request->arguments, show->param))
		return;
	values->list[values->count++] = (struct query_value){.name = show->param, .text = show->fallback};
}

/* What the answer is about; NULL: all regions. */
static const char *regions_of(const struct request *request)
{
	const char *region = arguments_text(request->arguments, "region");
	int64_t number = region ? region_number(region, NULL) : -1;

	if (number >= 0)
		return region_word(number);
	return request->query ? request->query->regions : NULL;
}

static int answer(struct recording *recording, const struct request *request, struct output *output,
                  struct notes *notes, bool *found, struct sql_error *error)
{
	struct values values = {.count = 0};
	if (values_make(&values, request->arguments, recording, error) < 0)
		return -1;
	if (values_begin(&values, request->query, recording, error) < 0)
		return -1;
	add_table_default(&values, request, output);
	/* Either recording of a diff may know what the other does not. */
	if (!request->old_file && values_check_known(&values, recording, error) < 0)
		return -1;
	if (request->query && query_check_refused(recording, request->query, values.list, values.count, error) < 0)
		return -1;
	notes_add_loss(notes, recording, regions_of(request), "");
	if (request->query && notes_add_query(notes, recording, request->query, &values, error) < 0)
		return -1;
	struct query_run *run = start(recording, request, &values, error);
	if (!run)
		return -1;
	const struct answer head = {.query = request->verb->name,
	                            .file = recording_path(recording),
	                            .old_file = request->old_file,
	                            .nothing = nothing_of(request),
	                            .notes = (const char *const *)notes->list,
	                            .note_count = notes->count,
	                            .complete = notes->complete,
	                            .gaps = notes->gaps};
	struct finding finding = {0};
	int result = write_rows(run, request, output, &head, &finding, error);
	*found = finding.any;
	query_finish(run);
	if (result == 0)
		say_notes(output, &head);
	if (result == 0 && folds_runtime(request) && !finding.told && is_gate(request) && is_grouped(request))
		result = find_ungrouped(recording, request, &values, found, error);
	return result;
}

/* What the older recording of a diff lacks. It is opened for this alone, and closed before the answer's transaction. */
static int add_old_loss(const struct request *request, struct notes *notes, struct sql_error *error)
{
	char who[256];
	const char *path = request->old_file;
	struct recording *old = recording_open(path, error);
	if (!old)
		return -1;
	snprintf(who, sizeof who, "%.200s: ", path);
	notes_add_loss(notes, old, regions_of(request), who);
	recording_close(old);
	return 0;
}

/* Puts the file before an error that does not name it. */
static void name_file(struct sql_error *error, const char *file)
{
	const struct sql_error bare = *error;
	if (!strstr(bare.text, file))
		sql_fail(error, "%s: %s", file, bare.text);
}

static enum status status_of(const struct request *request, bool found, bool complete)
{
	if (!complete && arguments_text(request->arguments, "strict"))
		return STATUS_INCOMPLETE;
	return found && is_gate(request) ? STATUS_FOUND : STATUS_ANSWERED;
}

enum status run_answer(struct recording *recording, const struct request *request, FILE *out, struct sql_error *error)
{
	enum status status = STATUS_TROUBLE;
	struct output output;
	struct notes notes = {.complete = true};
	bool found = false;

	if (output_choose(&output, out, request->arguments, request->query, error) < 0 ||
	    (request->old_file && add_old_loss(request, &notes, error) < 0))
		goto cleanup;
	if (answer(recording, request, &output, &notes, &found, error) < 0)
		name_file(error, request->file);
	else if (output_finish(&output, error) == 0)
		status = status_of(request, found, notes.complete);
cleanup:
	notes_free(&notes);
	return status;
}

enum status run_request(const struct request *request)
{
	enum status status = STATUS_TROUBLE;
	struct sql_error error = {.text = ""};
	struct output output;
	struct recording *recording = NULL;
	const struct arguments *arguments = request->arguments;

	/* options that contradict each other are told before a file is looked at */
	if (output_choose(&output, stdout, arguments, request->query, &error) == 0 &&
	    values_check(arguments, &error) == 0)
		recording = recording_open(request->file, &error);
	if (recording && (!request->old_file || recording_attach_old(recording, request->old_file, &error) == 0))
		status = run_answer(recording, request, stdout, &error);
	if (status == STATUS_TROUBLE)
		say("%s", error.text);
	recording_close(recording);
	return status;
}
