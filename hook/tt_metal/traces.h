/* SPDX-License-Identifier: Apache-2.0
 *
 * traces.h - captured traces: what they run when they are replayed, of which TT-Metal says nothing then.
 */
#ifndef TTALLOC_TT_METAL_TRACES_H
#define TTALLOC_TT_METAL_TRACES_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"

/* PROGRAM runs on CHIPS of DEVICE: a trace that is being captured there will run it again. */
void tt_trace_run(const void *device, const struct tt_chips *chips, uint64_t program);

/* Whether DEVICE has a captured trace, and none is being captured: what is allocated now may be overwritten when the
 * trace is replayed. Cheap where there are no traces. */
bool tt_trace_is_active(const void *device);

#endif
