/* SPDX-License-Identifier: Apache-2.0
 *
 * test_model.c - what old clients hold: which block a free means, what counts where, and that nothing wraps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "recorder/legacy/model.h"
#include "ttalloc.h"

struct fixture {
	struct legacy_model model;
	struct legacy_holdings holdings;
	struct legacy_outcome outcome;
};

static void tell(struct fixture *fixture, enum legacy_type type, int32_t device, uint64_t id, uint64_t size_bytes,
                 uint8_t buffer_type)
{
	struct legacy_message message = {
	    .type = type, .device = device, .id = id, .size_bytes = size_bytes, .buffer_type = buffer_type};

	legacy_model_take(&fixture->model, &fixture->holdings, &message, 1, &fixture->outcome);
}

static struct legacy_totals totals(const struct fixture *fixture, int32_t device)
{
	struct legacy_totals totals;

	legacy_model_totals(&fixture->model, device, &totals);
	return totals;
}

static void end(struct fixture *fixture)
{
	legacy_model_release(&fixture->model, &fixture->holdings);
	legacy_model_free(&fixture->model);
}

static void each_kind_where_it_belongs(void **state)
{
	struct fixture fixture = {0};
	struct legacy_totals is;

	(void)state;
	for (uint8_t type = 0; type < 6; type++)
		tell(&fixture, LEGACY_ALLOC, 1, 100 + type, 1u << type, type);
	assert_true(fixture.outcome.odd);
	assert_int_equal(fixture.outcome.event.region, LEGACY_ODD_REGION + 5);
	tell(&fixture, LEGACY_CB_ALLOC, 1, 100, 1000, 0);
	tell(&fixture, LEGACY_KERNEL_LOAD, 1, 100, 2000, 1);
	is = totals(&fixture, 1);
	assert_int_equal(is.dram, 1);
	assert_int_equal(is.l1, 2);
	assert_int_equal(is.l1_small, 4 + 8);
	assert_int_equal(is.trace, 16);
	assert_int_equal(is.cb, 1000);
	assert_int_equal(is.kernel, 2000);
	tell(&fixture, LEGACY_FREE, 1, 100, 0, 0); /* the buffer of that number, not what else has it */
	is = totals(&fixture, 1);
	assert_int_equal(is.dram + is.cb + is.kernel, 3000);
	legacy_model_release(&fixture.model, &fixture.holdings);
	is = totals(&fixture, 1);
	assert_int_equal(is.dram + is.l1 + is.l1_small + is.trace + is.cb + is.kernel, 0);
	end(&fixture);
}

static void frees_find_the_youngest(void **state)
{
	struct fixture fixture = {0};

	(void)state;
	tell(&fixture, LEGACY_ALLOC, 0, 7, 10, TTALLOC_L1);
	tell(&fixture, LEGACY_ALLOC, 0, 7, 20, TTALLOC_DRAM);
	tell(&fixture, LEGACY_FREE, 0, 7, 0, 0);
	assert_int_equal(fixture.outcome.event.region, TTALLOC_DRAM);
	assert_int_equal(fixture.outcome.freed_bytes, 20);
	tell(&fixture, LEGACY_FREE, 0, 7, 0, 0);
	assert_int_equal(fixture.outcome.event.region, TTALLOC_L1);
	tell(&fixture, LEGACY_FREE, 0, 7, 0, 0);
	assert_false(fixture.outcome.found);
	assert_int_equal(fixture.outcome.event.region, TTALLOC_ANY);
	end(&fixture);
}

/* Python frees on device 0 whatever it means; who has ever named another device means what it says. */
static void device_0_may_be_any(void **state)
{
	struct fixture fixture = {0};

	(void)state;
	tell(&fixture, LEGACY_ALLOC, 3, 7, 10, TTALLOC_L1);
	tell(&fixture, LEGACY_FREE, 0, 7, 0, 0);
	assert_true(fixture.outcome.found);
	assert_int_equal(fixture.outcome.event.device, 3);
	tell(&fixture, LEGACY_ALLOC, 3, 7, 10, TTALLOC_L1);
	tell(&fixture, LEGACY_FREE, 3, 99, 0, 0);
	tell(&fixture, LEGACY_FREE, 0, 7, 0, 0);
	assert_false(fixture.outcome.found);
	assert_int_equal(totals(&fixture, 3).l1, 10);
	end(&fixture);
}

static void repeated_allocs_replace(void **state)
{
	struct fixture fixture = {0};

	(void)state;
	for (int i = 0; i < 5; i++) {
		tell(&fixture, LEGACY_ALLOC, 0, 7, 10 + (uint64_t)i, TTALLOC_L1);
		tell(&fixture, LEGACY_KERNEL_LOAD, 0, 7, 100, 0);
	}
	assert_int_equal(fixture.outcome.repeats, 4);
	assert_int_equal(totals(&fixture, 0).l1, 14);
	assert_int_equal(totals(&fixture, 0).kernel, 100);
	end(&fixture);
}

static void nothing_wraps(void **state)
{
	struct fixture fixture = {0};

	(void)state;
	for (uint64_t id = 1; id <= 70000; id++)
		tell(&fixture, LEGACY_ALLOC, 0, id, 100ull << 30, TTALLOC_DRAM);
	assert_int_equal(totals(&fixture, 0).dram, 70000 * (100ull << 30));
	for (uint64_t id = 1; id <= 70000; id++)
		tell(&fixture, LEGACY_FREE, 0, id, 0, 0);
	assert_int_equal(totals(&fixture, 0).dram, 0);
	tell(&fixture, LEGACY_CB_FREE, 0, 5, 1000, 0);
	tell(&fixture, LEGACY_KERNEL_UNLOAD, 0, 5, 1000, 0);
	assert_int_equal(totals(&fixture, 0).cb + totals(&fixture, 0).kernel, 0);
	end(&fixture);
}

/* What graph capture keeps from being placed has address 0, and took no memory. */
static void address_0_counts_nothing(void **state)
{
	struct fixture fixture = {0};

	(void)state;
	tell(&fixture, LEGACY_ALLOC, 0, 0, 1000, TTALLOC_DRAM);
	assert_int_equal(fixture.outcome.event.flags, TTALLOC_ALIASED);
	assert_int_equal(totals(&fixture, 0).dram, 0);
	tell(&fixture, LEGACY_FREE, 0, 0, 0, 0);
	assert_true(fixture.outcome.found);
	assert_int_equal(totals(&fixture, 0).dram, 0);
	end(&fixture);
}

/* Turned away, as the last of the old servers did, and in no total. */
static void what_cannot_be(void **state)
{
	struct fixture fixture = {0};

	(void)state;
	tell(&fixture, LEGACY_ALLOC, 255, 1, 100ull << 30, TTALLOC_DRAM);
	assert_false(fixture.outcome.impossible);
	assert_int_equal(totals(&fixture, 255).dram, 100ull << 30);
	tell(&fixture, LEGACY_ALLOC, 256, 1, 20, TTALLOC_DRAM);
	assert_true(fixture.outcome.impossible);
	tell(&fixture, LEGACY_ALLOC, -1, 1, 30, TTALLOC_DRAM);
	assert_true(fixture.outcome.impossible);
	tell(&fixture, LEGACY_ALLOC, 0, 1, 1ull << 63, TTALLOC_DRAM);
	assert_true(fixture.outcome.impossible);
	assert_int_equal(totals(&fixture, 0).dram, 0);
	assert_int_equal(totals(&fixture, 256).dram, 0);
	assert_int_equal(totals(&fixture, -1).dram, 0);
	assert_int_equal(fixture.model.device_end, 256);
	tell(&fixture, LEGACY_FREE, TTALLOC_ANY, 1, 0, 0); /* no device of that number is any device */
	assert_true(fixture.outcome.impossible);
	assert_int_equal(totals(&fixture, 255).dram, 100ull << 30);
	end(&fixture);
}

static void too_many_places(void **state)
{
	struct fixture fixture = {0};

	(void)state;
	for (int32_t place = 0; place < 5000; place++)
		tell(&fixture, LEGACY_ALLOC, place % 250, 1, 10, (uint8_t)(place / 250));
	assert_true(fixture.outcome.refused);
	assert_int_equal(totals(&fixture, 100).dram, 10);
	end(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_kind_where_it_belongs),
	    cmocka_unit_test(frees_find_the_youngest),
	    cmocka_unit_test(device_0_may_be_any),
	    cmocka_unit_test(repeated_allocs_replace),
	    cmocka_unit_test(nothing_wraps),
	    cmocka_unit_test(address_0_counts_nothing),
	    cmocka_unit_test(what_cannot_be),
	    cmocka_unit_test(too_many_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
