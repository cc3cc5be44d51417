/* SPDX-License-Identifier: Apache-2.0
 *
 * test_chip_counters.c - TT-Metal's own counters: what is in a file, who of it lives, and files that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sql/base/chip_counters.h"

#define FILE_BYTES 8576

static uint8_t file[FILE_BYTES];

static void put32(size_t at, uint32_t number)
{
	memcpy(file + at, &number, sizeof(number));
}

static void put64(size_t at, uint64_t number)
{
	memcpy(file + at, &number, sizeof(number));
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void put_process(int slot, int32_t pid, uint64_t at_ns)
{
	size_t at = 856 + 120 * (size_t)slot;

	put32(at, (uint32_t)pid);
	for (unsigned i = 0; i < CHIP_COUNTERS; i++)
		put64(at + 8 + 8 * i, 1000 * (uint64_t)slot + i);
	put64(at + 48, at_ns);
	memset(file + at + 56, 'n', 64); /* a name without an end */
}

static int set_up(void **state)
{
	(void)state;
	memset(file, 0, sizeof(file));
	put32(0, 3);
	put32(40, 7);
	return 0;
}

static void what_is_in_a_file(void **state)
{
	struct chip_counters counters;

	(void)state;
	put_process(0, 11, 5);
	put_process(3, 12, UINT64_MAX);
	put_process(63, -1, 5);
	assert_true(chip_counters_parse(&counters, file, sizeof(file)));
	assert_int_equal(counters.device, 7);
	assert_int_equal(counters.count, 2);
	assert_int_equal(counters.processes[1].pid, 12);
	assert_int_equal(counters.processes[1].at_ns, INT64_MAX);
	assert_int_equal(counters.processes[1].bytes[CHIP_CIRCULAR], 3004);
	assert_int_equal(strlen(counters.processes[1].name), 64);
	assert_false(counters.is_full);
	for (int i = 0; i < 64; i++)
		put_process(i, 11 + i, 5);
	assert_true(chip_counters_parse(&counters, file, sizeof(file)));
	assert_true(counters.is_full);
	put32(0, 2);
	assert_false(chip_counters_parse(&counters, file, sizeof(file)));
	put32(0, 5);
	assert_false(chip_counters_parse(&counters, file, sizeof(file)));
	put32(0, 4);
	assert_true(chip_counters_parse(&counters, file, sizeof(file)));
	assert_false(chip_counters_parse(&counters, file, CHIP_COUNTERS_BYTES - 1));
}

/* A pid is the process's only if that began before it changed its counters last. */
static void who_lives(void **state)
{
	struct chip_process process = {.pid = getpid(), .at_ns = (int64_t)now_ns() + 1000000000};

	(void)state;
	assert_true(chip_process_lives(&process));
	process.at_ns = 1000000000;
	assert_false(chip_process_lives(&process));
	process = (struct chip_process){.pid = INT32_MAX, .at_ns = INT64_MAX};
	assert_false(chip_process_lives(&process));
}

static void write_file(const char *directory, const char *name, size_t bytes)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, bytes), bytes);
	close(fd);
}

static void append(void *context, const struct chip_counters *counters)
{
	char *text = context;

	sprintf(text + strlen(text), counters->is_unread ? "%s:? " : "%s:%zu ", counters->chip, counters->count);
}

static void which_files(void **state)
{
	char directory[] = "/tmp/ttalloc-test-chips-XXXXXX", text[512] = "", command[600];

	(void)state;
	assert_non_null(mkdtemp(directory));
	put_process(0, getpid(), now_ns() + 1000000000);
	put_process(1, INT32_MAX, now_ns());
	write_file(directory, "tt_device_10_memory", sizeof(file));
	write_file(directory, "tt_device_9_memory", sizeof(file));
	write_file(directory, "tt_device_8_memory", 100);
	write_file(directory, "tt_device_x_memory", sizeof(file));
	write_file(directory, "tt_device_7_memory.old", sizeof(file));
	write_file(directory, "tt_device_99999999999999999999999999_memory", sizeof(file));
	snprintf(command, sizeof(command), "%s/tt_device_6_memory", directory);
	assert_int_equal(mkfifo(command, 0600), 0);
	snprintf(command, sizeof(command), "%s/tt_device_5_memory", directory);
	assert_int_equal(symlink("tt_device_9_memory", command), 0);
	setenv("TTALLOC_CHIP_COUNTERS", directory, 1);
	chip_counters_each(append, text);
	assert_string_equal(text, "5:? 6:? 8:? 9:1 10:1 ");
	setenv("TTALLOC_CHIP_COUNTERS", "/nowhere", 1);
	chip_counters_each(append, text);
	assert_string_equal(text, "5:? 6:? 8:? 9:1 10:1 ");
	snprintf(command, sizeof(command), "rm -r %s", directory);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(what_is_in_a_file, set_up),
	    cmocka_unit_test_setup(who_lives, set_up),
	    cmocka_unit_test_setup(which_files, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
