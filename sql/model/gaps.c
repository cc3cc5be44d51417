/* SPDX-License-Identifier: Apache-2.0
 *
 * gaps.c - see gaps.h.
 */
#include "gaps.h"

#include <stdlib.h>
#include <sys/random.h>

#include "sql/base/array.h"

struct gap_node {
	struct gap gap;
	uint64_t largest; /* in the tree below it, itself included */
	uint64_t priority;
	uint32_t left, right; /* RIGHT of a node that is unused: the next such */
};

static bool is_before(uint64_t first, uint64_t second, const struct gap *gap)
{
	return first != gap->first ? first < gap->first : second < gap->second;
}

static void update(struct gap_node *nodes, uint32_t at)
{
	struct gap_node *node = &nodes[at];

	node->largest = node->gap.bytes;
	if (nodes[node->left].largest > node->largest)
		node->largest = nodes[node->left].largest;
	if (nodes[node->right].largest > node->largest)
		node->largest = nodes[node->right].largest;
}

/* Cuts the tree AT in two: what lies before (FIRST, SECOND), and the rest. */
static void split(struct gap_node *nodes, uint32_t at, uint64_t first, uint64_t second, uint32_t *before,
                  uint32_t *rest)
{
	if (!at) {
		*before = *rest = 0;
	} else if (is_before(nodes[at].gap.first, nodes[at].gap.second,
	                     &(struct gap){.first = first, .second = second})) {
		split(nodes, nodes[at].right, first, second, &nodes[at].right, rest);
		*before = at;
		update(nodes, at);
	} else {
		split(nodes, nodes[at].left, first, second, before, &nodes[at].left);
		*rest = at;
		update(nodes, at);
	}
}

/* All of LEFT lies before all of RIGHT. */
static uint32_t merge(struct gap_node *nodes, uint32_t left, uint32_t right)
{
	if (!left || !right)
		return left ? left : right;
	if (nodes[left].priority > nodes[right].priority) {
		nodes[left].right = merge(nodes, nodes[left].right, right);
		update(nodes, left);
		return left;
	}
	nodes[right].left = merge(nodes, left, nodes[right].left);
	update(nodes, right);
	return right;
}

/* Shapes are drawn by lot, which a hostile recording cannot foresee. */
static uint64_t draw(struct gaps *gaps)
{
	while (gaps->chance == 0)
		if (getrandom(&gaps->chance, sizeof(gaps->chance), 0) != sizeof(gaps->chance))
			gaps->chance = (uint64_t)(uintptr_t)gaps | 1;
	gaps->chance ^= gaps->chance << 13;
	gaps->chance ^= gaps->chance >> 7;
	gaps->chance ^= gaps->chance << 17;
	return gaps->chance;
}

/* A node that is not used; 0: no memory. */
static uint32_t take_node(struct gaps *gaps)
{
	uint32_t at = gaps->unused;

	if (at) {
		gaps->unused = gaps->nodes[at].right;
		return at;
	}
	if (gaps->count == UINT32_MAX)
		return 0;
	if (array_reserve(&gaps->nodes, &gaps->capacity, gaps->count) < 0)
		return 0;
	if (gaps->count == 0) /* the first one stands for none */
		gaps->nodes[gaps->count++] = (struct gap_node){0};
	return (uint32_t)gaps->count++;
}

int gaps_add(struct gaps *gaps, const struct gap *gap)
{
	uint32_t made = take_node(gaps), *link = &gaps->root;
	struct gap_node *nodes = gaps->nodes;
	uint64_t priority;

	if (!made)
		return -1;
	priority = draw(gaps);
	/* what stands above it stays as it is: only the tree whose place it takes is cut in two */
	while (*link && nodes[*link].priority >= priority) {
		struct gap_node *above = &nodes[*link];

		if (gap->bytes > above->largest)
			above->largest = gap->bytes;
		link = is_before(gap->first, gap->second, &above->gap) ? &above->left : &above->right;
	}
	nodes[made] = (struct gap_node){.gap = *gap, .priority = priority};
	split(nodes, *link, gap->first, gap->second, &nodes[made].left, &nodes[made].right);
	update(nodes, made);
	*link = made;
	return 0;
}

/* Takes the piece at that place in the order out of the tree AT: it is *GONE; 0: there is none. The tree that is left.
 */
static uint32_t take_out(struct gap_node *nodes, uint32_t at, uint64_t first, uint64_t second, uint32_t *gone)
{
	struct gap_node *node = &nodes[at];
	uint32_t *child = is_before(first, second, &node->gap) ? &node->left : &node->right;

	if (!at || (node->gap.first == first && node->gap.second == second)) {
		*gone = at;
		return merge(nodes, node->left, node->right);
	}
	*child = take_out(nodes, *child, first, second, gone);
	if (node->largest == nodes[*gone].gap.bytes)
		update(nodes, at);
	return at;
}

struct gap gaps_remove(struct gaps *gaps, uint64_t first, uint64_t second)
{
	uint32_t gone = 0;

	if (gaps->nodes)
		gaps->root = take_out(gaps->nodes, gaps->root, first, second, &gone);
	if (!gone)
		return (struct gap){0};
	gaps->nodes[gone].right = gaps->unused;
	gaps->unused = gone;
	return gaps->nodes[gone].gap;
}

static void change(struct gap_node *nodes, uint32_t at, const struct gap *old, const struct gap *now)
{
	struct gap_node *node = &nodes[at];

	if (!at)
		return;
	if (node->gap.first == old->first && node->gap.second == old->second)
		node->gap = *now;
	else
		change(nodes, is_before(old->first, old->second, &node->gap) ? node->left : node->right, old, now);
	update(nodes, at);
}

void gaps_change(struct gaps *gaps, const struct gap *old, const struct gap *now)
{
	change(gaps->nodes, gaps->root, old, now);
}

/* A piece of at least BYTES, from (LOW, SECOND) in the order to (HIGH, the largest); BACKWARDS: the last one. */
struct wanted {
	uint64_t low, second, high, bytes;
	bool backwards;
};

/* The one that is wanted, in the tree AT; 0: none. */
static uint32_t search(const struct gap_node *nodes, uint32_t at, const struct wanted *wanted)
{
	const struct gap_node *node = &nodes[at];
	uint32_t found;

	if (!at || node->largest < wanted->bytes)
		return 0;
	if (!is_before(wanted->low, wanted->second, &node->gap) &&
	    (node->gap.first != wanted->low || node->gap.second != wanted->second))
		return search(nodes, node->right, wanted);
	if (node->gap.first > wanted->high)
		return search(nodes, node->left, wanted);
	found = search(nodes, wanted->backwards ? node->right : node->left, wanted);
	if (found)
		return found;
	if (node->gap.bytes >= wanted->bytes)
		return at;
	return search(nodes, wanted->backwards ? node->left : node->right, wanted);
}

/* The same where any place in the order will do: no need to look at places. */
static uint32_t search_all(const struct gap_node *nodes, uint32_t at, uint64_t bytes, bool backwards)
{
	if (nodes[at].largest < bytes)
		return 0;
	while (at) {
		uint32_t sooner = backwards ? nodes[at].right : nodes[at].left;

		if (sooner && nodes[sooner].largest >= bytes)
			at = sooner;
		else if (nodes[at].gap.bytes >= bytes)
			break;
		else
			at = backwards ? nodes[at].left : nodes[at].right;
	}
	return at;
}

/* The same where any size will do: the last one up to (HIGH, the largest). */
static uint32_t search_below(const struct gap_node *nodes, uint32_t at, uint64_t low, uint64_t high)
{
	uint32_t found = 0;

	while (at) {
		bool is_below = nodes[at].gap.first <= high;

		found = is_below ? at : found;
		at = is_below ? nodes[at].right : nodes[at].left;
	}
	return found && nodes[found].gap.first >= low ? found : 0;
}

static bool find(const struct gaps *gaps, const struct wanted *wanted, struct gap *found)
{
	uint32_t at = 0;

	if (!gaps->nodes)
		return false;
	if (wanted->backwards && wanted->bytes == 0)
		at = search_below(gaps->nodes, gaps->root, wanted->low, wanted->high);
	else if (wanted->low == 0 && wanted->second == 0 && wanted->high == UINT64_MAX)
		at = search_all(gaps->nodes, gaps->root, wanted->bytes, wanted->backwards);
	else
		at = search(gaps->nodes, gaps->root, wanted);
	if (at)
		*found = gaps->nodes[at].gap;
	return at != 0;
}

bool gaps_find(const struct gaps *gaps, uint64_t low, uint64_t high, uint64_t bytes, bool backwards, struct gap *found)
{
	return find(gaps, &(struct wanted){.low = low, .high = high, .bytes = bytes, .backwards = backwards}, found);
}

bool gaps_next(const struct gaps *gaps, uint64_t high, uint64_t bytes, struct gap *found)
{
	return find(gaps,
	            &(struct wanted){.low = found->first, .second = found->second + 1, .high = high, .bytes = bytes},
	            found);
}

uint64_t gaps_largest(const struct gaps *gaps)
{
	return gaps->nodes ? gaps->nodes[gaps->root].largest : 0;
}

void gaps_empty(struct gaps *gaps)
{
	gaps->root = gaps->unused = 0;
	gaps->count = gaps->count > 0; /* the one that stands for none */
}

void gaps_clear(struct gaps *gaps)
{
	free(gaps->nodes);
	*gaps = (struct gaps){0};
}
