/* SPDX-License-Identifier: Apache-2.0
 *
 * batch.h - a batch's columns: events turned into delta varints, one column after the other, before zstd packs them
 * and after zstd has unpacked them. Neither direction allocates.
 */
#ifndef TTALLOC_BATCH_H
#define TTALLOC_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "segment.h"

/* The most bytes that COUNT events can take. */
static inline size_t tta_batch_bound(uint32_t count);

/* Encodes COUNT events and the table entries of their threads. PLAIN must have tta_batch_bound(COUNT) bytes. Returns
 * the bytes used. */
static inline size_t tta_batch_encode(const struct tta_event *events, const uint32_t *thread_entries, uint32_t count,
                                      uint8_t *plain);

/* Decodes exactly COUNT events out of exactly PLAIN_BYTES bytes that nobody vouches for. 0, or -1 when they are not
 * such. */
static inline int tta_batch_decode(const uint8_t *plain, size_t plain_bytes, uint32_t count, struct tta_event *events,
                                   uint32_t *thread_entries);

/* (implementation below: owned by the hook's author) */

#endif
