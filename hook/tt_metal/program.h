/* SPDX-License-Identifier: Apache-2.0
 *
 * program.h - reads ProgramImpl objects: what of L1 a program has taken beside circular buffers, which tell of
 * themselves.
 */
#ifndef TTALLOC_TT_METAL_PROGRAM_H
#define TTALLOC_TT_METAL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

#include "library.h"
#include "ttalloc.h"

/* How far the placing of a program has come. */
enum tt_placing {
	TT_PLACED_DATAFLOW_BUFFERS, /* and, if it was placed before, scratchpads */
	TT_PLACED_SCRATCHPADS,      /* all there is */
};

/* What one call of tt_program_each() tells: of PIECE, device, program and index are not filled in. */
typedef void tt_program_taker(void *context, struct ttalloc_cb *piece);

/* Cheap. IMPL: a ProgramImpl. */
bool tt_program_has_dataflow_buffers(const struct tt_library *library, const void *impl);

/* Calls TAKE (NULL: nobody) for every dataflow buffer and, after them, for every scratchpad of IMPL, a ProgramImpl.
 * HASH becomes a number that changes when any of them does; 0: there are none. False when what the program says of
 * itself cannot be understood, or contradicts itself: then nobody was called, and it has been said. FRESH: it had none
 * before. */
bool tt_program_each(struct tt_library *library, const void *impl, enum tt_placing placing, bool fresh, uint64_t *hash,
                     tt_program_taker *take, void *context);

#endif
