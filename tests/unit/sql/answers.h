/* SPDX-License-Identifier: Apache-2.0
 *
 * answers.h - what built-in queries say of small recordings, as text.
 */
#ifndef TESTS_SQL_ANSWERS_H
#define TESTS_SQL_ANSWERS_H

#include "fixture.h"

#define VALUES_MAX 8

/* Blocks of ORIGIN at 4096 times their key, allocated and freed at 10 times it: one that is held, one that was freed.
 */
static inline void hold(struct fixture *fixture, int key, int origin, int size_bytes)
{
	run(fixture, "INSERT INTO held VALUES(%d, %d, %d, %d, NULL, %d, NULL, NULL)", key, key * 10, key * 4096,
	    size_bytes, origin);
}

static inline void free_block(struct fixture *fixture, int key, int end_key, int origin, int size_bytes)
{
	run(fixture, "INSERT INTO freed VALUES(%d, %d, %d, %d, %d, %d, NULL, %d, NULL)", end_key, end_key - key,
	    end_key * 10, (end_key - key) * 10, key * 4096, size_bytes, origin);
}

static inline const struct query *query_named(const char *name)
{
	const struct query *query;

	for (size_t i = 0; (query = query_builtin(i)); i++)
		if (strcmp(query->name, name) == 0)
			return query;
	fail_msg("no query %s", name);
	return NULL;
}

/* Cuts "name=text name=text" into VALUES; OPTIONS is written into. */
static inline size_t cut(char *options, struct query_value *values)
{
	size_t count = 0;
	char *rest = NULL;

	for (char *word = strtok_r(options, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		char *equals = strchr(word, '=');

		assert_true(equals && count < VALUES_MAX);
		*equals = '\0';
		values[count++] = (struct query_value){.name = word, .type = QUERY_TEXT, .text = equals + 1};
	}
	return count;
}

static inline void print_cell(FILE *out, const struct query_run *run, size_t column)
{
	struct query_cell cell;

	query_cell(run, column, &cell);
	if (cell.type == CELL_INTEGER)
		fprintf(out, "%lld", (long long)cell.integer);
	else
		fprintf(out, "%s", cell.type == CELL_TEXT ? cell.text : "");
}

/* The columns of QUERY whose names stand in the blank-separated COLUMNS, of all rows, as "a|b\n". */
static inline char *rows_of(struct fixture *fixture, const struct query *query, const char *options,
                            const char *columns)
{
	struct sql_error error = {.text = ""};
	struct query_value values[VALUES_MAX];
	char *copy = strdup(options), *text = NULL, wanted[64], padded[256];
	size_t bytes = 0, count = cut(copy, values);
	FILE *out = open_memstream(&text, &bytes);
	struct query_run *run = query_start(fixture->recording, query, values, count, &error);
	int state = -1;

	snprintf(padded, sizeof(padded), " %s ", columns);
	while (run && (state = query_next(run, &error)) == 1) {
		const char *before = "";

		for (size_t i = 0; i < query_column_count(run); i++) {
			snprintf(wanted, sizeof(wanted), " %s ", query_column_name(run, i));
			if (*columns && !strstr(padded, wanted))
				continue;
			fputs(before, out);
			print_cell(out, run, i);
			before = "|";
		}
		fputc('\n', out);
	}
	fclose(out);
	if (state < 0)
		fail_msg("%s %s: %s", query->name, options, error.text);
	query_finish(run);
	recording_release(fixture->recording);
	free(copy);
	return text;
}

static inline void expect_rows(struct fixture *fixture, const char *name, const char *options, const char *columns,
                               const char *expected)
{
	char *text = rows_of(fixture, query_named(name), options, columns);

	assert_string_equal(text, expected);
	free(text);
}

/* What SQL, which QUERY declares beside its body, yields. */
static inline void expect_beside(struct fixture *fixture, const struct query *query, const char *sql,
                                 const char *options, const char *expected)
{
	struct query beside = *query;

	beside.body = sql;
	beside.columns = NULL;
	beside.column_count = 0;
	char *text = rows_of(fixture, &beside, options, "");
	assert_string_equal(text, expected);
	free(text);
}

static inline void expect_notes(struct fixture *fixture, const char *name, const char *options, const char *expected)
{
	const struct query *query = query_named(name);

	expect_beside(fixture, query, query->notes, options, expected);
}

static inline void expect_refused(struct fixture *fixture, const char *name, const char *options, const char *expected)
{
	const struct query *query = query_named(name);

	expect_beside(fixture, query, query->refuse, options, expected);
}

#endif
