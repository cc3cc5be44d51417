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

/* "entry" is the id of an entry of the segment's table (segment.h); 0: none. What each kind keeps where:
 *
 *   kind           address         size_bytes        bank_bytes      region
 *   ALLOC          address         payload           footprint (0: the same)
 *   FREE           address         0                 0               (device, region: TTALLOC_ANY is 0xFFFF)
 *   ALLOC_FAILED   entry of why    payload           footprint (0: the same)
 *   CB_ALLOC       address         bytes per core    entry of the CB   TTALLOC_CB
 *   CB_FREE        program         0                 entry of the CB, if one alone ends   TTALLOC_CB
 *   PROGRAM_RUN    program         0                 0                 TTALLOC_CB
 *   KERNEL_LOAD    kernel id       bytes             entry of the kernel  TTALLOC_KERNEL
 *   KERNEL_UNLOAD  kernel id       0                 0                 TTALLOC_KERNEL
 *   DEVICE_OPEN    0               0                 entry of the device  0
 *   DEVICE_CLOSE   0               0                 0                 0
 *   STEP           step number     0                 0                 0
 *   LOSS           ticks of the first lost event   how many   enum tta_loss_reason   0
 *   NOTE           entry of a text  how often        0                 0
 *   PRODUCER       entry of its name   0             0                 0
 *   SNAPSHOT       entry of its name   0             0                 0
 *   OPERATION_BEGIN  entry of its name  0            how many of its thread are open around it   0
 *   OPERATION_END  entry of its arguments, or 0   enum tta_operation_end   the same   0
 *   TENSOR         address         entry of the tensor   index << 1 | whether the operation gives it back
 *   LABEL_BEGIN    0               0                 how many labels are open around it   0
 *   LABEL_END      0               0                 the same          0
 */
struct tta_event {
	uint64_t ticks; /* in units of the segment's clock */
	uint64_t address;
	uint64_t size_bytes;
	uint64_t bank_bytes;
	uint16_t device;    /* chip */
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

#endif
