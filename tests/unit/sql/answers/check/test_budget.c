/* SPDX-License-Identifier: Apache-2.0
 *
 * test_budget.c - what may be written as a budget, and what is said of everything else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sql/answers/check/budget.h"

static struct budgets parsed(const char *text)
{
	struct budgets budgets = {0};
	struct sql_error error = {.text = ""};

	if (budgets_parse(&budgets, "ci", text, &error) < 0)
		fail_msg("%s: %s", text, error.text);
	return budgets;
}

static void refused(const char *text, const char *message)
{
	struct budgets budgets = {0};
	struct sql_error error = {.text = ""};

	if (budgets_parse(&budgets, "ci", text, &error) == 0)
		fail_msg("%s: taken", text);
	if (!strstr(error.text, message))
		fail_msg("%s: %s", text, error.text);
	budgets_clear(&budgets);
}

static void test_words(void **state)
{
	struct budgets budgets = parsed("# all of it\n\n peak DRAM device 3 label \"a b/*\" step 2..9 <= 1.5 GiB # so\n"
	                                "leaks==0;peak<=102% of base.db");
	const struct budget *peak = &budgets.list[0], *leaks = &budgets.list[1], *base = &budgets.list[2];

	(void)state;
	assert_int_equal(budgets.count, 3);
	assert_string_equal(peak->figure->word, "peak");
	assert_string_equal(peak->text, "peak DRAM device 3 label \"a b/*\" step 2..9 <= 1.5 GiB");
	assert_true(peak->scope.has_region && peak->scope.region == 0 && peak->scope.has_device &&
	            strcmp(peak->scope.device_word, "3") == 0 && peak->scope.step_first == 2 &&
	            peak->scope.step_last == 9);
	assert_string_equal(peak->scope.label, "a b/*");
	assert_true(peak->relation == AT_MOST && peak->bound == 1.5 * 1024 * 1024 * 1024 && !peak->is_share);
	assert_int_equal(peak->line, 3);
	assert_true(leaks->relation == EQUAL && leaks->bound == 0 && leaks->line == 4);
	assert_true(base->is_share && base->bound == 1.02);
	assert_string_equal(base->baseline, "base.db");
	budgets_clear(&budgets);
}

static void test_regions(void **state)
{
	struct budgets budgets = parsed("peak L1 <= 1;peak device 0 dram <= 1;peak region L1 <= 1;peak label L1 <= 1");

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_true(budgets.list[i].scope.has_region && budgets.list[i].scope.region == (i != 1));
	assert_false(budgets.list[3].scope.has_region);
	budgets_clear(&budgets);
	refused("peak 1 <= 1G", "expected device");
	refused("peak L1 DRAM <= 1G", "said twice: 'region'");
}

static void test_ignores(void **state)
{
	struct budgets budgets =
	    parsed("ignore leaks class buffer function main* because it stays; # and this is said, too\nleaks == 0");

	(void)state;
	assert_int_equal(budgets.count, 2);
	assert_null(budgets.list[0].figure);
	assert_string_equal(budgets.list[0].reason, "it stays; # and this is said, too");
	assert_string_equal(budgets.list[0].scope.block_class, "buffer");
	assert_string_equal(budgets.list[0].scope.function, "main*");
	budgets_clear(&budgets);
}

static void test_bounds(void **state)
{
	struct budgets budgets = parsed("fragmentation <= 30%;fragmentation < 0.25;bank-peak L1 <= 80%;peak > 4096");

	(void)state;
	assert_true(budgets.list[0].bound > 0.2999 && budgets.list[0].bound < 0.3001 && !budgets.list[0].is_share);
	assert_true(budgets.list[1].bound == 0.25);
	assert_true(budgets.list[2].is_share && !budgets.list[2].baseline && budgets.list[2].bound == 0.8);
	assert_true(budgets.list[3].bound == 4096 && budgets.list[3].relation == MORE);
	budgets_clear(&budgets);
	assert_true(budget_holds(EQUAL, 1, 1) && !budget_holds(LESS, 1, 1) && budget_holds(AT_LEAST, 1, 1) &&
	            !budget_holds(MORE, 1, 1) && budget_holds(AT_MOST, 1, 1));
}

static void test_refusals(void **state)
{
	(void)state;
	refused("peek <= 1G", "ci:1: nothing is known of 'peek'; what can be limited is peak,");
	refused("\n\npeak", "ci:3: a budget needs an operator");
	refused("peak =< 3", "operators are");
	refused("peak <=", "nothing follows '<='");
	refused("peak <= ten", "'ten'");
	refused("peak <= 80%", "needs 'of FILE'");
	refused("peak <= 1G of base.db", "by N%, not by '1G'");
	refused("peak <= 90% of", "nothing follows 'of'");
	refused("peak on 3 <= 1G", "expected device, region, label, step or an operator, not 'on'");
	refused("peak class buffer <= 1G", "not 'class'");
	refused("peak DRAM region L1 <= 1G", "said twice: 'region'");
	refused("peak device 0 device 1 <= 1G", "is said twice: 'device'");
	refused("peak step 9..2 <= 1G", "ends before it begins");
	refused("peak region MOON <= 1G", "is no region");
	refused("peak <= 1G 2G 3G", "'1G2G'");
	refused("peak <= 1G of \"x", "a quote is not closed");
	refused("leaks <= 1.5", "'1.5'");
	refused("leaks <= -1", "is negative");
	refused("lost device 0 == 0", "of the whole recording");
	refused("lost <= 100% of base.db", "of the whole recording");
	refused("fragmentation label a < 1", "of whole banks");
	refused("growth/step step 3 < 1", "of all steps");
	refused("overlaps step 3 == 0", "of whole banks");
	refused("ignore leaks because b", "which leaks are to be ignored?");
	refused("ignore leaks label a", "needs a reason");
	refused("ignore leaks label a because \n", "says no reason");
	refused("ignore peaks label a because b", "what can be ignored is leaks");
	refused("ignore leaks label a <= 3 because b", "an ignore has no bound");
	refused("peak <= 1G because", "says no reason");
	refused("peak <= 1G because b", "a reason is for what is ignored");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_words),  cmocka_unit_test(test_regions),  cmocka_unit_test(test_ignores),
	    cmocka_unit_test(test_bounds), cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
