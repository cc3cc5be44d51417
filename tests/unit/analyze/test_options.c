/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line: what is taken, what is refused, and whether the refusal says why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/options.h"
#include "analyze/command.h"
#include "sql/base/nearest.h"
#include "sql/base/units.h"
#include "analyze/values.h"

static const struct query_param params[] = {
    {.name = "samples", .type = QUERY_INTEGER, .fallback = "100", .help = "how many"},
    {.name = "by", .type = QUERY_CHOICE, .choices = "label|thread|size", .help = "group by"},
    {.name = "least", .type = QUERY_SIZE, .help = "leave out smaller ones"},
    {.name = "all", .type = QUERY_FLAG, .help = "everything"},
};
static const struct query query = {
    .name = "frag", .summary = "s", .filters = "device region start end step", .params = params, .param_count = 4};
static const struct verb verb = {.name = (char *)"frag", .query = &query, .usage = "[FILE]"};

struct parsed {
	struct verb_options options;
	struct arguments arguments;
	struct sql_error error;
	int result;
};

static struct parsed *parse(const char *line)
{
	static struct parsed parsed;
	static char copy[512];
	char *argv[32], *rest = copy;
	int argc = 0;
	memset(&parsed, 0, sizeof parsed);
	strcpy(copy, line);
	while ((argv[argc] = strsep(&rest, " ")) != NULL)
		argc++;
	assert_int_equal(options_for(&parsed.options, &verb, &query, &parsed.error), 0);
	parsed.result = options_parse(&parsed.arguments, &verb, &parsed.options, argc, argv, &parsed.error);
	return &parsed;
}

static void takes(const char *line, const char *option, const char *value)
{
	const struct parsed *parsed = parse(line);
	assert_int_equal(parsed->result, 0);
	assert_string_equal(arguments_text(&parsed->arguments, option), value);
}

static void refuses(const char *line, const char *reason)
{
	const struct parsed *parsed = parse(line);
	assert_int_equal(parsed->result, -1);
	if (strstr(parsed->error.text, reason) == NULL)
		fail_msg("'%s': '%s' does not say '%s'", line, parsed->error.text, reason);
	assert_null(strchr(parsed->error.text, '\n'));
}

static void test_forms(void **state)
{
	(void)state;
	takes("frag --device 1 run.db", "device", "1");
	takes("frag run.db --device=1", "device", "1");
	takes("--device 1 frag run.db", "device", "1");
	takes("frag -n5", "limit", "5");
	takes("frag -n 5", "limit", "5");
	takes("frag -q", "quiet", "");
	takes("frag -qn5", "limit", "5");
	takes("frag --all --json", "json", "");
	takes("frag --least 1.5MiB", "least", "1.5MiB");
	takes("frag --by size", "by", "size");
	takes("frag --region dram", "region", "dram");
	takes("frag --start 10% --end 20%", "end", "20%");
	takes("frag --query-path / --query-path /tmp", "query-path", "/");
}

static void test_operands(void **state)
{
	(void)state;
	const struct parsed *parsed = parse("frag --json run.db -- --odd");
	assert_int_equal(parsed->result, 0);
	assert_int_equal(parsed->arguments.operand_count, 2);
	assert_string_equal(parsed->arguments.operands[0], "run.db");
	assert_string_equal(parsed->arguments.operands[1], "--odd");
	parsed = parse("frag -");
	assert_string_equal(parsed->arguments.operands[0], "-");
}

/* A verb says how many it takes (command_operands()); here is only a limit to all of them. */
static void test_too_many_operands(void **state)
{
	static char *words[OPERANDS_MAX + 2];
	struct parsed *parsed = parse("frag");

	(void)state;
	for (int i = 0; i < OPERANDS_MAX + 2; i++)
		words[i] = (char *)"frag";
	assert_int_equal(
	    options_parse(&parsed->arguments, &verb, &parsed->options, OPERANDS_MAX + 1, words, &parsed->error), 0);
	assert_int_equal(parsed->arguments.operand_count, OPERANDS_MAX);
	assert_int_equal(
	    options_parse(&parsed->arguments, &verb, &parsed->options, OPERANDS_MAX + 2, words, &parsed->error), -1);
	assert_non_null(strstr(parsed->error.text, "too many"));
}

/* A statement may begin with a comment. */
static void test_comment_is_operand(void **state)
{
	struct parsed *parsed = parse("frag");
	char *words[] = {(char *)"frag", (char *)"-- the largest\nSELECT 1"};
	(void)state;
	assert_int_equal(options_parse(&parsed->arguments, &verb, &parsed->options, 2, words, &parsed->error), 0);
	assert_int_equal(parsed->arguments.operand_count, 1);
}

static void test_refusals(void **state)
{
	(void)state;
	takes("frag --device 1000001", "device", "1000001");
	takes("frag --device board-x", "device", "board-x");
	refuses("frag --device -1", "no device");
	refuses("frag -n x", "not a number");
	refuses("frag -n -1", "negative");
	refuses("frag -n 1.5", "whole number");
	refuses("frag -n 99999999999999999999", "out of range");
	refuses("frag --device", "needs a value");
	refuses("frag --device 1 --device 2", "twice");
	refuses("frag --json=1", "takes no value");
	refuses("frag --region NOWHERE", "no region");
	refuses("frag --by nonsense", "label|thread|size");
	refuses("frag --by lab", "none of");
	refuses("frag --by label|thread", "none of");
	refuses("frag --least -1", "negative");
	refuses("frag --least big", "not a size");
	refuses("frag --start yesterday", "not a time");
	refuses("frag --start -5", "negative");
	refuses("frag --end 200%", "more than 100 %");
	refuses("frag --step 5..2", "ends before");
	refuses("frag --format xml", "table|json|jsonl|csv");
	refuses("frag -x", "has no option -x");
	refuses("frag -qn", "needs a value");
	refuses("frag --color sometimes", "none of");
	refuses("frag --query-path /no/such/directory", "cannot read");
}

/* What the query does not honour is not passed over in silence. */
static void test_not_honoured(void **state)
{
	(void)state;
	refuses("frag --pid 1", "does not take --pid");
	refuses("frag --label a", "does not take --label");
	refuses("frag --exit-code", "does not take --exit-code");
	refuses("frag --force", "does not take --force");
}

static void test_suggestions(void **state)
{
	(void)state;
	refuses("frag --sample 3", "did you mean --samples");
	refuses("frag --devcie 3", "did you mean --device");
	refuses("frag --zzzzzzzz 3", "see 'ttalloc-analyze help frag'");
	assert_string_equal(nearest("leak", (const char *[]){"info", "leaks", "peak"}, 3), "leaks");
	assert_string_equal(nearest("peek", (const char *[]){"info", "leaks", "peak"}, 3), "peak");
	assert_string_equal(nearest("frag", (const char *[]){"info", "fragmentation"}, 2), "fragmentation");
	assert_null(nearest("xyzzy", (const char *[]){"info", "leaks", "peak"}, 3));
	assert_null(nearest("", (const char *[]){"info"}, 1));
}

static void test_required(void **state)
{
	const struct query_param needed = {.name = "name", .type = QUERY_TEXT, .required = true};
	const struct query demanding = {.name = "d", .summary = "s", .params = &needed, .param_count = 1};
	const struct verb demander = {.name = (char *)"d", .query = &demanding, .usage = "[FILE]"};
	struct verb_options options;
	struct arguments arguments;
	struct sql_error error;
	char *words[] = {(char *)"d", (char *)"--help"};
	(void)state;
	assert_int_equal(options_for(&options, &demander, &demanding, &error), 0);
	assert_int_equal(options_parse(&arguments, &demander, &options, 1, words, &error), -1);
	assert_non_null(strstr(error.text, "needs --name TEXT"));
	assert_int_equal(options_parse(&arguments, &demander, &options, 2, words, &error), 0);
}

static void test_parameter_clash(void **state)
{
	const struct query_param clash = {.name = "format", .type = QUERY_TEXT};
	const struct query user = {.name = "u", .summary = "s", .params = &clash, .param_count = 1};
	struct verb_options options;
	struct sql_error error;
	(void)state;
	assert_int_equal(options_for(&options, &verb, &user, &error), -1);
	assert_non_null(strstr(error.text, "'format'"));
}

static void test_window(void **state)
{
	struct sql_error error;
	(void)state;
	assert_int_equal(values_check(&parse("frag --start 2s --end 1s")->arguments, &error), -1);
	assert_non_null(strstr(error.text, "before"));
	assert_int_equal(values_check(&parse("frag --start 30% --end 20%")->arguments, &error), -1);
	assert_int_equal(values_check(&parse("frag --start 1s --end 1s")->arguments, &error), 0);
	assert_int_equal(values_check(&parse("frag --start 1s --end 20%")->arguments, &error), 0);
}

static void test_verb_among_words(void **state)
{
	const char *path[ARGUMENTS_MAX];
	size_t count;
	char *words[] = {(char *)"--db",         (char *)"run.db", (char *)"--query-path=q",
	                 (char *)"-n",           (char *)"3",      (char *)"peak",
	                 (char *)"--query-path", (char *)"r",      (char *)"x"};
	(void)state;
	assert_string_equal(arguments_verb(&options_shared, 9, words, path, &count), "peak");
	assert_int_equal(count, 2);
	assert_string_equal(path[0], "q");
	assert_string_equal(path[1], "r");
	assert_null(arguments_verb(&options_shared, 2, words, path, &count));
}

static void test_regions(void **state)
{
	const char *name;
	(void)state;
	assert_int_equal(region_number("l1_small", &name), 3);
	assert_string_equal(name, "L1_SMALL");
	assert_int_equal(region_number("32", &name), 32);
	assert_string_equal(name, "HOST");
	assert_int_equal(region_number("77", &name), 77);
	assert_string_equal(name, "77");
	assert_int_equal(region_number("-1", &name), -1);
	assert_int_equal(region_number("", &name), -1);
}

static void test_sql_operands(void **state)
{
	struct sql_operands operands;
	(void)state;
	operands = sql_operands((const char *[]){"SELECT 1", "/dev/null"}, 2);
	assert_string_equal(operands.statement, "SELECT 1");
	assert_string_equal(operands.file, "/dev/null");
	operands = sql_operands((const char *[]){"/dev/null", "SELECT 1"}, 2);
	assert_string_equal(operands.statement, "SELECT 1");
	operands = sql_operands((const char *[]){"missing.db", "SELECT 1"}, 2);
	assert_string_equal(operands.file, "missing.db");
	operands = sql_operands((const char *[]){"SELECT 1", "missing.db"}, 2);
	assert_string_equal(operands.file, "missing.db");
	operands = sql_operands((const char *[]){"/dev/null"}, 1);
	assert_null(operands.statement);
	operands = sql_operands((const char *[]){"SELECT 1"}, 1);
	assert_null(operands.file);
	operands = sql_operands((const char *[]){"-", "missing.db"}, 2);
	assert_null(operands.statement);
	assert_string_equal(operands.file, "missing.db");
	operands = sql_operands((const char *[]){"-"}, 1);
	assert_null(operands.statement);
	assert_null(operands.file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_forms),
	    cmocka_unit_test(test_operands),
	    cmocka_unit_test(test_too_many_operands),
	    cmocka_unit_test(test_comment_is_operand),
	    cmocka_unit_test(test_refusals),
	    cmocka_unit_test(test_not_honoured),
	    cmocka_unit_test(test_suggestions),
	    cmocka_unit_test(test_required),
	    cmocka_unit_test(test_parameter_clash),
	    cmocka_unit_test(test_window),
	    cmocka_unit_test(test_verb_among_words),
	    cmocka_unit_test(test_regions),
	    cmocka_unit_test(test_sql_operands),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
