/* SPDX-License-Identifier: Apache-2.0
 *
 * freed.h - the freed blocks of each process, the one that ended last first, read a few hundred keys at a time so that
 * any number of processes can be read side by side.
 */
#ifndef SQL_FREED_H
#define SQL_FREED_H

#include "catalog.h"
#include "replay.h"

struct freed_block {
	int64_t key, free_ns;
	struct replay_block block;
};

/* Where the reading of one process is. All zero: at its end. */
struct freed_cursor {
	struct freed_block *blocks; /* read and not yet taken, by rising key */
	size_t left, capacity;
	size_t ranges_done; /* counted from the last */
	int64_t below;      /* of the range under way: keys from here on are done; 0: none is under way */
	int64_t keys;       /* to read next time */
};

struct freed_reader;

struct freed_reader *freed_reader_open(struct recording *recording, const struct catalog *catalog,
                                       struct sql_error *error);
void freed_reader_close(struct freed_reader *reader);

/* Reads on. 0, or -1 with ERROR. */
int freed_fill(struct freed_reader *reader, struct freed_cursor *cursor, uint32_t process, struct sql_error *error);
void freed_cursor_clear(struct freed_cursor *cursor);

/* *BLOCK is the next one of PROCESS (an index) that the catalog chooses, or NULL. */
static inline int freed_peek(struct freed_reader *reader, struct freed_cursor *cursor, uint32_t process,
                             const struct freed_block **block, struct sql_error *error)
{
	if (cursor->left == 0 && freed_fill(reader, cursor, process, error) < 0)
		return -1;
	*block = cursor->left > 0 ? &cursor->blocks[cursor->left - 1] : NULL;
	return 0;
}

/* What freed_peek() has shown. */
static inline const struct freed_block *freed_top(const struct freed_cursor *cursor)
{
	return &cursor->blocks[cursor->left - 1];
}

static inline void freed_skip(struct freed_cursor *cursor)
{
	cursor->left--;
}

#endif
