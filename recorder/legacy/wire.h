/* SPDX-License-Identifier: Apache-2.0
 *
 * wire.h - the old protocol: messages of a fixed size without length, version or magic. Three sizes exist, with one
 * head in common; which of them a client speaks shows in its stream only (frame.h). A helper of that time sends a
 * fourth one, of 32 bytes.
 */
#ifndef RECORDER_POC_WIRE_H
#define RECORDER_POC_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#define POC_HEAD_BYTES 40u    /* what requests fill; zeros follow */
#define POC_SMALL_BYTES 72u   /* the first version */
#define POC_MIDDLE_BYTES 112u /* with device information */
#define POC_LARGE_BYTES 144u  /* with circular buffers and kernels */
#define POC_HELPER_BYTES 32u

enum poc_type {
	POC_ALLOC = 1,
	POC_FREE = 2,
	POC_QUERY = 3,
	POC_RESPONSE = 4,
	POC_DUMP_REMAINING = 5,
	POC_DEVICE_INFO_QUERY = 6,
	POC_DEVICE_INFO_RESPONSE = 7,
	POC_CB_ALLOC = 8,
	POC_CB_FREE = 9,
	POC_KERNEL_LOAD = 10,
	POC_KERNEL_UNLOAD = 11,
	POC_DUMP_KERNELS = 12,
};

/* A request, as all sizes have it. Their times are of another clock, and nobody ever read them. */
struct poc_message {
	enum poc_type type;
	int32_t device;
	uint64_t size_bytes;
	uint8_t buffer_type; /* of ALLOC: the region; of KERNEL_LOAD: its kind */
	int32_t pid;         /* 0: not said */
	uint64_t id;         /* of ALLOC and FREE: an address or a number; of CB_*: an address; of KERNEL_*: a number */
};

/* What is held on one device, by what QUERY tells apart. */
struct poc_totals {
	uint64_t dram, l1, l1_small, trace, cb, kernel; /* bytes; l1_small includes SYSTEM_MEMORY */
};

/* A device, as DEVICE_INFO_QUERY has it. Banks of DRAM are its channels there, those of L1 its cores. */
struct poc_device_facts {
	uint32_t arch; /* TT-Metal's number of it */
	uint32_t dram_banks, l1_banks;
	uint64_t dram_bank_bytes, l1_bank_bytes; /* allocatable */
};

/* Decodes a message of POC_SMALL_BYTES or more. False: it is none that a client sends. */
bool poc_decode(const uint8_t *bytes, struct poc_message *message);

/* The same for a message of POC_HELPER_BYTES. */
bool poc_decode_helper(const uint8_t *bytes, struct poc_message *message);

/* Whether BYTES, POC_SMALL_BYTES of them or, with a PID (of the connection's owner), POC_HELPER_BYTES, begin a stream
 * of the helper. */
bool poc_is_helper(const uint8_t *bytes, uint32_t count, int32_t pid);

/* Write an answer of SIZE_BYTES, one of the three sizes. */
void poc_encode_totals(uint8_t *bytes, uint32_t size_bytes, int32_t device, const struct poc_totals *totals);
/* COUNT: of devices. */
void poc_encode_device_count(uint8_t *bytes, uint32_t size_bytes, uint32_t count);
/* ABOUT: NULL when nothing is known of it, which is said as "not available". */
void poc_encode_device(uint8_t *bytes, uint32_t size_bytes, int32_t device, const struct poc_device_facts *about);

#endif
