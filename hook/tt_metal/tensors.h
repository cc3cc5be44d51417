/* SPDX-License-Identifier: Apache-2.0
 *
 * tensors.h - what operations work on: ttnn's tensors, as they are handed to a processor.
 */
#ifndef TTALLOC_TT_METAL_TENSORS_H
#define TTALLOC_TT_METAL_TENSORS_H

#include <stdbool.h>
#include <stddef.h>

#include "processor.h"

/* How tensors of LIBRARY are read, by functions that HANDLE and what it depends on export; NULL: they do not. */
struct tt_tensors *tt_tensors_meet(void *handle);

/* Whether VALUE is tensors, of a kind that is reported. */
bool tt_tensors_are(const struct tt_any *value);

/* Whether VALUE stands in the place of a result, of an operation that an exception left. */
bool tt_tensors_abort(const struct tt_any *value);

/* Reports the tensors among what the innermost operation takes, and in what it gives back. */
void tt_tensors_taken(struct tt_library *library, const struct tt_argument *arguments, size_t count);
void tt_tensors_given(struct tt_library *library, const struct tt_any *result);

#endif
