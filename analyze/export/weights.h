/* SPDX-License-Identifier: Apache-2.0
 *
 * weights.h - bytes by call stack, or by label where there are no stacks: what flame graphs are drawn of.
 */
#ifndef ANALYZE_EXPORT_WEIGHTS_H
#define ANALYZE_EXPORT_WEIGHTS_H

#include "sql/answers/query.h"

/* What bytes are those of: "peak", what was live at the peak of a device and region; "leaks"; "allocated". */
extern const char *const weights_kinds[3];

/* Rows: device, region (word), stack (outermost;...;innermost), bytes, blocks; those of a device and region together,
 * devices and regions in order. NULL with ERROR. */
struct query_run *weights_start(struct recording *recording, const char *kind, struct sql_error *error);

/* Calls EACH for every part of a stack, from the outermost on. */
void weights_frames(const char *stack, size_t bytes, void (*each)(void *context, const char *name, size_t bytes),
                    void *context);

#endif
