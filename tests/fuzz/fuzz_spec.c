/* SPDX-License-Identifier: Apache-2.0
 *
 * TT-Metal's texts of tensors, of versions that are not known yet. What is understood has words that end, and no more
 * numbers than there is room for.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hook/tt_metal/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int right)
{
	if (!right)
		abort();
}

/* Shards are said together or not at all, but for a list of cores that is too long for words. */
static void check_words(const struct tt_spec_words *words, const struct tt_spec_numbers *numbers)
{
	check(words->shape[0] && words->dtype[0] && words->layout[0] && words->memory[0]);
	check(strlen(words->shape) < sizeof(words->shape) && strlen(words->shard_grid) < sizeof(words->shard_grid));
	check(strlen(words->shard_shape) < sizeof(words->shard_shape));
	check(numbers->dimension_count <= TT_SPEC_MOST_DIMENSIONS && numbers->range_count <= TT_SPEC_MOST_RANGES);
	check(!words->shard_shape[0] == !words->orientation[0]);
	check(!words->shard_grid[0] || words->shard_shape[0]);
	check(!numbers->range_count || words->shard_shape[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct tt_spec_numbers numbers;
	struct tt_spec_words words;

	check(text != NULL);
	memcpy(text, data, size);
	text[size] = 0;
	if (tt_spec_parse(text, &numbers, &words))
		check_words(&words, &numbers);
	free(text);
	return 0;
}
