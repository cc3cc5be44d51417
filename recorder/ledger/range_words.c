/* SPDX-License-Identifier: Apache-2.0
 *
 * range_words.c - see range_words.h. Words are compared by 128 bits of hash, as call stacks are.
 */
#include "range_words.h"

#include <stdbool.h>

#include "sql/base/index.h"

#define MOST_WORDS (1u << 18) /* of a kind that are remembered */

struct word {
	uint64_t hash[2];
	uint32_t id;
};

struct words {
	struct word *words;
	size_t count, capacity;
	struct index index;
	uint32_t last_id;
};

struct range_words {
	struct words texts, specs, lists, whats;
};

struct range_words *range_words_new(void)
{
	return memory_zeroed(sizeof(struct range_words));
}

static void forget(struct words *words)
{
	free(words->words);
	index_free(&words->index);
	*words = (struct words){.last_id = words->last_id};
}

void range_words_free(struct range_words *words)
{
	if (!words)
		return;
	forget(&words->texts);
	forget(&words->specs);
	forget(&words->lists);
	forget(&words->whats);
	free(words);
}

void range_words_begin_file(struct range_words *words)
{
	forget(&words->texts);
	forget(&words->lists);
	forget(&words->whats);
}

static void skip(struct words *words, uint32_t last_id)
{
	if (words->last_id < last_id)
		words->last_id = last_id;
}

void range_words_skip(struct range_words *words, uint32_t last_text, uint32_t last_list, uint32_t last_what)
{
	skip(&words->texts, last_text);
	skip(&words->lists, last_list);
	skip(&words->whats, last_what);
}

static struct word word_of(const void *bytes, size_t count)
{
	return (struct word){.hash = {hash_bytes(bytes, count, 1), hash_bytes(bytes, count, 2)}};
}

static void remember(struct words *words, struct word word, uint32_t id)
{
	if (words->count == MOST_WORDS)
		forget(words);
	word.id = words->last_id = id;
	words->words = memory_room(words->words, words->count, &words->capacity, sizeof(*words->words));
	words->words[words->count++] = word;
	index_add(&words->index, word.hash[0], (uint32_t)words->count);
}

static uint32_t id_of_word(struct words *words, struct word word, bool *is_new)
{
	*is_new = false;
	INDEX_EACH_MATCH(&words->index, word.hash[0], at, ref)
	{
		const struct word *known = &words->words[ref - 1];

		if (known->hash[0] == word.hash[0] && known->hash[1] == word.hash[1])
			return known->id;
	}
	*is_new = true;
	remember(words, word, words->last_id + 1);
	return words->last_id;
}

/* The id of what consists of these BYTES. */
static uint32_t id_of(struct words *words, const void *bytes, size_t count, bool *is_new)
{
	return id_of_word(words, word_of(bytes, count), is_new);
}

uint32_t range_words_text(struct range_words *words, const void *text, size_t bytes, struct rowlog *log)
{
	bool is_new;
	uint32_t id = id_of(&words->texts, text, bytes, &is_new);

	if (is_new)
		rowlog_operation_text(log, &(struct operation_text_row){.id = id, .text = row_text(text, bytes)});
	return id;
}

uint32_t range_words_list(struct range_words *words, const char *list, size_t bytes, struct rowlog *log)
{
	bool is_new;
	uint32_t id = id_of(&words->lists, list, bytes, &is_new);

	if (is_new)
		rowlog_tensor_list(log, &(struct tensor_list_row){.id = id, .list = row_text(list, bytes)});
	return id;
}

/* Of all words of a spec together: each is hashed with the hash of those before it. */
static struct word spec_word(const struct tensor_spec_row *row)
{
	const struct row_text *const texts[] = {&row->shape,       &row->dtype,      &row->layout,     &row->memory,
	                                        &row->shard_shape, &row->shard_grid, &row->orientation};
	struct word word = {.hash = {1, 2}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		for (int k = 0; k < 2; k++)
			word.hash[k] = hash_bytes(texts[i]->bytes, texts[i]->count, word.hash[k]);
	return word;
}

uint32_t range_words_spec(struct range_words *words, const struct tensor_spec_row *row, struct rowlog *log)
{
	struct tensor_spec_row named = *row;
	bool is_new;

	named.id = id_of_word(&words->specs, spec_word(row), &is_new);
	if (is_new)
		rowlog_tensor_spec(log, &named);
	return (uint32_t)named.id;
}

/* All of a row but its id. */
struct what {
	uint32_t thread, label, stack, name, arguments, around, tensors, ended;
};

static struct what what_of(const struct range_what_row *row)
{
	return (struct what){.thread = row->thread,
	                     .label = row->label,
	                     .stack = row->stack,
	                     .name = row->name,
	                     .arguments = row->arguments,
	                     .around = row->around,
	                     .tensors = row->tensors,
	                     .ended = row->ended};
}

uint32_t range_words_what(struct range_words *words, const struct range_what_row *row, struct rowlog *log)
{
	struct what what = what_of(row);
	struct range_what_row named = *row;
	bool is_new;

	named.id = id_of(&words->whats, &what, sizeof(what), &is_new);
	if (is_new)
		rowlog_range_what(log, &named);
	return (uint32_t)named.id;
}

void range_words_know_text(struct range_words *words, const struct operation_text_row *row)
{
	remember(&words->texts, word_of(row->text.bytes, row->text.count), (uint32_t)row->id);
}

void range_words_know_spec(struct range_words *words, const struct tensor_spec_row *row)
{
	remember(&words->specs, spec_word(row), (uint32_t)row->id);
}

void range_words_know_list(struct range_words *words, const struct tensor_list_row *row)
{
	remember(&words->lists, word_of(row->list.bytes, row->list.count), (uint32_t)row->id);
}

void range_words_know_what(struct range_words *words, const struct range_what_row *row)
{
	struct what what = what_of(row);

	remember(&words->whats, word_of(&what, sizeof(what)), (uint32_t)row->id);
}
