/* SPDX-License-Identifier: Apache-2.0
 *
 * preload.h - what the functions have in common that stand between TT-Metal and itself. Each passes its call on, and
 * reports what it says.
 *
 * The call goes first and the report after it: a tracked allocation is placed before it is tracked, and a tracked free
 * is given back after it was tracked, so that both reports are inside the block's life; and a TT-Metal that reports
 * itself has then made itself known.
 */
#ifndef TTALLOC_TT_METAL_PRELOAD_H
#define TTALLOC_TT_METAL_PRELOAD_H

#include <stdbool.h>

#include "library.h"
#include "say.h"

#define EXPORT __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

/* Whether SHARE of what LIBRARY does is to be reported. A few loads. */
bool tt_may_report(const struct tt_library *library, enum tt_share share);

#endif
