/* SPDX-License-Identifier: Apache-2.0
 *
 * parse.c - what people type for numbers, sizes, times and steps; declared in units.h.
 */
#include "units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ttalloc/vocabulary.h"

const char *parse_integer(const char *text, int64_t *number)
{
	char *end;
	if (!isdigit((unsigned char)text[text[0] == '-']))
		return "is not a number";
	errno = 0;
	intmax_t value = strtoimax(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
	if (*end != '\0')
		return "is not a whole number";
	if (errno == ERANGE || value > INT64_MAX || value < INT64_MIN)
		return "is out of range";
	*number = value;
	return NULL;
}

/* Digits with at most one point: no exponent, no hexadecimal, no "nan". END is set behind it. */
static bool scan_decimal(const char *text, double *number, const char **end)
{
	const char *at = text;
	size_t digits = 0;
	double value = 0, place = 1;
	for (; isdigit((unsigned char)*at); at++, digits++)
		value = value * 10 + (*at - '0');
	if (*at == '.')
		for (at++; isdigit((unsigned char)*at); at++, digits++)
			value += (place /= 10) * (*at - '0');
	*number = value;
	*end = at;
	return digits > 0;
}

const char *parse_real(const char *text, double *number)
{
	const char *end;
	bool negative = text[0] == '-';
	if (!scan_decimal(text + negative, number, &end) || *end != '\0' || !isfinite(*number))
		return "is not a number";
	if (negative)
		*number = -*number;
	return NULL;
}

struct scale {
	const char *suffix;
	double factor;
};

static const struct scale sizes[] = {
    {"b", 1},      {"k", 0x1p10},   {"kib", 0x1p10}, {"kb", 1e3},   {"m", 0x1p20},   {"mib", 0x1p20}, {"mb", 1e6},
    {"g", 0x1p30}, {"gib", 0x1p30}, {"gb", 1e9},     {"t", 0x1p40}, {"tib", 0x1p40}, {"tb", 1e12},    {NULL, 0},
};

static const struct scale times[] = {
    {"ns", 1},     {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"ms", 1e6}, {"s", 1e9},
    {"min", 6e10}, {"m", 6e10}, {"h", 3.6e12},      {NULL, 0},
};

static const struct scale *find_scale(const struct scale *scales, const char *suffix)
{
	while (*suffix == ' ') /* "1.5 GiB", as tables print it */
		suffix++;
	for (; scales->suffix != NULL; scales++)
		if (strcasecmp(scales->suffix, suffix) == 0)
			return scales;
	return NULL;
}

/* Integers stay exact: a double has 53 bits. */
static const char *parse_scaled(const char *text, const struct scale *scales, const char *kind, int64_t *number)
{
	double value;
	const char *end;
	if (text[0] == '-' && isdigit((unsigned char)text[1]))
		return "is negative";
	if (!scan_decimal(text, &value, &end))
		return kind;
	if (text[0] == '0' && (text[1] | 32) == 'x')
		return parse_integer(text, number);
	if (*end == '\0') {
		if (memchr(text, '.', (size_t)(end - text)) != NULL)
			return "has a fraction but no unit";
		return parse_integer(text, number);
	}
	const struct scale *scale = find_scale(scales, end);
	if (scale == NULL)
		return kind;
	value = round(value * scale->factor);
	if (value >= 0x1p63)
		return "is out of range";
	*number = (int64_t)value;
	return NULL;
}

const char *parse_size(const char *text, int64_t *bytes)
{
	return parse_scaled(text, sizes, "is not a size (such as 4096, 64K or 1.5GiB)", bytes);
}

const char *parse_moment(const char *text, struct moment *moment)
{
	const char *end;
	*moment = (struct moment){.name = text[0] == '@' ? text + 1 : NULL};
	if (moment->name != NULL)
		return moment->name[0] == '\0' ? "names no snapshot" : NULL;
	if (scan_decimal(text, &moment->share, &end) && strcmp(end, "%") == 0) {
		moment->is_share = true;
		moment->share /= 100;
		return moment->share > 1 ? "is more than 100 %" : NULL;
	}
	return parse_scaled(
	    text, times, "is not a time (such as 1500000 for nanoseconds, 1.5s, 200ms, 30% or @snapshot)", &moment->ns);
}

const char *parse_steps(const char *text, int64_t *first, int64_t *last)
{
	static const char *const wrong = "is not a step or a range of steps (such as 7 or 3..9)";
	char head[32];
	const char *dots = strstr(text, "..");
	size_t length = dots == NULL ? strlen(text) : (size_t)(dots - text);
	if (length >= sizeof head)
		return wrong;
	memcpy(head, text, length);
	head[length] = '\0';
	if (parse_integer(head, first) != NULL || *first < 0)
		return wrong;
	*last = *first;
	if (dots != NULL && (parse_integer(dots + 2, last) != NULL || *last < 0))
		return wrong;
	return *last < *first ? "ends before it begins" : NULL;
}

int64_t moment_ns(const struct moment *moment, int64_t length_ns)
{
	if (!moment->is_share)
		return moment->ns;
	return moment->share == 1 ? length_ns : (int64_t)((double)length_ns * moment->share);
}

#define AND_WORD(NAME, number, word) word ", "
const char region_problem[] = "is no region: " TTA_REGIONS(AND_WORD) "or a number";

const char *region_word(int64_t region)
{
	return region >= 0 && region < TTALLOC_ANY ? tta_region_word((uint32_t)region) : NULL;
}

int64_t region_number(const char *text, const char **word)
{
#define IF_WORD(NAME, region, region_word)                                                                             \
	if (strcasecmp(text, region_word) == 0)                                                                        \
		number = region;
	int64_t number;
	if (parse_integer(text, &number) != NULL || number < 0 || number >= TTALLOC_ANY)
		number = -1;
	TTA_REGIONS(IF_WORD)
	if (word != NULL)
		*word = region_word(number) != NULL ? region_word(number) : text;
	return number;
}
