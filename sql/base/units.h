/* SPDX-License-Identifier: Apache-2.0
 *
 * units.h - figures for people, and what people type for figures. Thread-safe; nothing depends on the locale.
 */
#ifndef SQL_UNITS_H
#define SQL_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define UNITS_TEXT_MAX 32

enum unit {
	UNIT_NONE,
	UNIT_BYTES,
	UNIT_NS,
	UNIT_COUNT,
	UNIT_RATIO,
	UNIT_ADDRESS,
	UNIT_TEXT,
	UNIT_ID,
	UNIT_LIST,
	UNIT_PICTURE
};

/* The unit of that name, as a query's header declares it; UNIT_NONE where there is none. */
enum unit unit_by_name(const char *name);
/* The unit that a column's name promises: size_bytes, at_ns, address. UNIT_NONE where it promises nothing. */
enum unit unit_of_column(const char *column);

/* 1.50 GiB: three significant digits, powers of 1024. */
void units_bytes(char out[static UNITS_TEXT_MAX], int64_t bytes);
/* The same with so many DECIMALS, for sentences; up to EXACT_BELOW it is counted in bytes. */
void units_bytes_in_words(char out[static UNITS_TEXT_MAX], int64_t bytes, int decimals, int64_t exact_below);
/* 1.500 s, 12.345 ms, 2m 03.456s, 1h 02m 03s */
void units_ns(char out[static UNITS_TEXT_MAX], int64_t ns);
/* 98.2 % */
void units_ratio(char out[static UNITS_TEXT_MAX], double ratio);

/* The shortest form that reads back as the same number, with a point or an exponent in it. REAL is finite. */
void units_real(char out[static UNITS_TEXT_MAX], double real);

/* What a user typed. All return NULL, or what is wrong with it ("is not a number"). */
const char *parse_integer(const char *text, int64_t *number);
const char *parse_real(const char *text, double *number);
const char *parse_size(const char *text, int64_t *bytes); /* 4096, 64K, 1.5MiB (1024), 2GB (1000) */

/* A moment: nanoseconds, a share of the recording that is yet to be asked how long it is, or a snapshot of it. */
struct moment {
	bool is_share;
	double share; /* 0..1 */
	int64_t ns;
	const char *name; /* of a snapshot, in TEXT behind its @; NULL: it is none */
};
const char *parse_moment(const char *text, struct moment *moment); /* 1500, 1.5s, 200ms, 30us, 2m, 1h, 30%, @name */
/* In nanoseconds, of a recording of LENGTH_NS. MOMENT is no snapshot. */
int64_t moment_ns(const struct moment *moment, int64_t length_ns);
/* The steps N or A..B. */
const char *parse_steps(const char *text, int64_t *first, int64_t *last);

/* The number of the region called TEXT, in any case, or of that number; -1: there is none. WORD, unless NULL, gets its
 * word in capitals, or TEXT where there is none. */
int64_t region_number(const char *text, const char **word);
extern const char region_problem[]; /* what is wrong with a TEXT that is none */

/* The word of a region; NULL: there is none for it. */
const char *region_word(int64_t region);

#endif
