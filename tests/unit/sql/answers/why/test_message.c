/* SPDX-License-Identifier: Apache-2.0
 *
 * test_message.c - what TT-Metal has said over its generations, as it stands in logs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/answers/why/message.h"

#define L1 1
#define DRAM 0

static struct message parse(const char *text)
{
	struct message message = {0};

	assert_true(message_parse(text, strlen(text), &message));
	return message;
}

static void check_request(const struct message *message, int64_t region, int64_t size_bytes, int64_t banks,
                          int64_t bank_bytes)
{
	assert_int_equal(message->kind, MESSAGE_OUT_OF_MEMORY);
	assert_int_equal(message->region, region);
	assert_int_equal(message->size_bytes, size_bytes);
	assert_int_equal(message->banks, banks);
	assert_int_equal(message->request_bank_bytes, bank_bytes);
}

static void check_bank(const struct message *message, int64_t bank, int64_t allocated, int64_t free, int64_t largest)
{
	assert_int_equal(message->bank_bytes, bank);
	assert_int_equal(message->allocated_bytes, allocated);
	assert_int_equal(message->free_bytes, free);
	assert_int_equal(message->largest_free_bytes, largest);
}

static void reads_the_first_generation(void **state)
{
	(void)state;
	struct message message =
	    parse("Out of Memory: Not enough space to allocate 58736640 B DRAM buffer across 12 banks, "
	          "where each bank needs to store 4894720 B");
	check_request(&message, DRAM, 58736640, 12, 4894720);
	check_bank(&message, MESSAGE_UNKNOWN, MESSAGE_UNKNOWN, MESSAGE_UNKNOWN, MESSAGE_UNKNOWN);
}

static void reads_the_second_generation(void **state)
{
	static const char *const texts[] = {
	    "Out of Memory: Not enough space to allocate 640 B L1 buffer across 64 banks, where each bank needs to "
	    "store 10 B, "
	    "but bank size is only 1394912 B",
	    "Out of Memory: Not enough space to allocate 640 B BufferType::L1 buffer across 64 banks, where each bank "
	    "needs "
	    "to store 10 B, but bank size is 1394912 B",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct message message = parse(texts[i]);

		check_request(&message, L1, 640, 64, 10);
		check_bank(&message, 1394912, MESSAGE_UNKNOWN, MESSAGE_UNKNOWN, MESSAGE_UNKNOWN);
	}
}

static void reads_the_third_generation(void **state)
{
	static const char *const texts[] = {
	    "Out of Memory: Not enough space to allocate 640 B L1 buffer across 64 banks, where each bank needs to "
	    "store 10 B, "
	    "but bank size is 99 B (allocated: 90 B, free: 9 B, largest free block: 8 B)",
	    "Not enough space after considering dependencies to allocate 640 B L1 buffer across 64 banks (10 B per "
	    "bank), "
	    "bank size is 99 B (allocated: 90 B, free: 9 B, largest free block: 8 B)",
	    "Not enough space after considering dependencies to allocate 640 B L1 buffer across 64 banks (10 B per "
	    "bank), "
	    "bank size is only 99 B (allocated: 90 B, free: 9 B, largest free block: 8 B)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct message message = parse(texts[i]);

		check_request(&message, L1, 640, 64, 10);
		check_bank(&message, 99, 90, 9, 8);
	}
}

static void reads_what_a_log_has_around_it(void **state)
{
	(void)state;
	struct message message = parse(
	    "2026-01-09 12:00:01.123 | \033[1;31mcritical\033[0m | Always | TT_FATAL: Out of Memory: Not enough space "
	    "to "
	    "allocate 1 B DRAM buffer across 1 banks, where each bank needs to store 1 B\n"
	    "E   RuntimeError: TT_FATAL @ bank_manager.cpp:462\r\n"
	    "E   info:\n"
	    "E   Out of Memory: Not enough space to\n  allocate \033[33m640\033[0m B L1\n\tbuffer across 64 banks, "
	    "where "
	    "each bank needs to store 10 B, but bank\nsize is 99 B (allocated: 90 B, free: 9 B, largest free block: 8 "
	    "B) (assert.hpp:103)\nbacktrace:\n --- 0x7f00\n");
	check_request(&message, L1, 640, 64, 10);
	check_bank(&message, 99, 90, 9, 8);
}

static void reads_below_a_limit(void **state)
{
	(void)state;
	struct message message =
	    parse("Out of Memory: Cannot allocate at an address below 104448. Allocation at 0x18000");
	assert_int_equal(message.kind, MESSAGE_BELOW_LIMIT);
	assert_int_equal(message.limit, 104448);
	assert_int_equal(message.address, 0x18000);
	assert_int_equal(message.region, MESSAGE_UNKNOWN);
}

static void reads_a_clash_with_either_core_range(void **state)
{
	static const char *const ranges[] = {"[(x=0,y=1) - (x=7,y=6)]", "[0-1 - 7-6]", "{[0-1 - 7-6], [8-8 - 9-9]}"};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		char text[512];
		static const int64_t cores[] = {0, 1, 7, 6};

		snprintf(
		    text, sizeof(text),
		    "Statically allocated circular buffers in program 42 clash with L1 buffers on core range %s. L1 "
		    "buffer allocated at 1103680 and static circular buffer region ends at 1103872",
		    ranges[i]);
		struct message message = parse(text);
		assert_int_equal(message.kind, MESSAGE_CLASH);
		assert_int_equal(message.region, L1);
		assert_int_equal(message.program, 42);
		assert_int_equal(message.buffer_address, 1103680);
		assert_int_equal(message.cb_end, 1103872);
		assert_memory_equal(message.cores, cores, sizeof(cores));
	}
}

static void reads_circular_buffers_beyond_l1(void **state)
{
	(void)state;
	struct message message =
	    parse("Statically allocated circular buffers on core range [0-0 - 7-7] grow to 1600000 B "
	          "which is beyond max L1 size of 1499136 B");
	assert_int_equal(message.kind, MESSAGE_BEYOND_L1);
	assert_int_equal(message.cb_end, 1600000);
	assert_int_equal(message.limit, 1499136);
	assert_int_equal(message.cores[3], 7);
}

static void reads_a_trace_region_that_is_too_small(void **state)
{
	(void)state;
	struct message message =
	    parse("Creating trace buffers of size 2000B on MeshDevice 1, but only 1000B is allocated for "
	          "trace region.");
	assert_int_equal(message.kind, MESSAGE_TRACE_REGION);
	assert_int_equal(message.size_bytes, 2000);
	assert_int_equal(message.free_bytes, 1000);
	assert_int_equal(message.region, 4);
}

static void refuses_other_texts(void **state)
{
	static const char *const texts[] = {
	    "",
	    "\033[",
	    "out of memory",
	    "Not enough space to allocate",
	    "Not enough space to allocate B L1 buffer across 64 banks, where each bank needs to store 10 B",
	    "Not enough space to allocate 1 B SUGAR buffer across 64 banks, where each bank needs to store 10 B",
	    "Not enough space to allocate 99999999999999999999 B L1 buffer across 64 banks, where each bank needs 1 B",
	    "circular buffers in program 1 clash with L1 buffers on core range [0-0 - 7-7]",
	};
	struct message message;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_false(message_parse(texts[i], strlen(texts[i]), &message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_the_first_generation),
	    cmocka_unit_test(reads_the_second_generation),
	    cmocka_unit_test(reads_the_third_generation),
	    cmocka_unit_test(reads_what_a_log_has_around_it),
	    cmocka_unit_test(reads_below_a_limit),
	    cmocka_unit_test(reads_a_clash_with_either_core_range),
	    cmocka_unit_test(reads_circular_buffers_beyond_l1),
	    cmocka_unit_test(reads_a_trace_region_that_is_too_small),
	    cmocka_unit_test(refuses_other_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
