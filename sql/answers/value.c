/* SPDX-License-Identifier: Apache-2.0
 *
 * value.c - see value.h.
 */
#include "value.h"

#include "sql/base/units.h"

static const char *parse_time(struct query_value *value, const char *text, int64_t length_ns)
{
	struct moment moment;
	const char *problem = parse_moment(text, &moment);

	if (!problem && moment.name)
		return "names a snapshot, which is not known here";
	if (!problem)
		value->number = moment_ns(&moment, length_ns);
	return problem;
}

const char *value_parse(struct query_value *value, enum query_type type, const char *text, int64_t length_ns)
{
	value->type = type;
	value->text = NULL;
	switch (type) {
	case QUERY_INTEGER:
	case QUERY_FLAG:
		return parse_integer(text, &value->number);
	case QUERY_REAL:
		return parse_real(text, &value->real);
	case QUERY_SIZE:
		return parse_size(text, &value->number);
	case QUERY_TIME:
		return parse_time(value, text, length_ns);
	case QUERY_REGION:
		value->number = region_number(text, &value->text);
		return value->number < 0 ? region_problem : NULL;
	case QUERY_TEXT:
	case QUERY_CHOICE:
	case QUERY_FILE:
		break;
	}
	value->text = text;
	return NULL;
}
