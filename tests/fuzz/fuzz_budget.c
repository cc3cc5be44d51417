/* SPDX-License-Identifier: Apache-2.0
 *
 * Budgets, whatever is written: taken, or refused with a line. What was taken says the same when it is read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/answers/check/budget.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int right)
{
	if (!right)
		abort();
}

static void check_budget(const struct budget *budget)
{
	struct budgets again = {0};
	struct sql_error error;

	check(budget->text && *budget->text && budget->line > 0 && !strchr(budget->text, '\n'));
	check(!budget->figure == !!budget->reason);
	check(budget->bound >= 0 || (budget->figure && budget->figure->unit == BUDGET_RATIO));
	check(budgets_parse(&again, "again", budget->text, &error) == 0 && again.count == 1);
	check(again.list[0].figure == budget->figure && again.list[0].relation == budget->relation);
	check(again.list[0].bound >= budget->bound && again.list[0].bound <= budget->bound);
	budgets_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct budgets budgets = {0};
	struct sql_error error = {.text = ""};
	char *text = malloc(size + 1);

	check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (budgets_parse(&budgets, "fuzz", text, &error) < 0)
		check(error.text[0] && !strchr(error.text, '\n'));
	else
		for (size_t i = 0; i < budgets.count; i++)
			check_budget(&budgets.list[i]);
	budgets_clear(&budgets);
	free(text);
	return 0;
}
