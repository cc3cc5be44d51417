/* SPDX-License-Identifier: Apache-2.0
 *
 * arguments.c - see arguments.h.
 */
#include "arguments.h"

#include <string.h>

#include "tensors.h"

#define CUT " ..." /* what a text ends with that was longer */

/* Adds WHAT to TEXT, of which USED bytes are used and BYTES are there. What is used then: BYTES, when it did not fit.
 */
static size_t add(char *text, size_t used, size_t bytes, const char *what)
{
	size_t length = strlen(what);
	bool fits = length < bytes - used;

	if (!fits)
		length = bytes - used - 1;
	memcpy(text + used, what, length);
	text[used + length] = '\0';
	return fits ? used + length : bytes;
}

void tt_argument_text(const struct tt_library *library, const struct tt_argument *argument, const char *before,
                      char *text, size_t bytes)
{
	size_t used = strlen(text);
	struct tt_string its;

	if (used + 1 >= bytes)
		return;
	argument->make_text(&its, &argument->value);
	used = add(text, used, bytes, before);
	if (used < bytes)
		used = add(text, used, bytes, its.text);
	if (used == bytes && bytes > sizeof(CUT))
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
