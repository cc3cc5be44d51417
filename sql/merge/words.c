/* SPDX-License-Identifier: Apache-2.0
 *
 * words.c - see words.h.
 */
#include "words.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/index.h"
#include "sql/base/memory.h"

struct pair {
	int64_t old;
	uint32_t id;
};

struct dictionary {
	struct word_hash *hashes; /* of id - 1 */
	size_t count, capacity;
	struct index index;
	struct pair *input; /* of the input under way, by rising old ids */
	size_t input_count, input_capacity;
};

struct words {
	struct dictionary of[WORD_KINDS];
	uint32_t input;    /* the one under way, from 1 */
	uint32_t *said_by; /* which input says what is at a frame, by id; 0: none yet */
	size_t said_capacity;
};

struct words *words_new(void)
{
	return memory_zeroed(sizeof(struct words));
}

void words_free(struct words *words)
{
	if (!words)
		return;
	for (int i = 0; i < WORD_KINDS; i++) {
		free(words->of[i].hashes);
		free(words->of[i].input);
		index_free(&words->of[i].index);
	}
	free(words->said_by);
	free(words);
}

void words_next_input(struct words *words)
{
	words->input++;
	for (int i = 0; i < WORD_KINDS; i++)
		words->of[i].input_count = 0;
}

static uint32_t find_like(const struct dictionary *dictionary, const struct word_hash *hash)
{
	INDEX_EACH_MATCH(&dictionary->index, hash->halves[0], at, ref)
	{
		if (memcmp(&dictionary->hashes[ref - 1], hash, sizeof(*hash)) == 0)
			return ref;
	}
	return 0;
}

static uint32_t add(struct dictionary *dictionary, const struct word_hash *hash)
{
	dictionary->hashes =
	    memory_room(dictionary->hashes, dictionary->count, &dictionary->capacity, sizeof(*dictionary->hashes));
	dictionary->hashes[dictionary->count++] = hash ? *hash : (struct word_hash){{0, 0}};
	if (hash)
		index_add(&dictionary->index, hash->halves[0], (uint32_t)dictionary->count);
	return (uint32_t)dictionary->count;
}

uint32_t words_enter(struct words *words, enum word word, int64_t old, const struct word_hash *hash, bool *is_new)
{
	struct dictionary *dictionary = &words->of[word];
	uint32_t id = hash ? find_like(dictionary, hash) : 0;

	*is_new = id == 0;
	if (*is_new)
		id = add(dictionary, hash);
	dictionary->input = memory_room(dictionary->input, dictionary->input_count, &dictionary->input_capacity,
	                                sizeof(*dictionary->input));
	dictionary->input[dictionary->input_count++] = (struct pair){.old = old, .id = id};
	return id;
}

static int by_old(const void *key, const void *element)
{
	int64_t old = *(const int64_t *)key, other = ((const struct pair *)element)->old;

	return (old > other) - (old < other);
}

uint32_t words_find(const struct words *words, enum word word, int64_t old)
{
	const struct dictionary *dictionary = &words->of[word];
	const struct pair *pair = NULL;

	/* as a rule ids count from 1 */
	if (old >= 1 && (uint64_t)old <= dictionary->input_count && dictionary->input[old - 1].old == old)
		pair = &dictionary->input[old - 1];
	else if (dictionary->input_count)
		pair = bsearch(&old, dictionary->input, dictionary->input_count, sizeof(*pair), by_old);
	return pair ? pair->id : 0;
}

bool words_own_frame(struct words *words, uint32_t frame)
{
	while (frame >= words->said_capacity) {
		size_t had = words->said_capacity;

		words->said_by = memory_grown(words->said_by, &words->said_capacity, sizeof(*words->said_by));
		memset(words->said_by + had, 0, (words->said_capacity - had) * sizeof(*words->said_by));
	}
	if (!words->said_by[frame])
		words->said_by[frame] = words->input;
	return words->said_by[frame] == words->input;
}
