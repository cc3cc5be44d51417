/* SPDX-License-Identifier: Apache-2.0
 *
 * why.c - why_answer() and why_blocks(): the answer of why.h as rows. Without arguments they are about the last
 * failure; device, region and pid are the filter's.
 */
#include "sql/answers/table_function.h"
#include "sql/answers/why/why.h"

_Static_assert(WHY_NONE == TABLE_NULL, "an unknown figure is NULL");

/* What a question is about; of several that are given, the last of these. */
enum argument { FAILURE, AT, SIZE, MESSAGE };

static struct why_question read_question(const struct table_call *call)
{
	return (struct why_question){
	    .filter = call->filter,
	    .kind = call->arguments[MESSAGE].text ? WHY_MESSAGE
	            : call->arguments[AT].text    ? WHY_MOMENT
	                                          : WHY_FAILURE,
	    .failure = table_number(call, FAILURE, 0),
	    .at_ns = table_number(call, AT, 0),
	    .size_bytes = table_number(call, SIZE, 0),
	    .message = call->arguments[MESSAGE].text,
	};
}

/* A cell of a text, NULL when that is empty. */
static int64_t text_cell(struct table_call *call, const char *text, bool *failed)
{
	if (text[0] == '\0')
		return TABLE_NULL;
	int64_t cell = table_text(call->table, text, call->error);
	*failed |= cell < 0;
	return cell;
}

static int add_answer(struct table_call *call, const struct why *why)
{
	bool failed = false;
	const int64_t cells[] = {text_cell(call, why_verdict_word(why->verdict), &failed),
	                         text_cell(call, why->sentence, &failed),
	                         text_cell(call, why->picture, &failed),
	                         text_cell(call, why->occupants, &failed),
	                         text_cell(call, why->circular, &failed),
	                         text_cell(call, why->remarks, &failed),
	                         text_cell(call, why->said, &failed),
	                         why->device,
	                         why->region,
	                         why->at_ns,
	                         why->failure,
	                         why->pid,
	                         why->request_bank_bytes,
	                         why->needed_bytes,
	                         why->alignment_bytes,
	                         why->bank_bytes,
	                         why->free_bytes,
	                         why->largest_free_bytes,
	                         why->free_blocks,
	                         why->missing_bytes,
	                         why->window_address,
	                         why->window_bytes,
	                         why->eviction_bytes,
	                         why->eviction_blocks,
	                         why->floor_address,
	                         why->cb_end_address,
	                         why->failure_key};

	return failed ? -1 : table_add(call->table, cells, call->error);
}

static int add_blocks(struct table_call *call, const struct why *why)
{
	for (size_t i = 0; i < why->block_count; i++) {
		const struct why_block *block = &why->blocks[i];
		const int64_t cells[] = {
		    block->key,        block->origin,     block->address,
		    block->size_bytes, block->bank_bytes, (int64_t)((uint64_t)why->at_ns - (uint64_t)block->alloc_ns),
		    block->aliased,    why->device,       why->region};

		if (block->occupies && table_add(call->table, cells, call->error) < 0)
			return -1;
	}
	return 0;
}

static int fill(struct table_call *call, int (*add)(struct table_call *call, const struct why *why))
{
	const struct why_question question = read_question(call);
	struct why why = {.blocks = NULL};
	int result = why_answer(call->recording, &question, &why, call->error);

	if (result == 0)
		result = add(call, &why);
	why_clear(&why);
	return result;
}

static int fill_answer(struct table_call *call)
{
	return fill(call, add_answer);
}

static int fill_blocks(struct table_call *call)
{
	return fill(call, add_blocks);
}

const struct table_function table_why = {
    .name = "why_answer",
    .columns =
        "verdict, sentence, picture, occupants, circular_buffers, remarks, said, device, region, at_ns, failure, "
        "pid, request_bank_bytes, needed_bytes, alignment_bytes, bank_bytes, free_bytes, largest_free_bytes, "
        "free_blocks, missing_bytes, window_address, window_bytes, eviction_bytes, eviction_blocks, "
        "floor_address, cb_end_address, failure_key",
    .arguments = {"for_failure", "for_at", "for_size", "for_message"},
    .text_columns = 0x7f,
    .fill = fill_answer,
};

const struct table_function table_why_blocks = {
    .name = "why_blocks",
    .columns = "key, origin, address, size_bytes, bank_bytes, age_ns, aliased, device, region",
    .arguments = {"for_failure", "for_at", "for_size", "for_message"},
    .fill = fill_blocks,
};
