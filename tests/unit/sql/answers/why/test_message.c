/* SPDX-License-Identifier: Apache-2.0
 *
 * test_message.c - what TT-Metal has said over its generations, as it stands in logs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sql/answers/why/message.h"

#define L1 1
#define DRAM 0
#define STRIDE (SANITIZED ? 4 : 1) /* through the places where a text may break */

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
	    "Out of Memory: Not enough space to allocate 640 B L1 buffer across 64 banks, where each bank needs to "
	    "store 10 B, but bank size is 99 B (allocated: 90 B, free: 9 B, largest free block: 8 B). The L1_SMALL "
	    "region is sized at device open; increase l1_small_size when opening the device.",
	    "Not enough space after considering dependencies to allocate 640 B L1 across 64 banks (10 B per bank), "
	    "bank size is 99 B (allocated: 90 B, free: 9 B, largest free block: 8 B)",
	    "Not enough space after considering dependencies to allocate 640 B BufferType::L1 across 64 banks (10 B "
	    "per bank), bank size is 99 B (allocated: 90 B, free: 9 B, largest free block: 8 B). After subtracting 2 "
	    "dependency range(s) and 0 additional occupied range(s), 7 B remained placeable across 2 window(s), "
	    "largest 6 B",
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

/* The text of WORDING as TT-Metal prints it: figures are 1001, 1002 and so on, and words where there are words. */
static size_t print_wording(const struct wording *wording, char *text, size_t bytes)
{
	size_t used = 0, figure = 0;

	for (const char *at = wording->text; *at; at++) {
		if (*at != '{') {
			text[used++] = *at;
			continue;
		}
		size_t offset = wording->figures[figure++];
		bool bare = strncmp(at, "{:x}", 4) == 0;

		assert_true(figure <= WORDING_FIGURES);
		if (offset == offsetof(struct message, region))
			used += (size_t)snprintf(text + used, bytes - used, "L1_SMALL");
		else if (offset == offsetof(struct message, cores))
			used += (size_t)snprintf(text + used, bytes - used, "[0-1 - 7-6]");
		else
			used += (size_t)snprintf(text + used, bytes - used, bare ? "%zx" : "%zu", 1000 + figure);
		at = strchr(at, '}');
	}
	text[used] = '\0';
	return used;
}

/* What a figure of WORDING has to be, as print_wording() printed it. */
static int64_t printed_figure(const struct wording *wording, size_t offset)
{
	int64_t all = MESSAGE_UNKNOWN;

	for (size_t i = 0; i < WORDING_FIGURES; i++) {
		int64_t one = 1001 + (int64_t)i;

		if (wording->figures[i] == offset)
			all = all == MESSAGE_UNKNOWN ? one : wording->kind == MESSAGE_LIMIT ? all + one : one;
	}
	return all;
}

static void check_wording(const struct wording *wording, const char *text, size_t bytes)
{
	struct message message;

	if (!message_parse(text, bytes, &message))
		fail_msg("not understood: %s", text);
	if (message.wording != wording)
		fail_msg("taken for '%s': %s", message.wording->text, text);
	for (size_t at = offsetof(struct message, size_bytes); at < offsetof(struct message, cores);
	     at += sizeof(int64_t)) {
		int64_t figure;

		memcpy(&figure, (const char *)&message + at, sizeof(figure));
		if (figure != printed_figure(wording, at))
			fail_msg("figure %zu is %lld: %s", at, (long long)figure, text);
	}
	assert_true(message.region >= 0 || wording->region == MESSAGE_UNKNOWN);
}

static void reads_each_wording(void **state)
{
	char text[2048];

	(void)state;
	for (size_t i = 0; i < wording_count; i++)
		check_wording(&wordings[i], text, print_wording(&wordings[i], text, sizeof(text)));
}

/* TEXT with a line break, and PREFIX behind it, after each COLUMNS characters. */
static size_t wrap(const char *text, size_t columns, const char *prefix, char *wrapped, size_t bytes)
{
	size_t used = (size_t)snprintf(wrapped, bytes, "%s", prefix);

	for (size_t i = 0; text[i]; i++) {
		if (i && i % columns == 0)
			used += (size_t)snprintf(wrapped + used, bytes - used, "\n%s", prefix);
		wrapped[used++] = text[i];
	}
	wrapped[used] = '\0';
	return used;
}

static void reads_each_wording_wrapped_anywhere(void **state)
{
	static const char *const prefixes[] = {
	    "",
	    "> ",
	    "E       ",
	    "trainer-1  | 2026-06-05T19:19:37.123456789Z (EngineCore_DP0 pid=292) ERROR 06-05 19:19:37 core.py:1035] ",
	    "2026-06-24 03:39:42.829 | critical |          Always | ",
	    "\xe2\x94\x82 ",
	};
	char text[2048], wrapped[32768];

	(void)state;
	for (size_t i = 0; i < wording_count; i++) {
		print_wording(&wordings[i], text, sizeof(text));
		for (size_t prefix = 0; prefix < sizeof(prefixes) / sizeof(*prefixes); prefix++)
			for (size_t columns = 17; columns < 140; columns += (prefix ? 37 : 11) * STRIDE)
				check_wording(&wordings[i], wrapped,
				              wrap(text, columns, prefixes[prefix], wrapped, sizeof(wrapped)));
	}
}

static void reads_a_number_that_is_broken_anywhere(void **state)
{
	static const char message[] = "Out of Memory: Not enough space to allocate 2517147648 B DRAM buffer across 12 "
	                              "banks, where each bank needs to store 209762304 B, but bank size is 1070702560 "
	                              "B (allocated: 824604672 B, free: 246097888 B, largest free block: 173426656 B)";
	static const char *const breaks[] = {"\n", "\r\n", "\n12:03:04 7 | ", "\\n"};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(breaks) / sizeof(*breaks); i++)
		for (size_t at = 1; at + 1 < sizeof(message); at += STRIDE) {
			snprintf(text, sizeof(text), "%.*s%s%s", (int)at, message, breaks[i], message + at);
			struct message read = parse(text);

			check_request(&read, DRAM, 2517147648, 12, 209762304);
			check_bank(&read, 1070702560, 824604672, 246097888, 173426656);
		}
}

static void reads_the_last_of_a_log(void **state)
{
	(void)state;
	struct message message =
	    parse("x Creating trace buffers of size 2000B on MeshDevice 1, but only 1000B is allocated "
	          "for trace region.\nOut of Memory: Not enough space to allocate 8 B DRAM buffer "
	          "across 2 banks, where each bank needs to store 4 B\n"
	          "{\"msg\":\"\\u001b[31mStatically allocated dataflow buffers on core range "
	          "[0-0 - 1-1] grow to 9 B which is beyond max L1 size of 7 B\\u001b[0m\\n\"}\nbye");
	assert_int_equal(message.kind, MESSAGE_BEYOND_L1);
	assert_int_equal(message.cb_end, 9);
	assert_int_equal(message.limit, 7);
	assert_string_equal(message.wording->subject, "dataflow buffers");
}

static void tells_the_same_from_others(void **state)
{
	static const char clash[] = "circular buffers in program 7 clash with L1 buffers on core range %s. L1 buffer "
	                            "allocated at %d and static circular buffer region ends at 900";
	char text[256];

	(void)state;
	snprintf(text, sizeof(text), clash, "[0-0 - 7-7]", 800);
	struct message one = parse(text);
	snprintf(text, sizeof(text), clash, "[0-0 -\n12 7-7]", 800);
	struct message same = parse(text);
	snprintf(text, sizeof(text), clash, "[0-0 - 7-7]", 801);
	struct message other = parse(text);

	assert_true(message_is_same(&one, &same)); /* its cores are not known */
	assert_false(message_is_same(&one, &other));
}

static void takes_bounded_time(void **state)
{
	static char text[100000];
	static const char *const fillers[] = {"0\n", "Not enough space to allocate 1\n", ".\n", "{ \n:", "DFB '\n"};
	struct message message;

	(void)state;
	for (size_t i = 0; i < sizeof(fillers) / sizeof(*fillers); i++) {
		size_t length = strlen(fillers[i]);

		for (size_t at = 0; at < sizeof(text); at++)
			text[at] = fillers[i][at % length];
		memcpy(text, "Not enough space to allocate 1", 30);
		assert_false(message_parse(text, sizeof(text), &message));
	}
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
	    cmocka_unit_test(reads_each_wording),
	    cmocka_unit_test(reads_each_wording_wrapped_anywhere),
	    cmocka_unit_test(reads_a_number_that_is_broken_anywhere),
	    cmocka_unit_test(reads_the_last_of_a_log),
	    cmocka_unit_test(tells_the_same_from_others),
	    cmocka_unit_test(takes_bounded_time),
	    cmocka_unit_test(refuses_other_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
