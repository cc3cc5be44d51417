/* SPDX-License-Identifier: Apache-2.0
 *
 * ranges.h - the operations and labels of one process that are open, and those that have ended since the last commit.
 */
#ifndef RECORDER_RANGES_H
#define RECORDER_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/index.h"
#include "sql/store/range_page.h"

enum range_kind {
	RANGE_OPERATION,
	RANGE_LABEL,
	RANGE_KINDS,
};

/* A tensor that an operation takes or gives back. */
struct tensor_use {
	int64_t block; /* key of its alloc */
	uint32_t spec; /* range_words.h */
	uint32_t index;
	bool given;
};

struct range {
	int64_t key, begin_ns;
	int64_t number;             /* of an operation, from 1; 0: a label */
	struct range_what_row what; /* all but its id */
	uint64_t level;             /* how many were open around it when it began, as its process says */
	struct tensor_use *uses;
	size_t use_count, use_capacity;
	uint32_t stored_what; /* with which it is in the file; 0: it is not there */
};

/* Those of a thread that are open, the innermost last. */
struct open_ranges {
	struct range *ranges;
	size_t count, capacity;
};

struct ended_range {
	struct range_record record;
	int64_t number;
};

struct ranges {
	struct range_thread {
		uint32_t thread; /* dictionary.h */
		struct open_ranges open[RANGE_KINDS];
	} * threads;
	size_t thread_count, thread_capacity;
	struct index thread_index;
	struct ended_ranges {
		struct ended_range *ranges;
		size_t count, capacity;
	} ended[RANGE_KINDS];
	int64_t operations; /* that ever began */
};

/* The ranges of THREAD that are open. */
struct open_ranges *ranges_of_thread(struct ranges *ranges, uint32_t thread, enum range_kind kind);

/* RANGE has begun. */
struct range *ranges_open(struct open_ranges *open, const struct range *range);

void ranges_free(struct ranges *ranges);

#endif
