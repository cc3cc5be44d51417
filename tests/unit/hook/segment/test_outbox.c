/* SPDX-License-Identifier: Apache-2.0
 *
 * test_outbox.c - frames find room again and again, wherever the cap of the spool lets the outbox end.
 */
#include "tests/unit/hook/harness.h"

#include <sys/mman.h>

#include "hook/segment/outbox.h"

#define CAP_BYTES (UINT64_C(1) << 20)

static void open_spool(struct tta_spool *spool, const struct place *place)
{
	struct tta_segment_header header = {.magic = TTA_SEGMENT_MAGIC, .version = TTA_SEGMENT_VERSION, .pid = 1};

	snprintf(header.socket_path, sizeof(header.socket_path), "%s", place->socket);
	assert_int_equal(
	    tta_spool_create(
	        spool, &(struct tta_spool_wish){.header = &header, .cap_bytes = CAP_BYTES, .first_ring_bytes = 4096}),
	    0);
}

static void close_spool(struct tta_spool *spool)
{
	munmap(spool->base, spool->mapped_bytes);
	close(spool->fd);
}

static bool append(struct tta_spool *spool, uint64_t number, uint32_t packed_bytes)
{
	static const uint8_t packed[CAP_BYTES];

	return tta_outbox_append(
	    spool, &(struct tta_outbox_batch){
	               .first_number = number, .count = 1, .packed = packed, .packed_bytes = packed_bytes});
}

/* Of sizes that end everywhere. KEPT of the last frames are not committed yet. */
static void check_rounds(void **state, uint64_t table_bytes, uint64_t kept)
{
	struct tta_spool spool;

	open_spool(&spool, *state);
	assert_true(tta_spool_grow(&spool, &spool.table, table_bytes, TTA_SPOOL_USUAL));
	assert_true(tta_spool_grow(&spool, &spool.ring_space, CAP_BYTES / 4, TTA_SPOOL_USUAL));
	for (uint64_t number = 1; number < 2000; number++) {
		assert_true(append(&spool, number, (uint32_t)(number * 7919 % 70000)));
		if (number > kept)
			tta_outbox_release(&spool, number - kept);
	}
	assert_true(spool.reserved_bytes <= CAP_BYTES);
	assert_true(spool.outbox.reserved < spool.outbox.capacity); /* it could not grow to its end */
	close_spool(&spool);
}

static void test_outbox_that_cannot_grow(void **state)
{
	check_rounds(state, CAP_BYTES / 4, 0);
}

static void test_outbox_that_is_never_empty(void **state)
{
	check_rounds(state, CAP_BYTES / 4, 2);
}

static void test_full_outbox(void **state)
{
	struct tta_spool spool;
	uint64_t number = 1;

	open_spool(&spool, *state);
	while (append(&spool, number, 50000))
		number++;
	assert_in_range(number, 10, 16);
	assert_false(append(&spool, number, 50000));
	tta_outbox_release(&spool, 1);
	assert_true(append(&spool, number, 40000));
	close_spool(&spool);
}

#define OUTBOX_TEST(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    OUTBOX_TEST(test_outbox_that_cannot_grow),
	    OUTBOX_TEST(test_outbox_that_is_never_empty),
	    OUTBOX_TEST(test_full_outbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
