/* SPDX-License-Identifier: Apache-2.0
 *
 * test_attributions.c - a process has as many origins of events as it likes, up to a number: who comes then is told so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "recorder/ledger/ledger.h"

/* What is known of one process. */
struct known {
	struct ledger ledger;
	struct process process;
};

static void set_up(struct known *known)
{
	*known = (struct known){.process = {.id = 1}};
	known->ledger.dictionary = dictionary_new();
	known->ledger.chunk = chunk_new();
	chunk_clear(known->ledger.chunk, 1, 1);
	known->process.holdings = memory_zeroed(sizeof(*known->process.holdings));
}

static void tear_down(struct known *known)
{
	process_drop_holdings(&known->process);
	chunk_free(known->ledger.chunk);
	dictionary_free(known->ledger.dictionary);
}

/* On a thread and a place that only depend on NUMBER. */
static uint32_t id_of(struct known *known, uint32_t number, bool *is_bare)
{
	struct ingest_table none = {.size_bytes = 0};
	struct raw_attribution raw = raw_attribution(0, 0, 0, number);

	*is_bare = false;
	return attribution_id(&known->ledger, &known->process, &none, &raw, is_bare);
}

static void test_too_many(void **state)
{
	struct known known;
	uint32_t first, bare;
	bool is_bare;

	(void)state;
	set_up(&known);
	first = id_of(&known, 1, &is_bare);
	for (uint32_t i = 1; i <= MOST_ATTRIBUTIONS; i++) {
		id_of(&known, i, &is_bare);
		if (is_bare)
			fail_msg("number %u is one too many", i);
	}
	bare = id_of(&known, MOST_ATTRIBUTIONS + 1, &is_bare);
	assert_true(is_bare);
	assert_int_equal(dictionary_attribution_of(known.ledger.dictionary, bare)->allocator,
	                 (MOST_ATTRIBUTIONS + 1) >> 16);
	assert_int_equal(id_of(&known, 1, &is_bare), first);
	assert_false(is_bare);
	tear_down(&known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
