/* SPDX-License-Identifier: Apache-2.0
 *
 * alike.h - devices of which the picture would show the same: the chips of a mesh stand there once.
 */
#ifndef ANALYZE_WATCH_ALIKE_H
#define ANALYZE_WATCH_ALIKE_H

#include "view.h"

#define ALIKE_NAME_BYTES 32

/* Whether DEVICE has lines of its own: VIEW shows it, and if it shows all, no earlier one is like it. */
bool alike_leads(const struct view *view, const struct model *model, int64_t device);

/* Which devices the lines of DEVICE are about: "0-31". Returns how many. */
size_t alike_name(const struct view *view, const struct model *model, int64_t device,
                  char name[static ALIKE_NAME_BYTES]);

#endif
