/* SPDX-License-Identifier: Apache-2.0
 *
 * What users type for numbers, sizes, times and steps. What is understood has to stay within its limits.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/units.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int right)
{
	if (!right)
		abort();
}

static void parse(const char *text)
{
	struct moment moment;
	int64_t number, last;
	double real;
	char out[UNITS_TEXT_MAX];

	if (!parse_integer(text, &number)) {
		units_bytes(out, number);
		units_ns(out, number);
	}
	if (!parse_real(text, &real)) {
		check(isfinite(real));
		units_real(out, real);
		units_ratio(out, real);
	}
	if (!parse_size(text, &number))
		check(number >= 0);
	if (!parse_moment(text, &moment))
		check(moment.is_share ? moment.share >= 0 && moment.share <= 1 : moment.ns >= 0);
	if (!parse_steps(text, &number, &last))
		check(number <= last);
	unit_of_column(text);
	unit_by_name(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	check(text != NULL);
	memcpy(text, data, size);
	text[size] = 0;
	parse(text);
	free(text);
	return 0;
}
