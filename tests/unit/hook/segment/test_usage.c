/* SPDX-License-Identifier: Apache-2.0
 *
 * test_usage.c - what is live, as the process itself is told: against a list of what was reported, without a recorder;
 * and that what is not known is not told.
 */
#include "tests/unit/hook/harness.h"

#include <pthread.h>

#define CALLS 30000
#define LIVE_MOST 6000
#define BANK_BYTES (1ull << 20)
#define BASE 4096ull
#define UNIT 32ull

struct live {
	uint32_t device; /* as ttalloc_on() makes it */
	uint16_t region, flags;
	uint64_t address, size_bytes, bank_bytes;
};

/* What was reported, block by block. */
struct model {
	struct live live[LIVE_MOST];
	size_t count;
	uint64_t peak_bytes[2][3], peak_bank_bytes[2][3]; /* by chip and region */
};

static struct model model;

static bool is_meant(const struct live *block, uint32_t device, uint16_t region)
{
	return (block->device & 0xFFFF) == (device & 0xFFFF) && block->region == region &&
	       (!(device >> 16) || device == block->device);
}

static struct ttalloc_region_usage expected(uint32_t device, uint16_t region)
{
	struct ttalloc_region_usage usage = {.peak_bytes = model.peak_bytes[device & 1][region],
	                                     .peak_bank_bytes = model.peak_bank_bytes[device & 1][region]};

	for (size_t i = 0; i < model.count; i++) {
		const struct live *block = &model.live[i];

		if (!is_meant(block, device, region) || block->flags & TTALLOC_ALIASED)
			continue;
		usage.live_bytes += block->size_bytes;
		usage.live_bank_bytes += block->bank_bytes;
		usage.live_blocks++;
	}
	return usage;
}

/* The largest run of free units. */
static uint64_t expected_largest(uint32_t device, uint16_t region)
{
	static uint8_t taken[BANK_BYTES / UNIT];
	uint64_t run = 0, largest = 0;

	memset(taken, 0, sizeof(taken));
	for (size_t i = 0; i < model.count; i++) {
		const struct live *block = &model.live[i];

		if (is_meant(block, device, region) && !(block->flags & TTALLOC_ALIASED))
			for (uint64_t at = 0; at < block->bank_bytes; at += UNIT)
				if ((block->address - BASE + at) / UNIT < BANK_BYTES / UNIT)
					taken[(block->address - BASE + at) / UNIT] = 1;
	}
	for (size_t i = 0; i < BANK_BYTES / UNIT; i++) {
		run = taken[i] ? 0 : run + UNIT;
		largest = run > largest ? run : largest;
	}
	return largest;
}

static void drop(size_t at)
{
	model.live[at] = model.live[--model.count];
}

static void note_peak(uint32_t device, uint16_t region)
{
	struct ttalloc_region_usage now = expected(device & 0xFFFF, region);

	if (now.live_bytes > model.peak_bytes[device & 1][region])
		model.peak_bytes[device & 1][region] = now.live_bytes;
	if (now.live_bank_bytes > model.peak_bank_bytes[device & 1][region])
		model.peak_bank_bytes[device & 1][region] = now.live_bank_bytes;
}

static void random_alloc(void)
{
	struct live block = {.device = ttalloc_on((uint32_t)rand() % 2, (uint32_t)rand() % 3),
	                     .region = (uint16_t)(rand() % 2),
	                     .flags = rand() % 20 ? 0 : TTALLOC_ALIASED,
	                     .address = BASE + (uint64_t)(rand() % 2000) * 512,
	                     .size_bytes = 1 + (uint64_t)rand() % 4000};

	block.bank_bytes = 1 + (uint64_t)rand() % 600;
	for (size_t i = model.count; i-- > 0;) /* its free was not seen */
		if (model.live[i].device == block.device && model.live[i].region == block.region &&
		    model.live[i].address == block.address)
			drop(i);
	model.live[model.count++] = block;
	ttalloc_alloc(&(struct ttalloc_block){.device = block.device,
	                                      .region = block.region,
	                                      .flags = block.flags,
	                                      .address = block.address,
	                                      .size_bytes = block.size_bytes,
	                                      .bank_bytes = block.bank_bytes});
	note_peak(block.device, block.region);
}

static void compare(uint32_t device, uint16_t region)
{
	struct ttalloc_region_usage usage = {.struct_size = sizeof(usage)}, wanted = expected(device, region);

	CHILD_CHECK(ttalloc_usage(device, region, &usage));
	CHILD_CHECK(usage.live_bytes == wanted.live_bytes && usage.live_bank_bytes == wanted.live_bank_bytes &&
	            usage.live_blocks == wanted.live_blocks);
	CHILD_CHECK(device >> 16 ||
	            (usage.peak_bytes == wanted.peak_bytes && usage.peak_bank_bytes == wanted.peak_bank_bytes));
	CHILD_CHECK(usage.bank_bytes == BANK_BYTES && usage.banks == 8);
	CHILD_CHECK(usage.largest_free_bytes == expected_largest(device, region));
}

static void open_devices(void)
{
	struct ttalloc_bank_layout layouts[2];

	for (uint16_t i = 0; i < 2; i++)
		layouts[i] = (struct ttalloc_bank_layout){
		    .region = i, .banks = 8, .bank_bytes = BANK_BYTES, .base_address = BASE, .alignment_bytes = UNIT};
	for (uint32_t device = 0; device < 2; device++)
		for (uint32_t allocator = 0; allocator < 3; allocator++)
			ttalloc_device_open(&(struct ttalloc_device){.struct_size = sizeof(struct ttalloc_device),
			                                             .device = ttalloc_on(device, allocator),
			                                             .layouts = layouts,
			                                             .layout_count = 2});
}

static uint64_t live_bytes(uint32_t device, uint16_t region)
{
	struct ttalloc_region_usage usage = {.struct_size = sizeof(usage)};

	CHILD_CHECK(ttalloc_usage(device, region, &usage));
	return usage.live_bytes;
}

/* Blocks of allocator 0 are not freed: which block such a free ends is test_frees' business. */
static void run_random(void *argument)
{
	(void)argument;
	srand(7);
	/* Asked before the first events, so that these are known although the flusher may have sealed them. */
	CHILD_CHECK(live_bytes(0, TTALLOC_DRAM) == 0);
	open_devices();
	for (int i = 0; i < CALLS; i++) {
		if (model.count == LIVE_MOST || (model.count && rand() % 100 < 45)) {
			size_t at = (size_t)rand() % model.count;

			if (model.live[at].device >> 16) {
				ttalloc_free(model.live[at].device, model.live[at].region, model.live[at].address);
				drop(at);
			}
		} else {
			random_alloc();
		}
		if (i % 3000 == 0)
			for (uint32_t device = 0; device < 2; device++)
				for (uint16_t region = 0; region < 2; region++) {
					compare(device, region);
					compare(ttalloc_on(device, 1), region);
				}
	}
	ttalloc_device_close(ttalloc_on(0, 1));
	for (size_t i = model.count; i-- > 0;)
		if (model.live[i].device == ttalloc_on(0, 1))
			drop(i);
	compare(0, TTALLOC_DRAM);
	ttalloc_device_close(0);
	for (size_t i = model.count; i-- > 0;)
		if ((model.live[i].device & 0xFFFF) == 0)
			drop(i);
	compare(0, TTALLOC_DRAM);
	compare(1, TTALLOC_L1);
	CHILD_CHECK(ttalloc_usage_reset_peak(1, TTALLOC_L1));
	model.peak_bytes[1][1] = expected(1, TTALLOC_L1).live_bytes;
	model.peak_bank_bytes[1][1] = expected(1, TTALLOC_L1).live_bank_bytes;
	compare(1, TTALLOC_L1);
}

static void test_random(void **state)
{
	(void)state;
	run_child(run_random, NULL);
	setenv("TTALLOC_USAGE", "1", 1);
	run_child(run_random, NULL);
}

static void report(uint32_t device, uint64_t address, uint64_t size_bytes)
{
	ttalloc_alloc(&(struct ttalloc_block){
	    .device = device, .region = TTALLOC_L1, .address = address, .size_bytes = size_bytes});
}

static void run_frees(void *argument)
{
	(void)argument;
	CHILD_CHECK(live_bytes(3, TTALLOC_L1) == 0);
	report(ttalloc_on(3, 1), 4096, 1);
	report(ttalloc_on(3, 2), 4096, 2);
	report(4, 4096, 4);
	CHILD_CHECK(live_bytes(3, TTALLOC_L1) == 3 && live_bytes(ttalloc_on(3, 2), TTALLOC_L1) == 2);
	ttalloc_free(3, TTALLOC_L1, 4096); /* of no allocator: the youngest */
	CHILD_CHECK(live_bytes(3, TTALLOC_L1) == 1 && live_bytes(4, TTALLOC_L1) == 4);
	ttalloc_free(TTALLOC_ANY, TTALLOC_ANY, 4096);
	CHILD_CHECK(live_bytes(3, TTALLOC_L1) == 1 && live_bytes(4, TTALLOC_L1) == 0);
	ttalloc_free(ttalloc_on(3, 2), TTALLOC_L1, 4096);
	CHILD_CHECK(live_bytes(3, TTALLOC_L1) == 1);
	ttalloc_free(ttalloc_on(3, 1), TTALLOC_DRAM, 4096);
	ttalloc_free(ttalloc_on(3, 1), TTALLOC_L1, 4096);
	CHILD_CHECK(live_bytes(3, TTALLOC_L1) == 0);
}

static void test_frees(void **state)
{
	(void)state;
	run_child(run_frees, NULL);
}

static void run_unknown(void *argument)
{
	struct ttalloc_region_usage usage = {.struct_size = sizeof(usage), .live_bytes = 9};
	bool from_the_beginning = argument != NULL;

	report(1, 4096, 64);
	ttalloc_flush(20000); /* false, once all is sealed: nobody records */
	CHILD_CHECK(ttalloc_usage(1, TTALLOC_L1, &usage) == from_the_beginning);
	CHILD_CHECK(usage.live_bytes == (from_the_beginning ? 64 : 0) && usage.struct_size == sizeof(usage));
	CHILD_CHECK(!ttalloc_usage(1, TTALLOC_CB, &usage) && !ttalloc_usage(1, TTALLOC_KERNEL, &usage));
	ttalloc_lost(1);
	CHILD_CHECK(!ttalloc_usage(1, TTALLOC_L1, &usage) && !ttalloc_usage_reset_peak(1, TTALLOC_L1));
}

static void run_known(void *argument)
{
	struct {
		struct ttalloc_region_usage usage;
		uint64_t behind;
	} old = {.usage = {.struct_size = offsetof(struct ttalloc_region_usage, live_bank_bytes)}, .behind = 5};

	(void)argument;
	CHILD_CHECK(live_bytes(1, TTALLOC_L1) == 0); /* before the first event: all of them will be known */
	ttalloc_flush(20000);
	report(1, 4096, 64);
	old.usage.live_bank_bytes = 7;
	CHILD_CHECK(ttalloc_usage(1, TTALLOC_L1, &old.usage) && old.usage.live_bytes == 64);
	CHILD_CHECK(old.usage.live_bank_bytes == 7 && old.behind == 5); /* beyond its struct_size */
}

static void run_off(void *argument)
{
	struct ttalloc_region_usage usage = {.struct_size = sizeof(usage)};

	(void)argument;
	setenv("TT_ALLOC_TRACKING_ENABLED", "0", 1);
	CHILD_CHECK(!ttalloc_usage(1, TTALLOC_L1, &usage));
}

static void test_unknown(void **state)
{
	(void)state;
	run_child(run_unknown, NULL);
	run_child(run_known, NULL);
	run_child(run_off, NULL);
	setenv("TTALLOC_USAGE", "1", 1);
	run_child(run_unknown, "from the beginning");
}

static void *report_some(void *argument)
{
	uint64_t thread = (uint64_t)(uintptr_t)argument;

	for (uint64_t i = 0; i < 20000; i++) {
		report(1, (thread << 32) + i * 64, 64);
		if (i >= 100)
			ttalloc_free(1, TTALLOC_L1, (thread << 32) + (i - 100) * 64);
	}
	return NULL;
}

static void run_fork(void *argument)
{
	(void)argument;
	report(1, 4096, 64);
	pid_t child = fork();
	if (child == 0) {
		CHILD_CHECK(live_bytes(1, TTALLOC_L1) == 0);
		report(1, 8192, 32);
		CHILD_CHECK(live_bytes(1, TTALLOC_L1) == 32);
		_exit(0);
	}
	CHILD_CHECK(wait_child(child) == 0 && live_bytes(1, TTALLOC_L1) == 64);
}

static void run_threads(void *argument)
{
	pthread_t threads[4];

	(void)argument;
	for (uintptr_t i = 0; i < 4; i++)
		CHILD_CHECK(pthread_create(&threads[i], NULL, report_some, (void *)(i + 1)) == 0);
	for (int i = 0; i < 50; i++)
		CHILD_CHECK(live_bytes(1, TTALLOC_L1) <= 4 * 101 * 64);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHILD_CHECK(live_bytes(1, TTALLOC_L1) == 4 * 100 * 64);
}

static void test_processes(void **state)
{
	(void)state;
	setenv("TTALLOC_USAGE", "1", 1);
	run_child(run_fork, NULL);
	run_child(run_threads, NULL);
}

static int setup(void **state)
{
	unsetenv("TTALLOC_USAGE");
	return place_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_random, setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_frees, setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_unknown, setup, place_teardown),
	    cmocka_unit_test_setup_teardown(test_processes, setup, place_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
