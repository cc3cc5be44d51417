/* SPDX-License-Identifier: Apache-2.0
 *
 * devices.h - what hooks said of each chip and what their processes hold there now, for old monitors, which ask while
 * it is being recorded. One thread writes, any thread reads; a reader may see one figure a moment before another.
 */
#ifndef RECORDER_DEVICES_H
#define RECORDER_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/legacy/wire.h"
#include "ttalloc.h"

#define DEVICES_MOST 256u /* chips beyond are not kept */

struct devices;

struct devices *devices_new(void);
void devices_free(struct devices *devices);

/* DEVICE was opened. ARCH is not NUL-terminated. */
void devices_open(struct devices *devices, uint32_t device, const struct ttalloc_bank_layout *layout, const char *arch,
                  uint32_t arch_bytes);

/* What is held of REGION on DEVICE has changed by BYTES. */
void devices_change(struct devices *devices, uint32_t device, uint32_t region, int64_t bytes);

/* Adds what is held on DEVICE to TOTALS. */
void devices_add_totals(const struct devices *devices, uint32_t device, struct legacy_totals *totals);

/* False: nothing is known of DEVICE. */
bool devices_describe(const struct devices *devices, uint32_t device, struct legacy_device_facts *about);

/* One more than the highest chip of which anything is known. */
uint32_t devices_end(const struct devices *devices);

#endif
