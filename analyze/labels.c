/* SPDX-License-Identifier: Apache-2.0
 *
 * labels.c - see labels.h.
 */
#include "labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "sql/base/error.h"
#include "sql/base/nearest.h"

#define LABELS_MAX 10000 /* that are compared; looking through more takes too long for an error */

struct paths {
	const char **list; /* owned */
	size_t count;
};

static int is_known(struct recording *recording, const struct query_value *label, bool *known, struct sql_error *error)
{
	/* A recording without blocks has nothing to be wrong about. */
	static const struct query question = {
	    .name = "label",
	    .filters = "label",
	    .body = "SELECT NOT EXISTS (SELECT 1 FROM origin) OR "
	            "EXISTS (SELECT 1 FROM label_info WHERE label_matches(:label, path))"};
	struct query_run *run = query_start(recording, &question, label, 1, error);
	if (!run)
		return -1;
	struct query_cell cell = {0};
	int state = query_next(run, error);
	if (state == 1)
		query_cell(run, 0, &cell);
	*known = cell.integer != 0;
	query_finish(run);
	return state < 0 ? -1 : 0;
}

static int read_paths(struct paths *paths, struct recording *recording, struct sql_error *error)
{
	struct query_run *run = query_start_sql(recording, "SELECT path FROM label_info ORDER BY path", error);
	int state = -1;
	while (run && (state = query_next(run, error)) == 1 && paths->count < LABELS_MAX) {
		struct query_cell cell;
		query_cell(run, 0, &cell);
		if (cell.type != CELL_TEXT)
			continue;
		paths->list = memory_append(paths->list, paths->count, sizeof *paths->list);
		paths->list[paths->count++] = memory_text(cell.text);
	}
	if (run)
		query_finish(run);
	return state < 0 ? -1 : 0;
}

static const char *last_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return !slash ? path : slash + 1;
}

/* The path nearest to LABEL, or the first one that ends in nearly the same name; NULL when there is none. */
static const char *nearest_path(const struct paths *paths, const char *label)
{
	const char *near = nearest(label, paths->list, paths->count);
	if (near || paths->count == 0)
		return near;
	const char **names = memory_get(paths->count, sizeof *names);
	for (size_t i = 0; i < paths->count; i++)
		names[i] = last_name(paths->list[i]);
	const char *name = nearest(last_name(label), names, paths->count);
	for (size_t i = 0; name && !near && i < paths->count; i++)
		if (names[i] == name)
			near = paths->list[i];
	free(names);
	return near;
}

static int refuse_label(struct recording *recording, const char *label, const struct paths *paths,
                        struct sql_error *error)
{
	const char *file = recording_path(recording), *near = nearest_path(paths, label);
	if (paths->count == 0)
		return sql_fail(error, "%.200s has no labels", file);
	if (near)
		return sql_fail(error, "%.200s has no label '%.80s'; did you mean '%.120s'?", file, label, near);
	return sql_fail(error, "%.200s has no label '%.80s'; 'ttalloc-analyze allocated' lists what it has", file,
	                label);
}

int labels_check(struct recording *recording, const struct query_value *label, struct sql_error *error)
{
	struct paths paths = {0};
	bool known = false;
	if (is_known(recording, label, &known, error) < 0)
		return -1;
	if (known)
		return 0;
	if (read_paths(&paths, recording, error) == 0)
		refuse_label(recording, label->text, &paths, error);
	for (size_t i = 0; i < paths.count; i++)
		free((char *)paths.list[i]);
	free(paths.list);
	return -1;
}
