/* SPDX-License-Identifier: Apache-2.0
 *
 * snapshots.c - see snapshots.h.
 */
#include "snapshots.h"

#include <inttypes.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/base/units.h"

/* Counts the snapshots called NAME; NS is when the one of that NUMBER was. -1 with ERROR. */
static int64_t count_named(struct recording *recording, const char *name, int64_t number, int64_t *ns,
                           struct sql_error *error)
{
	static const struct query_param param = {.name = "name", .help = "", .type = QUERY_TEXT};
	static const struct query question = {
	    .name = "snapshot",
	    .file = "snapshot",
	    .filters = "",
	    .params = &param,
	    .param_count = 1,
	    .body = "SELECT at_ns FROM snapshot_mark WHERE name = :name ORDER BY at_ns, process, key"};
	const struct query_value value = {.name = "name", .type = QUERY_TEXT, .text = name};
	struct query_run *run = query_start(recording, &question, &value, 1, error);
	int64_t count = 0;
	int state = -1;
	while (run && (state = query_next(run, error)) == 1) {
		struct query_cell cell;
		query_cell(run, 0, &cell);
		if (++count == number)
			*ns = cell.integer;
	}
	query_finish(run);
	return state < 0 ? -1 : count;
}

/* Refuses NAME, and says what there is. */
static int refuse(struct recording *recording, const char *name, struct sql_error *error)
{
	struct query_run *run = query_start_sql(recording,
	                                        "SELECT group_concat('@' || name, ' ') FROM (SELECT DISTINCT name FROM "
	                                        "snapshot_mark ORDER BY name LIMIT 8)",
	                                        error);
	struct query_cell cell = {.type = CELL_NULL};
	if (!run || query_next(run, error) < 0) {
		query_finish(run);
		return -1;
	}
	query_cell(run, 0, &cell);
	if (cell.type == CELL_TEXT)
		sql_fail(error, "%.200s has no snapshot '%.80s'; it has %.200s", recording_path(recording), name,
		         cell.text);
	else
		sql_fail(error,
		         "%.200s has no snapshot '%.80s': the program names moments with ttalloc_snapshot(), or "
		         "ttalloc.snapshot() in Python",
		         recording_path(recording), name);
	query_finish(run);
	return -1;
}

int snapshot_find(struct recording *recording, const char *name, int64_t *ns, struct sql_error *error)
{
	const char *hash = strrchr(name, '#');
	char bare[512];
	int64_t number, count = count_named(recording, name, 1, ns, error);
	if (count == 0 && hash && !parse_integer(hash + 1, &number) && (size_t)(hash - name) < sizeof bare) {
		memcpy(bare, name, (size_t)(hash - name));
		bare[hash - name] = '\0';
		count = count_named(recording, bare, number, ns, error);
		if (count > 0 && (number < 1 || number > count))
			return sql_fail(error, "%.200s has %" PRId64 " snapshots '%.80s', and no number %" PRId64,
			                recording_path(recording), count, bare, number);
		count = count > 0 ? 1 : count;
	}
	if (count < 0)
		return -1;
	if (count > 1)
		return sql_fail(error, "%.200s has %" PRId64 " snapshots '%.80s': say which, '@%.80s#1' to #%" PRId64,
		                recording_path(recording), count, name, name, count);
	return count == 1 ? 0 : refuse(recording, name, error);
}
