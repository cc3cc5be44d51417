/* SPDX-License-Identifier: Apache-2.0
 *
 * event.h - one event, as it lies in a thread's ring and as the recorder sees it after decoding.
 */
#ifndef TTALLOC_EVENT_H
#define TTALLOC_EVENT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ttalloc/vocabulary.h"

/* In the place of an entry: it found no room in the table. A label has it beside the entry of the innermost label that
 * did find room, if there is one. */
#define TTA_LEFT_OUT (UINT32_C(1) << 31)

/* In the flags of CB_ALLOC: enum ttalloc_cb_kind, two bits from here up. */
#define TTA_CB_KIND_SHIFT 6u
#define TTA_CB_KIND_MASK (3u << TTA_CB_KIND_SHIFT)

/* How an operation ended. */
enum tta_operation_end {
	TTA_OPERATION_RETURNED = 0,
	TTA_OPERATION_ABORTED = 1, /* by an exception */
};

/* "entry" is the id of an entry of the segment's table (segment.h); 0: none. What a kind does not use is 0. */
struct tta_event {
	uint64_t ticks; /* in units of the segment's clock */
	union {         /* each of three words, so that all of them are written */
		/* ALLOC; FREE, without bytes. By these names the words are packed, whatever they mean. */
		struct {
			uint64_t address;
			uint64_t size_bytes; /* payload */
			uint64_t bank_bytes; /* footprint; 0: the same */
		};
		/* ALLOC_FAILED */
		struct {
			uint64_t why_entry;
			uint64_t size_bytes;
			uint64_t bank_bytes;
		} failed;
		/* CB_ALLOC, of region TTALLOC_CB */
		struct {
			uint64_t address;
			uint64_t size_bytes; /* per core */
			uint64_t entry;
		} cb;
		/* CB_FREE, PROGRAM_RUN, of region TTALLOC_CB */
		struct {
			uint64_t number;
			uint64_t unused;
			uint64_t cb_entry; /* if one circular buffer alone ends; 0: all of the program */
		} program;
		/* KERNEL_LOAD, KERNEL_UNLOAD, of region TTALLOC_KERNEL: blocks, whose address is the id */
		struct {
			uint64_t id;
			uint64_t size_bytes;
			uint64_t entry;
		} kernel;
		/* DEVICE_OPEN */
		struct {
			uint64_t unused[2];
			uint64_t entry;
		} device_open;
		/* STEP */
		struct {
			uint64_t number;
			uint64_t unused[2];
		} step;
		/* LOSS */
		struct {
			uint64_t first_ticks; /* of the first lost event */
			uint64_t count;
			uint64_t reason; /* enum tta_loss_reason */
		} loss;
		/* NOTE; PRODUCER and SNAPSHOT, which count nothing */
		struct {
			uint64_t entry;
			uint64_t count; /* how often */
			uint64_t unused;
		} text;
		/* OPERATION_BEGIN, OPERATION_END; LABEL_BEGIN and LABEL_END, which know nothing but the depth */
		struct {
			uint64_t entry; /* of its name; at the end 0 */
			union {
				uint64_t arguments_entry; /* at the begin; 0: not said */
				uint64_t end;             /* at the end: enum tta_operation_end */
			};
			uint64_t depth; /* how many of its thread are open around it */
		} range;
		/* TENSOR, with the device, allocator and region of its block */
		struct {
			uint64_t address;
			uint64_t entry;
			uint64_t place; /* index << 1 | whether the operation gives it back */
		} tensor;
		/* CROSSCHECK, with the device, allocator and region: what the allocator itself has given out there */
		struct {
			uint64_t address_sum; /* tta_address_sum() of its blocks */
			uint64_t bank_bytes;
			uint64_t blocks; /* plus 1; 0: it does not count them */
		} crosscheck;
	};
	uint16_t device;    /* chip; 0xFFFF, as in the region: TTALLOC_ANY, of a FREE */
	uint16_t allocator; /* of the process, which serves the block; 0: not said */
	uint32_t label;     /* entry of the innermost open label; 0: none */
	uint32_t stack;     /* entry of the call stack; 0: none */
	uint8_t kind;       /* enum tta_kind */
	uint8_t flags;      /* enum ttalloc_flag */
	uint16_t region;    /* enum ttalloc_region */
};
static_assert(sizeof(struct tta_event) == 48, "the ring's record is a contract between hook and recorder");
static_assert(offsetof(struct tta_event, allocator) == offsetof(struct tta_event, device) + 2,
              "a batch packs them as one number, which is the device where no allocator is said");

/* What ADDRESS adds to the sum that stands for a set of blocks, in whatever order they came and went. */
static inline uint64_t tta_address_sum(uint64_t address)
{
	address = (address + UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xD6E8FEB86659FD93);
	return (address ^ address >> 32) * UINT64_C(0xD6E8FEB86659FD93);
}

#endif
