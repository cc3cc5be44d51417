/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk.h - what goes into one transaction: filled by the ledger, then owned by the committing thread, then used again.
 */
#ifndef RECORDER_CHUNK_H
#define RECORDER_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/memory.h"
#include "sql/totals/delta.h"
#include "sql/store/rows.h"
#include "sql/store/write.h"
#include "ttalloc/segment.h"

/* A batch is never divided, and the largest still fits: together one transaction of 65,536. */
#define CHUNK_FULL_EVENTS (65536u - TTA_BATCH_MAX_EVENTS)

#define CHUNK_ROWS(type)                                                                                               \
	struct {                                                                                                       \
		type *rows;                                                                                            \
		size_t count, capacity;                                                                                \
	}

/* Points at one more row, at the end of ROWS; to be filled in. */
#define CHUNK_ADD(set)                                                                                                 \
	((set)->rows = memory_room((set)->rows, (set)->count, &(set)->capacity, sizeof(*(set)->rows)),                 \
	 &(set)->rows[(set)->count++])

/* What a process may be told once the chunk is committed. */
struct chunk_note {
	uint32_t process;
	bool ended;
	uint64_t number;
};

struct chunk {
	uint32_t serial;   /* of this filling, from 1 */
	int64_t first_key; /* blocks with this key or a later one were born in it */
	uint64_t events;
	uint64_t opened_ns; /* CLOCK_MONOTONIC when it got its first row; 0: it is empty */
	uint64_t end_ns;
	bool ends_file; /* the recording goes on in another one, which begins there */
	struct file_begin next_begin;
	CHUNK_ROWS(struct freed_row) freed;
	CHUNK_ROWS(struct held_row) held; /* key 0: was freed while the chunk was being filled */
	CHUNK_ROWS(struct unheld_row) unheld;
	CHUNK_ROWS(struct closed_row) closed;
	CHUNK_ROWS(struct run_row) runs;
	CHUNK_ROWS(struct delta) deltas;
	CHUNK_ROWS(struct chunk_note) notes;
	struct rowlog log;
	struct chunk *next; /* in a list */
};

struct chunk *chunk_new(void);
/* Empties it, and gives memory back that one unusual moment took. */
void chunk_clear(struct chunk *chunk, uint32_t serial, int64_t first_key);
void chunk_free(struct chunk *chunk);

/* Takes the rows out of "held" that were freed again. */
void chunk_drop_freed(struct chunk *chunk);

#endif
