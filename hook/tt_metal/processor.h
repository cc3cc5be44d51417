/* SPDX-License-Identifier: Apache-2.0
 *
 * processor.h - TT-Metal's own place for observers: a graph processor that only watches, on the stack of each thread
 * that uses TT-Metal.
 */
#ifndef TTALLOC_TT_METAL_PROCESSOR_H
#define TTALLOC_TT_METAL_PROCESSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hook/cxx/any.h"
#include "library.h"

/* std::string_view of libstdc++. */
struct tt_string_view {
	size_t bytes;
	const char *text;
};

/* TrackedArgument. On x86-64 a std::string is returned in memory that the caller names first. */
struct tt_argument {
	struct tt_any value;
	void (*make_text)(struct tt_string *text, const struct tt_any *value);
};

/* What a processor of LIBRARY is called for. FRAME: of the function that is called. Of results, one that is no result
 * at all may say that the operation was left by an exception. */
void tt_operation_begins(struct tt_library *library, struct tt_string_view name, const struct tt_argument *arguments,
                         size_t count, const void *frame);
void tt_operation_ends(struct tt_library *library, const struct tt_any *result, const void *frame);

/* This thread does something: operations that were left are over by now. */
void tt_operations_look(void);

/* Whether this thread is in a capture that runs nothing (NO_DISPATCH). */
bool tt_processor_only_tries(const struct tt_library *library);

/* Looks whether the object PATH, which calls the tracker of LIBRARY, is ttnn, and if so how its processors look.
 * Once for each place that calls. */
void tt_processor_meet(struct tt_library *library, const char *path);

#endif
