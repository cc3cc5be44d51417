/* SPDX-License-Identifier: Apache-2.0
 *
 * spec.c - see spec.h. Such a text is
 *
 *   Tensor(storage=DeviceStorage(),tensor_spec=TensorSpec(logical_shape=Shape([1, 1, 64,
 * 128]),tensor_layout=TensorLayout(
 *   dtype=DataType::BFLOAT16,page_config=PageConfig(config=TilePageConfig(...)),memory_config=MemoryConfig(
 *   memory_layout=TensorMemoryLayout::HEIGHT_SHARDED,buffer_type=BufferType::L1,shard_spec=ShardSpec{grid=[{"start":{"x":0,
 *   "y":0},"end":{"x":1,"y":0}], shape=[32, 128],
 * orientation=ShardOrientation::ROW_MAJOR},nd_shard_spec=std::nullopt,...
 *
 * in 0.70.1 (2026) to 0.81.1 (2026-11); or parts of it, with a Layout in the place of a PageConfig. Where there is no
 * shard_spec, nd_shard_spec has the same as JSON, the shape with as many dimensions as it has.
 */
#include "spec.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where TEXT goes on behind PHRASE; NULL: it has none, or TEXT is NULL. */
static const char *behind(const char *text, const char *phrase)
{
	const char *found = text ? strstr(text, phrase) : NULL;

	return found ? found + strlen(phrase) : NULL;
}

static bool begins(const char *text, const char *phrase)
{
	return strncmp(text, phrase, strlen(phrase)) == 0;
}

/* The word that TEXT begins with, lower-case letters only if SMALL. False: there is none, or it is too long. */
static bool take_word(const char *text, bool small, char *word, size_t bytes)
{
	size_t length = 0;

	if (!text)
		return false;
	while (isalnum((unsigned char)text[length]) || text[length] == '_')
		length++;
	if (length == 0 || length >= bytes)
		return false;
	for (size_t i = 0; i < length; i++)
		word[i] = (char)(small ? tolower((unsigned char)text[i]) : text[i]);
	word[length] = '\0';
	return true;
}

/* A list such as "1, 2, 3]", as numbers and as "1x2x3". False: it is none, or too long. */
static bool take_list(const char *text, uint32_t *numbers, uint32_t most, uint32_t *count, char *joined, size_t bytes)
{
	size_t used = 0;

	*count = 0;
	joined[0] = '\0';
	if (!text)
		return false;
	while (*text && *text != ']') {
		char *end;
		unsigned long number = strtoul(text, &end, 10);

		if (end == text || *count == most || used >= bytes)
			return false;
		numbers[(*count)++] = (uint32_t)number;
		used += (size_t)snprintf(joined + used, bytes - used, "%s%lu", used ? "x" : "", number);
		text = end + strspn(end, ", ");
	}
	if (!*count)
		snprintf(joined, bytes, "scalar");
	return *text == ']' && used < bytes;
}

/* The number behind PHRASE, and where TEXT goes on behind that; NULL: there is none. */
static const char *take_number(const char *text, const char *phrase, uint16_t *number)
{
	const char *at = behind(text, phrase);
	char *end;
	unsigned long found;

	if (!at)
		return NULL;
	found = strtoul(at, &end, 10);
	if (end == at || found > UINT16_MAX)
		return NULL;
	*number = (uint16_t)found;
	return end;
}

static const char *take_range(const char *text, struct ttalloc_core_range *range)
{
	text = take_number(text, "\"x\":", &range->x0);
	text = take_number(text, "\"y\":", &range->y0);
	text = take_number(text, "\"x\":", &range->x1);
	return take_number(text, "\"y\":", &range->y1);
}

/* Ranges of cores up to END. Of a list that is too long for its words there are none: part of it would mislead. */
static bool take_grid(const char *text, const char *end, struct tt_spec_numbers *numbers, struct tt_spec_words *words)
{
	size_t used = 0, bytes = sizeof(words->shard_grid);

	while (text && text < end && memchr(text, '{', (size_t)(end - text))) {
		struct ttalloc_core_range range;

		text = take_range(text, &range);
		if (!text || text > end)
			return false;
		if (numbers->range_count < TT_SPEC_MOST_RANGES)
			numbers->ranges[numbers->range_count] = range;
		numbers->range_count++;
		if (used < bytes)
			used += (size_t)snprintf(words->shard_grid + used, bytes - used, "%s[%u,%u,%u,%u]",
			                         used ? "," : "[", range.x0, range.y0, range.x1, range.y1);
		text += strspn(text, "}");
	}
	if (used + 1 < bytes && numbers->range_count <= TT_SPEC_MOST_RANGES)
		words->shard_grid[used] = ']', words->shard_grid[used + 1] = '\0';
	else
		words->shard_grid[0] = '\0';
	return numbers->range_count > 0;
}

static bool take_shards(const char *spec, struct tt_spec_numbers *numbers, struct tt_spec_words *words)
{
	const char *grid = behind(spec, "grid=["), *shape = behind(grid, "shape=[");
	uint32_t count;

	return shape && take_grid(grid, shape, numbers, words) &&
	       take_list(shape, numbers->shard, 2, &count, words->shard_shape, sizeof(words->shard_shape)) &&
	       count == 2 &&
	       take_word(behind(shape, "orientation=ShardOrientation::"), false, words->orientation,
	                 sizeof(words->orientation));
}

/* Shards of any number of dimensions. Their numbers are not told: specs with them are alike to nobody. */
static bool take_nd_shards(const char *spec, struct tt_spec_words *words)
{
	uint32_t dimensions[TT_SPEC_MOST_DIMENSIONS], count;
	struct tt_spec_numbers numbers = {.range_count = 0};
	const char *grid = behind(spec, "\"grid\":["), *orientation = behind(grid, "ShardOrientation::");

	return orientation && take_grid(grid, orientation, &numbers, words) &&
	       take_list(behind(spec, "\"shard_shape\":["), dimensions, TT_SPEC_MOST_DIMENSIONS, &count,
	                 words->shard_shape, sizeof(words->shard_shape)) &&
	       take_word(orientation, false, words->orientation, sizeof(words->orientation));
}

static bool take_memory(const char *text, struct tt_spec_numbers *numbers, struct tt_spec_words *words)
{
	const char *spec = behind(text, "shard_spec="), *nd_spec = behind(text, "nd_shard_spec=");

	if (!spec || !nd_spec ||
	    !take_word(behind(text, "memory_layout=TensorMemoryLayout::"), true, words->memory, sizeof(words->memory)))
		return false;
	for (char *at = words->memory; *at; at++)
		*at = *at == '_' ? ' ' : *at;
	if (begins(spec, "ShardSpec{"))
		return take_shards(spec, numbers, words);
	return begins(nd_spec, "std::nullopt") || take_nd_shards(nd_spec, words);
}

bool tt_spec_parse(const char *text, struct tt_spec_numbers *numbers, struct tt_spec_words *words)
{
	const char *page = behind(text, "page_config="), *config = behind(page, "PageConfig(config=");

	memset(numbers, 0, sizeof(*numbers));
	memset(words, 0, sizeof(*words));
	if (config && (begins(config, "TilePageConfig") || begins(config, "RowMajorPageConfig")))
		strcpy(words->layout, *config == 'T' ? "TILE" : "ROW_MAJOR");
	else if (!page || !begins(page, "Layout::") ||
	         !take_word(behind(page, "Layout::"), false, words->layout, sizeof(words->layout)))
		return false;
	return take_list(behind(text, "logical_shape=Shape(["), numbers->dimensions, TT_SPEC_MOST_DIMENSIONS,
	                 &numbers->dimension_count, words->shape, sizeof(words->shape)) &&
	       take_word(behind(text, "dtype=DataType::"), true, words->dtype, sizeof(words->dtype)) &&
	       take_memory(behind(text, "memory_config=MemoryConfig("), numbers, words);
}
