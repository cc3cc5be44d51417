/* SPDX-License-Identifier: Apache-2.0
 *
 * choice.c - see choice.h.
 */
#include "choice.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"

struct operation_choice {
	struct operations *operations;
	int64_t number; /* 0: by name */
	bool *names;    /* whether a name is one, by its number */
};

/* The number that OP is, to its end; 0: it is none. */
static int64_t number_of(const char *op)
{
	size_t length = strlen(op);

	return length > 0 && length < 19 && strspn(op, "0123456789") == length ? strtoll(op, NULL, 10) : 0;
}

static bool matches(const char *op, const char *name)
{
	const char *last = name;

	for (const char *at = name; (at = strstr(at, "::")); at += 2)
		last = at + 2;
	return sqlite3_strglob(op, name) == 0 || sqlite3_strglob(op, last) == 0 || strcmp(op, name) == 0;
}

static bool choose_names(struct operation_choice *choice, const char *op)
{
	size_t count = operations_name_count(choice->operations);
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		const char *name = operations_name(choice->operations, i);

		choice->names[i] = name && matches(op, name);
		any = any || choice->names[i];
	}
	return any;
}

struct operation_choice *operation_choice_new(struct operations *operations, const char *op, struct sql_error *error)
{
	struct operation_choice *choice = calloc(1, sizeof(*choice));

	if (choice) {
		*choice = (struct operation_choice){.operations = operations, .number = number_of(op)};
		choice->names = calloc(operations_name_count(operations) + 1, sizeof(*choice->names));
	}
	if (!choice || !choice->names)
		sql_fail(error, "out of memory");
	else if (choice->number ? operations_has(operations, choice->number) : choose_names(choice, op))
		return choice;
	else
		sql_fail(error, "there is no operation '%s' in the recording; 'ttalloc-analyze ops' lists them", op);
	operation_choice_free(choice);
	return NULL;
}

void operation_choice_free(struct operation_choice *choice)
{
	if (!choice)
		return;
	free(choice->names);
	free(choice);
}

bool operation_is_named(const struct operation_choice *choice, const struct operation *operation)
{
	if (choice->number)
		return operation->number == choice->number;
	return choice->names[operations_what(choice->operations, operation->what)->name];
}

bool operation_is_chosen(const struct operation_choice *choice, int64_t process, uint32_t thread, int64_t key)
{
	struct operation operation;
	bool there = operations_at(choice->operations, process, thread, key, &operation);

	while (there && !operation_is_named(choice, &operation))
		there = operations_around(choice->operations, &operation, &operation);
	return there;
}
