/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments.h - TT-Metal's own text of what an operation is called with. They cost a tenth of a small operation.
 */
#ifndef TTALLOC_TT_METAL_ARGUMENTS_H
#define TTALLOC_TT_METAL_ARGUMENTS_H

#include <stddef.h>

#include "processor.h"

#define TT_ARGUMENTS_BYTES 4096 /* of a text, at most */

/* Appends BEFORE and the text of ARGUMENT to TEXT, which has room for BYTES; what is too long is cut. */
void tt_argument_text(const struct tt_library *library, const struct tt_argument *argument, const char *before,
                      char *text, size_t bytes);

/* Fills TEXT with COUNT arguments, one a line, but for tensors, which are told by themselves. Returns its length. */
size_t tt_arguments_text(const struct tt_library *library, const struct tt_argument *arguments, size_t count,
                         char text[TT_ARGUMENTS_BYTES]);

#endif
