/* SPDX-License-Identifier: Apache-2.0
 *
 * test_query.c - declarations of query files, and running queries: the built-in ones over a recording without events,
 * and statements that a recording refuses.
 */
#include "tests/unit/sql/fixture.h"
#include "sql/answers/query_file.h"

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	fixture_make(fixture);
	opened(fixture);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	fixture_remove(*state);
	free(*state);
	return 0;
}

static void test_declaration(void **state)
{
	static const char text[] = "-- SPDX-License-Identifier: Apache-2.0\n"
	                           "-- A plain comment\n"
	                           "-- summary: big blocks\n"
	                           "-- about: one\n"
	                           "-- about: two\n"
	                           "-- param: least size 1.5MiB no smaller than this\n"
	                           "-- param: how choice(a|b) required a or b\n"
	                           "-- filters: device step\n"
	                           "-- column: bytes bytes,derived payload\n"
	                           "-- exit: nonempty\n"
	                           "-- notes: SELECT 'n'\n"
	                           "SELECT 1\n"
	                           "-- with: how\n"
	                           "SELECT 2\n\n"
	                           "-- notes:\n"
	                           "SELECT 'm'\n"
	                           "WHERE 1;\n"
	                           "-- refuse:\n"
	                           "SELECT 'no'\n";
	struct query_file parsed;
	struct sql_error error;

	(void)state;
	assert_int_equal(query_file_parse(&parsed, "dir/big.sql", text, &error), 0);
	assert_string_equal(parsed.query.name, "big");
	assert_string_equal(parsed.query.summary, "big blocks");
	assert_string_equal(parsed.query.about, "one\ntwo");
	assert_string_equal(parsed.query.filters, "device step");
	assert_string_equal(parsed.query.notes, "SELECT 'n'\nUNION ALL SELECT 'm'\nWHERE 1");
	assert_string_equal(parsed.query.refuse, "SELECT 'no'");
	assert_string_equal(parsed.query.body, "SELECT 1");
	assert_int_equal(parsed.query.other_count, 1);
	assert_string_equal(parsed.query.others[0].body, "SELECT 2\n");
	assert_string_equal(parsed.query.others[0].param, "how");
	assert_true(parsed.query.exit_nonempty);
	assert_int_equal(parsed.query.param_count, 2);
	assert_int_equal(parsed.query.params[0].type, QUERY_SIZE);
	assert_string_equal(parsed.query.params[0].fallback, "1.5MiB");
	assert_string_equal(parsed.query.params[0].help, "no smaller than this");
	assert_string_equal(parsed.query.params[1].choices, "a|b");
	assert_true(parsed.query.params[1].required);
	assert_int_equal(parsed.query.column_count, 1);
	assert_string_equal(parsed.query.columns[0].unit, "bytes");
	assert_int_equal(parsed.query.columns[0].rank, QUERY_RANK_DERIVED);
	assert_int_equal(parsed.query.show.rows, 20);
	query_file_clear(&parsed);
}

/* What a table makes of an answer is the query's to say, whoever wrote it. */
static void test_shown(void **state)
{
	static const char text[] =
	    "-- param: n integer 100 how many\n-- tables: n 10\n-- rows: 5 of each device,region\n"
	    "-- show: list known\n-- trim: idle\n-- fold: runtime devices\n-- empty: none there\n"
	    "-- exit: nonempty always\n-- files: old new\nSELECT 1\n";
	struct query_file parsed;
	struct sql_error error;

	(void)state;
	assert_int_equal(query_file_parse(&parsed, "q.sql", text, &error), 0);
	const struct query_show *show = &parsed.query.show;
	assert_string_equal(show->param, "n");
	assert_string_equal(show->fallback, "10");
	assert_int_equal(show->rows, 5);
	assert_string_equal(show->each, "device,region");
	assert_true(show->list && show->known && show->trim && show->fold_runtime && show->fold_devices);
	assert_string_equal(show->empty, "none there");
	assert_true(parsed.query.exit_always && parsed.query.two_files);
	query_file_clear(&parsed);
}

static void test_bad_declarations(void **state)
{
	static const struct {
		const char *text, *where;
	} cases[] = {
	    {"-- summary: x\n-- param: a\nSELECT 1", "q.sql:2: "},
	    {"-- param: a number 1 x\nSELECT 1", "q.sql:1: "},
	    {"-- param: a integer 1 x\n-- param: a integer 1 x\nSELECT 1", "q.sql:2: "},
	    {"\n\n-- column: a furlongs x\nSELECT 1", "q.sql:3: "},
	    {"-- filters: device planet\nSELECT 1", "q.sql:1: "},
	    {"-- sumary: x\nSELECT 1", "q.sql:1: "},
	    {"-- format: svg\nSELECT 1", "q.sql:1: "},
	    {"-- exit: never\nSELECT 1", "q.sql:1: "},
	    {"-- summary: x\n", "q.sql:1: "},
	    {"-- summary: x\nSELECT 1\n-- with: y\nSELECT 2", "q.sql:3: "},
	    {"-- param: 1a integer - x\nSELECT 1", "q.sql:1: "},
	    {"-- param: a choice() - x\nSELECT 1", "q.sql:1: "},
	    {"-- column: a bytes,loud x\nSELECT 1", "q.sql:1: "},
	    {"-- rows: many\nSELECT 1", "q.sql:1: "},
	    {"-- exit: above\nSELECT 1", "q.sql:1: "},
	    {"-- rows: 5 of all\nSELECT 1", "q.sql:1: "},
	    {"-- show: pie\nSELECT 1", "q.sql:1: "},
	    {"-- fold: paper\nSELECT 1", "q.sql:1: "},
	    {"-- tables: n\nSELECT 1", "q.sql:1: "},
	    {"-- tables: n 1\nSELECT 1", "q.sql:2: "},
	    {"-- notes:\nSELECT 1", "q.sql:1: "},
	    {"SELECT 1\n-- notes: SELECT 2\n", "q.sql:2: "},
	    {"-- param: by attribution(x - y\nSELECT 1", "q.sql:1: "},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct query_file parsed;
		struct sql_error error = {.text = ""};

		assert_int_equal(query_file_parse(&parsed, "q.sql", cases[i].text, &error), -1);
		if (strncmp(error.text, cases[i].where, strlen(cases[i].where)) != 0)
			fail_msg("case %zu: %s", i, error.text);
		query_file_clear(&parsed);
	}
}

/* A value with which OTHER answers. */
static struct query_value value_for(const struct query *query, const struct query_other *other)
{
	for (size_t i = 0; i < query->param_count; i++)
		if (strcmp(query->params[i].name, other->param) == 0 && query->params[i].type == QUERY_INTEGER)
			return (struct query_value){.name = other->param, .type = QUERY_INTEGER, .number = 2};
	return (struct query_value){
	    .name = other->param, .type = QUERY_CHOICE, .text = other->value ? other->value : "label"};
}

/* Starts QUERY with what it requires and runs it to its end; returns the rows. */
static int run_query(struct fixture *fixture, const struct query *query, const struct query_value *values, size_t count)
{
	struct sql_error error = {.text = ""};
	struct query_run *started = query_start(fixture->recording, query, values, count, &error);
	int state = -1, rows = 0;

	while (started && (state = query_next(started, &error)) == 1)
		rows++;
	if (state < 0)
		fail_msg("%s: %s", query->name, error.text);
	query_finish(started);
	recording_release(fixture->recording);
	return rows;
}

/* What QUERY refuses to answer. */
static void check_refused(struct fixture *fixture, const struct query *query, const struct query_value *values,
                          size_t count, const char *part)
{
	struct sql_error error = {.text = ""};
	struct query_run *started = query_start(fixture->recording, query, values, count, &error);

	assert_non_null(started);
	assert_int_equal(query_next(started, &error), -1);
	if (!strstr(error.text, part))
		fail_msg("'%s' does not say '%s'", error.text, part);
	query_finish(started);
	recording_release(fixture->recording);
}

/* What --by means comes with its words, its help, and what it refuses and notes, before and behind the query's own. */
static void test_attribution(void **state)
{
	static const char text[] = "-- param: by attribution(core) label sum up by this\n-- about: mine\n"
	                           "-- column: group text it\n-- column: bytes bytes payload\n"
	                           "SELECT attribution(:by, 0, 0, 7) AS \"group\", 1 AS bytes\n"
	                           "-- notes:\nSELECT 'own'\n";
	const struct query_value size = {.name = "by", .type = QUERY_CHOICE, .text = "size"};
	const struct query_value core = {.name = "by", .type = QUERY_CHOICE, .text = "core"};
	struct fixture *fixture = *state;
	struct sql_error error;
	struct query_file parsed;

	assert_int_equal(query_file_parse(&parsed, "q.sql", text, &error), 0);
	assert_non_null(strstr(parsed.query.params[0].choices, "label|stack|"));
	assert_non_null(strstr(parsed.query.params[0].choices, "|step|core"));
	assert_non_null(strstr(parsed.query.about, "\nmine"));
	assert_non_null(strstr(parsed.query.refuse, "stack_missing()"));
	assert_non_null(strstr(parsed.query.notes, "\nUNION ALL SELECT 'own'"));
	assert_int_equal(run_query(fixture, &parsed.query, &size, 1), 1);
	check_refused(fixture, &parsed.query, &core, 1, "not a word of --by");
	query_file_clear(&parsed);
	assert_int_equal(query_file_parse(&parsed, "q.sql", "-- param: of attribution - x\nSELECT 1\n", &error), -1);
	query_file_clear(&parsed);
}

/* Each has a summary, a unit for every column, and answers a recording without events, with all its filters. */
static void test_built_in(void **state)
{
	struct fixture *fixture = *state;
	const struct query *query;
	struct sql_error error;
	size_t count = 0;

	assert_int_equal(recording_attach_old(fixture->recording, fixture->path, &error), 0);
	for (; (query = query_builtin(count)); count++) {
		const struct query_value values[] = {{.name = "device", .type = QUERY_INTEGER, .number = 0},
		                                     {.name = "region", .type = QUERY_REGION, .text = "L1"},
		                                     {.name = "label", .type = QUERY_TEXT, .text = "a*"}};
		struct query_value given[3];
		size_t given_count = 0;

		for (size_t i = 0; i < 3; i++) /* each with those that it declares */
			if (strstr(query->filters, values[i].name))
				given[given_count++] = values[i];
		assert_true(query->summary[0] != '\0');
		assert_true(query->column_count > 0);
		if (strcmp(query->name, "why") == 0) {
			check_refused(fixture, query, NULL, 0, "no failed request is recorded");
			continue;
		}
		int rows = run_query(fixture, query, NULL, 0);

		bool of_file = strcmp(query->name, "info") == 0 || strcmp(query->name, "summary") == 0 ||
		               strcmp(query->name, "room") == 0;
		assert_true(of_file ? rows >= 1 : rows == 0);
		if (query->filters[0] != '\0')
			assert_int_equal(run_query(fixture, query, given, given_count), 0);
		for (size_t i = 0; i < query->other_count; i++) {
			const struct query_other *other = &query->others[i];
			const struct query_value by = value_for(query, other);

			assert_int_equal(run_query(fixture, query, &by, 1), 0);
		}
	}
	assert_true(count >= 10);
}

static void refuse(struct fixture *fixture, const struct query *query, const struct query_value *values, size_t count,
                   const char *part)
{
	struct sql_error error = {.text = ""};

	assert_null(query_start(fixture->recording, query, values, count, &error));
	if (!strstr(error.text, part))
		fail_msg("'%s' does not say '%s'", error.text, part);
	recording_release(fixture->recording);
}

static void test_values(void **state)
{
	struct fixture *fixture = *state;
	struct sql_error error;
	struct query_file parsed;
	const struct query_value word = {.name = "n", .type = QUERY_INTEGER, .text = "x"};
	const struct query_value other = {.name = "planet", .type = QUERY_INTEGER, .number = 1};
	const struct query_value c = {.name = "how", .type = QUERY_CHOICE, .text = "c"};
	const struct query_value both[] = {{.name = "how", .type = QUERY_CHOICE, .text = "b"},
	                                   {.name = "step", .type = QUERY_TEXT, .text = "3..5"}};

	assert_int_equal(
	    query_file_parse(&parsed, "q.sql",
	                     "-- param: n integer 5 number\n-- param: how choice(a|b) required x\n"
	                     "-- filters: step\n"
	                     "SELECT :n, :how, :step_first, :step_last, :step WHERE :n = 5 AND :how = 'b' AND "
	                     ":step_first = 3 AND :step_last = 5 AND :step = '3..5'\n",
	                     &error),
	    0);
	refuse(fixture, &parsed.query, NULL, 0, "needs a value for how");
	refuse(fixture, &parsed.query, &word, 1, "not a number");
	refuse(fixture, &parsed.query, &other, 1, "does not take planet");
	refuse(fixture, &parsed.query, &c, 1, "none of a|b");
	assert_int_equal(run_query(fixture, &parsed.query, both, 2), 1);
	query_file_clear(&parsed);
	assert_int_equal(query_file_parse(&parsed, "q.sql", "SELECT :unknown\n", &error), 0);
	refuse(fixture, &parsed.query, NULL, 0, "does not declare");
	query_file_clear(&parsed);
}

/* The other body is for one word of the parameter, not for any. */
static void test_with_value(void **state)
{
	static const char text[] = "-- param: how choice(a|b) a x\n-- column: n count x\n"
	                           "SELECT 1 AS n\n-- with: how=b\nSELECT 1 AS n UNION ALL SELECT 2\n"
	                           "-- with: how=b\nSELECT 3 AS n WHERE 0\n";
	const struct query_value a = {.name = "how", .type = QUERY_CHOICE, .text = "a"};
	const struct query_value b = {.name = "how", .type = QUERY_CHOICE, .text = "b"};
	struct query_file parsed;
	struct sql_error error;

	assert_int_equal(query_file_parse(&parsed, "q.sql", text, &error), 0);
	assert_string_equal(parsed.query.others[0].param, "how");
	assert_int_equal(run_query(*state, &parsed.query, NULL, 0), 1);
	assert_int_equal(run_query(*state, &parsed.query, &a, 1), 1);
	assert_int_equal(run_query(*state, &parsed.query, &b, 1), 2);
	query_file_clear(&parsed);
}

static void test_only_reading(void **state)
{
	static const char *const statements[] = {
	    "DELETE FROM freed",
	    "CREATE TABLE x(a)",
	    "CREATE TEMP TABLE x(a)",
	    "ATTACH '/tmp/ttalloc-should-not-be.db' AS x",
	    "PRAGMA writable_schema = 1",
	    "PRAGMA journal_mode = DELETE",
	    "VACUUM INTO '/tmp/ttalloc-should-not-be.db'",
	    "SELECT load_extension('x')",
	    "SELECT 1; SELECT 2",
	    "BEGIN",
	    "COMMIT",
	    "SELEC 1",
	    "",
	    "-- nothing",
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(statements) / sizeof(*statements); i++) {
		struct sql_error error = {.text = ""};

		if (query_start_sql(fixture->recording, statements[i], &error))
			fail_msg("'%s' was run", statements[i]);
		assert_true(error.text[0] != '\0');
	}
	assert_int_not_equal(access("/tmp/ttalloc-should-not-be.db", F_OK), 0);
	expect_answer(fixture, "SELECT 1; -- and no more", "1\n");
	expect_answer(fixture,
	              "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n",
	              "1\n2\n3\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_declaration),
	    cmocka_unit_test(test_shown),
	    cmocka_unit_test(test_bad_declarations),
	    cmocka_unit_test_setup_teardown(test_attribution, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_built_in, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_values, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_with_value, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_only_reading, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
