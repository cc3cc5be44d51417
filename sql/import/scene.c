/* SPDX-License-Identifier: Apache-2.0
 *
 * scene.c - see scene.h. States are sorted and laid side by side.
 */
#include "scene.h"

#include <stdlib.h>

#include "sql/base/memory.h"

struct state {
	struct book_block *blocks;
	size_t count, capacity;
};

struct scene {
	struct book *book;
	struct state now, next;
};

struct scene *scene_new(struct book *book)
{
	struct scene *scene = memory_zeroed(sizeof(*scene));

	scene->book = book;
	return scene;
}

void scene_free(struct scene *scene)
{
	if (!scene)
		return;
	free(scene->now.blocks);
	free(scene->next.blocks);
	free(scene);
}

void scene_add(struct scene *scene, const struct book_block *block)
{
	struct state *next = &scene->next;

	next->blocks = memory_room(next->blocks, next->count, &next->capacity, sizeof(*next->blocks));
	next->blocks[next->count++] = *block;
}

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

static int by_place(const void *left, const void *right)
{
	const struct book_block *a = left, *b = right;
	int order = compare(a->device, b->device);

	if (!order)
		order = compare(a->allocator, b->allocator);
	if (!order)
		order = compare(a->region, b->region);
	return order ? order : compare(a->address, b->address);
}

static bool is_same(const struct book_block *a, const struct book_block *b)
{
	return a->size_bytes == b->size_bytes && a->bank_bytes == b->bank_bytes && a->flags == b->flags;
}

/* Two blocks at one place are one: the last one that was told. */
static void sort(struct state *state)
{
	size_t kept = 0;

	if (state->count)
		qsort(state->blocks, state->count, sizeof(*state->blocks), by_place);
	for (size_t i = 0; i < state->count; i++) {
		if (kept && by_place(&state->blocks[kept - 1], &state->blocks[i]) == 0)
			kept--;
		state->blocks[kept++] = state->blocks[i];
	}
	state->count = kept;
}

/* Calls EACH for the blocks of A that B has not. */
static void each_missing(struct book *book, const struct state *a, const struct state *b,
                         void (*each)(struct book *book, const struct book_block *block))
{
	for (size_t i = 0, j = 0; i < a->count; i++) {
		while (j < b->count && by_place(&b->blocks[j], &a->blocks[i]) < 0)
			j++;
		if (j == b->count || by_place(&b->blocks[j], &a->blocks[i]) != 0 ||
		    !is_same(&b->blocks[j], &a->blocks[i]))
			each(book, &a->blocks[i]);
	}
}

void scene_change(struct scene *scene)
{
	struct state was = scene->now;

	sort(&scene->next);
	each_missing(scene->book, &scene->now, &scene->next, book_free);
	each_missing(scene->book, &scene->next, &scene->now, book_alloc);
	scene->now = scene->next;
	scene->next = was;
	scene->next.count = 0;
}
