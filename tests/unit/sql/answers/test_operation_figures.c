/* SPDX-License-Identifier: Apache-2.0
 *
 * test_operation_figures.c - what operations did to memory, and what ranges of labels did, over random recordings of
 * two processes on one device: the same as by going forwards and looking at everything.
 */
#include "tests/unit/sql/ranges.h"

#define KEYS 900
#define THREADS 2 /* of each process */
#define BLOCKS 400
#define OPERATIONS 400
#define DEPTH 4

/* Thread t of process p has number 2 * p + t - 1, and allocates with the origins 2 * number - 1 (DRAM) and 2 * number
 * (L1). */
struct block {
	int64_t key, end_key, bytes;
	int thread, region; /* 0 DRAM, 1 L1 */
};

struct operation {
	int64_t key, end_key, number;
	int thread;
	size_t around; /* plus 1; 0: none */
	int64_t before[2], most[2], after[2], left[2];
};

static struct block blocks[BLOCKS];
static struct operation operations[OPERATIONS];
static size_t block_count, operation_count, stack[2 * THREADS][DEPTH], depth[2 * THREADS];
static int64_t level[2], numbered[2];
static bool are_labels; /* the operations are stored as ranges of labels, which have no numbers */
static uint64_t seed;

static uint32_t below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % limit;
}

static void see(void)
{
	for (size_t i = 0; i < operation_count; i++)
		for (int region = 0; region < 2 && !operations[i].end_key; region++)
			if (level[region] > operations[i].most[region])
				operations[i].most[region] = level[region];
}

static void allocate(int64_t key, int thread)
{
	int region = (int)below(2);
	int64_t bytes = 1 + below(1000);

	blocks[block_count++] = (struct block){.key = key, .bytes = bytes, .thread = thread, .region = region};
	level[region] += bytes;
	for (size_t i = 0; i < depth[thread]; i++)
		operations[stack[thread][i]].left[region] += bytes;
}

/* Any block of the process, whichever thread frees it. */
static void release(int64_t key, int thread)
{
	for (int tries = 0; block_count && tries < 8; tries++) {
		struct block *block = &blocks[below((uint32_t)block_count)];

		if (block->end_key || block->thread / THREADS != thread / THREADS)
			continue;
		block->end_key = key;
		level[block->region] -= block->bytes;
		for (size_t i = 0; i < depth[block->thread]; i++)
			if (operations[stack[block->thread][i]].key < block->key)
				operations[stack[block->thread][i]].left[block->region] -= block->bytes;
		return;
	}
}

static void begin(int64_t key, int thread)
{
	struct operation *operation = &operations[operation_count];

	*operation = (struct operation){.key = key,
	                                .number = ++numbered[thread / THREADS],
	                                .thread = thread,
	                                .around = depth[thread] ? stack[thread][depth[thread] - 1] + 1 : 0};
	memcpy(operation->before, level, sizeof(level));
	memcpy(operation->most, level, sizeof(level));
	stack[thread][depth[thread]++] = operation_count++;
}

static void end(int64_t key, int thread)
{
	struct operation *operation = &operations[stack[thread][--depth[thread]]];

	operation->end_key = key;
	memcpy(operation->after, level, sizeof(level));
}

static void make(uint64_t with)
{
	seed = with;
	block_count = operation_count = 0;
	memset(depth, 0, sizeof(depth));
	memset(level, 0, sizeof(level));
	memset(numbered, 0, sizeof(numbered));
	for (int64_t key = 1; key <= KEYS; key++) {
		int thread = (int)below(2 * THREADS);

		switch (below(4)) {
		case 0:
			allocate(key, thread);
			break;
		case 1:
			release(key, thread);
			break;
		case 2:
			if (depth[thread] < DEPTH)
				begin(key, thread);
			break;
		default:
			if (depth[thread] > 0)
				end(key, thread);
		}
		see();
	}
	for (size_t i = 0; i < operation_count; i++)
		if (!operations[i].end_key)
			memcpy(operations[i].after, level, sizeof(level));
}

static void store_blocks(struct fixture *fixture)
{
	for (size_t i = 0; i < block_count; i++) {
		const struct block *block = &blocks[i];
		int origin = 2 * block->thread + 1 + block->region;

		if (block->end_key)
			run(fixture, "INSERT INTO freed VALUES(%lld, %lld, %lld, %lld, 64, %lld, NULL, %d, NULL)",
			    block->end_key, block->end_key - block->key, block->end_key, block->end_key - block->key,
			    block->bytes, origin);
		else
			run(fixture, "INSERT INTO held VALUES(%lld, %lld, 64, %lld, NULL, %d, NULL, NULL)", block->key,
			    block->key, block->bytes, origin);
	}
}

/* Each a page and a dictionary row of its own. */
static void store_operations(struct fixture *fixture)
{
	run(fixture, "INSERT INTO operation_text VALUES(1, 'add')");
	run(fixture, "INSERT INTO label_info VALUES(1, NULL, 'forward', 'forward')");
	for (size_t i = 0; i < operation_count; i++) {
		const struct operation *operation = &operations[i];
		int process = operation->thread / THREADS + 1;
		int64_t around = operation->around ? operation->number - operations[operation->around - 1].number : 0;
		struct range_record record = {operation->key, operation->end_key - operation->key, operation->key,
		                              operation->end_key - operation->key, (uint32_t)i + 1};

		if (are_labels)
			run(fixture, "INSERT INTO range_what VALUES(%d, %d, 1, NULL, NULL, NULL, NULL, NULL, 0)",
			    (int)i + 1, operation->thread + 1);
		else
			run(fixture,
			    "INSERT INTO range_what VALUES(%d, %d, NULL, NULL, 1, NULL, nullif(%lld, 0), NULL, 0)",
			    (int)i + 1, operation->thread + 1, around);
		if (operation->end_key)
			add_page(fixture, process, are_labels ? 0 : operation->number, &record, 1);
		else
			run(fixture, "INSERT INTO range_open VALUES(%lld, %d, nullif(%lld, 0), %lld, %d)",
			    operation->key, process, are_labels ? 0LL : (long long)operation->number, operation->key,
			    (int)i + 1);
	}
}

static void store(struct fixture *fixture)
{
	fixture_make(fixture);
	run(fixture, "BEGIN");
	for (int process = 1; process <= 2; process++)
		add_process(fixture, process, NULL, 0);
	run(fixture, "DELETE FROM thread_info");
	for (int thread = 0; thread < 2 * THREADS; thread++) {
		run(fixture, "INSERT INTO thread_info VALUES(%d, %d, 1, %d, 't')", thread + 1, thread / THREADS + 1,
		    thread);
		for (int region = 0; region < 2; region++)
			run(fixture, "INSERT INTO origin VALUES(%d, %d, %d, NULL, NULL, 0, %d, 0, 0, 0)",
			    2 * thread + 1 + region, thread / THREADS + 1, thread + 1, region);
	}
	store_blocks(fixture);
	store_operations(fixture);
	run(fixture, "COMMIT");
}

/* Which keys are whose follows from the blocks and operations; what is neither is the first process's. */
static void store_batches(struct fixture *fixture)
{
	int owner[KEYS + 1] = {0};

	for (size_t i = 0; i < block_count; i++) {
		owner[blocks[i].key] = blocks[i].thread / THREADS;
		owner[blocks[i].end_key] = blocks[i].thread / THREADS;
	}
	for (int key = 1; key <= KEYS; key++)
		run(fixture, "INSERT INTO batch VALUES(%d, %d, %d, %d, 1, %d, %d, 0)", key, key, owner[key] + 1, key,
		    key, key);
}

static char *expected(void)
{
	size_t bytes = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &bytes);

	for (int process = 0; process < 2; process++)
		for (size_t i = 0; i < operation_count; i++) {
			const struct operation *o = &operations[i];

			if (o->thread / THREADS == process)
				fprintf(out, "%d|%lld|%lld|%lld|%lld|%lld|%lld|%lld|%lld|%lld\n", process + 1,
				        (long long)o->number, (long long)o->before[1], (long long)o->most[1],
				        (long long)o->after[1], (long long)o->left[1], (long long)o->before[0],
				        (long long)o->most[0], (long long)o->after[0], (long long)o->left[0]);
		}
	fclose(out);
	return text;
}

static void expect_figures(const char *function, uint64_t with)
{
	struct fixture fixture;
	char sql[512], *text;

	make(with);
	store(&fixture);
	run(&fixture, "BEGIN");
	store_batches(&fixture);
	run(&fixture, "COMMIT");
	opened(&fixture);
	text = expected();
	assert_true(operation_count > 100);
	snprintf(sql, sizeof(sql),
	         "SELECT process, row_number() OVER (PARTITION BY process ORDER BY key), l1_before_bytes, "
	         "l1_peak_bytes, l1_after_bytes, l1_left_bytes, dram_before_bytes, dram_peak_bytes, dram_after_bytes, "
	         "dram_left_bytes FROM %s() ORDER BY process, key",
	         function);
	expect_answer(&fixture, sql, text);
	free(text);
	fixture_remove(&fixture);
}

static void test_operations_against_brute_force(void **state)
{
	(void)state;
	are_labels = false;
	for (uint64_t with = 1; with <= 5; with++)
		expect_figures("operation_figures", with);
}

static void test_ranges_against_brute_force(void **state)
{
	(void)state;
	are_labels = true;
	for (uint64_t with = 1; with <= 5; with++)
		expect_figures("range_figures", with);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_operations_against_brute_force),
	    cmocka_unit_test(test_ranges_against_brute_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
