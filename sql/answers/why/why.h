/* SPDX-License-Identifier: Apache-2.0
 *
 * why.h - why a request could not be served: what was free at its moment, and what would have had to go.
 *
 * Everything is counted as the allocator does: of each bank, in units of its alignment. What is free depends on the
 * blocks of all processes. Aliased blocks lie in others, which count.
 */
#ifndef SQL_WHY_H
#define SQL_WHY_H

#include "sql/replay/catalog.h"
#include "message.h"

#define WHY_NONE INT64_MIN /* of a figure: not known, or there is none */
#define WHY_PICTURE 240
#define WHY_TEXT 4096

enum why_verdict {
	WHY_EXHAUSTED,  /* not enough is free */
	WHY_FRAGMENTED, /* enough is free, but not in one piece */
	WHY_CLASH,      /* circular buffers grow into the lowest L1 block */
	WHY_CONSTRAINT, /* a free piece would have held it, and yet it failed */
	WHY_FITS,       /* nothing stands against a request that is made up */
};

enum why_kind {
	WHY_FAILURE, /* a recorded one */
	WHY_MOMENT,  /* a request that is made up */
	WHY_MESSAGE, /* what TT-Metal said */
};

struct why_question {
	enum why_kind kind;
	int64_t failure; /* its place in the order of the recording, from 1; 0: the last */
	int64_t at_ns, size_bytes;
	const char *message;
	struct filter filter; /* device, region, pid: which failure; else where */
};

struct why_block {
	int64_t key, origin, address, size_bytes, bank_bytes, alloc_ns;
	uint64_t start, end; /* in whole units, within the bank */
	bool aliased;
	bool occupies; /* it would have to go */
};

struct why {
	enum why_verdict verdict;
	int64_t device, region, at_ns;
	int64_t failure_key, failure, pid;        /* of a recorded failure */
	int64_t request_bank_bytes, needed_bytes; /* needed: in whole units */
	int64_t alignment_bytes, bank_bytes;      /* of the bank */
	int64_t free_bytes, largest_free_bytes, free_blocks;
	bool on_cores;         /* what was asked for, or is in its way, lies on some cores alone */
	int64_t unknown_bytes; /* of allocators that the one that was asked does not know of: neither free nor used */
	int64_t missing_bytes; /* in one piece */
	int64_t window_address, window_bytes;
	int64_t eviction_bytes, eviction_blocks;
	int64_t floor_address, cb_end_address; /* of a clash */
	const char *grower;                    /* what grew into the floor */
	struct why_block *blocks;              /* that were live, by address */
	size_t block_count, block_capacity;
	char sentence[WHY_TEXT];
	char picture[WHY_PICTURE + 1]; /* "": the bank is not known */
	char occupants[WHY_TEXT];      /* one a line */
	char circular[WHY_TEXT];       /* resident circular buffers, the highest first, one a line */
	char remarks[WHY_TEXT];        /* one a line */
	char said[WHY_TEXT];           /* the allocator's own words; "": none */
};

/* 0, or -1 with ERROR, which says what is missing and how to record it; why_clear() is needed either way. */
int why_answer(struct recording *recording, const struct why_question *question, struct why *why,
               struct sql_error *error);
void why_clear(struct why *why);

const char *why_verdict_word(enum why_verdict verdict);

#endif
