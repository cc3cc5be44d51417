/* SPDX-License-Identifier: Apache-2.0
 *
 * stacks.h - from a process's call stacks, which are addresses in its memory, to those of the recording, which are
 * places in modules and so the same in every process.
 */
#ifndef RECORDER_STACKS_H
#define RECORDER_STACKS_H

#include "dictionary.h"
#include "sql/base/index.h"
#include "ingest.h"

/* Where a module lay in a process, from the entry at OFFSET of its table on. */
struct stacks_module {
	uint64_t start, end, bias, offset;
	uint32_t id; /* 0: a hole, where there was a module before */
};

/* What is known of one process. All zero: nothing yet. */
#define STACKS_MOST_MODULES 32768u /* of a process, over time */

struct stacks {
	uint64_t read_bytes; /* of the table, in search of modules */
	uint64_t blind_from; /* offset of the first module too many: from there on is not known which lie where; 0 */
	uint64_t blind;      /* stacks from there on, since somebody asked */
	struct stacks_module *modules;
	size_t module_count, module_capacity;
	struct stacks_known {
		uint32_t entry, id;
	} * known; /* stacks that were looked up */
	size_t known_count, known_capacity;
	struct index known_index;
};

/* The id of the stack that is ENTRY of TABLE; 0: there is none. New rows go to LOG. */
uint32_t stacks_id(struct stacks *stacks, struct dictionary *dictionary, const struct ingest_table *table,
                   uint32_t entry, struct rowlog *log);

/* How many stacks have been looked up since the last call whose modules are too many to be known. */
uint64_t stacks_take_blind(struct stacks *stacks);

void stacks_free(struct stacks *stacks);

#endif
