/* SPDX-License-Identifier: Apache-2.0
 *
 * any.h - std::any of libstdc++, and std::string.
 */
#ifndef TTALLOC_CXX_ANY_H
#define TTALLOC_CXX_ANY_H

#include <stdbool.h>
#include <stddef.h>

/* A value, and the function that knows its type; NULL: there is none. */
struct tt_any {
	void (*manager)(int what, const struct tt_any *any, const void **answer);
	const void *value; /* itself if it is a pointer, as a reference is; else where it lies */
};

/* std::string. Short texts are in itself. */
struct tt_string {
	char *text;
	size_t bytes;
	char here[16];
};

/* The name of its type as type information has it, mangled. "": it has none. */
const char *tt_any_type(const struct tt_any *any);

#endif
