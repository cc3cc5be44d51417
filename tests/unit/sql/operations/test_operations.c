/* SPDX-License-Identifier: Apache-2.0
 *
 * test_operations.c - which operation something belongs to, over random recordings of nested operations of several
 * threads and processes: the same as by brute force, in whatever order it is asked.
 */
#include "tests/unit/sql/ranges.h"

#include "sql/operations/choice.h"
#include "sql/operations/operations.h"

#define PROCESSES 2
#define THREADS 3 /* of each; the last has no operations */
#define KEYS 6000
#define DEPTH 5
#define WHATS 400

struct model {
	struct operation list[KEYS];
	uint32_t thread[KEYS], around[KEYS], what[KEYS];
	size_t count;
	int64_t last_key;
	struct whats {
		uint32_t thread, around, name;
	} whats[WHATS];
	uint32_t what_count;
};

static uint64_t seed;

static uint32_t below(uint32_t limit)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % limit;
}

static uint32_t what_of(struct model *model, uint32_t thread, uint32_t around, uint32_t name)
{
	for (uint32_t i = 0; i < model->what_count; i++)
		if (model->whats[i].thread == thread && model->whats[i].around == around &&
		    model->whats[i].name == name)
			return i + 1;
	assert_true(model->what_count < WHATS);
	model->whats[model->what_count++] = (struct whats){thread, around, name};
	return model->what_count;
}

struct stack {
	size_t open[DEPTH]; /* in model->list */
	size_t depth;
};

static void begin(struct model *model, struct stack *stack, int process, uint32_t thread, int64_t key, int64_t number)
{
	const struct operation *outer = stack->depth ? &model->list[stack->open[stack->depth - 1]] : NULL;
	uint32_t around = outer ? (uint32_t)(number - outer->number) : 0;
	size_t i = model->count++;

	around = around < 60 ? around : 0; /* a dictionary of that size; then the nesting is not known */
	if (outer && !around)
		stack->depth = 0;
	model->thread[i] = thread;
	model->list[i] = (struct operation){.key = key,
	                                    .end_key = OPERATION_OPEN,
	                                    .begin_ns = key * 7,
	                                    .end_ns = OPERATION_OPEN,
	                                    .number = number,
	                                    .process = process,
	                                    .what = what_of(model, thread, around, 1 + below(3))};
	stack->open[stack->depth++] = i;
}

static void end(struct model *model, struct stack *stack, int64_t key)
{
	struct operation *operation = &model->list[stack->open[--stack->depth]];

	operation->end_key = key;
	operation->end_ns = key * 7;
}

/* Random begins and ends; what is left open stays so. */
static void make_process(struct model *model, int process, int64_t first_key)
{
	struct stack stacks[THREADS] = {0};
	int64_t number = 0;

	for (int64_t key = first_key; key < first_key + KEYS / PROCESSES; key++) {
		uint32_t thread = below(THREADS - 1);
		struct stack *stack = &stacks[thread];
		uint32_t wish = below(3);

		if (wish == 0 && stack->depth < DEPTH)
			begin(model, stack, process, (uint32_t)(process * THREADS) + thread + 1, key, ++number);
		else if (wish == 1 && stack->depth > 0)
			end(model, stack, key);
	}
	model->last_key = first_key + KEYS / PROCESSES;
}

static bool ended(const struct operation *operation)
{
	return operation->end_key != OPERATION_OPEN;
}

static void store_process(struct fixture *fixture, const struct model *model, int process)
{
	struct range_record records[RANGE_PAGE_MOST];
	size_t count = 0, most = 1 + below(RANGE_PAGE_MOST);
	int64_t first = 0;

	for (size_t i = 0; i <= model->count; i++) {
		const struct operation *operation = &model->list[i];
		bool of_process = i < model->count && operation->process == process;

		if (count > 0 && (!of_process || !ended(operation) || count == most)) {
			add_page(fixture, process, first, records, count);
			count = 0;
		}
		if (!of_process)
			continue;
		if (!ended(operation)) {
			run(fixture, "INSERT INTO range_open VALUES(%lld, %d, %lld, %lld, %u)", operation->key, process,
			    operation->number, operation->begin_ns, operation->what);
			continue;
		}
		first = count ? first : operation->number;
		records[count++] = (struct range_record){.key = operation->key,
		                                         .life = operation->end_key - operation->key,
		                                         .begin_ns = operation->begin_ns,
		                                         .held_ns = operation->end_ns - operation->begin_ns,
		                                         .what = operation->what};
	}
}

static void store(struct fixture *fixture, const struct model *model)
{
	run(fixture, "BEGIN");
	run(fixture, "INSERT INTO operation_text VALUES(1, 'ns::matmul'), (2, 'tt::create_device_tensor'), (3, 'add')");
	for (int process = 1; process <= PROCESSES; process++) {
		add_process(fixture, process, NULL, 0);
		store_process(fixture, model, process);
	}
	run(fixture, "DELETE FROM thread_info");
	for (int i = 1; i <= (PROCESSES + 1) * THREADS; i++)
		run(fixture, "INSERT INTO thread_info VALUES(%d, %d, 1, %d, 't')", i, (i - 1) / THREADS, i);
	for (uint32_t i = 0; i < model->what_count; i++)
		run(fixture, "INSERT INTO range_what VALUES(%u, %u, NULL, NULL, %u, NULL, nullif(%u, 0), NULL, 0)",
		    i + 1, model->whats[i].thread, model->whats[i].name, model->whats[i].around);
	run(fixture, "COMMIT");
}

/* The innermost by brute force: what was begun last, of those that still ran. A begin whose nesting is not told cuts
 * what is around it off. */
static const struct operation *innermost(const struct model *model, int64_t process, uint32_t thread, int64_t key)
{
	const struct operation *found = NULL;

	for (size_t i = 0; i < model->count; i++) {
		const struct operation *operation = &model->list[i];

		if (operation->process != process || model->thread[i] != thread || operation->key >= key)
			continue;
		if (!model->whats[operation->what - 1].around)
			found = NULL;
		if (operation->end_key > key)
			found = operation;
	}
	return found;
}

static void make(struct fixture *fixture, struct model *model, uint64_t with)
{
	seed = with;
	*model = (struct model){0};
	fixture_make(fixture);
	make_process(model, 1, 1);
	make_process(model, 2, model->last_key);
	store(fixture, model);
	opened(fixture);
}

static struct model model;

static void test_innermost(void **state)
{
	struct fixture fixture;
	struct sql_error error;

	(void)state;
	for (uint64_t with = 1; with <= 6; with++) {
		make(&fixture, &model, with);
		struct operations *operations = operations_open(fixture.recording, &error);
		assert_non_null(operations);
		for (int64_t i = 0; i < 2 * KEYS; i++) {
			/* forwards, backwards, and anywhere */
			int64_t key = 1 + (with % 3 == 0 ? i / 2 : with % 3 == 1 ? KEYS - 1 - i / 2 : below(KEYS));
			int64_t process = 1 + (key > KEYS / PROCESSES);
			uint32_t thread = (uint32_t)process * THREADS + below(THREADS) + 1;
			const struct operation *expected = innermost(&model, process, thread, key);
			struct operation found = {0};

			/* a key of an operation's own begin or end is no event */
			assert_int_equal(operations_at(operations, process, thread, key, &found), expected != NULL);
			assert_int_equal(found.number * (expected != NULL), expected ? expected->number : 0);
			if (expected) {
				assert_int_equal(found.end_key, expected->end_key);
				assert_int_equal(found.begin_ns, expected->begin_ns);
			}
		}
		assert_int_equal(operations_check(operations, &error), 0);
		operations_close(operations);
		fixture_remove(&fixture);
	}
}

static void test_backwards(void **state)
{
	struct fixture fixture;
	struct sql_error error;

	(void)state;
	make(&fixture, &model, 17);
	struct operations *operations = operations_open(fixture.recording, &error);
	size_t seen = 0;
	for (int64_t process = 1; process <= PROCESSES; process++) {
		struct operations_cursor cursor = {0};
		struct operation operation, before = {.end_key = OPERATION_OPEN};

		for (; operations_next(operations, process, &cursor, &operation); seen++) {
			assert_true(operation.end_key <= before.end_key);
			assert_int_equal(operation.process, process);
			before = operation;
		}
		operations_cursor_clear(&cursor);
	}
	assert_int_equal(seen, model.count);
	for (size_t i = 0; i < model.count; i++) {
		struct operation found;

		assert_true(operations_numbered(operations, model.list[i].process, model.list[i].number, &found));
		assert_int_equal(found.key, model.list[i].key);
		assert_int_equal(found.end_ns, model.list[i].end_ns);
	}
	operations_close(operations);
	fixture_remove(&fixture);
}

static bool names_match(const char *op, const char *name)
{
	return strstr(name, op) != NULL;
}

static void test_choice(void **state)
{
	static const char *const texts[] = {"ns::matmul", "tt::create_device_tensor", "add"};
	struct fixture fixture;
	struct sql_error error;

	(void)state;
	make(&fixture, &model, 23);
	struct operations *operations = operations_open(fixture.recording, &error);
	struct operation_choice *choice = operation_choice_new(operations, "matmul", &error);
	assert_non_null(choice);
	for (size_t i = 0; i < model.count; i++)
		assert_int_equal(operation_is_named(choice, &model.list[i]),
		                 names_match("matmul", texts[model.whats[model.list[i].what - 1].name - 1]));
	operation_choice_free(choice);
	assert_null(operation_choice_new(operations, "no such", &error));
	assert_null(operation_choice_new(operations, "999999", &error));
	assert_non_null(strstr(error.text, "999999"));
	operations_close(operations);
	fixture_remove(&fixture);
}

/* Nothing of a file may lead astray: what is impossible is said, and is no operation. */
static void test_damage_is_said(void **state)
{
	static const char *const damages[] = {
	    "UPDATE range_page SET count = 300",        "UPDATE range_page SET whats = x'FF'",
	    "UPDATE range_page SET last_key = key - 1", "UPDATE range_page SET first_number = 1",
	    "UPDATE range_page SET key = -key",
	};
	struct fixture fixture;
	struct sql_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(*damages); i++) {
		make(&fixture, &model, 5);
		run(&fixture, "%s", damages[i]);
		struct operations *operations = operations_open(fixture.recording, &error);
		struct operation found;
		assert_non_null(operations);
		for (uint32_t thread = 0; thread < 3 * THREADS; thread++)
			for (int64_t key = 0; key < KEYS; key += 97)
				operations_at(operations, 1, thread, key, &found);
		struct operations_cursor cursor = {0};
		while (operations_next(operations, 1, &cursor, &found))
			;
		operations_cursor_clear(&cursor);
		assert_int_equal(operations_check(operations, &error), -1);
		operations_close(operations);
		fixture_remove(&fixture);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_innermost),
	    cmocka_unit_test(test_backwards),
	    cmocka_unit_test(test_choice),
	    cmocka_unit_test(test_damage_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
