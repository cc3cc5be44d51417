/* SPDX-License-Identifier: Apache-2.0
 *
 * value.c - see value.h.
 */
#include "value.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ttalloc/vocabulary.h"

struct suffix {
	const char *word;
	double factor;
};

static const struct suffix sizes[] = {
    {"", 1},       {"B", 1},        {"k", 0x1p10},   {"K", 0x1p10},   {"M", 0x1p20},   {"G", 0x1p30},
    {"T", 0x1p40}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"kB", 1e3},
    {"MB", 1e6},   {"GB", 1e9},     {"TB", 1e12},    {NULL, 0},
};

static const struct suffix times[] = {
    {"", 1}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {NULL, 0},
};

static bool parse_integer(const char *text, int64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoll(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
	return end != text && *end == '\0' && errno == 0;
}

/* A number that is not negative, with one of SUFFIXES. Whole numbers stay exact. */
static bool parse_scaled(const char *text, const struct suffix *suffixes, int64_t *number)
{
	char *end;

	if (parse_integer(text, number))
		return *number >= 0;
	double value = strtod(text, &end);
	end += strspn(end, " ");
	if (end == text || !isfinite(value) || value < 0)
		return false;
	for (; suffixes->word; suffixes++) {
		double scaled = value * suffixes->factor;

		if (strcmp(end, suffixes->word) != 0)
			continue;
		*number = scaled < 0x1p62 ? (int64_t)llround(scaled) : 0;
		return scaled < 0x1p62;
	}
	return false;
}

static const char *parse_time(struct query_value *value, const char *text, int64_t length_ns)
{
	size_t length = strlen(text);
	char *end;

	if (length == 0 || text[length - 1] != '%')
		return parse_scaled(text, times, &value->number) ? NULL : "is not a time such as 1.5s, 200ms or 30%";
	double share = strtod(text, &end) / 100;
	if (length == 1 || end != text + length - 1 || !(share >= 0 && share <= 1))
		return "is not a share from 0% to 100%";
	value->number = share >= 1 ? length_ns : (int64_t)((double)length_ns * share);
	return NULL;
}

bool value_steps(const char *text, int64_t *first, int64_t *last)
{
	char copy[64];
	const char *dots = strstr(text, "..");

	if (!dots) {
		*last = *first = 0;
		bool good = parse_integer(text, first);
		*last = *first;
		return good;
	}
	if ((size_t)(dots - text) >= sizeof(copy))
		return false;
	memcpy(copy, text, (size_t)(dots - text));
	copy[dots - text] = '\0';
	return parse_integer(copy, first) && parse_integer(dots + 2, last) && *first <= *last;
}

int64_t value_region(const char *text)
{
#define IF_WORD(NAME, region, word)                                                                                    \
	if (strcasecmp(text, word) == 0)                                                                               \
		return region;
	int64_t number;

	TTA_REGIONS(IF_WORD)
	return parse_integer(text, &number) && number >= 0 && number < TTALLOC_ANY ? number : -1;
}

const char *value_region_word(int64_t region)
{
	return region >= 0 && region < TTALLOC_ANY ? tta_region_word((uint32_t)region) : NULL;
}

static const char *parse_region(struct query_value *value, const char *text)
{
#define AND_WORD(NAME, number, word) word ", "
	int64_t region = value_region(text);

	if (region < 0)
		return "is not a region: " TTA_REGIONS(AND_WORD) "or a number";
	value->number = region;
	value->text = value_region_word(region) ? value_region_word(region) : text;
	return NULL;
}

static const char *parse_real(struct query_value *value, const char *text)
{
	char *end;

	value->real = strtod(text, &end);
	return end != text && *end == '\0' && isfinite(value->real) ? NULL : "is not a number";
}

const char *value_parse(struct query_value *value, enum query_type type, const char *text, int64_t length_ns)
{
	value->type = type;
	value->text = NULL;
	switch (type) {
	case QUERY_INTEGER:
	case QUERY_FLAG:
		return parse_integer(text, &value->number) ? NULL : "is not a whole number";
	case QUERY_REAL:
		return parse_real(value, text);
	case QUERY_SIZE:
		return parse_scaled(text, sizes, &value->number) ? NULL : "is not a size such as 4096, 64K or 1.5MiB";
	case QUERY_TIME:
		return parse_time(value, text, length_ns);
	case QUERY_REGION:
		return parse_region(value, text);
	case QUERY_TEXT:
	case QUERY_CHOICE:
		break;
	}
	value->text = text;
	return NULL;
}
