/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c - check_budgets(): what became of each budget of a text and of a file, by device and region; and what each
 * "ignore" left out.
 *
 *   source    FILE:LINE, or budget:LINE of the text
 *   budget    as it was written
 *   verdict   ok, failed or ignored
 *   device, region
 *   amount    what there is, a whole number; share: the same of a figure that is a ratio
 *   bound     what is allowed, to the next whole number below; share_bound
 *   unit      bytes, count or ratio
 *   at_ns     when it was at its worst
 *   detail    in words, with who has most of it
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/check/measure.h"
#include "sql/answers/device.h"
#include "sql/answers/table_function.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/units.h"
#include "sql/store/recording.h"
#include "ttalloc.h"

#define FILE_MOST (1 << 20)

/* A recording that budgets are held against. */
struct baseline {
	const char *path; /* of the first budget that names it */
	struct recording *recording;
	struct device_pairs pairs; /* of its devices with those of the recording that is checked */
};

struct check {
	struct table_call *call;
	struct budgets budgets;
	const char *by;
	struct baseline *baselines;
	size_t baseline_count, baseline_capacity;
};

/* ---- Baselines ---- */

static int add_baseline(struct check *check, const char *path)
{
	struct sql_error *error = check->call->error;
	struct baseline baseline = {.path = path};

	if (array_reserve(&check->baselines, &check->baseline_capacity, check->baseline_count) < 0)
		return sql_fail(error, "out of memory");
	baseline.recording = recording_open(path, error);
	if (!baseline.recording)
		return -1;
	check->baselines[check->baseline_count++] = baseline;
	return device_pairs_load(&check->baselines[check->baseline_count - 1].pairs, baseline.recording,
	                         check->call->recording, error);
}

/* NULL with the call's error. */
static const struct baseline *baseline_of(struct check *check, const char *path)
{
	for (size_t i = 0; i < check->baseline_count; i++)
		if (strcmp(check->baselines[i].path, path) == 0)
			return &check->baselines[i];
	return add_baseline(check, path) < 0 ? NULL : &check->baselines[check->baseline_count - 1];
}

/* What the baseline of BUDGET has where MEASURED is. 0, or -1 with ERROR. */
static int measure_baseline(struct check *check, const struct budget *budget, const struct measured *measured,
                            double *value)
{
	struct sql_error *error = check->call->error;
	const struct baseline *baseline = baseline_of(check, budget->baseline);
	struct budget there = *budget;
	struct measures measures = {0};
	int64_t device = measured->device;
	int result = -1;

	*value = 0;
	if (baseline && device != MEASURE_NONE && measured->region != TTALLOC_HOST)
		device = device_of_old(&baseline->pairs, device);
	if (there.scope.has_device)
		there.scope.device = device;
	if (baseline && measure_check(baseline->recording, &there, error) == 0)
		result = measure(baseline->recording, &there, &check->budgets, check->by, &measures, error);
	for (size_t i = 0; i < measures.count; i++)
		if (measures.list[i].device == device && measures.list[i].region == measured->region)
			*value = measures.list[i].value;
	free(measures.list);
	return result;
}

/* ---- Rows ---- */

static void put_value(sqlite3_str *text, enum budget_unit unit, double value)
{
	char words[UNITS_TEXT_MAX];

	if (unit == BUDGET_RATIO) {
		units_ratio(words, value);
		sqlite3_str_appendall(text, words);
	} else if (unit == BUDGET_BYTES && value >= 1024) {
		units_bytes(words, (int64_t)value);
		sqlite3_str_appendf(text, "%s (%lld B)", words, (sqlite3_int64)value);
	} else {
		sqlite3_str_appendf(text, "%lld%s", (sqlite3_int64)value, unit == BUDGET_BYTES ? " B" : "");
	}
}

/* What the bound of BUDGET is where MEASURED is, and the end of a sentence about it. */
static int find_bound(struct check *check, const struct budget *budget, const struct measured *measured, double *bound,
                      sqlite3_str *about)
{
	struct sql_error *error = check->call->error;
	double base = 0;
	int64_t bank_bytes;

	*bound = budget->bound;
	if (!budget->is_share)
		return 0;
	if (!budget->baseline && measured->device == MEASURE_NONE) /* nothing is no share of any bank */
		return 0;
	if (budget->baseline) {
		if (measure_baseline(check, budget, measured, &base) < 0)
			return -1;
	} else {
		if (measure_bank(check->call->recording, measured, &bank_bytes, error) < 0)
			return -1;
		base = (double)bank_bytes;
	}
	*bound *= base;
	sqlite3_str_appendf(about, ", %.6g %% of the ", budget->bound * 100);
	put_value(about, budget->figure->unit, base);
	sqlite3_str_appendf(about, " of %s", budget->baseline ? budget->baseline : "the bank");
	return 0;
}

static int add_row(struct check *check, const struct budget *budget, const char *verdict,
                   const struct measured *measured, double bound, const char *detail)
{
	static const char *const units[] = {"bytes", "count", "ratio"};
	struct table_call *call = check->call;
	bool is_ratio = budget->figure && budget->figure->unit == BUDGET_RATIO;
	const char *region = measured->region == MEASURE_NONE ? NULL : region_word(measured->region);
	char source[640];

	snprintf(source, sizeof(source), "%.600s:%u", budget->source, budget->line);
	int64_t cells[] = {
	    table_text(call->table, source, call->error),
	    table_text(call->table, budget->text, call->error),
	    table_text(call->table, verdict, call->error),
	    measured->device == MEASURE_NONE ? TABLE_NULL : measured->device,
	    region ? table_text(call->table, region, call->error) : TABLE_NULL,
	    is_ratio ? TABLE_NULL : (int64_t)measured->value,
	    is_ratio ? table_real(measured->value) : TABLE_NULL,
	    is_ratio || !budget->figure ? TABLE_NULL : (int64_t)bound,
	    is_ratio ? table_real(bound) : TABLE_NULL,
	    table_text(call->table, units[budget->figure ? budget->figure->unit : BUDGET_COUNT], call->error),
	    measured->at_ns == MEASURE_NONE ? TABLE_NULL : measured->at_ns,
	    table_text(call->table, detail, call->error)};

	return cells[0] < 0 || cells[1] < 0 || cells[2] < 0 || cells[9] < 0 || cells[11] < 0
	           ? -1
	           : table_add(call->table, cells, call->error);
}

/* When it was, and who had most of it. */
static int put_blame(struct check *check, const struct budget *budget, const struct measured *measured,
                     sqlite3_str *text)
{
	char *holders, at[UNITS_TEXT_MAX];

	if (measured->at_ns != MEASURE_NONE) {
		units_ns(at, measured->at_ns);
		sqlite3_str_appendf(text, ", at %s", at);
	}
	if (measure_holders(check->call->recording, budget, &check->budgets, measured, check->by, &holders,
	                    check->call->error) < 0)
		return -1;
	if (holders)
		sqlite3_str_appendf(text, "; by %s: %s", check->by, holders);
	free(holders);
	return 0;
}

/* Steps that nobody marked are said to be no more than found. */
static int put_steps(struct check *check, const struct budget *budget, sqlite3_str *text)
{
	int64_t steps;

	if (measure_found_steps(check->call->recording, budget, &steps, check->call->error) < 0)
		return -1;
	if (steps > 0)
		sqlite3_str_appendf(text,
		                    "; no step was marked, at most %lld of a process were found (as 'steps' has it)",
		                    (sqlite3_int64)steps);
	return 0;
}

static int add_verdict(struct check *check, const struct budget *budget, const struct measured *measured)
{
	sqlite3_str *text = sqlite3_str_new(NULL), *about = sqlite3_str_new(NULL);
	enum budget_unit unit = budget->figure->unit;
	double bound;
	bool holds;
	int result = find_bound(check, budget, measured, &bound, about);

	if (result == 0) {
		holds = budget_holds(budget->relation, measured->value, bound);
		put_value(text, unit, measured->value);
		sqlite3_str_appendf(text, "%s %s ", holds ? "" : " is not", budget_relation_word(budget->relation));
		put_value(text, unit, bound);
		sqlite3_str_append(text, sqlite3_str_value(about), sqlite3_str_length(about));
		if (!holds)
			result = put_blame(check, budget, measured, text);
	}
	if (result == 0)
		result = put_steps(check, budget, text);
	sqlite3_free(sqlite3_str_finish(about));
	char *detail = sqlite3_str_finish(text);
	if (result == 0)
		result = detail ? add_row(check, budget, holds ? "ok" : "failed", measured, bound, detail)
		                : sql_fail(check->call->error, "out of memory");
	sqlite3_free(detail);
	return result;
}

static struct measured nothing_of(const struct budget *budget)
{
	const struct budget_scope *scope = &budget->scope;

	return (struct measured){.device = scope->has_device ? scope->device : MEASURE_NONE,
	                         .region = scope->has_region ? scope->region : MEASURE_NONE,
	                         .at_ns = MEASURE_NONE};
}

/* An event that is lost may also be one that nobody counted. */
static int check_lost(struct check *check, const struct budget *budget, struct measured *measured)
{
	if (strcmp(budget->figure->word, "lost") != 0 || measured->value > 0 ||
	    recording_complete(check->call->recording, NULL))
		return add_verdict(check, budget, measured);
	return add_row(check, budget, "failed", measured, budget->bound,
	               "the recording is incomplete, and nobody could count by how much");
}

static int check_budget(struct check *check, const struct budget *budget)
{
	struct sql_error *error = check->call->error;
	struct recording *recording = check->call->recording;
	struct measured nothing = nothing_of(budget);
	struct measures measures = {0};
	int result = -1;

	if (measure_check(recording, budget, error) == 0)
		result = measure(recording, budget, &check->budgets, check->by, &measures, error);
	if (result == 0 && measures.count == 0 && budget->figure->is_banks)
		result = sql_fail(error,
		                  "%.150s:%u: '%.100s' is about banks of known size, and there are none "
		                  "(ttalloc_device_open)",
		                  budget->source, budget->line, budget->text);
	if (result == 0 && measures.count == 0)
		result = add_verdict(check, budget, &nothing);
	for (size_t i = 0; result == 0 && i < measures.count; i++)
		result = check_lost(check, budget, &measures.list[i]);
	free(measures.list);
	return result;
}

static int check_ignored(struct check *check, const struct budget *budget)
{
	struct measured measured = nothing_of(budget);
	int64_t leaks;

	if (measure_ignored(check->call->recording, budget, &check->budgets, &leaks, check->call->error) < 0)
		return -1;
	measured.value = (double)leaks;
	return add_row(check, budget, "ignored", &measured, 0,
	               leaks ? budget->reason : "no leak is like that any more: take it out");
}

/* An error names the line that could not be checked. */
static int fail_at(const struct budget *budget, struct sql_error *error)
{
	const struct sql_error bare = *error;

	if (strncmp(bare.text, budget->source, strlen(budget->source)) == 0)
		return -1;
	return sql_fail(error, "%.150s:%u: %s", budget->source, budget->line, bare.text);
}

/* A device is said as elsewhere: by the recording's number, the chip's own name, or a process's number. */
static int find_device(const struct check *check, struct budget_scope *scope)
{
	return scope->device_word ? device_resolve(check->call->recording, scope->device_word, NULL, &scope->device,
	                                           check->call->error)
	                          : 0;
}

static int find_devices(struct check *check)
{
	for (size_t i = 0; i < check->budgets.count; i++)
		if (find_device(check, &check->budgets.list[i].scope) < 0)
			return fail_at(&check->budgets.list[i], check->call->error);
	return 0;
}

static int check_all(struct check *check)
{
	for (size_t i = 0; i < check->budgets.count; i++) {
		const struct budget *budget = &check->budgets.list[i];

		if ((budget->figure ? check_budget(check, budget) : check_ignored(check, budget)) < 0)
			return fail_at(budget, check->call->error);
	}
	return 0;
}

/* ---- Texts ---- */

/* All of the file PATH, "-" being standard input. NULL with ERROR. */
static char *read_file(const char *path, struct sql_error *error)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = calloc(1, FILE_MOST);
	size_t bytes = file && text ? fread(text, 1, FILE_MOST, file) : 0;
	const char *problem = NULL;

	if (!file)
		problem = strerror(errno);
	else if (!text)
		problem = "out of memory";
	else if (ferror(file))
		problem = "cannot be read";
	else if (bytes == FILE_MOST)
		problem = "longer than 1 MiB";
	else if (memchr(text, '\0', bytes))
		problem = "no text: there is a NUL in it";
	if (file && file != stdin)
		fclose(file);
	if (!problem)
		return text;
	sql_fail(error, "%.300s: %s", path, problem);
	free(text);
	return NULL;
}

/* Takes in what the text, or the file, of the call says. */
static int take_text(struct check *check, const char *source, const char *text)
{
	size_t before = check->budgets.count;
	struct sql_error *error = check->call->error;

	if (budgets_parse(&check->budgets, source, text, error) < 0)
		return -1;
	return check->budgets.count == before ? sql_fail(error, "%.300s: no budget in it", source) : 0;
}

/* The filters of the call hold for all that says nothing else. */
static int narrow(struct check *check)
{
	const struct filter *filter = &check->call->filter;
	const struct budget_scope scope = {.has_device = filter->has_device,
	                                   .device = filter->device,
	                                   .has_region = filter->has_region,
	                                   .region = filter->region,
	                                   .has_steps = filter->has_steps,
	                                   .step_first = filter->step_first,
	                                   .step_last = filter->step_last,
	                                   .label = (char *)filter->label};

	for (size_t i = 0; i < check->budgets.count; i++)
		if (check->budgets.list[i].figure && budget_narrow(&check->budgets.list[i], &scope) < 0)
			return sql_fail(check->call->error, "out of memory");
	return 0;
}

static int take_texts(struct check *check)
{
	const char *text = check->call->arguments[0].text, *path = check->call->arguments[1].text;

	if (text && take_text(check, "budget", text) < 0)
		return -1;
	char *read = path ? read_file(path, check->call->error) : NULL;
	if (path && (!read || take_text(check, path, read) < 0)) {
		free(read);
		return -1;
	}
	free(read);
	return narrow(check);
}

static int fill_check_budgets(struct table_call *call)
{
	struct check check = {.call = call, .by = call->arguments[2].text};
	int result = check.by ? take_texts(&check) : sql_fail(call->error, "check: by what?");

	if (result == 0)
		result = find_devices(&check);
	if (result == 0)
		result = check_all(&check);
	budgets_clear(&check.budgets);
	while (check.baseline_count > 0) {
		device_pairs_clear(&check.baselines[--check.baseline_count].pairs);
		recording_close(check.baselines[check.baseline_count].recording);
	}
	free(check.baselines);
	return result;
}

const struct table_function table_check_budgets = {
    .name = "check_budgets",
    .columns = "source, budget, verdict, device, region, amount, share, bound, share_bound, unit, at_ns, detail",
    .text_columns = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 4 | 1 << 9 | 1 << 11,
    .real_columns = 1 << 6 | 1 << 8,
    .arguments = {"for_budget", "for_path", "for_by"},
    .fill = fill_check_budgets,
};
