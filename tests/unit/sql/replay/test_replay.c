/* SPDX-License-Identifier: Apache-2.0
 *
 * test_replay.c - random recordings of a few processes whose batches are not in the order of time, and what the
 * table-valued functions say of them, against the most simple-minded model: every block is looked at for every moment.
 */
#include "tests/unit/sql/fixture.h"

#define PROCESSES 3
#define DEVICES 2
#define EVENTS 160
#define ROUNDS 20
#define NEVER INT64_MAX

struct block {
	int process, device, region;
	bool aliased;
	int64_t address, size_bytes, bank_bytes;
	int64_t alloc_key, alloc_ns, end_key, end_ns; /* end_key NEVER: with its process, or not at all */
	bool by_close;
};

struct model {
	struct block blocks[EVENTS];
	size_t count;
	int64_t process_end_ns[PROCESSES]; /* NEVER: alive */
	int64_t now_ns[PROCESSES];
	int64_t key, end_ns;
};

struct place {
	int64_t at_ns, process, key;
};

static int64_t pick(int64_t below)
{
	return random() % below;
}

static bool is_before(struct place a, struct place b)
{
	if (a.at_ns != b.at_ns)
		return a.at_ns < b.at_ns;
	return a.process != b.process ? a.process < b.process : a.key < b.key;
}

/* ---- Making a recording ---- */

static bool is_live(const struct block *block)
{
	return block->end_key == NEVER;
}

static void end_block(struct model *model, struct block *block, bool by_close)
{
	block->end_key = model->key;
	block->end_ns = model->now_ns[block->process];
	block->by_close = by_close;
}

static void close_device(struct model *model, int process, int device)
{
	for (size_t i = 0; i < model->count; i++)
		if (is_live(&model->blocks[i]) && model->blocks[i].process == process &&
		    model->blocks[i].device == device)
			end_block(model, &model->blocks[i], true);
}

static void one_event(struct model *model, int process)
{
	size_t chosen = (size_t)pick((int64_t)model->count + 1);

	model->key++;
	model->now_ns[process] += pick(4); /* several events in one nanosecond */
	if (pick(40) == 0) {
		close_device(model, process, (int)pick(DEVICES));
	} else if (chosen < model->count && is_live(&model->blocks[chosen]) &&
	           model->blocks[chosen].process == process) {
		end_block(model, &model->blocks[chosen], false);
	} else if (model->count < EVENTS) {
		model->blocks[model->count++] = (struct block){.process = process,
		                                               .device = (int)pick(DEVICES),
		                                               .region = (int)pick(2),
		                                               .aliased = pick(8) == 0,
		                                               .address = model->key * 64,
		                                               .size_bytes = pick(6),
		                                               .bank_bytes = pick(6),
		                                               .alloc_key = model->key,
		                                               .alloc_ns = model->now_ns[process],
		                                               .end_key = NEVER,
		                                               .end_ns = NEVER};
	}
}

static int origin_of(const struct block *block)
{
	return 1 + ((block->process * DEVICES + block->device) * 2 + block->region) * 2 + block->aliased;
}

static void store_block(struct fixture *fixture, const struct block *block)
{
	if (block->end_key != NEVER && !block->by_close)
		run(fixture, "INSERT INTO freed VALUES(%lld, %lld, %lld, %lld, %lld, %lld, %lld, %d, NULL)",
		    block->end_key, block->end_key - block->alloc_key, block->end_ns, block->end_ns - block->alloc_ns,
		    block->address, block->size_bytes, block->bank_bytes, origin_of(block));
	else
		run(fixture,
		    "INSERT INTO held VALUES(%lld, %lld, %lld, %lld, %lld, %d, nullif(%lld, -1), nullif(%lld, -1))",
		    block->alloc_key, block->alloc_ns, block->address, block->size_bytes, block->bank_bytes,
		    origin_of(block), block->by_close ? block->end_key : -1, block->by_close ? block->end_ns : -1);
}

static void store(struct fixture *fixture, struct model *model)
{
	for (int process = 0; process < PROCESSES; process++) {
		if (pick(2)) {
			model->process_end_ns[process] = model->now_ns[process] + pick(3);
			add_process(fixture, process + 1, "process exit", (int)model->process_end_ns[process]);
		} else {
			model->process_end_ns[process] = NEVER;
			add_process(fixture, process + 1, NULL, 0);
		}
		if (model->now_ns[process] + 3 > model->end_ns)
			model->end_ns = model->now_ns[process] + 3;
	}
	for (size_t i = 0; i < model->count; i++) {
		const struct block *block = &model->blocks[i];

		run(fixture, "INSERT OR IGNORE INTO origin VALUES(%d, %d, %d, NULL, NULL, %d, %d, 0, %d, 0)",
		    origin_of(block), block->process + 1, block->process + 1, block->device, block->region,
		    block->aliased ? 4 : 0);
		store_block(fixture, block);
	}
	/* as a recorder that is killed in between leaves it: nothing is kept ready */
	run(fixture, "INSERT INTO region_usage SELECT DISTINCT device, region, 0 FROM origin");
	run(fixture, "UPDATE recording_info SET end_ns = %lld", model->end_ns);
}

static void make(struct fixture *fixture, struct model *model)
{
	*model = (struct model){.key = 0};
	fixture_make(fixture);
	run(fixture, "BEGIN");
	for (int events = 0; events < EVENTS;) {
		int process = (int)pick(PROCESSES), batch = 1 + (int)pick(12);
		int64_t first_key = model->key + 1;

		for (int i = 0; i < batch; i++, events++)
			one_event(model, process);
		run(fixture, "INSERT INTO batch VALUES(%lld, %lld, %d, %lld, %d, 0, %lld, 0)", first_key, model->key,
		    process + 1, first_key, batch, model->now_ns[process]);
	}
	store(fixture, model);
	run(fixture, "COMMIT");
	opened(fixture);
}

/* ---- The model's answers ---- */

struct window {
	int64_t start_ns, end_ns;
	int device; /* -1: any */
};

static struct place end_of(const struct model *model, const struct block *block)
{
	if (block->end_key != NEVER)
		return (struct place){block->end_ns, block->process, block->end_key};
	return (struct place){model->process_end_ns[block->process], block->process, NEVER};
}

static struct place start_of(const struct block *block)
{
	return (struct place){block->alloc_ns, block->process, block->alloc_key};
}

static bool in_series(const struct block *block, int device, int region)
{
	return block->device == device && block->region == region;
}

/* What is live right after PLACE: bytes, bank bytes, blocks. */
static void level_at(const struct model *model, int device, int region, struct place place, int64_t level[3])
{
	level[0] = level[1] = level[2] = 0;
	for (size_t i = 0; i < model->count; i++) {
		const struct block *block = &model->blocks[i];

		if (block->aliased || !in_series(block, device, region) || is_before(place, start_of(block)) ||
		    !is_before(place, end_of(model, block)))
			continue;
		level[0] += block->size_bytes;
		level[1] += block->bank_bytes;
		level[2]++;
	}
}

static void take_peak(const struct model *model, int device, int region, struct place place, int64_t at_ns,
                      int64_t peak[5], struct place best[2], bool *any)
{
	int64_t level[3];

	level_at(model, device, region, place, level);
	if (!*any || level[0] > peak[0] || (level[0] == peak[0] && is_before(place, best[0]))) {
		peak[0] = level[0], peak[1] = at_ns, peak[2] = level[2];
		best[0] = place;
	}
	if (!*any || level[1] > peak[3] || (level[1] == peak[3] && is_before(place, best[1]))) {
		peak[3] = level[1], peak[4] = at_ns;
		best[1] = place;
	}
	*any = true;
}

static void expect_peak(FILE *out, const struct model *model, int device, int region, struct window window)
{
	int64_t peak[5] = {0};
	struct place best[2] = {{0, 0, 0}};
	bool any = false;

	for (size_t i = 0; i < model->count; i++) {
		const struct block *block = &model->blocks[i];
		struct place places[] = {start_of(block), end_of(model, block)};

		if (!in_series(block, device, region))
			continue;
		/* what was live when the window began */
		if (places[0].at_ns < window.start_ns && places[1].at_ns >= window.start_ns)
			take_peak(model, device, region, (struct place){window.start_ns, -1, -1}, window.start_ns, peak,
			          best, &any);
		for (int j = 0; j < 2; j++)
			if (places[j].at_ns >= window.start_ns && places[j].at_ns <= window.end_ns &&
			    places[j].at_ns != NEVER)
				take_peak(model, device, region, places[j], places[j].at_ns, peak, best, &any);
	}
	if (any)
		fprintf(out, "%d|%d|%lld|%lld|%lld|%lld|%lld\n", device, region, (long long)peak[0], (long long)peak[1],
		        (long long)peak[2], (long long)peak[3], (long long)peak[4]);
}

static char *for_each_series(const struct model *model, struct window window,
                             void (*each)(FILE *, const struct model *, int, int, struct window))
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	for (int device = 0; device < DEVICES; device++)
		for (int region = 0; region < 2; region++)
			if (window.device < 0 || window.device == device)
				each(out, model, device, region, window);
	fclose(out);
	return text;
}

/* The filter's parameters, as the functions take them after their own. */
static const char *parameters(struct window window)
{
	static char text[160];
	char device[16] = "NULL";

	if (window.device >= 0)
		snprintf(device, sizeof(device), "%d", window.device);
	snprintf(text, sizeof(text), "%s, NULL, NULL, NULL, %lld, %lld", device, (long long)window.start_ns,
	         (long long)window.end_ns);
	return text;
}

static void compare(struct fixture *fixture, char *expected, const char *before, const char *between, const char *after)
{
	char sql[512];

	snprintf(sql, sizeof(sql), "%s%s%s", before, between, after);
	expect_answer(fixture, sql, expected);
	free(expected);
}

/* ---- The tests ---- */

static struct window pick_window(const struct model *model)
{
	struct window window = {.start_ns = pick(model->end_ns), .device = (int)pick(DEVICES + 1) - 1};

	window.end_ns = window.start_ns + pick(model->end_ns - window.start_ns + 1);
	return window;
}

static void test_peaks(void **state)
{
	struct fixture fixture;
	struct model model;

	(void)state;
	srandom(11);
	for (int round = 0; round < ROUNDS; round++) {
		struct window all = {.start_ns = INT64_MIN, .end_ns = NEVER, .device = -1};

		make(&fixture, &model);
		struct window some = pick_window(&model);
		/* unfiltered ones are joined with spans, of which there are none */
		expect_answer(&fixture, "SELECT count(*) FROM span", "0\n");
		compare(&fixture, for_each_series(&model, all, expect_peak), "SELECT * FROM peaks(", "", ")");
		compare(&fixture, for_each_series(&model, some, expect_peak), "SELECT * FROM peaks(", parameters(some),
		        ")");
		fixture_remove(&fixture);
	}
}

static int64_t at_ns_of_live;

static void expect_live(FILE *out, const struct model *model, int device, int region, struct window window)
{
	const struct place place = {at_ns_of_live, PROCESSES, NEVER};

	(void)window;
	for (size_t i = 0; i < model->count; i++) {
		const struct block *block = &model->blocks[i];

		if (in_series(block, device, region) && !is_before(place, start_of(block)) &&
		    is_before(place, end_of(model, block)))
			fprintf(out, "%lld|%lld\n", (long long)block->alloc_key, (long long)block->size_bytes);
	}
}

static void test_live_blocks(void **state)
{
	struct fixture fixture;
	struct model model;

	(void)state;
	srandom(12);
	for (int round = 0; round < ROUNDS; round++) {
		struct window all = {.start_ns = INT64_MIN, .end_ns = NEVER, .device = -1};
		char at_ns[24];

		make(&fixture, &model);
		at_ns_of_live = pick(model.end_ns + 1);
		snprintf(at_ns, sizeof(at_ns), "%lld", (long long)at_ns_of_live);
		compare(&fixture, for_each_series(&model, all, expect_live), "SELECT key, size_bytes FROM live_blocks(",
		        at_ns, ") ORDER BY device, region, key");
		fixture_remove(&fixture);
	}
}

#define BUCKETS 7

static void expect_bucket(FILE *out, const struct model *model, int device, int region, int64_t from_ns, int64_t to_ns,
                          bool last)
{
	/* up to the start of the bucket, and up to its end */
	const struct place start = {from_ns, -1, -1}, end = {last ? to_ns : to_ns - 1, PROCESSES, NEVER};
	int64_t max_bytes, level[3], allocs = 0, frees = 0;

	level_at(model, device, region, start, level);
	max_bytes = level[0];
	for (size_t i = 0; i < model->count; i++) {
		const struct block *block = &model->blocks[i];
		const struct place places[] = {start_of(block), end_of(model, block)};

		for (int j = 0; in_series(block, device, region) && j < 2; j++) {
			if (is_before(places[j], start) || is_before(end, places[j]))
				continue;
			level_at(model, device, region, places[j], level);
			max_bytes = level[0] > max_bytes ? level[0] : max_bytes;
			allocs += j == 0;
			frees += j == 1 && block->end_key != NEVER && !block->by_close;
		}
	}
	level_at(model, device, region, end, level);
	fprintf(out, "%d|%d|%lld|%lld|%lld|%lld|%lld|%lld\n", device, region, (long long)from_ns, (long long)to_ns,
	        (long long)max_bytes, (long long)level[0], (long long)allocs, (long long)frees);
}

static void expect_buckets(FILE *out, const struct model *model, int device, int region, struct window window)
{
	int64_t length_ns = window.end_ns - window.start_ns;
	bool any = false;

	for (size_t i = 0; i < model->count; i++)
		any |= in_series(&model->blocks[i], device, region) && model->blocks[i].alloc_ns <= window.end_ns &&
		       end_of(model, &model->blocks[i]).at_ns >= window.start_ns;
	for (int i = 0; any && i < BUCKETS; i++)
		expect_bucket(out, model, device, region, window.start_ns + length_ns * i / BUCKETS,
		              window.start_ns + length_ns * (i + 1) / BUCKETS, i == BUCKETS - 1);
}

static void test_buckets(void **state)
{
	struct fixture fixture;
	struct model model;

	(void)state;
	srandom(13);
	for (int round = 0; round < ROUNDS; round++) {
		make(&fixture, &model);
		struct window all = {.start_ns = 0, .end_ns = model.end_ns, .device = -1}, some = pick_window(&model);

		compare(&fixture, for_each_series(&model, all, expect_buckets), "SELECT * FROM buckets(7", "", ")");
		compare(&fixture, for_each_series(&model, some, expect_buckets), "SELECT * FROM buckets(7, ",
		        parameters(some), ")");
		fixture_remove(&fixture);
	}
}

/* Rows that make no sense are an error, not a crash, and name the remedy. */
static void test_corrupt(void **state)
{
	static const char *const damages[] = {
	    "UPDATE freed SET life = key + 5 WHERE key = (SELECT max(key) FROM freed)",
	    "UPDATE freed SET life = -9223372036854775807",
	    "UPDATE freed SET origin = 9999999",
	    "UPDATE held SET origin = -1",
	    "UPDATE origin SET process = 77",
	    "UPDATE origin SET id = 4611686018427387904 WHERE id = (SELECT max(id) FROM origin)",
	    "UPDATE batch SET last_key = last_key + 1",
	    "UPDATE batch SET process = process % 3 + 1",
	};
	struct fixture fixture;
	struct model model;

	(void)state;
	srandom(14);
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		struct sql_error error = {.text = ""};

		make(&fixture, &model);
		run(&fixture, "%s", damages[i]);
		struct query_run *query = query_start_sql(fixture.recording, "SELECT * FROM buckets(5)", &error);
		assert_non_null(query);
		if (query_next(query, &error) >= 0 || !strstr(error.text, "corrupt"))
			fail_msg("%s: '%s'", damages[i], error.text);
		query_finish(query);
		recording_release(fixture.recording);
		char *found = answer(&fixture, "SELECT count(*) > 0 FROM findings()");
		assert_string_equal(found, "1\n");
		free(found);
		fixture_remove(&fixture);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_peaks),
	    cmocka_unit_test(test_live_blocks),
	    cmocka_unit_test(test_buckets),
	    cmocka_unit_test(test_corrupt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
