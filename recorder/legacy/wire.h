/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - the old protocol: messages of a fixed size without length, version or magic. Three sizes exist, with one
 * head in common; which of them a client speaks shows in its stream only (frame.h). A helper of that time sends a
 * fourth one, of 32 bytes.
 */
#ifndef RECORDER_LEGACY_WIRE_H
#define RECORDER_LEGACY_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEGACY_HEAD_BYTES 40u    /* what requests fill; zeros follow */
#define LEGACY_SMALL_BYTES 72u   /* the first version */
#define LEGACY_MIDDLE_BYTES 112u /* with device information */
#define LEGACY_LARGE_BYTES 144u  /* with circular buffers and kernels */
#define LEGACY_HELPER_BYTES 32u

enum legacy_type {
	LEGACY_ALLOC = 1,
	LEGACY_FREE = 2,
	LEGACY_QUERY = 3,
	LEGACY_RESPONSE = 4,
	LEGACY_DUMP_REMAINING = 5,
	LEGACY_DEVICE_INFO_QUERY = 6,
	LEGACY_DEVICE_INFO_RESPONSE = 7,
	LEGACY_CB_ALLOC = 8,
	LEGACY_CB_FREE = 9,
	LEGACY_KERNEL_LOAD = 10,
	LEGACY_KERNEL_UNLOAD = 11,
	LEGACY_DUMP_KERNELS = 12,
};

/* A request, as all sizes have it. Their times are of another clock, and nobody ever read them. */
struct legacy_message {
	enum legacy_type type;
	int32_t device;
	uint64_t size_bytes;
	uint8_t buffer_type; /* of ALLOC: the region; of KERNEL_LOAD: its kind */
	int32_t pid;         /* 0: not said */
	uint64_t id;         /* of ALLOC and FREE: an address or a number; of CB_*: an address; of KERNEL_*: a number */
};

/* What is held on one device, by what QUERY tells apart. */
struct legacy_totals {
	uint64_t dram, l1, l1_small, trace, cb, kernel; /* bytes; l1_small includes SYSTEM_MEMORY */
};

/* A device, as DEVICE_INFO_QUERY has it. Banks of DRAM are its channels there, those of L1 its cores. */
struct legacy_device_facts {
	uint32_t arch; /* TT-Metal's number of it */
	uint32_t dram_banks, l1_banks;
	uint64_t dram_bank_bytes, l1_bank_bytes; /* allocatable */
};

/* Decodes a message of LEGACY_SMALL_BYTES or more. False: it is none that a client sends. */
bool legacy_decode(const uint8_t *bytes, struct legacy_message *message);

/* The same for a message of LEGACY_HELPER_BYTES. */
bool legacy_decode_helper(const uint8_t *bytes, struct legacy_message *message);

/* Whether BYTES, LEGACY_SMALL_BYTES of them or, with a PID (of the connection's owner), LEGACY_HELPER_BYTES, begin a
 * stream of the helper. */
bool legacy_is_helper(const uint8_t *bytes, uint32_t count, int32_t pid);

/* Whether the COUNT bytes at BYTES begin with a message of a draft of the protocol, packed into 14 (a kernel), 21 or 17
 * bytes (a circular buffer that comes or goes). It is not understood: it names neither process nor address, and its
 * types are those of other messages. */
bool legacy_is_draft(const uint8_t *bytes, size_t count);

/* Write an answer of SIZE_BYTES, one of the three sizes. */
void legacy_encode_totals(uint8_t *bytes, uint32_t size_bytes, int32_t device, const struct legacy_totals *totals);
/* COUNT: of devices. */
void legacy_encode_device_count(uint8_t *bytes, uint32_t size_bytes, uint32_t count);
/* ABOUT: NULL when nothing is known of it, which is said as "not available". */
void legacy_encode_device(uint8_t *bytes, uint32_t size_bytes, int32_t device, const struct legacy_device_facts *about);

#endif
