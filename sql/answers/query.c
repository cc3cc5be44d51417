/* SPDX-License-Identifier: Apache-2.0
 *
 * query.c - running a query: its values bound, its rows handed out. query_file.c reads declarations, query_load.c
 * files.
 */
#include "query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"
#include "sql/store/recording.h"
#include "sql/base/units.h"
#include "value.h"
#include "functions.h"

struct query_run {
	struct recording *recording;
	const struct query *query; /* NULL: a user's statement */
	sqlite3_stmt *statement;
	struct sql_error trouble; /* of a table-valued function; says more than SQLite's message */
};

/* What values are looked up in while a statement's variables are bound. */
struct binding {
	struct query_run *run;
	const struct query_value *values;
	size_t count;
	int64_t length_ns;
	struct sql_error *error;
};

static const char *run_name(const struct query_run *run)
{
	return run->query ? run->query->file : "statement";
}

static const struct query_value *find_value(const struct binding *binding, const char *name)
{
	for (size_t i = 0; i < binding->count; i++)
		if (strcmp(binding->values[i].name, name) == 0)
			return &binding->values[i];
	return NULL;
}

static const struct query_param *find_param(const struct query *query, const char *name)
{
	for (size_t i = 0; query && i < query->param_count; i++)
		if (strcmp(query->params[i].name, name) == 0)
			return &query->params[i];
	return NULL;
}

/* Whether WORD stands in the blank-separated LIST, or with another SEPARATOR. */
static bool has_word(const char *list, const char *word, char separator)
{
	size_t length = strlen(word);

	for (const char *at = list; at && (at = strstr(at, word)); at += length) {
		bool starts = at == list || at[-1] == separator;

		if (starts && (at[length] == '\0' || at[length] == separator))
			return true;
	}
	return false;
}

static enum query_type filter_type(const char *name)
{
	if (strcmp(name, "region") == 0)
		return QUERY_REGION;
	if (strcmp(name, "start") == 0 || strcmp(name, "end") == 0)
		return QUERY_TIME;
	if (strcmp(name, "label") == 0 || strcmp(name, "op") == 0 || strcmp(name, "step") == 0)
		return QUERY_TEXT;
	return QUERY_INTEGER;
}

static int bind_one(sqlite3_stmt *statement, int index, const struct query_value *value)
{
	if (value->is_null)
		return sqlite3_bind_null(statement, index);
	if (value->text)
		return sqlite3_bind_text(statement, index, value->text, -1, SQLITE_TRANSIENT);
	if (value->type == QUERY_REAL)
		return sqlite3_bind_double(statement, index, value->real);
	return sqlite3_bind_int64(statement, index, value->number);
}

/* Binds a value that was given, or a default: text is made into what TYPE says. */
static int bind_value(const struct binding *binding, int index, const char *name, enum query_type type,
                      const char *choices, const struct query_value *given)
{
	struct query_value value = *given;
	const char *problem = NULL;

	if (!value.is_null && value.text)
		problem = value_parse(&value, type, given->text, binding->length_ns);
	if (!problem && type == QUERY_CHOICE && value.text && !has_word(choices, value.text, '|'))
		return sql_fail(binding->error, "%s: %s '%s' is none of %s", run_name(binding->run), name, value.text,
		                choices);
	if (problem)
		return sql_fail(binding->error, "%s: %s '%s' %s", run_name(binding->run), name, given->text, problem);
	bind_one(binding->run->statement, index, &value);
	return 0;
}

static int bind_param(const struct binding *binding, int index, const struct query_param *param)
{
	const struct query_value *given = find_value(binding, param->name);
	struct query_value fallback = {.name = param->name, .text = param->fallback, .is_null = !param->fallback};

	if (!given && param->required)
		return sql_fail(binding->error, "%s: needs a value for %s: %s", run_name(binding->run), param->name,
		                param->help);
	/* a flag that nobody raised is 0 */
	if (param->type == QUERY_FLAG && !param->fallback)
		fallback = (struct query_value){.name = param->name, .type = QUERY_FLAG};
	return bind_value(binding, index, param->name, param->type, param->choices, given ? given : &fallback);
}

/* :step_first and :step_last, and :step itself as an integer where it is one. */
static int bind_step(const struct binding *binding, int index, const char *name)
{
	const struct query_value *step = find_value(binding, "step");
	struct query_value value = {.name = name, .type = QUERY_INTEGER};
	int64_t first, last;

	if (!step || step->is_null)
		return 0;
	first = last = step->number;
	if (step->text && parse_steps(step->text, &first, &last))
		return sql_fail(binding->error, "%s: step '%s' is neither N nor A..B", run_name(binding->run),
		                step->text);
	value.number = strcmp(name, "step_last") == 0 ? last : first;
	if (strcmp(name, "step") == 0 && first != last)
		value.text = step->text;
	bind_one(binding->run->statement, index, &value);
	return 0;
}

/* A file that was cut answers for the time that it was cut to. */
static int bind_time(const struct binding *binding, int index, const char *name, const struct query_value *given)
{
	const struct recording *recording = binding->run->recording;
	bool is_start = strcmp(name, "start") == 0;
	struct query_value value = {.name = name, .type = QUERY_TIME};

	if (given && bind_value(binding, index, name, QUERY_TIME, NULL, given) < 0)
		return -1;
	if (!recording->cut)
		return 0;
	value.number = is_start ? recording->cut_from_ns : recording->cut_to_ns;
	if (!given || given->is_null)
		return bind_one(binding->run->statement, index, &value) == SQLITE_OK ? 0 : -1;
	if (!given->text && (given->number < recording->cut_from_ns || given->number > recording->cut_to_ns))
		return sql_fail(binding->error,
		                "%s: was cut to the time from %" PRId64 " to %" PRId64 " ns, outside of which is "
		                "--%s %" PRId64 "; ask the recording that it was made of",
		                recording->path, recording->cut_from_ns, recording->cut_to_ns, name, given->number);
	return 0;
}

static int bind_filter(const struct binding *binding, int index, const char *name)
{
	static const char all[] = "device region pid label op start end step step_first step_last";
	const struct query_value *given = find_value(binding, name);

	if (!has_word(all, name, ' '))
		return sql_fail(binding->error, "%s: uses :%s, which it does not declare", run_name(binding->run),
		                name);
	if (strncmp(name, "step", 4) == 0)
		return bind_step(binding, index, name);
	if (filter_type(name) == QUERY_TIME)
		return bind_time(binding, index, name, given);
	return given ? bind_value(binding, index, name, filter_type(name), NULL, given) : 0;
}

static int bind_all(const struct binding *binding)
{
	sqlite3_stmt *statement = binding->run->statement;

	for (int index = 1; index <= sqlite3_bind_parameter_count(statement); index++) {
		const char *name = sqlite3_bind_parameter_name(statement, index);
		const struct query_param *param;

		if (!name || (*name != ':' && *name != '@' && *name != '$'))
			return sql_fail(binding->error, "%s: variables need names, such as :device",
			                run_name(binding->run));
		param = find_param(binding->run->query, name + 1);
		if ((param ? bind_param(binding, index, param) : bind_filter(binding, index, name + 1)) < 0)
			return -1;
	}
	return 0;
}

/* A value that nothing would look at is a mistake of whoever gave it. */
static int check_values(const struct binding *binding)
{
	const struct query *query = binding->run->query;

	for (size_t i = 0; query && i < binding->count; i++) {
		const char *name = binding->values[i].name;

		if (!find_param(query, name) && !has_word(query->filters, name, ' '))
			return sql_fail(binding->error, "%s: does not take %s", query->file, name);
	}
	return 0;
}

/* Statements that only read, and nothing but what a query needs. */
static int authorize(void *context, int action, const char *first, const char *second, const char *database,
                     const char *trigger)
{
	(void)context, (void)database, (void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return second && strcasecmp(second, "load_extension") == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA: /* those that look at the schema; never with a side effect */
		return first && (strncasecmp(first, "table_", 6) == 0 || strncasecmp(first, "index_", 6) == 0 ||
		                 strcasecmp(first, "integrity_check") == 0 || strcasecmp(first, "quick_check") == 0 ||
		                 (!second &&
		                  (strcasecmp(first, "user_version") == 0 || strcasecmp(first, "application_id") == 0 ||
		                   strcasecmp(first, "page_count") == 0 || strcasecmp(first, "page_size") == 0)))
		           ? SQLITE_OK
		           : SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

/* Prepares SQL, the one statement in it. */
static int prepare(struct query_run *run, const char *sql, struct sql_error *error)
{
	sqlite3 *db = run->recording->db;
	const char *rest = NULL;
	int code;

	sqlite3_set_authorizer(db, authorize, NULL);
	code = sqlite3_prepare_v2(db, sql, -1, &run->statement, &rest);
	sqlite3_set_authorizer(db, NULL, NULL);
	if (code == SQLITE_AUTH)
		return sql_fail(error, "%s: %s: a recording is only read: SELECT", run_name(run), sqlite3_errmsg(db));
	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_BUSY)
		return recording_fail(run->recording, error);
	if (code != SQLITE_OK)
		return sql_fail(error, "%s: %s", run_name(run), sqlite3_errmsg(db));
	if (!run->statement)
		return sql_fail(error, "%s: no statement", run_name(run));
	if (rest[strspn(rest, " \t\r\n;")] != '\0') {
		sqlite3_stmt *second = NULL;

		/* a comment is no statement */
		code = sqlite3_prepare_v2(db, rest, -1, &second, NULL);
		sqlite3_finalize(second);
		if (code != SQLITE_OK || second)
			return sql_fail(error, "%s: more than one statement", run_name(run));
	}
	if (!sqlite3_stmt_readonly(run->statement))
		return sql_fail(error, "%s: a recording is only read: SELECT", run_name(run));
	return 0;
}

static struct query_run *start(struct recording *recording, const struct query *query, const char *sql,
                               const struct query_value *values, size_t count, struct sql_error *error)
{
	struct query_run *run = calloc(1, sizeof(*run));
	struct binding binding = {.run = run, .values = values, .count = count, .error = error};

	if (!run) {
		sql_fail(error, "%s: out of memory", recording->path);
		return NULL;
	}
	run->recording = recording;
	run->query = query;
	if (recording_begin(recording, error) == 0 && functions_add(recording, error) == 0 &&
	    recording_integer(recording, "SELECT end_ns FROM main.recording_info", 0, &binding.length_ns, error) == 0 &&
	    check_values(&binding) == 0 && prepare(run, sql, error) == 0 && bind_all(&binding) == 0)
		return run;
	query_finish(run);
	return NULL;
}

/* The body that the values ask for. */
static const char *wanted_body(const struct query *query, const struct binding *given)
{
	for (size_t i = 0; query->columns && i < query->other_count; i++) {
		const struct query_other *other = &query->others[i];
		const struct query_value *value = find_value(given, other->param);

		if (value && (!other->value || (value->text && strcmp(value->text, other->value) == 0)))
			return other->body;
	}
	return query->body;
}

struct query_run *query_start(struct recording *recording, const struct query *query, const struct query_value *values,
                              size_t value_count, struct sql_error *error)
{
	const struct binding given = {.values = values, .count = value_count};

	return start(recording, query, wanted_body(query, &given), values, value_count, error);
}

struct query_run *query_start_sql(struct recording *recording, const char *statement, struct sql_error *error)
{
	return start(recording, NULL, statement, NULL, 0, error);
}

int query_next(struct query_run *run, struct sql_error *error)
{
	struct recording *recording = run->recording;

	/* a table-valued function may run a query of its own */
	struct sql_error *outer = recording->trouble;

	run->trouble.text[0] = '\0';
	recording->trouble = &run->trouble;
	int code = sqlite3_step(run->statement);
	recording->trouble = outer;
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	if (run->trouble.text[0] != '\0') {
		*error = run->trouble;
		return -1;
	}
	if (code == SQLITE_ERROR)
		return sql_fail(error, "%s: %s: %s", recording->path, run_name(run), sqlite3_errmsg(recording->db));
	return recording_fail(recording, error);
}

void query_finish(struct query_run *run)
{
	if (!run)
		return;
	sqlite3_finalize(run->statement);
	free(run);
}

size_t query_column_count(const struct query_run *run)
{
	return (size_t)sqlite3_column_count(run->statement);
}

const char *query_column_name(const struct query_run *run, size_t column)
{
	const char *name = sqlite3_column_name(run->statement, (int)column);

	return name ? name : "";
}

const struct query_column *query_column_declared(const struct query_run *run, size_t column)
{
	const char *name = query_column_name(run, column);

	for (size_t i = 0; run->query && i < run->query->column_count; i++)
		if (strcmp(run->query->columns[i].name, name) == 0)
			return &run->query->columns[i];
	return NULL;
}

void query_cell(const struct query_run *run, size_t column, struct query_cell *cell)
{
	sqlite3_stmt *statement = run->statement;
	int index = (int)column;

	*cell = (struct query_cell){.type = CELL_NULL};
	switch (sqlite3_column_type(statement, index)) {
	case SQLITE_INTEGER:
		cell->type = CELL_INTEGER;
		cell->integer = sqlite3_column_int64(statement, index);
		break;
	case SQLITE_FLOAT:
		cell->type = CELL_REAL;
		cell->real = sqlite3_column_double(statement, index);
		break;
	case SQLITE_TEXT:
		cell->type = CELL_TEXT;
		cell->text = (const char *)sqlite3_column_text(statement, index);
		break;
	case SQLITE_BLOB:
		cell->type = CELL_BLOB;
		cell->text = sqlite3_column_blob(statement, index);
		break;
	}
	if (cell->type == CELL_TEXT || cell->type == CELL_BLOB)
		cell->bytes = (size_t)sqlite3_column_bytes(statement, index);
	if (cell->bytes > 0 && !cell->text)
		cell->bytes = 0;
	if (cell->type == CELL_TEXT && !cell->text)
		cell->text = "";
}
