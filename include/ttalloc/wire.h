/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - what hook and recorder say to each other: fixed messages over AF_UNIX, SOCK_SEQPACKET. Events never travel
 * here; they lie in the segment (segment.h).
 *
 *   hook                                   recorder
 *   HELLO (who I am, my segment)      ->
 *                                     <-   WELCOME (recording, number up to which I have committed) or REFUSED
 *   SEALED (frames up to here)        ->
 *                                     <-   COMMITTED (number up to which all is on disk; frames may be reused)
 */
#ifndef TTALLOC_WIRE_H
#define TTALLOC_WIRE_H

#include <assert.h>
#include <stdint.h>

#include "ttalloc/segment.h"

#define TTA_WIRE_MAGIC 0x48415454u /* "TTAH" */
#define TTA_WIRE_VERSION 1u
#define TTA_PATH_BYTES 512u

enum tta_message_type {
	TTA_HELLO = 1,
	TTA_WELCOME = 2,
	TTA_REFUSED = 3,
	TTA_SEALED = 4,
	TTA_COMMITTED = 5,
};

struct tta_message {
	uint32_t magic;
	uint16_t version;
	uint16_t type; /* enum tta_message_type */
	union {
		struct {
			uint8_t segment_id[TTA_ID_BYTES];
			uint32_t pid;
			uint32_t reserved;
			char segment_path[TTA_PATH_BYTES];
		} hello;
		struct {
			uint8_t recording_id[TTA_ID_BYTES];
			uint64_t committed_number; /* of this segment's events, in this recording */
		} welcome;
		struct {
			char why[128];
		} refused;
		struct {
			uint64_t outbox_sealed;
			uint64_t sealed_number;
			uint32_t urgent; /* not 0: somebody waits in ttalloc_flush(); commit at once */
			uint32_t reserved;
		} sealed;
		struct {
			uint64_t committed_number;
		} committed;
	};
};
static_assert(sizeof(struct tta_message) == 8 + 16 + 8 + TTA_PATH_BYTES, "messages are of one size");

#endif
