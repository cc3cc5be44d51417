/* SPDX-License-Identifier: Apache-2.0
 *
 * cbs.h - the live circular buffers of one process. A circular buffer is resident, and counts, while its program is the
 * last one that ran on the device. Until the process runs one there, the program that placed one last is taken for it.
 *
 * Figures are sums, but what a program takes up is what its fullest core has. So each circular buffer counts for what
 * that core has and the program did not count when it was added: less than its size where other cores were fuller, and
 * as a rule nothing when it shares cores with none. The sum is the fullest core, as long as none is freed or replaced
 * alone: the remaining ones keep their counts, until the next one that is added makes up for it. One whose cores are
 * not known counts its size, as if it lay on all.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef SQL_CBS_H
#define SQL_CBS_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/base/index.h"
#include "sql/replay/core_map.h"
#include "region_total.h"

struct cb {
	uint64_t program;
	int64_t key;            /* of its cb_alloc; 0: the place is free */
	uint64_t size_bytes;    /* that count: 0 when it is aliased */
	uint32_t total, number; /* number: its index in the program */
	uint32_t next;          /* of the same program; or the next free place */
	uint32_t previous;      /* of the same program */
	bool aliased;
	bool placed; /* in its program's map of cores */
};

struct cb_program {
	uint64_t program;
	uint32_t total, first;
	int64_t bytes, blocks;
	int64_t placed_bytes; /* of bytes, those of the ones in the map */
	struct core_map cores;
};

struct cbs {
	struct cb *cbs;
	struct cb_program *programs;
	size_t cb_count, cb_capacity, program_count, program_capacity;
	uint32_t vacant_cb, vacant_program;
	struct index cb_index, program_index;
};

/* The key of the live circular buffer that CB would replace; 0: none. */
int64_t cbs_key(const struct cbs *cbs, const struct cb *cb);

/* Adds CB, of CB->size_bytes on each of the CORES, to its program, in the place of the one that it replaces, and makes
 * size_bytes what it counts for. The program becomes current unless one has run. */
void cbs_add(struct cbs *cbs, struct region_total *total, struct cb *cb, const struct cores *cores);

/* As cbs_add(), but size_bytes is what it counts for already. CORES may be NULL: none is to be added after it; else it
 * has BYTES on each. */
void cbs_add_counted(struct cbs *cbs, struct region_total *total, struct cb *cb, const struct cores *cores,
                     uint64_t bytes);

/* Ends all circular buffers of PROGRAM, calling EACH with the key of every one. Returns how many. */
uint32_t cbs_end(struct cbs *cbs, uint32_t total, uint64_t program, void (*each)(void *context, int64_t key),
                 void *context);

/* Ends the one that LIKE names by total, program and number. Returns its key; 0: there is none. */
int64_t cbs_end_one(struct cbs *cbs, const struct cb *like);

/* Ends those of all programs of a total. */
void cbs_end_all(struct cbs *cbs, uint32_t total, void (*each)(void *context, int64_t key), void *context);

/* PROGRAM runs: it is current from now on, and its circular buffers are resident. */
void cbs_run(struct region_total *total, uint64_t program);

/* What became of the resident ones since the last call: fills bytes, bank_bytes and blocks of CHANGE. True when that is
 * not nothing. */
bool cbs_settle(struct cbs *cbs, struct region_total *total, uint32_t number, struct usage_change *change);

void cbs_free(struct cbs *cbs);

#endif
