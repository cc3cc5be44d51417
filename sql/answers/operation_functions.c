/* SPDX-License-Identifier: Apache-2.0
 *
 * operation_functions.c - the SQL functions about operations and tensors; functions.h lists them.
 */
#include "operation_functions.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/operations/choice.h"
#include "sql/store/recording.h"

/* What one call site of op_matches() has. */
struct chosen {
	struct operations *operations;
	struct operation_choice *choice;
};

static void chosen_close(void *context)
{
	struct chosen *chosen = context;

	operation_choice_free(chosen->choice);
	operations_close(chosen->operations);
	free(chosen);
}

static struct chosen *chosen_open(struct recording *recording, const char *op, struct sql_error *error)
{
	struct chosen *chosen = calloc(1, sizeof(*chosen));

	if (!chosen)
		return NULL;
	if ((chosen->operations = operations_open(recording, error)) &&
	    (chosen->choice = operation_choice_new(chosen->operations, op, error)))
		return chosen;
	chosen_close(chosen);
	return NULL;
}

static void op_matches_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct chosen *chosen = sqlite3_get_auxdata(context, 0);
	struct sql_error error = {.text = "out of memory"};
	bool is_new = !chosen;

	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL) {
		sqlite3_result_int(context, 1);
		return;
	}
	if (is_new)
		chosen = chosen_open(sqlite3_user_data(context), (const char *)sqlite3_value_text(values[0]), &error);
	if (!chosen) {
		sqlite3_result_error(context, error.text, -1);
		return;
	}
	bool is_chosen = operation_is_chosen(chosen->choice, sqlite3_value_int64(values[1]),
	                                     (uint32_t)sqlite3_value_int64(values[2]), sqlite3_value_int64(values[3]));
	if (operations_check(chosen->operations, &error) < 0)
		sqlite3_result_error(context, error.text, -1);
	else
		sqlite3_result_int(context, is_chosen);
	if (is_new) /* which may free it at once */
		sqlite3_set_auxdata(context, 0, chosen, chosen_close);
}

/* Why nothing can be said of operations; NULL: there are some, or ERROR. */
static const char *missing(struct recording *recording, struct sql_error *error)
{
	int64_t any;

	error->text[0] = '\0';
	if (recording_integer(recording,
	                      "SELECT EXISTS (SELECT 1 FROM range_page WHERE first_number IS NOT NULL) OR "
	                      "EXISTS (SELECT 1 FROM range_open WHERE number IS NOT NULL)",
	                      0, &any, error) < 0 ||
	    any)
		return NULL;
	return "no operation was recorded: those of ttnn are, without any option, unless its recorder was told "
	       "--no-ops, "
	       "or the build of ttnn cannot be observed, which 'info' says then";
}

static void operations_missing_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct sql_error error;
	const char *why = missing(sqlite3_user_data(context), &error);

	(void)count, (void)values;
	if (why)
		sqlite3_result_text(context, why, -1, SQLITE_STATIC);
	else if (error.text[0])
		sqlite3_result_error(context, error.text, -1);
}

static void op_problem_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct recording *recording = sqlite3_user_data(context);
	const char *op = (const char *)sqlite3_value_text(values[0]);
	struct sql_error error;
	const char *why = missing(recording, &error);
	struct chosen *chosen;

	(void)count;
	if (why || !op) {
		sqlite3_result_text(context, why, -1, SQLITE_STATIC);
		return;
	}
	snprintf(error.text, sizeof(error.text), "out of memory");
	if ((chosen = chosen_open(recording, op, &error)))
		chosen_close(chosen);
	else
		sqlite3_result_text(context, error.text, -1, SQLITE_TRANSIENT);
}

/* Of what a list of tensors has on one side, which tensor they are. */
static const char tensors_sql[] =
    "SELECT group_concat(concat_words(s.shape, s.dtype, s.layout) || ', ' || concat_words(s.memory, "
    "grid_word(s.shard_grid)), '; ') FROM (SELECT value FROM tensor_list t, json_each(iif(json_valid(t.list), t.list, "
    "'[]')) WHERE t.id = ?1 AND json_extract(value, '$[0]') = ?2 ORDER BY json_extract(value, '$[1]')) x "
    "JOIN tensor_spec s ON s.id = json_extract(x.value, '$[2]')";

/* Called once for each row of a dictionary, so that what it prepares need not be kept. */
static void tensors_text_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct recording *recording = sqlite3_user_data(context);
	struct sql_error error;
	sqlite3_stmt *text;

	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		return;
	text = recording_prepare(recording, tensors_sql, &error);
	if (!text) {
		sqlite3_result_error(context, error.text, -1);
		return;
	}
	sqlite3_bind_value(text, 1, values[0]);
	sqlite3_bind_value(text, 2, values[1]);
	int state = recording_step(recording, text, &error);
	if (state == 1)
		sqlite3_result_value(context, sqlite3_column_value(text, 0));
	else if (state < 0)
		sqlite3_result_error(context, error.text, -1);
	sqlite3_finalize(text);
}

static void concat_words_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	sqlite3_str *text = sqlite3_str_new(NULL);

	for (int i = 0; i < count; i++) {
		const char *word = (const char *)sqlite3_value_text(values[i]);

		if (word && *word)
			sqlite3_str_appendf(text, "%s%s", sqlite3_str_length(text) ? " " : "", word);
	}
	sqlite3_result_text(context, sqlite3_str_finish(text), -1, sqlite3_free);
}

static void grid_word_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	const char *cores = (const char *)sqlite3_value_text(values[0]);
	int x0, y0, x1, y1, closed = 0, brackets = 0;
	char word[64];

	(void)count;
	if (!cores || sscanf(cores, "[[%5d,%5d,%5d,%5d]%n", &x0, &y0, &x1, &y1, &closed) != 4 || !closed)
		return;
	for (const char *at = cores; (at = strchr(at, '[')); at++)
		brackets++;
	if (brackets == 2)
		snprintf(word, sizeof(word), "%dx%d", x1 - x0 + 1, y1 - y0 + 1);
	else
		snprintf(word, sizeof(word), "on %d rectangles of cores", brackets - 1);
	sqlite3_result_text(context, word, -1, SQLITE_TRANSIENT);
}

int operation_functions_register(struct recording *recording)
{
	static const struct {
		const char *name;
		int arguments;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {{"op_matches", 4, op_matches_sql},      {"operations_missing", 0, operations_missing_sql},
	                 {"op_problem", 1, op_problem_sql},      {"tensors_text", 2, tensors_text_sql},
	                 {"concat_words", -1, concat_words_sql}, {"grid_word", 1, grid_word_sql}};
	int code = SQLITE_OK;

	for (size_t i = 0; code == SQLITE_OK && i < sizeof(functions) / sizeof(*functions); i++)
		code = sqlite3_create_function_v2(recording->db, functions[i].name, functions[i].arguments,
		                                  SQLITE_UTF8 | SQLITE_DIRECTONLY, recording, functions[i].function,
		                                  NULL, NULL, NULL);
	return code;
}
