/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.h - what a statement can be about: the public views and the table-valued functions, for help texts. Read
 * from what defines them, so that it cannot drift. Thread-safe.
 */
#ifndef SQL_REFERENCE_H
#define SQL_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#define REFERENCE_NAME_MAX 64
#define REFERENCE_TEXT_MAX 1024

struct reference {
	char name[REFERENCE_NAME_MAX]; /* of a function with its own parameter: buckets(count) */
	char summary[REFERENCE_TEXT_MAX];
	char columns[REFERENCE_TEXT_MAX]; /* a, b, c */
};

/* The INDEX-th one; false behind the last. */
bool reference_view(size_t index, struct reference *reference);
bool reference_function(size_t index, struct reference *reference);

#endif
