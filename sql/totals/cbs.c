/* SPDX-License-Identifier: Apache-2.0
 *
 * cbs.c - the live circular buffers of one process.
 */
#include "cbs.h"

#include <stdlib.h>

static uint64_t program_hash(uint32_t total, uint64_t program)
{
	return hash_pair(program, total);
}

static uint64_t cb_hash(const struct cb *cb)
{
	return hash_pair(cb->program, (uint64_t)cb->total << 32 | cb->number);
}

/* The ref of a program, and in *SLOT its place in the index; 0: it has no circular buffers. */
static uint32_t find_program(const struct cbs *cbs, uint32_t total, uint64_t program, uint32_t *slot)
{
	INDEX_EACH_MATCH(&cbs->program_index, program_hash(total, program), at, ref)
	{
		const struct cb_program *known = &cbs->programs[ref - 1];

		if (known->program == program && known->total == total) {
			*slot = at;
			return ref;
		}
	}
	return 0;
}

static struct cb_program *make_program(struct cbs *cbs, uint32_t total, uint64_t program)
{
	uint32_t slot, ref = find_program(cbs, total, program, &slot);

	if (ref)
		return &cbs->programs[ref - 1];
	ref = cbs->vacant_program;
	if (ref) {
		cbs->vacant_program = cbs->programs[ref - 1].first;
	} else {
		cbs->programs =
		    memory_room(cbs->programs, cbs->program_count, &cbs->program_capacity, sizeof(*cbs->programs));
		ref = (uint32_t)++cbs->program_count;
	}
	cbs->programs[ref - 1] = (struct cb_program){.program = program, .total = total};
	index_add(&cbs->program_index, program_hash(total, program), ref);
	return &cbs->programs[ref - 1];
}

static struct cb *find_cb(const struct cbs *cbs, const struct cb *like)
{
	INDEX_EACH_MATCH(&cbs->cb_index, cb_hash(like), at, ref)
	{
		struct cb *known = &cbs->cbs[ref - 1];

		if (known->program == like->program && known->total == like->total && known->number == like->number)
			return known;
	}
	return NULL;
}

static uint32_t vacant_cb(struct cbs *cbs)
{
	uint32_t ref = cbs->vacant_cb;

	if (ref) {
		cbs->vacant_cb = cbs->cbs[ref - 1].next;
		return ref;
	}
	cbs->cbs = memory_room(cbs->cbs, cbs->cb_count, &cbs->cb_capacity, sizeof(*cbs->cbs));
	return (uint32_t)++cbs->cb_count;
}

/* Counts CB into its program, or with SIGN -1 out of it. */
static void count_cb(struct cb_program *program, const struct cb *cb, int64_t sign)
{
	program->bytes += sign * (int64_t)cb->size_bytes;
	program->placed_bytes += cb->placed ? sign * (int64_t)cb->size_bytes : 0;
	program->blocks += cb->aliased ? 0 : sign;
}

static void count_out(struct cb_program *program, const struct cb *cb)
{
	count_cb(program, cb, -1);
	if (cb->placed)
		core_map_remove(&program->cores, cb->key);
}

/* Puts BYTES of CB on its cores, if they are known and the program's map has room. */
static void place_cb(struct cb_program *program, struct cb *cb, const struct cores *cores, uint64_t bytes)
{
	enum core_map_result result = CORE_MAP_NO_ROOM;

	if (!cb->aliased && bytes)
		result = core_map_add(&program->cores, cores, cb->key, (int64_t)bytes);
	if (result == CORE_MAP_NO_MEMORY)
		memory_or_die(NULL);
	cb->placed = result == CORE_MAP_ADDED;
}

/* What the program's fullest core has and does not count yet: that is what CB, which was just placed, counts for. */
static uint64_t missing_bytes(const struct cb_program *program)
{
	struct core_cell fullest;

	if (core_map_fullest(&program->cores, &fullest) < 0)
		memory_or_die(NULL);
	return fullest.bytes > program->placed_bytes ? (uint64_t)(fullest.bytes - program->placed_bytes) : 0;
}

int64_t cbs_key(const struct cbs *cbs, const struct cb *cb)
{
	const struct cb *known = find_cb(cbs, cb);

	return known ? known->key : 0;
}

static void link_cb(struct cbs *cbs, struct cb_program *program, const struct cb *cb)
{
	uint32_t ref = vacant_cb(cbs);
	struct cb *place = &cbs->cbs[ref - 1];

	*place = *cb;
	place->next = program->first;
	place->previous = 0;
	if (program->first)
		cbs->cbs[program->first - 1].previous = ref;
	program->first = ref;
	index_add(&cbs->cb_index, cb_hash(cb), ref);
}

/* Adds CB, which is placed and counts for size_bytes. KNOWN: the one that it replaces, counted out already. */
static void add_cb(struct cbs *cbs, struct cb_program *program, struct region_total *total, struct cb *known,
                   const struct cb *cb)
{
	if (known) {
		known->key = cb->key;
		known->size_bytes = cb->size_bytes;
		known->aliased = cb->aliased;
		known->placed = cb->placed;
	} else {
		link_cb(cbs, program, cb);
	}
	count_cb(program, cb, 1);
	if (!total->ran)
		total->program = cb->program;
}

void cbs_add(struct cbs *cbs, struct region_total *total, struct cb *cb, const struct cores *cores)
{
	struct cb_program *program = make_program(cbs, cb->total, cb->program);
	struct cb *known = find_cb(cbs, cb);

	if (known)
		count_out(program, known);
	place_cb(program, cb, cores, cb->size_bytes);
	if (cb->placed)
		cb->size_bytes = missing_bytes(program);
	add_cb(cbs, program, total, known, cb);
}

void cbs_add_counted(struct cbs *cbs, struct region_total *total, struct cb *cb, const struct cores *cores,
                     uint64_t bytes)
{
	struct cb_program *program = make_program(cbs, cb->total, cb->program);
	struct cb *known = find_cb(cbs, cb);

	if (known)
		count_out(program, known);
	if (cores)
		place_cb(program, cb, cores, bytes);
	add_cb(cbs, program, total, known, cb);
}

/* Takes it out of its program. */
static void drop_cb(struct cbs *cbs, struct cb_program *program, uint32_t ref)
{
	struct cb *cb = &cbs->cbs[ref - 1];

	count_out(program, cb);
	if (cb->previous)
		cbs->cbs[cb->previous - 1].next = cb->next;
	else
		program->first = cb->next;
	if (cb->next)
		cbs->cbs[cb->next - 1].previous = cb->previous;
	INDEX_EACH_MATCH(&cbs->cb_index, cb_hash(cb), at, found)
	{
		if (found == ref) {
			index_remove(&cbs->cb_index, at);
			break;
		}
	}
	cb->key = 0;
	cb->next = cbs->vacant_cb;
	cbs->vacant_cb = ref;
}

/* A program without circular buffers is forgotten. */
static void drop_program(struct cbs *cbs, uint32_t ref, uint32_t slot)
{
	struct cb_program *program = &cbs->programs[ref - 1];

	index_remove(&cbs->program_index, slot);
	core_map_clear(&program->cores);
	program->total = UINT32_MAX;
	program->first = cbs->vacant_program;
	cbs->vacant_program = ref;
}

uint32_t cbs_end(struct cbs *cbs, uint32_t total, uint64_t program, void (*each)(void *context, int64_t key),
                 void *context)
{
	uint32_t slot, ref = find_program(cbs, total, program, &slot), ended = 0;
	struct cb_program *known;

	if (!ref)
		return 0;
	for (known = &cbs->programs[ref - 1]; known->first; ended++) {
		each(context, cbs->cbs[known->first - 1].key);
		drop_cb(cbs, known, known->first);
	}
	drop_program(cbs, ref, slot);
	return ended;
}

int64_t cbs_end_one(struct cbs *cbs, const struct cb *like)
{
	uint32_t slot, ref = find_program(cbs, like->total, like->program, &slot);
	const struct cb *known = find_cb(cbs, like);
	int64_t key = known ? known->key : 0;

	if (!ref || !known)
		return 0;
	drop_cb(cbs, &cbs->programs[ref - 1], (uint32_t)(known - cbs->cbs) + 1);
	if (!cbs->programs[ref - 1].first)
		drop_program(cbs, ref, slot);
	return key;
}

void cbs_end_all(struct cbs *cbs, uint32_t total, void (*each)(void *context, int64_t key), void *context)
{
	for (size_t i = 0; i < cbs->program_count; i++)
		if (cbs->programs[i].total == total)
			cbs_end(cbs, total, cbs->programs[i].program, each, context);
}

void cbs_run(struct region_total *total, uint64_t program)
{
	total->ran = true;
	total->program = program;
}

bool cbs_settle(struct cbs *cbs, struct region_total *total, uint32_t number, struct usage_change *change)
{
	uint32_t slot, ref = find_program(cbs, number, total->program, &slot);
	int64_t bytes = ref ? cbs->programs[ref - 1].bytes : 0, blocks = ref ? cbs->programs[ref - 1].blocks : 0;

	change->bytes = change->bank_bytes = bytes - total->resident_bytes;
	change->blocks = blocks - total->resident_blocks;
	total->resident_bytes = bytes;
	total->resident_blocks = blocks;
	return change->bytes || change->blocks;
}

void cbs_free(struct cbs *cbs)
{
	for (size_t i = 0; i < cbs->program_count; i++)
		core_map_clear(&cbs->programs[i].cores);
	free(cbs->cbs);
	free(cbs->programs);
	index_free(&cbs->cb_index);
	index_free(&cbs->program_index);
	*cbs = (struct cbs){0};
}
