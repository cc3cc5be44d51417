/* SPDX-License-Identifier: Apache-2.0
 *
 * value.h - what a query file declares as a default, and what callers hand over as text, made into numbers.
 * Thread-safe.
 */
#ifndef SQL_VALUE_H
#define SQL_VALUE_H

#include <stdint.h>

#include "sql/answers/query.h"

/* Parses TEXT as TYPE into VALUE (number, real or text). LENGTH_NS: of the recording, for percentages. NULL, or what is
 * wrong with it, such as "is not a size". VALUE->text then points into TEXT, or to a constant. */
const char *value_parse(struct query_value *value, enum query_type type, const char *text, int64_t length_ns);

/* The steps "N" or "A..B"; false: neither. */
bool value_steps(const char *text, int64_t *first, int64_t *last);

/* The number of a region: its word in any case, or digits; -1: none. */
int64_t value_region(const char *text);

/* The word of a region; NULL: there is none for it. */
const char *value_region_word(int64_t region);

#endif
