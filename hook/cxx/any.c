/* SPDX-License-Identifier: Apache-2.0
 *
 * any.c - see any.h.
 */
#include "any.h"

/* std::any's own name for the question: which type is it? */
#define GET_TYPE_INFO 1

const char *tt_any_type(const struct tt_any *any)
{
	const char *const *type_info = NULL;
	const void *answer = NULL;
	const char *name;

	if (any->manager)
		any->manager(GET_TYPE_INFO, any, &answer);
	type_info = answer;
	if (!type_info)
		return "";
	name = type_info[1]; /* behind its own functions */
	return *name == '*' ? name + 1 : name;
}
