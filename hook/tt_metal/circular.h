/* SPDX-License-Identifier: Apache-2.0
 *
 * circular.h - what programs have in L1, chip by chip: circular buffers, dataflow buffers and scratchpads.
 */
#ifndef TTALLOC_TT_METAL_CIRCULAR_H
#define TTALLOC_TT_METAL_CIRCULAR_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "program.h"
#include "ttalloc.h"

/* One time that all circular buffers of a program are placed. */
struct tt_placement {
	uint64_t program; /* 0: not known */
	uint64_t number;  /* among placements */
};

struct tt_placement tt_circular_begin(uint64_t program);

/* A circular buffer got its place on CHIP, in PLACEMENT; of CB, device, program and index are filled in. What the
 * program had on the chip before this placement is gone. */
void tt_circular_placed(uint32_t chip, struct tt_placement placement, const struct ttalloc_cb *cb);

/* PROGRAM, a ProgramImpl of LIBRARY, may have placed dataflow buffers and scratchpads on CHIPS. */
void tt_circular_look(struct tt_library *library, const void *program, const struct tt_chips *chips,
                      enum tt_placing stage);

/* PROGRAM is about to run on CHIP. */
void tt_circular_run(uint32_t chip, uint64_t program);

/* A trace has run PROGRAM on CHIP. Under the lock, as is tt_circular_end(): where the highest of what PROGRAM has on
 * CHIP ends; 0: it has nothing. */
void tt_circular_replayed(uint32_t chip, uint64_t program);
uint64_t tt_circular_end(uint32_t chip, uint64_t program);

/* PROGRAM, announced last where it was announced, will not run after all: a NO_DISPATCH capture. */
void tt_circular_not_run(uint64_t program);

/* The circular buffers of PROGRAM on CHIP are gone; 0: of a program that is not known. */
void tt_circular_gone(uint32_t chip, uint64_t program);

/* PROGRAM has ended. */
void tt_circular_ended(uint64_t program);

/* CHIP is closed. */
void tt_circular_forget(uint32_t chip);

#endif
