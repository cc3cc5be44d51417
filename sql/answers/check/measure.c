/* SPDX-License-Identifier: Apache-2.0
 *
 * measure.c - see measure.h.
 */
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/period.h"
#include "sql/answers/question.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "sql/store/recording.h"
#include "ttalloc/vocabulary.h"

#define HOLDERS_NAMED 3

/* ---- Cells of a row by the names of their columns ---- */

static struct query_cell cell_of(const struct query_run *run, const char *column)
{
	struct query_cell cell = {.type = CELL_NULL};
	size_t at = query_column_find(run, column);

	if (at < query_column_count(run))
		query_cell(run, at, &cell);
	return cell;
}

static int64_t integer_of(const struct query_run *run, const char *column)
{
	struct query_cell cell = cell_of(run, column);

	return cell.type == CELL_INTEGER ? cell.integer : MEASURE_NONE;
}

static const char *text_of(const struct query_run *run, const char *column)
{
	struct query_cell cell = cell_of(run, column);

	return cell.type == CELL_TEXT ? cell.text : NULL;
}

/* ---- Asking ---- */

static struct filter filter_of(const struct budget_scope *scope)
{
	struct filter filter = filter_all();

	filter.has_device = scope->has_device;
	filter.device = scope->device;
	filter.has_region = scope->has_region;
	filter.region = scope->region;
	filter.has_steps = scope->has_steps;
	filter.step_first = scope->step_first;
	filter.step_last = scope->step_last;
	filter.label = scope->label;
	return filter;
}

static struct query_run *ask(struct recording *recording, const char *name, const struct filter *filter, const char *by,
                             struct sql_error *error)
{
	struct question question = {.count = 0};

	const struct query *query = query_find(name);

	if (by)
		question_text(&question, "by", QUERY_CHOICE, by);
	question_filter(&question, filter);
	if (query_check_refused(recording, query, question.values, question.count, error) < 0)
		return NULL;
	return query_start(recording, query, question.values, question.count, error);
}

/* ---- Leaks ---- */

static bool text_matches(const char *pattern, const char *text)
{
	return !pattern || (text && sqlite3_strglob(pattern, text) == 0);
}

/* As the filter --label does. */
static bool label_matches(const char *label, const char *path)
{
	size_t length = label ? strlen(label) : 0;

	if (!label)
		return true;
	if (path && strncmp(label, path, length) == 0 && (path[length] == '\0' || path[length] == '/'))
		return true;
	return text_matches(label, path);
}

static bool is_ignored_by(const struct budget_scope *scope, const struct query_run *run)
{
	int64_t step = integer_of(run, "step");
	const char *region = text_of(run, "region");

	return (!scope->has_device || integer_of(run, "device") == scope->device) &&
	       (!scope->has_region || region_number(region ? region : "", NULL) == scope->region) &&
	       (!scope->has_steps || (step >= scope->step_first && step <= scope->step_last)) &&
	       label_matches(scope->label, text_of(run, "label")) &&
	       text_matches(scope->block_class, text_of(run, "class")) &&
	       text_matches(scope->thread, text_of(run, "thread")) &&
	       text_matches(scope->function, text_of(run, "asked_by"));
}

/* The first of BUDGETS that ignores the leak of the row; NULL: none does. */
static const struct budget *ignored_by(const struct budgets *all, const struct query_run *run)
{
	for (size_t i = 0; i < all->count; i++)
		if (!all->list[i].figure && is_ignored_by(&all->list[i].scope, run))
			return &all->list[i];
	return NULL;
}

/* Whether the block of the row is the program's to free. MAY_LIVE: it may yet do that. */
static bool is_leak(const struct query_run *run, bool may_live)
{
	const char *owner = text_of(run, "owner");

	return owner && (strcmp(owner, "program") == 0 || (may_live && strcmp(owner, "live program") == 0)) &&
	       integer_of(run, "aliased") == 0;
}

/* Whether the row counts for BUDGET. */
static bool counts(const struct budget *budget, const struct budgets *all, const struct query_run *run)
{
	bool is_of_step = budget->figure->steps && !budget->figure->is_grouped;

	if (is_of_step && integer_of(run, "step") == MEASURE_NONE) /* before the first one */
		return false;
	if (!budget->figure->is_leak)
		return true;
	return is_leak(run, budget->figure->may_live) && !ignored_by(all, run);
}

int measure_ignored(struct recording *recording, const struct budget *ignored, const struct budgets *all,
                    int64_t *leaks, struct sql_error *error)
{
	struct filter filter = filter_all();
	struct query_run *run = ask(recording, "leaks", &filter, NULL, error);
	int state = -1;

	*leaks = 0;
	while (run && (state = query_next(run, error)) == 1)
		*leaks += is_leak(run, true) && ignored_by(all, run) == ignored;
	query_finish(run);
	return state;
}

/* ---- Figures ---- */

/* The one of DEVICE and REGION; the count: there is none yet. */
static size_t find(const struct measures *measures, int64_t device, int64_t region)
{
	size_t at = 0;

	while (at < measures->count && (measures->list[at].device != device || measures->list[at].region != region))
		at++;
	return at;
}

static void fold(struct measured *measured, enum budget_fold how, double value, int64_t at_ns, bool is_first)
{
	if (how == FOLD_ROWS || how == FOLD_SUM) {
		measured->value += how == FOLD_ROWS ? 1 : value;
	} else if (is_first || (how == FOLD_MOST ? value > measured->value : value < measured->value)) {
		measured->value = value;
		measured->at_ns = at_ns;
	}
}

/* What the row has of FIGURE. False: nothing, because its bank's size is not known. */
static bool value_of(const struct budget_figure *figure, const struct query_run *run, double *value)
{
	struct query_cell cell = {.type = CELL_NULL};

	if (figure->column)
		cell = cell_of(run, figure->column);
	*value = cell.type == CELL_REAL ? cell.real : cell.type == CELL_INTEGER ? (double)cell.integer : 0;
	return !figure->is_banks || integer_of(run, "free_bytes") != MEASURE_NONE;
}

static int add_row(struct measures *measures, const struct budget *budget, const struct query_run *run,
                   struct sql_error *error)
{
	const struct budget_figure *figure = budget->figure;
	const char *region = text_of(run, "region");
	int64_t device = integer_of(run, "device"), number = region ? region_number(region, NULL) : MEASURE_NONE;
	size_t at = find(measures, device, number);
	bool is_first = at == measures->count;
	double value;

	if (!value_of(figure, run, &value)) {
		if (!budget->scope.has_region)
			return 0;
		return sql_fail(error, "%s needs the geometry of device %lld %s, which %s", figure->word,
		                (long long)device, region ? region : "",
		                number == TTALLOC_CB || number == TTALLOC_KERNEL || number == TTALLOC_HOST
		                    ? "has no banks"
		                    : "was not recorded (ttalloc_device_open)");
	}
	if (is_first) {
		if (array_reserve(&measures->list, &measures->capacity, measures->count) < 0)
			return sql_fail(error, "out of memory");
		measures->list[measures->count++] =
		    (struct measured){.device = device, .region = number, .at_ns = MEASURE_NONE};
	}
	fold(&measures->list[at], figure->fold, value, figure->moment ? integer_of(run, figure->moment) : MEASURE_NONE,
	     is_first);
	return 0;
}

int measure(struct recording *recording, const struct budget *budget, const struct budgets *all, const char *by,
            struct measures *measures, struct sql_error *error)
{
	const struct budget_figure *figure = budget->figure;
	struct filter filter = filter_of(&budget->scope);
	struct query_run *run = ask(recording, figure->query, &filter, figure->is_grouped ? by : NULL, error);
	int state = -1;

	while (run && (state = query_next(run, error)) == 1) {
		if (counts(budget, all, run) && add_row(measures, budget, run, error) < 0) {
			state = -1;
			break;
		}
	}
	query_finish(run);
	return state;
}

int measure_bank(struct recording *recording, const struct measured *measured, int64_t *bytes, struct sql_error *error)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
	         "SELECT bank_bytes FROM main.device_mark WHERE device = %lld AND region = %lld ORDER BY at_ns DESC, "
	         "key DESC LIMIT 1",
	         (long long)measured->device, (long long)measured->region);
	if (recording_integer(recording, sql, 0, bytes, error) < 0)
		return -1;
	if (*bytes > 0)
		return 0;
	return sql_fail(error,
	                "the bank of device %lld %s is of unknown size: its geometry was not recorded "
	                "(ttalloc_device_open)",
	                (long long)measured->device,
	                region_word(measured->region) ? region_word(measured->region) : "");
}

/* ---- Holders ---- */

struct group {
	char *name;
	double amount;
};

struct groups {
	struct group *list;
	size_t count, capacity;
};

static void groups_clear(struct groups *groups)
{
	while (groups->count > 0)
		free(groups->list[--groups->count].name);
	free(groups->list);
}

static int add_group(struct groups *groups, const struct query_cell *name, const char *by, double amount,
                     struct sql_error *error)
{
	char number[32];
	const char *text = number;

	if (name->type == CELL_TEXT)
		text = name->text;
	else if (name->type == CELL_INTEGER)
		snprintf(number, sizeof(number), "%lld", (long long)name->integer);
	else
		snprintf(number, sizeof(number), "(no %.20s)", by);
	if (array_reserve(&groups->list, &groups->capacity, groups->count) < 0 ||
	    !(groups->list[groups->count].name = strdup(text)))
		return sql_fail(error, "out of memory");
	groups->list[groups->count++].amount = amount;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct group *)a)->name, ((const struct group *)b)->name);
}

static int by_amount(const void *a, const void *b)
{
	const struct group *first = a, *second = b;

	if (first->amount != second->amount)
		return first->amount > second->amount ? -1 : 1;
	return by_name(a, b);
}

/* Groups of the same name become one; the most come first. */
static void sum_up(struct groups *groups)
{
	size_t kept = 0;

	if (groups->count < 2)
		return;
	qsort(groups->list, groups->count, sizeof(*groups->list), by_name);
	for (size_t i = 1; i < groups->count; i++) {
		if (strcmp(groups->list[kept].name, groups->list[i].name) == 0) {
			groups->list[kept].amount += groups->list[i].amount;
			free(groups->list[i].name);
		} else {
			groups->list[++kept] = groups->list[i];
		}
	}
	groups->count = kept + 1;
	qsort(groups->list, groups->count, sizeof(*groups->list), by_amount);
}

/* The column of leaks that tells what --by would. */
static const char *leak_column(const char *by)
{
	if (strcmp(by, "function") == 0)
		return "asked_by";
	return strcmp(by, "size") == 0 ? "size_bytes" : by;
}

static int collect(struct groups *groups, struct recording *recording, const struct budget *budget,
                   const struct budgets *all, const struct filter *filter, const char *by, struct sql_error *error)
{
	const struct budget_figure *figure = budget->figure;
	struct query_run *run = ask(recording, figure->query, filter, figure->is_leak ? NULL : by, error);
	const char *name = figure->is_leak ? leak_column(by) : "group";
	int state = -1;

	while (run && (state = query_next(run, error)) == 1) {
		struct query_cell cell = cell_of(run, name);
		double amount = figure->said_by ? (double)integer_of(run, figure->said_by) : 1;

		if (counts(budget, all, run) && add_group(groups, &cell, by, amount, error) < 0) {
			state = -1;
			break;
		}
	}
	query_finish(run);
	return state;
}

static void put_amount(sqlite3_str *text, enum budget_unit unit, double amount)
{
	char bytes[UNITS_TEXT_MAX];

	units_bytes(bytes, (int64_t)amount);
	if (unit == BUDGET_BYTES)
		sqlite3_str_appendf(text, " %s", bytes);
	else
		sqlite3_str_appendf(text, " %lld", (sqlite3_int64)amount);
}

static int write_groups(const struct groups *groups, enum budget_unit unit, char **out, struct sql_error *error)
{
	sqlite3_str *text = sqlite3_str_new(NULL);

	for (size_t i = 0; i < groups->count && i < HOLDERS_NAMED; i++) {
		sqlite3_str_appendf(text, "%s%s", i ? ", " : "", groups->list[i].name);
		put_amount(text, unit, groups->list[i].amount);
	}
	if (groups->count > HOLDERS_NAMED)
		sqlite3_str_appendf(text, " and %lld more", (sqlite3_int64)(groups->count - HOLDERS_NAMED));
	char *made = sqlite3_str_finish(text);
	*out = made ? strdup(made) : NULL;
	sqlite3_free(made);
	return *out ? 0 : sql_fail(error, "out of memory");
}

int measure_holders(struct recording *recording, const struct budget *budget, const struct budgets *all,
                    const struct measured *measured, const char *by, char **text, struct sql_error *error)
{
	struct filter filter = filter_of(&budget->scope);
	struct groups groups = {0};
	int result = 0;

	*text = NULL;
	bool has_groups = budget->figure->said_by || budget->figure->is_leak;

	if (!has_groups || measured->device == MEASURE_NONE)
		return 0;
	filter.has_device = filter.has_region = true;
	filter.device = measured->device;
	filter.region = measured->region;
	result = collect(&groups, recording, budget, all, &filter, by, error);
	sum_up(&groups);
	if (result == 0 && groups.count > 0)
		result = write_groups(&groups, budget->figure->unit, text, error);
	groups_clear(&groups);
	return result;
}

/* ---- What a budget names ---- */

/* Whether SQL, with the text or the two numbers bound, yields a row. 1, 0, or -1 with ERROR. */
static int is_there(struct recording *recording, const char *sql, const char *text, int64_t first, int64_t last,
                    struct sql_error *error)
{
	sqlite3_stmt *statement = recording_prepare(recording, sql, error);
	int state;

	if (!statement)
		return -1;
	if (text)
		sqlite3_bind_text(statement, 1, text, -1, SQLITE_TRANSIENT);
	else
		sqlite3_bind_int64(statement, 1, first);
	if (sqlite3_bind_parameter_count(statement) > 1)
		sqlite3_bind_int64(statement, 2, last);
	state = recording_step(recording, statement, error);
	sqlite3_finalize(statement);
	return state;
}

int measure_found_steps(struct recording *recording, const struct budget *budget, int64_t *steps,
                        struct sql_error *error)
{
	const struct periods *found;
	int64_t marked;

	*steps = 0;
	if (!budget->figure->steps)
		return 0;
	if (recording_integer(recording, "SELECT EXISTS (SELECT 1 FROM main.step_mark)", 0, &marked, error) < 0)
		return -1;
	if (marked)
		return 0;
	found = periods_of(recording, error);
	for (size_t i = 0; found && i < found->count; i++)
		if ((int64_t)found->periods[i].step_count > *steps)
			*steps = (int64_t)found->periods[i].step_count;
	return found ? 0 : -1;
}

/* Whether one process has as many steps as the figure needs, marked or, where none were, found. */
static int check_steps(struct recording *recording, const struct budget *budget, struct sql_error *error)
{
	int64_t steps, found;

	if (recording_integer(recording,
	                      "SELECT max(steps) FROM (SELECT count(*) AS steps FROM main.step_mark GROUP BY process)",
	                      0, &steps, error) < 0 ||
	    measure_found_steps(recording, budget, &found, error) < 0)
		return -1;
	if (steps + found >= budget->figure->steps)
		return 0;
	return sql_fail(error,
	                "%.150s:%u: %s needs a process with %u steps, and %.200s has %lld: record with ttalloc_step(), "
	                "ttalloc.step() in Python, or ttalloc-recorder --auto-step",
	                budget->source, budget->line, budget->figure->word, budget->figure->steps,
	                recording_path(recording), (long long)steps);
}

int measure_check(struct recording *recording, const struct budget *budget, struct sql_error *error)
{
	const struct budget_scope *scope = &budget->scope;
	const char *path = recording_path(recording);
	int there = 1;

	if (scope->has_device)
		there = is_there(recording,
		                 "SELECT 1 FROM main.origin WHERE device = ?1 UNION ALL SELECT 1 FROM main.device_mark "
		                 "WHERE device = ?1 LIMIT 1",
		                 NULL, scope->device, 0, error);
	if (there == 0)
		return sql_fail(error, "%.150s:%u: %.200s has no device %lld", budget->source, budget->line, path,
		                (long long)scope->device);
	if (there == 1 && scope->label)
		there = is_there(recording, "SELECT 1 FROM main.label_info WHERE label_matches(?1, path) LIMIT 1",
		                 scope->label, 0, 0, error);
	if (there == 0)
		return sql_fail(error,
		                "%.150s:%u: %.200s has no label '%.80s'; labels come from ttalloc_label_push(), or "
		                "ttalloc.label() in Python",
		                budget->source, budget->line, path, scope->label);
	if (there == 1 && scope->has_steps)
		there = is_there(recording, "SELECT 1 FROM main.step_mark WHERE number BETWEEN ?1 AND ?2 LIMIT 1", NULL,
		                 scope->step_first, scope->step_last, error);
	if (there == 0)
		return sql_fail(error,
		                "%.150s:%u: %.200s has no step %lld to %lld; steps come from ttalloc_step(), or "
		                "ttalloc.step() in Python",
		                budget->source, budget->line, path, (long long)scope->step_first,
		                (long long)scope->step_last);
	return there < 0 ? -1 : check_steps(recording, budget, error);
}
