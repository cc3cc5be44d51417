/* SPDX-License-Identifier: Apache-2.0
 *
 * table_function.c - see table_function.h: one SQLite module, of which each function is an instance.
 */
#include "table_function.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/replay/functions.h"
#include "functions.h"
#include "sql/store/recording.h"
#include "sql/base/units.h"

/* The filter's parameters, in the order in which all functions take them after their own. */
enum filter_parameter {
	PARAMETER_DEVICE,
	PARAMETER_REGION,
	PARAMETER_PID,
	PARAMETER_LABEL,
	PARAMETER_START,
	PARAMETER_END,
	PARAMETER_STEP_FIRST,
	PARAMETER_STEP_LAST,
	PARAMETER_OP,
	PARAMETER_RECORDING,
	PARAMETER_COUNT
};
/* The names differ from those of the columns. */
static const char filter_columns[] =
    "for_device HIDDEN, for_region HIDDEN, for_pid HIDDEN, for_label HIDDEN, "
    "for_start HIDDEN, for_end HIDDEN, for_step_first HIDDEN, for_step_last HIDDEN, for_op HIDDEN, "
    "recording HIDDEN";

struct module {
	struct recording *recording;
	const struct table_function *function;
};

struct function_table {
	sqlite3_vtab base;
	const struct module *module;
	int columns;    /* that are visible */
	int parameters; /* after them */
};

struct function_cursor {
	sqlite3_vtab_cursor base;
	struct table table;
	size_t at;
	void *state; /* of the function; NULL: it has none */
};

int table_add(struct table *table, const int64_t *cells, struct sql_error *error)
{
	if (table->count == table->capacity) {
		size_t more = table->capacity ? table->capacity * 2 : 64;
		int64_t *grown = realloc(table->cells, more * table->columns * sizeof(*grown));

		if (!grown)
			return sql_fail(error, "out of memory");
		table->cells = grown;
		table->capacity = more;
	}
	memcpy(table->cells + table->count++ * table->columns, cells, table->columns * sizeof(*cells));
	return 0;
}

int64_t table_text(struct table *table, const char *text, struct sql_error *error)
{
	if (array_reserve(&table->texts, &table->text_capacity, table->text_count) < 0)
		return sql_fail(error, "out of memory");
	table->texts[table->text_count] = strdup(text);
	if (!table->texts[table->text_count])
		return sql_fail(error, "out of memory");
	return (int64_t)table->text_count++;
}

int64_t table_number(const struct table_call *call, size_t argument, int64_t fallback)
{
	return call->arguments[argument].text ? call->arguments[argument].number : fallback;
}

int64_t table_real(double number)
{
	int64_t cell;

	number += 0.0; /* -0 would be TABLE_NULL */
	memcpy(&cell, &number, sizeof(cell));
	return cell;
}

static void table_clear(struct table *table)
{
	for (size_t i = 0; i < table->text_count; i++)
		free(table->texts[i]);
	free(table->texts);
	free(table->cells);
}

/* Lets go of what the last call left. */
static void clear_call(struct function_cursor *cursor, const struct function_table *table)
{
	table_clear(&cursor->table);
	cursor->table = (struct table){.columns = (size_t)table->columns};
	cursor->at = 0;
	if (cursor->state)
		table->module->function->end(cursor->state);
	cursor->state = NULL;
}

static int count_columns(const char *columns)
{
	int count = 1;

	for (; *columns; columns++)
		count += *columns == ',';
	return count;
}

static int count_arguments(const struct table_function *function)
{
	int count = 0;

	while (count < TABLE_ARGUMENTS_MAX && function->arguments[count])
		count++;
	return count;
}

/* The columns, and behind them, hidden, what the function takes. NULL: no memory. */
static char *declare(const struct table_function *function)
{
	sqlite3_str *text = sqlite3_str_new(NULL);

	sqlite3_str_appendf(text, "CREATE TABLE x(%s", function->columns);
	for (int i = 0; i < count_arguments(function); i++)
		sqlite3_str_appendf(text, ", \"%w\" HIDDEN", function->arguments[i]);
	sqlite3_str_appendf(text, ", %s)", filter_columns);
	return sqlite3_str_finish(text);
}

static int function_connect(sqlite3 *db, void *aux, int count, const char *const *arguments, sqlite3_vtab **table,
                            char **message)
{
	const struct module *module = aux;
	const struct table_function *function = module->function;
	struct function_table *made;
	char *declaration;
	int code;

	(void)count, (void)arguments, (void)message;
	declaration = declare(function);
	if (!declaration)
		return SQLITE_NOMEM;
	code = sqlite3_declare_vtab(db, declaration);
	sqlite3_free(declaration);
	if (code != SQLITE_OK)
		return code;
	sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
	made = sqlite3_malloc(sizeof(*made));
	if (!made)
		return SQLITE_NOMEM;
	*made = (struct function_table){.module = module,
	                                .columns = count_columns(function->columns),
	                                .parameters = count_arguments(function) + PARAMETER_COUNT};
	*table = &made->base;
	return SQLITE_OK;
}

static int function_disconnect(sqlite3_vtab *table)
{
	sqlite3_free(table);
	return SQLITE_OK;
}

/* Every parameter that is given goes to function_filter(), in order; idxNum says which. */
static int function_best_index(sqlite3_vtab *base, sqlite3_index_info *index)
{
	const struct function_table *table = (const struct function_table *)base;
	int constraint_of[TABLE_ARGUMENTS_MAX + PARAMETER_COUNT], next = 1;

	memset(constraint_of, -1, sizeof(constraint_of));
	for (int i = 0; i < index->nConstraint; i++) {
		int parameter = index->aConstraint[i].iColumn - table->columns;

		if (parameter < 0 || parameter >= table->parameters ||
		    index->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
			continue;
		if (!index->aConstraint[i].usable)
			return SQLITE_CONSTRAINT;
		constraint_of[parameter] = i;
	}
	for (int parameter = 0; parameter < table->parameters; parameter++) {
		if (constraint_of[parameter] < 0)
			continue;
		index->aConstraintUsage[constraint_of[parameter]].argvIndex = next++;
		index->aConstraintUsage[constraint_of[parameter]].omit = 1;
		index->idxNum |= 1 << parameter;
	}
	index->estimatedCost = 1e12; /* so that joins call it once */
	index->estimatedRows = 1000;
	return SQLITE_OK;
}

static int function_open(sqlite3_vtab *base, sqlite3_vtab_cursor **cursor)
{
	struct function_cursor *made = sqlite3_malloc(sizeof(*made));

	if (!made)
		return SQLITE_NOMEM;
	*made = (struct function_cursor){.table = {.columns = (size_t)((struct function_table *)base)->columns}};
	*cursor = &made->base;
	return SQLITE_OK;
}

static int function_close(sqlite3_vtab_cursor *base)
{
	clear_call((struct function_cursor *)base, (const struct function_table *)base->pVtab);
	sqlite3_free(base);
	return SQLITE_OK;
}

static void set_integer(bool *has, int64_t *field, sqlite3_value *value)
{
	*has = true;
	*field = sqlite3_value_int64(value);
}

/* A region is given as its word or number. */
static void set_region(struct filter *filter, sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);

	filter->has_region = true;
	filter->region = region_number(text ? text : "", NULL);
}

static int set_recording(struct table_call *call, sqlite3_value *value)
{
	const char *text = (const char *)sqlite3_value_text(value);

	if (text && strcmp(text, "old") == 0) {
		if (!call->recording->old)
			return sql_fail(call->error, "there is no old recording to compare with");
		call->recording = call->recording->old;
		return recording_begin(call->recording, call->error);
	}
	return 0;
}

static int set_parameter(struct table_call *call, int parameter, sqlite3_value *value)
{
	struct filter *filter = &call->filter;
	bool ignored;

	switch (parameter) {
	case PARAMETER_DEVICE:
		set_integer(&filter->has_device, &filter->device, value);
		break;
	case PARAMETER_REGION:
		set_region(filter, value);
		break;
	case PARAMETER_PID:
		set_integer(&filter->has_pid, &filter->pid, value);
		break;
	case PARAMETER_LABEL:
		filter->label = (const char *)sqlite3_value_text(value);
		break;
	case PARAMETER_START:
		set_integer(&ignored, &filter->start_ns, value);
		break;
	case PARAMETER_END:
		set_integer(&ignored, &filter->end_ns, value);
		break;
	case PARAMETER_STEP_FIRST:
		filter->step_last = INT64_MAX;
		set_integer(&filter->has_steps, &filter->step_first, value);
		break;
	case PARAMETER_STEP_LAST:
		set_integer(&filter->has_steps, &filter->step_last, value);
		break;
	case PARAMETER_OP:
		filter->op = (const char *)sqlite3_value_text(value);
		break;
	case PARAMETER_RECORDING:
		return set_recording(call, value);
	default:
		break;
	}
	return 0;
}

static void set_argument(struct table_argument *argument, sqlite3_value *value)
{
	argument->number = sqlite3_value_int64(value);
	argument->text = (const char *)sqlite3_value_text(value);
}

static int fill(const struct function_table *table, struct function_cursor *cursor, int given, sqlite3_value **values,
                struct sql_error *error)
{
	const struct module *module = table->module;
	struct table_call call = {
	    .recording = module->recording, .filter = filter_all(), .table = &cursor->table, .error = error};
	int next = 0, arguments = count_arguments(module->function);

	call.filter.step_first = INT64_MIN;
	for (int parameter = 0; parameter < table->parameters; parameter++) {
		if (!(given & 1 << parameter))
			continue;
		sqlite3_value *value = values[next++];
		if (sqlite3_value_type(value) == SQLITE_NULL)
			continue;
		if (parameter < arguments)
			set_argument(&call.arguments[parameter], value);
		else if (set_parameter(&call, parameter - arguments, value) < 0)
			return -1;
	}
	int result = module->function->fill(&call);
	cursor->state = call.state;
	return result;
}

static int failed(struct function_table *table, const struct sql_error *error)
{
	sqlite3_vtab *base = &table->base;

	if (table->module->recording->trouble)
		*table->module->recording->trouble = *error;
	sqlite3_free(base->zErrMsg);
	base->zErrMsg = sqlite3_mprintf("%s", error->text);
	return SQLITE_ERROR;
}

static int function_filter(sqlite3_vtab_cursor *base, int given, const char *text, int count, sqlite3_value **values)
{
	struct function_cursor *cursor = (struct function_cursor *)base;
	struct function_table *table = (struct function_table *)base->pVtab;
	struct sql_error error = {.text = ""};

	(void)text, (void)count;
	clear_call(cursor, table);
	return fill(table, cursor, given, values, &error) == 0 ? SQLITE_OK : failed(table, &error);
}

static int function_next(sqlite3_vtab_cursor *base)
{
	struct function_cursor *cursor = (struct function_cursor *)base;
	struct function_table *table = (struct function_table *)base->pVtab;
	struct sql_error error = {.text = ""};

	if (++cursor->at < cursor->table.count || !cursor->state)
		return SQLITE_OK;
	cursor->table.count = cursor->at = 0;
	return table->module->function->more(cursor->state, &cursor->table, &error) == 0 ? SQLITE_OK
	                                                                                 : failed(table, &error);
}

static int function_eof(sqlite3_vtab_cursor *base)
{
	const struct function_cursor *cursor = (const struct function_cursor *)base;

	return cursor->at >= cursor->table.count;
}

static void put_real(sqlite3_context *context, int64_t cell)
{
	double number;

	memcpy(&number, &cell, sizeof(number));
	sqlite3_result_double(context, number);
}

static int function_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct function_cursor *cursor = (const struct function_cursor *)base;
	const struct table *table = &cursor->table;

	if ((size_t)column >= table->columns)
		return SQLITE_OK; /* a parameter, and nobody needs to read it back */
	int64_t cell = table->cells[cursor->at * table->columns + (size_t)column];
	if (cell == TABLE_NULL)
		return SQLITE_OK;
	const struct table_function *function = ((const struct function_table *)base->pVtab)->module->function;
	if (function->text_columns >> column & 1)
		sqlite3_result_text(context, table->texts[cell], -1, SQLITE_TRANSIENT);
	else if (function->real_columns >> column & 1)
		put_real(context, cell);
	else
		sqlite3_result_int64(context, cell);
	return SQLITE_OK;
}

static int function_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid)
{
	*rowid = (sqlite3_int64)((struct function_cursor *)base)->at;
	return SQLITE_OK;
}

/* Without xCreate: the functions are there without CREATE VIRTUAL TABLE, and nothing else can be made of them. */
static const sqlite3_module function_module = {
    .iVersion = 0,
    .xConnect = function_connect,
    .xBestIndex = function_best_index,
    .xDisconnect = function_disconnect,
    .xOpen = function_open,
    .xClose = function_close,
    .xFilter = function_filter,
    .xNext = function_next,
    .xEof = function_eof,
    .xColumn = function_column,
    .xRowid = function_rowid,
};

static const struct table_function *const all_functions[] = {
    &table_peaks,
    &table_peak_blocks,
    &table_live_blocks,
    &table_process_figures,
    &table_buckets,
    &table_bank_samples,
    &table_failure_banks,
    &table_findings,
    &table_allocated_sums,
    &table_diff_groups,
    &table_device_pairs,
    &table_why,
    &table_why_blocks,
    &table_temporary_sums,
    &table_histogram_bins,
    &table_floor_longest,
    &table_floor_sums,
    &table_peak_cores,
    &table_l1,
    &table_check_budgets,
    &table_operation_figures,
    &table_range_figures,
    &table_operation_parts,
    &table_late_blocks,
    &table_late_peaks,
    &table_refit,
    &table_step_figures,
    &table_step_growth,
    &table_found_steps,
    &table_overlaps,
    &table_drawing,
    &table_group_buckets,
    &table_map_blocks,
    &table_map_sums,
    &table_map_shares,
    &table_chip_counters,
    &table_room,
};

static int add_function(struct recording *recording, const struct table_function *function)
{
	struct module *module = malloc(sizeof(*module));
	sqlite3_stmt *statement = NULL;
	char *sql;
	int code;

	if (!module)
		return SQLITE_NOMEM;
	*module = (struct module){.recording = recording, .function = function};
	code = sqlite3_create_module_v2(recording->db, function->name, &function_module, module, free);
	if (code != SQLITE_OK)
		return code;
	/* connects it now, because queries are prepared by an authorizer that allows no declarations */
	sql = sqlite3_mprintf("SELECT 1 FROM \"%w\"", function->name);
	code = sql ? sqlite3_prepare_v2(recording->db, sql, -1, &statement, NULL) : SQLITE_NOMEM;
	sqlite3_finalize(statement);
	sqlite3_free(sql);
	return code;
}

int functions_add(struct recording *recording, struct sql_error *error)
{
	int code;

	if (recording->has_answers)
		return 0;
	if (replay_add_functions(recording, error) < 0)
		return -1;
	code = functions_register(recording);
	for (size_t i = 0; code == SQLITE_OK && i < sizeof(all_functions) / sizeof(*all_functions); i++)
		code = add_function(recording, all_functions[i]);
	recording->has_answers = code == SQLITE_OK;
	return recording->has_answers ? 0 : recording_fail(recording, error);
}
