/* SPDX-License-Identifier: Apache-2.0
 *
 * dictionary.c - threads, labels, stacks and attributions of the whole recording.
 */
#include "dictionary.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/index.h"

struct label {
	char *name;
	uint32_t name_bytes, parent, depth;
};

/* Frames are compared by 128 bits of hash: keeping them all in memory would cost more than all the rest. */
struct stack {
	uint64_t hash[2];
};

struct thread {
	uint32_t process, serial;
};

#define SET(type)                                                                                                      \
	struct {                                                                                                       \
		type *things;                                                                                          \
		size_t count, capacity;                                                                                \
		struct index index;                                                                                    \
	}

struct dictionary {
	SET(struct thread) threads;
	SET(struct label) labels;
	SET(struct stack) stacks;
	SET(struct attribution) attributions;
	struct frames *frames;
};

/* Adds THING with HASH to SET; its id is then SET->count. */
#define SET_ADD(set, hash, thing)                                                                                      \
	do {                                                                                                           \
		(set)->things = memory_room((set)->things, (set)->count, &(set)->capacity, sizeof(*(set)->things));    \
		(set)->things[(set)->count++] = (thing);                                                               \
		index_add(&(set)->index, (hash), (uint32_t)(set)->count);                                              \
	} while (0)

/* Adds things that nobody finds, up to the id LAST. */
#define SET_SKIP(set, last)                                                                                            \
	do {                                                                                                           \
		while ((set)->count < (last)) {                                                                        \
			(set)->things =                                                                                \
			    memory_room((set)->things, (set)->count, &(set)->capacity, sizeof(*(set)->things));        \
			memset(&(set)->things[(set)->count++], 0, sizeof(*(set)->things));                             \
		}                                                                                                      \
	} while (0)

struct dictionary *dictionary_new(void)
{
	struct dictionary *dictionary = memory_zeroed(sizeof(*dictionary));

	dictionary->frames = frames_new();
	return dictionary;
}

struct frames *dictionary_frames(struct dictionary *dictionary)
{
	return dictionary->frames;
}

void dictionary_free(struct dictionary *dictionary)
{
	if (!dictionary)
		return;
	for (size_t i = 0; i < dictionary->labels.count; i++)
		free(dictionary->labels.things[i].name);
	frames_free(dictionary->frames);
	free(dictionary->threads.things);
	free(dictionary->labels.things);
	free(dictionary->stacks.things);
	free(dictionary->attributions.things);
	index_free(&dictionary->threads.index);
	index_free(&dictionary->labels.index);
	index_free(&dictionary->stacks.index);
	index_free(&dictionary->attributions.index);
	free(dictionary);
}

/* ---- threads ---- */

uint32_t dictionary_thread(struct dictionary *dictionary, const struct dictionary_thread *thread, struct rowlog *log)
{
	uint64_t hash = hash_pair(thread->process, thread->serial);
	struct thread made = {.process = thread->process, .serial = thread->serial};

	INDEX_EACH_MATCH(&dictionary->threads.index, hash, at, ref)
	{
		const struct thread *known = &dictionary->threads.things[ref - 1];

		if (known->process == made.process && known->serial == made.serial)
			return ref;
	}
	SET_ADD(&dictionary->threads, hash, made);
	if (log) {
		rowlog_thread(log, &(struct thread_row){.id = dictionary->threads.count,
		                                        .process = thread->process,
		                                        .serial = thread->serial,
		                                        .tid = thread->tid,
		                                        .name = row_text(thread->name, thread->name_bytes)});
	}
	return (uint32_t)dictionary->threads.count;
}

void dictionary_skip_threads(struct dictionary *dictionary, uint32_t last_id)
{
	SET_SKIP(&dictionary->threads, last_id);
}

/* ---- labels ---- */

#define LABEL_PATH_BYTES ((LABEL_MOST_DEPTH + 1) * 256)

/* The label and those around it, a/b/c. Returns its length. */
static size_t format_path(const struct dictionary *dictionary, const struct label *label, char path[LABEL_PATH_BYTES])
{
	const struct label *chain[LABEL_MOST_DEPTH + 1];
	size_t used = 0, depth = 0;

	for (;; label = &dictionary->labels.things[label->parent - 1]) {
		chain[depth++] = label;
		if (!label->parent || depth > LABEL_MOST_DEPTH)
			break;
	}
	while (depth-- > 0) {
		memcpy(path + used, chain[depth]->name, chain[depth]->name_bytes);
		used += chain[depth]->name_bytes;
		path[used++] = '/';
	}
	return used - 1;
}

static void log_label(const struct dictionary *dictionary, const struct label *label, struct rowlog *log)
{
	char path[LABEL_PATH_BYTES];
	size_t path_bytes = format_path(dictionary, label, path);

	rowlog_label(log, &(struct label_row){.id = dictionary->labels.count,
	                                      .parent = label->parent,
	                                      .name = row_text(label->name, label->name_bytes),
	                                      .path = row_text(path, path_bytes)});
}

uint32_t dictionary_label(struct dictionary *dictionary, uint32_t parent, const char *name, size_t name_bytes,
                          struct rowlog *log)
{
	struct label made = {.parent = parent};
	uint64_t hash;

	if (parent > dictionary->labels.count)
		parent = made.parent = 0;
	if (parent)
		made.depth = dictionary->labels.things[parent - 1].depth + 1;
	if (made.depth >= LABEL_MOST_DEPTH)
		return parent;
	name_bytes = strnlen(name, name_bytes < 255 ? name_bytes : 255);
	hash = hash_bytes(name, name_bytes, parent);
	INDEX_EACH_MATCH(&dictionary->labels.index, hash, at, ref)
	{
		const struct label *known = &dictionary->labels.things[ref - 1];

		if (known->parent == parent && known->name_bytes == name_bytes &&
		    memcmp(known->name, name, name_bytes) == 0)
			return ref;
	}
	made.name = memory_or_die(malloc(name_bytes + 1));
	memcpy(made.name, name, name_bytes);
	made.name_bytes = (uint32_t)name_bytes;
	SET_ADD(&dictionary->labels, hash, made);
	if (log)
		log_label(dictionary, &made, log);
	return (uint32_t)dictionary->labels.count;
}

/* ---- stacks ---- */

uint32_t dictionary_stack(struct dictionary *dictionary, const void *frames, size_t bytes, struct rowlog *log)
{
	struct stack made = {.hash = {hash_bytes(frames, bytes, 1), hash_bytes(frames, bytes, 2)}};

	INDEX_EACH_MATCH(&dictionary->stacks.index, made.hash[0], at, ref)
	{
		if (memcmp(&dictionary->stacks.things[ref - 1], &made, sizeof(made)) == 0)
			return ref;
	}
	SET_ADD(&dictionary->stacks, made.hash[0], made);
	if (log) {
		rowlog_stack(log,
		             &(struct stack_row){.id = dictionary->stacks.count, .frames = row_text(frames, bytes)});
	}
	return (uint32_t)dictionary->stacks.count;
}

/* ---- attributions ---- */

static bool same_attribution(const struct attribution *a, const struct attribution *b)
{
	return a->process == b->process && a->thread == b->thread && a->label == b->label && a->stack == b->stack &&
	       a->device == b->device && a->region == b->region && a->class == b->class && a->flags == b->flags &&
	       a->ended == b->ended && a->allocator == b->allocator && a->spec == b->spec;
}

static void log_attribution(const struct attribution *attribution, size_t id, struct rowlog *log)
{
	rowlog_origin(log, &(struct origin_row){.id = id,
	                                        .process = attribution->process,
	                                        .thread = attribution->thread,
	                                        .label = attribution->label,
	                                        .stack = attribution->stack,
	                                        .device = attribution->device,
	                                        .region = attribution->region,
	                                        .class = attribution->class,
	                                        .flags = attribution->flags,
	                                        .ended = attribution->ended});
	if (attribution->allocator)
		rowlog_origin_allocator(
		    log, &(struct origin_allocator_row){.origin = (uint32_t)id, .allocator = attribution->allocator});
	if (attribution->spec)
		rowlog_origin_tensor(log,
		                     &(struct origin_tensor_row){.origin = (uint32_t)id, .spec = attribution->spec});
}

uint32_t dictionary_attribution(struct dictionary *dictionary, const struct attribution *attribution,
                                struct rowlog *log)
{
	uint64_t who = (uint64_t)attribution->process << 32 | attribution->thread;
	uint64_t where = (uint64_t)attribution->label << 32 | attribution->stack;
	uint64_t what = (uint64_t)attribution->device << 32 | (uint64_t)attribution->region << 16 |
	                (uint64_t)(uint8_t)(attribution->flags ^ attribution->class << 4) << 8 | attribution->ended;
	uint64_t hash = hash_pair(hash_pair(who, where),
	                          what ^ (uint64_t)attribution->allocator << 48 ^ (uint64_t)attribution->spec << 20);

	INDEX_EACH_MATCH(&dictionary->attributions.index, hash, at, ref)
	{
		if (same_attribution(&dictionary->attributions.things[ref - 1], attribution))
			return ref;
	}
	SET_ADD(&dictionary->attributions, hash, *attribution);
	if (log)
		log_attribution(attribution, dictionary->attributions.count, log);
	return (uint32_t)dictionary->attributions.count;
}

void dictionary_skip_attributions(struct dictionary *dictionary, uint32_t last_id)
{
	SET_SKIP(&dictionary->attributions, last_id);
}

uint32_t dictionary_attribution_of_tensor(struct dictionary *dictionary, uint32_t id, uint32_t spec, struct rowlog *log)
{
	struct attribution attribution = dictionary->attributions.things[id - 1];

	attribution.spec = spec;
	return dictionary_attribution(dictionary, &attribution, log);
}

const struct attribution *dictionary_attribution_of(const struct dictionary *dictionary, uint32_t id)
{
	return id && id <= dictionary->attributions.count ? &dictionary->attributions.things[id - 1] : NULL;
}
