/* SPDX-License-Identifier: Apache-2.0
 *
 * circular.h - circular buffers: whose they are, which no event says.
 */
#ifndef TTALLOC_TT_METAL_CIRCULAR_H
#define TTALLOC_TT_METAL_CIRCULAR_H

#include <stdbool.h>
#include <stdint.h>

#include "ttalloc.h"

/* PROGRAM is about to run on CHIP. */
void tt_circular_run(uint32_t chip, uint64_t program);

/* PROGRAM, announced last where it was announced, will not run after all: a NO_DISPATCH capture. */
void tt_circular_not_run(uint64_t program);

/* A circular buffer got its place on CHIP; of CB, device, program and index are filled in. */
void tt_circular_placed(uint32_t chip, const struct ttalloc_cb *cb);

/* The circular buffers of PROGRAM on CHIP are gone; 0: of a program that is not known. */
void tt_circular_gone(uint32_t chip, uint64_t program);

/* CHIP is closed. */
void tt_circular_forget(uint32_t chip);

#endif
