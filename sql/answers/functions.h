/* SPDX-License-Identifier: Apache-2.0
 *
 * functions.h - the SQL functions that queries may use beside SQLite's own.
 *
 *   region_word(n)             DRAM for 0, ...; the number as text where there is no word
 *   region_number(word)        the reverse; NULL for NULL
 *   class_word(n)              buffer for 0, ...
 *   label_matches(label, path) whether PATH is LABEL, lies below it, or matches it as a GLOB pattern
 *   label_pattern(path)        the label with every number in it as one *: layer.* for layer.0 and layer.17
 *   stack_text(frames), ...    call stacks in words: stack_text.h
 *   allowance(text, bytes)     what a change from BYTES may be at most: "5%" of it, or "10M"; NULL: that is none
 *   op_matches(op, process, thread, key)  whether the thread was in an operation that --op means; NULL: any
 *   operations_missing()       why there are no operations to speak of; NULL: there are
 *   op_problem(op)             why --op cannot mean anything here; NULL: it can
 *   concat_words(a, b, ...)    those that are not NULL or empty, with blanks between them
 *   tensors_text(list, output) the inputs (0) or outputs (1) of a tensor_list in words
 *   grid_word(cores)           8x8 for [[0,0,7,7]]
 *   moment_ns(text, length_ns) 1.5s, 200ms or 30% of LENGTH_NS in nanoseconds; NULL: that is no moment
 *   human_bytes(n)             1.5 GiB, for notes
 */
#ifndef SQL_FUNCTIONS_H
#define SQL_FUNCTIONS_H

#include <sqlite3.h>

#include "sql/store/recording.h"

/* Registers them and the table-valued functions, unless that is done. 0 or -1. (table_function.c) */
int functions_add(struct recording *recording, struct sql_error *error);

/* The former alone. */
int functions_register(struct recording *recording);

#endif
