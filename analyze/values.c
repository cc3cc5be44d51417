/* SPDX-License-Identifier: Apache-2.0
 *
 * values.c - see values.h.
 */
#include "values.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "labels.h"
#include "snapshots.h"
#include "sql/answers/device.h"
#include "sql/base/error.h"
#include "sql/base/units.h"

int values_check(const struct arguments *arguments, struct sql_error *error)
{
	struct moment start, end;
	const char *start_text = arguments_text(arguments, "start"), *end_text = arguments_text(arguments, "end");
	if (!start_text || !end_text || parse_moment(start_text, &start) || parse_moment(end_text, &end) ||
	    start.is_share != end.is_share || start.name || end.name)
		return 0;
	if (start.is_share ? start.share > end.share : start.ns > end.ns)
		return sql_fail(error, "--end %s is before --start %s", end_text, start_text);
	return 0;
}

/* The integer in the first cell of STATEMENT's only row. */
static int ask(struct recording *recording, const char *statement, int64_t *number, struct sql_error *error)
{
	struct query_cell cell;
	struct query_run *run = query_start_sql(recording, statement, error);
	if (!run)
		return -1;
	int state = query_next(run, error);
	if (state == 1) {
		query_cell(run, 0, &cell);
		*number = cell.type == CELL_INTEGER ? cell.integer : 0;
	}
	query_finish(run);
	return state == 1 ? 0 : -1;
}

static int recording_length(struct recording *recording, int64_t *ns, struct sql_error *error)
{
	error->text[0] = '\0';
	if (ask(recording, "SELECT end_ns FROM recording_info", ns, error) == 0)
		return 0;
	return error->text[0] != '\0' ? -1
	                              : sql_fail(error, "%s: says nothing about itself", recording_path(recording));
}

static int make_time(struct query_value *value, const char *text, struct recording *recording, struct sql_error *error)
{
	struct moment moment;
	int64_t length_ns = 0;
	parse_moment(text, &moment); /* was checked when it was set */
	if (moment.name)
		return snapshot_find(recording, moment.name, &value->number, error);
	if (moment.is_share && recording_length(recording, &length_ns, error) < 0)
		return -1;
	value->number = moment_ns(&moment, length_ns);
	return 0;
}

static int make(struct query_value *value, const struct setting *setting, const struct arguments *arguments,
                struct recording *recording, struct sql_error *error)
{
	int64_t last;
	const char *text = setting->text;
	value->name = setting->option->parameter ? setting->option->parameter : setting->option->name;
	value->type = (enum query_type)setting->option->own;
	switch (setting->option->type) {
	case OPTION_FLAG:
		value->type = QUERY_FLAG;
		value->number = 1;
		return 0;
	case OPTION_COUNT:
	case OPTION_INTEGER:
		value->type = QUERY_INTEGER;
		parse_integer(text, &value->number);
		return 0;
	case OPTION_DEVICE:
		value->type = QUERY_INTEGER;
		if (arguments->recorded_devices && !parse_integer(text, &value->number))
			return 0;
		return device_resolve(recording, text, arguments_text(arguments, "pid"), &value->number, error);
	case OPTION_REAL:
		parse_real(text, &value->real);
		return 0;
	case OPTION_SIZE:
		parse_size(text, &value->number);
		return 0;
	case OPTION_TIME:
		value->type = QUERY_TIME;
		return make_time(value, text, recording, error);
	case OPTION_REGION:
		value->type = QUERY_REGION;
		value->number = region_number(text, &value->text);
		return 0;
	case OPTION_STEPS:
		value->type = QUERY_TEXT;
		value->text = text;
		parse_steps(text, &value->number, &last);
		return 0;
	default:
		value->type = setting->option->type == OPTION_CHOICE ? QUERY_CHOICE : QUERY_TEXT;
		value->text = text;
		return 0;
	}
}

static const struct query_value *find(const struct values *values, const char *name)
{
	for (size_t i = 0; i < values->count; i++)
		if (strcmp(values->list[i].name, name) == 0)
			return &values->list[i];
	return NULL;
}

static int check_window(const struct values *values, struct recording *recording, struct sql_error *error)
{
	char text[UNITS_TEXT_MAX];
	int64_t length_ns = 0;
	const struct query_value *start = find(values, "start"), *end = find(values, "end");
	if (!start)
		return 0;
	if (end && end->number < start->number)
		return sql_fail(error, "--end is before --start: %" PRId64 " ns, %" PRId64 " ns", end->number,
		                start->number);
	if (recording_length(recording, &length_ns, error) < 0)
		return -1;
	units_ns(text, length_ns);
	if (start->number > length_ns)
		return sql_fail(error, "--start is behind the end of %s, which is %s long", recording_path(recording),
		                text);
	return 0;
}

/* Whether it is a device that nobody asked for when it was recorded. */
static bool is_left_out(const struct query_value *value, const char *noun, struct recording *recording)
{
	char statement[256];
	int64_t left_out = 0;
	struct sql_error ignored;
	snprintf(statement, sizeof statement,
	         "SELECT EXISTS (SELECT 1 FROM recording_file WHERE "
	         "NOT instr(',' || trim(devices, '[]') || ',', ',%" PRId64 ",'))",
	         value->number);
	return strcmp(noun, "device") == 0 && ask(recording, statement, &left_out, &ignored) == 0 && left_out;
}

static int check_known(const struct values *values, const char *name, const char *noun, const char *known,
                       struct recording *recording, struct sql_error *error)
{
	char statement[512];
	int64_t any = 0, found = 0;
	const struct query_value *value = find(values, name);
	if (!value)
		return 0;
	snprintf(statement, sizeof statement, "SELECT EXISTS (%s)", known);
	if (ask(recording, statement, &any, error) < 0)
		return -1;
	snprintf(statement, sizeof statement, "SELECT %" PRId64 " IN (%s)", value->number, known);
	if (ask(recording, statement, &found, error) < 0)
		return -1;
	if (any && !found && is_left_out(value, noun, recording))
		return sql_fail(error,
		                "device %" PRId64
		                " was not recorded in %s, which has others alone (ttalloc-recorder --device)",
		                value->number, recording_path(recording));
	if (any && !found)
		return sql_fail(error, "%s has no %s %" PRId64 "; 'ttalloc-analyze processes' lists what it has",
		                recording_path(recording), noun, value->number);
	return 0;
}

int values_make(struct values *values, const struct arguments *arguments, struct recording *recording,
                struct sql_error *error)
{
	values->count = 0;
	for (size_t i = 0; i < arguments->setting_count; i++) {
		const struct setting *setting = &arguments->settings[i];
		if (setting->option->group != GROUP_FILTER && setting->option->group != GROUP_QUERY)
			continue;
		struct query_value *value = &values->list[values->count++];
		*value = (struct query_value){0};
		if (make(value, setting, arguments, recording, error) < 0)
			return -1;
	}
	return check_window(values, recording, error);
}

static bool has_window(const struct query *query)
{
	const char *place = query->filters ? strstr(query->filters, "start") : NULL;
	return place && (place == query->filters || place[-1] == ' ') && (place[5] == ' ' || place[5] == '\0');
}

int values_begin(struct values *values, const struct query *query, struct recording *recording, struct sql_error *error)
{
	int64_t begin_ns = 0;
	struct query_value *start = NULL;

	if (!query || !has_window(query))
		return 0;
	if (ask(recording, "SELECT coalesce(max(begin_ns), 0) FROM recording_file", &begin_ns, error) < 0)
		return -1;
	for (size_t i = 0; i < values->count; i++)
		if (strcmp(values->list[i].name, "start") == 0)
			start = &values->list[i];
	if (begin_ns <= 0 || (start && start->number >= begin_ns))
		return 0;
	if (!start)
		start = &values->list[values->count++];
	*start = (struct query_value){.name = "start", .type = QUERY_TIME, .number = begin_ns};
	return 0;
}

int values_check_known(const struct values *values, struct recording *recording, struct sql_error *error)
{
	if (check_known(values, "device", "device", "SELECT device FROM origin UNION SELECT device FROM device_mark",
	                recording, error) < 0)
		return -1;
	if (check_known(values, "pid", "process", "SELECT pid FROM process_info", recording, error) < 0)
		return -1;
	const struct query_value *label = find(values, "label");
	return !label ? 0 : labels_check(recording, label, error);
}
