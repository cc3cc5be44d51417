/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments.c - see arguments.h.
 */
#include "arguments.h"

#include <stdio.h>
#include <string.h>

#include "tensors.h"

#define CUT " ..." /* what a text ends with that was longer */

void tt_argument_text(const struct tt_library *library, const struct tt_argument *argument, const char *before,
                      char *text, size_t bytes)
{
	size_t used = strlen(text);
	struct tt_string its;

	if (used + 1 >= bytes)
		return;
	argument->make_text(&its, &argument->value);
	if ((size_t)snprintf(text + used, bytes - used, "%s%s", before, its.text) >= bytes - used &&
	    bytes > sizeof(CUT))
		strcpy(text + bytes - sizeof(CUT), CUT);
	if (its.text != its.here)
		library->operator_delete(its.text);
}

size_t tt_arguments_text(const struct tt_library *library, const struct tt_argument *arguments, size_t count,
                         char text[TT_ARGUMENTS_BYTES])
{
	text[0] = '\0';
	for (size_t i = 0; i < count; i++)
		if (arguments[i].make_text && !tt_tensors_are(&arguments[i].value))
			tt_argument_text(library, &arguments[i], text[0] ? "\n" : "", text, TT_ARGUMENTS_BYTES);
	return strlen(text);
}
