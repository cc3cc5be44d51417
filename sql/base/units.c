/* SPDX-License-Identifier: Apache-2.0
 *
 * units.c - figures for people; see units.h.
 */
#include "units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const unit_names[] = {
    [UNIT_BYTES] = "bytes", [UNIT_NS] = "ns",           [UNIT_COUNT] = "count",
    [UNIT_RATIO] = "ratio", [UNIT_ADDRESS] = "address", [UNIT_TEXT] = "text",
    [UNIT_ID] = "id",       [UNIT_LIST] = "list",       [UNIT_PICTURE] = "picture"};

enum unit unit_by_name(const char *name)
{
	for (unsigned i = UNIT_NONE + 1; name != NULL && i < sizeof unit_names / sizeof *unit_names; i++)
		if (strcmp(name, unit_names[i]) == 0)
			return (enum unit)i;
	return UNIT_NONE;
}

static bool ends_with_word(const char *text, const char *word)
{
	size_t length = strlen(text), tail = strlen(word);
	if (length < tail || strcmp(text + length - tail, word) != 0)
		return false;
	return length == tail || text[length - tail - 1] == '_';
}

enum unit unit_of_column(const char *column)
{
	if (ends_with_word(column, "bytes"))
		return UNIT_BYTES;
	if (ends_with_word(column, "realtime_ns") || ends_with_word(column, "monotonic_ns"))
		return UNIT_NONE; /* of clocks, not of the recording: hours since 1970 help nobody */
	if (ends_with_word(column, "ns"))
		return UNIT_NS;
	if (ends_with_word(column, "address"))
		return UNIT_ADDRESS;
	return UNIT_NONE;
}

static uint64_t magnitude(int64_t number)
{
	return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

void units_bytes_in_words(char out[static UNITS_TEXT_MAX], int64_t bytes, int decimals, int64_t exact_below)
{
	double value = (double)bytes;
	unsigned power = 0;
	for (; power < 6 && (value >= (double)exact_below || (power > 0 && value >= 1024)); power++)
		value /= 1024;
	snprintf(out, UNITS_TEXT_MAX, "%.*f %s", power > 0 ? decimals : 0, value, names[power]);
}

void units_bytes(char out[static UNITS_TEXT_MAX], int64_t bytes)
{
	const char *sign = bytes < 0 ? "-" : "";
	uint64_t whole = magnitude(bytes);
	if (whole < 1024) {
		snprintf(out, UNITS_TEXT_MAX, "%s%" PRIu64 " B", sign, whole);
		return;
	}
	double scaled = (double)whole;
	unsigned power = 0;
	while (scaled >= 1023.5 && power < 6) { /* what would round to 1024 is 1.00 of the next */
		scaled /= 1024;
		power++;
	}
	int digits = scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
	snprintf(out, UNITS_TEXT_MAX, "%s%.*f %s", sign, digits, scaled, names[power]);
}

void units_ns(char out[static UNITS_TEXT_MAX], int64_t ns)
{
	const char *sign = ns < 0 ? "-" : "";
	uint64_t whole = magnitude(ns), us = whole / 1000, ms = us / 1000, s = ms / 1000;
	if (whole < 1000)
		snprintf(out, UNITS_TEXT_MAX, "%s%" PRIu64 " ns", sign, whole);
	else if (us < 1000)
		snprintf(out, UNITS_TEXT_MAX, "%s%" PRIu64 ".%03" PRIu64 " us", sign, us, whole % 1000);
	else if (ms < 1000)
		snprintf(out, UNITS_TEXT_MAX, "%s%" PRIu64 ".%03" PRIu64 " ms", sign, ms, us % 1000);
	else if (s < 60)
		snprintf(out, UNITS_TEXT_MAX, "%s%" PRIu64 ".%03" PRIu64 " s", sign, s, ms % 1000);
	else if (s < 3600)
		snprintf(out, UNITS_TEXT_MAX, "%s%" PRIu64 "m %02" PRIu64 ".%03" PRIu64 "s", sign, s / 60, s % 60,
		         ms % 1000);
	else
		snprintf(out, UNITS_TEXT_MAX, "%s%" PRIu64 "h %02" PRIu64 "m %02" PRIu64 "s", sign, s / 3600,
		         s / 60 % 60, s % 60);
}

void units_ratio(char out[static UNITS_TEXT_MAX], double ratio)
{
	snprintf(out, UNITS_TEXT_MAX, "%.1f %%", ratio * 100);
}

void units_real(char out[static UNITS_TEXT_MAX], double real)
{
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(out, UNITS_TEXT_MAX, "%.*g", digits, real);
		if (strtod(out, NULL) == real)
			break;
	}
	if (strpbrk(out, ".e") == NULL)
		strcat(out, ".0");
}
