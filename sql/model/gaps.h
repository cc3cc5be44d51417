/* SPDX-License-Identifier: Apache-2.0
 *
 * gaps.h - pieces of memory in an order, of which the first one that is large enough is found in O(log n): a treap
 * whose nodes know the largest piece below them.
 */
#ifndef SQL_GAPS_H
#define SQL_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A piece, and its place in the order, which no other one has: by the first number, then the second. */
struct gap {
	uint64_t first, second;
	uint64_t address, bytes;
};

struct gaps {
	struct gap_node *nodes; /* 0 is none */
	size_t count, capacity;
	uint32_t root, unused; /* UNUSED: a chain of nodes that were removed */
	uint64_t chance;       /* of shapes; never seen outside */
};

/* Adds GAP. 0; -1: no memory. */
int gaps_add(struct gaps *gaps, const struct gap *gap);

/* Removes the piece at that place in the order, which is there, and returns it. */
struct gap gaps_remove(struct gaps *gaps, uint64_t first, uint64_t second);

/* Puts NOW in the place of OLD, which is there; none that is there lies between both in the order. */
void gaps_change(struct gaps *gaps, const struct gap *old, const struct gap *now);

/* Finds the first piece of at least BYTES among those from (LOW, 0) to (HIGH, the largest); BACKWARDS: the last. */
bool gaps_find(const struct gaps *gaps, uint64_t low, uint64_t high, uint64_t bytes, bool backwards, struct gap *found);

/* The next one behind FOUND, which becomes it. */
bool gaps_next(const struct gaps *gaps, uint64_t high, uint64_t bytes, struct gap *found);

/* The size of the largest piece; 0: there is none. */
uint64_t gaps_largest(const struct gaps *gaps);

/* Forgets all pieces, but keeps the memory. */
void gaps_empty(struct gaps *gaps);
void gaps_clear(struct gaps *gaps);

#endif
