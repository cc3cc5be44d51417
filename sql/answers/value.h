/* SPDX-License-Identifier: Apache-2.0
 *
 * value.h - what a query file declares as a default, and what callers hand over as text, made into numbers.
 * Thread-safe.
 */
#ifndef SQL_VALUE_H
#define SQL_VALUE_H

#include <stdint.h>

#include "query.h"

/* Parses TEXT as TYPE into VALUE (number, real or text). LENGTH_NS: of the recording, for percentages. NULL, or what is
 * wrong with it, such as "is not a size". VALUE->text then points into TEXT, or to a constant. */
const char *value_parse(struct query_value *value, enum query_type type, const char *text, int64_t length_ns);

#endif
