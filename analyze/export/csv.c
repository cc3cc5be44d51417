/* SPDX-License-Identifier: Apache-2.0
 *
 * csv.c - the views as CSV, one file for each.
 */
#include "formats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/write/writer.h"
#include "file.h"
#include "sql/answers/query.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"

static const char *const views[] = {"recording", "process", "thread",           "device",     "label",      "step",
                                    "operation", "tensor",  "operation_tensor", "label_span", "allocation", "event",
                                    "usage",     "failure", "kernel",           "loss",       "note",       "module",
                                    "stack"};

static int write_rows(struct query_run *run, FILE *out, struct sql_error *error)
{
	size_t count = query_column_count(run);
	struct column *columns = memory_get(count, sizeof(*columns));
	struct query_cell *cells = memory_get(count, sizeof(*cells));
	struct writer *writer = writer_csv(&(struct style){.out = out});
	int state = 1;

	for (size_t i = 0; i < count; i++)
		columns[i].name = query_column_name(run, i);
	writer->begin(writer, &(struct answer){.complete = true}, columns, count);
	while (!ferror(out) && (state = query_next(run, error)) == 1) {
		for (size_t i = 0; i < count; i++)
			query_cell(run, i, &cells[i]);
		writer->row(writer, cells);
	}
	if (state >= 0)
		writer->end(writer);
	writer->free(writer);
	free(columns);
	free(cells);
	return state < 0 ? -1 : 0;
}

static int write_view(struct recording *recording, const char *directory, const char *view, bool force,
                      struct sql_error *error)
{
	char *path = memory_get(strlen(directory) + strlen(view) + sizeof("/.csv"), 1);
	char statement[64];
	struct export_file file;
	struct query_run *run = NULL;
	int result;

	sprintf(path, "%s/%s.csv", directory, view);
	snprintf(statement, sizeof(statement), "SELECT * FROM %s", view);
	result = export_file_open(&file, path, force, error);
	if (result == 0) {
		run = query_start_sql(recording, statement, error);
		result = run ? write_rows(run, file.stream, error) : -1;
		result = export_file_close(&file, result, error);
	}
	if (run)
		query_finish(run);
	free(path);
	return result;
}

int export_csv(struct recording *recording, const char *directory, bool force, struct sql_error *error)
{
	int result = 0;

	if (mkdir(directory, 0700) < 0 && errno != EEXIST)
		return sql_fail(error, "%s: %s", directory, strerror(errno));
	for (size_t i = 0; result == 0 && i < sizeof(views) / sizeof(*views); i++)
		result = write_view(recording, directory, views[i], force, error);
	return result;
}
