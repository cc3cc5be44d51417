/* SPDX-License-Identifier: Apache-2.0
 *
 * devices.h - what hooks said of each chip and what their processes hold there now, for old monitors, which ask while
 * it is being recorded. One thread writes, any thread reads; a reader may see one figure a moment before another.
 */
#ifndef RECORDER_DEVICES_H
#define RECORDER_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "recorder/ledger/ingest.h"
#include "wire.h"

#define DEVICES_MOST 256u /* chips beyond are not kept */

struct devices;

struct devices *devices_new(void);
void devices_free(struct devices *devices);

/* Keeps DEVICES up to date with what hooks report. */
struct ingest_observer devices_observer(struct devices *devices);

/* Adds what is held on DEVICE to TOTALS. */
void devices_add_totals(const struct devices *devices, uint32_t device, struct legacy_totals *totals);

/* False: nothing is known of DEVICE. */
bool devices_describe(const struct devices *devices, uint32_t device, struct legacy_device_facts *about);

/* One more than the highest chip of which anything is known. */
uint32_t devices_end(const struct devices *devices);

#endif
