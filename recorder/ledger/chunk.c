/* SPDX-License-Identifier: Apache-2.0
 *
 * chunk.c - what goes into one transaction.
 */
#include "chunk.h"

#include <stdlib.h>

#define KEPT_ROWS (2 * 65536u)

#define CLEAR(set)                                                                                                     \
	do {                                                                                                           \
		(set)->count = 0;                                                                                      \
		if ((set)->capacity > KEPT_ROWS) {                                                                     \
			free((set)->rows);                                                                             \
			(set)->rows = NULL;                                                                            \
			(set)->capacity = 0;                                                                           \
		}                                                                                                      \
	} while (0)

struct chunk *chunk_new(void)
{
	return memory_zeroed(sizeof(struct chunk));
}

void chunk_clear(struct chunk *chunk, uint32_t serial, int64_t first_key)
{
	chunk->first_key = first_key;
	chunk->serial = serial;
	chunk->events = 0;
	chunk->opened_ns = 0;
	chunk->ends_file = false;
	chunk->next = NULL;
	CLEAR(&chunk->freed);
	CLEAR(&chunk->held);
	CLEAR(&chunk->unheld);
	CLEAR(&chunk->closed);
	CLEAR(&chunk->runs);
	CLEAR(&chunk->deltas);
	CLEAR(&chunk->notes);
	rowlog_clear(&chunk->log);
}

void chunk_free(struct chunk *chunk)
{
	if (!chunk)
		return;
	free(chunk->freed.rows);
	free(chunk->held.rows);
	free(chunk->unheld.rows);
	free(chunk->closed.rows);
	free(chunk->runs.rows);
	free(chunk->deltas.rows);
	free(chunk->notes.rows);
	rowlog_free(&chunk->log);
	free(chunk);
}

void chunk_drop_freed(struct chunk *chunk)
{
	size_t kept = 0;

	for (size_t i = 0; i < chunk->held.count; i++)
		if (chunk->held.rows[i].key)
			chunk->held.rows[kept++] = chunk->held.rows[i];
	chunk->held.count = kept;
}
