/* SPDX-License-Identifier: Apache-2.0
 *
 * tt_metal_exception.c - see tt_metal_exception.h. Names, layouts and slots are those of the Itanium C++ ABI, as
 * libstdc++ has them since gcc 5: https://itanium-cxx-abi.github.io/cxx-abi/abi-eh.html and libsupc++'s typeinfo and
 * exception headers.
 */
#include "tt_metal_exception.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GNU_CPLUSPLUS 0x474E5543432B2B00u /* "GNUCC++\0": thrown, and not the copy of a std::exception_ptr */
#define TYPE_BEFORE_HEADER 80u            /* of __cxa_exception.exceptionType, before its unwindHeader */
#define SLOT_DO_CATCH 4u                  /* std::type_info::__do_catch() */
#define SLOT_WHAT 2u                      /* std::exception::what() */

/* TT_THROW's what() begins with where it was thrown, and ends with a backtrace. */
#define WORDS_BEGIN "info:\n"
#define WORDS_END "\nbacktrace:"

typedef bool do_catch(const void *catcher, const void *thrown_type, void **object, unsigned outer);
typedef const char *what(const void *object);

static const void *slot(const void *object, unsigned number)
{
	const void *const *table;

	memcpy(&table, object, sizeof(table));
	return table[number];
}

int tt_exception_is_cplusplus(const struct _Unwind_Exception *exception)
{
	return exception->exception_class >> 8 == GNU_CPLUSPLUS >> 8;
}

/* The std::exception that EXCEPTION is or has for a base; NULL: neither. */
static const void *as_standard(struct _Unwind_Exception *exception, const void *standard)
{
	const void *type;
	void *object = exception + 1;
	do_catch *catches;

	if (!standard || exception->exception_class != GNU_CPLUSPLUS)
		return NULL;
	memcpy(&type, (const char *)exception - TYPE_BEFORE_HEADER, sizeof(type));
	*(const void **)&catches = slot(standard, SLOT_DO_CATCH);
	return type && catches(standard, type, &object, 1) ? object : NULL;
}

void tt_exception_text(struct _Unwind_Exception *exception, const void *standard, char *text, size_t bytes)
{
	const void *object = as_standard(exception, standard);
	const char *words, *begin, *end;
	what *say;

	text[0] = '\0';
	if (!object)
		return;
	*(const void **)&say = slot(object, SLOT_WHAT);
	words = say(object);
	if (!words)
		return;
	begin = strstr(words, WORDS_BEGIN);
	begin = begin ? begin + strlen(WORDS_BEGIN) : words;
	end = strstr(begin, WORDS_END);
	snprintf(text, bytes, "%.*s", end ? (int)(end - begin) : (int)strnlen(begin, bytes), begin);
}
