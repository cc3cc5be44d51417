/* SPDX-License-Identifier: Apache-2.0
 *
 * flush.h - waiting until everything is committed.
 */
#ifndef TTALLOC_HOOK_FLUSH_H
#define TTALLOC_HOOK_FLUSH_H

#include <stdbool.h>

/* What ttalloc_flush() does in the copy that records. */
bool tta_flush(unsigned timeout_ms);

#endif
