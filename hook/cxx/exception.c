/* SPDX-License-Identifier: Apache-2.0
 *
 * exception.c - see exception.h. Names, layouts and slots are those of the Itanium C++ ABI, as
 * libstdc++ has them since gcc 5: https://itanium-cxx-abi.github.io/cxx-abi/abi-eh.html and libsupc++'s typeinfo and
 * exception headers.
 */
#include "exception.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define GNU_CPLUSPLUS 0x474E5543432B2B00u /* "GNUCC++\0": thrown */
#define GNU_DEPENDENT 0x474E5543432B2B01u /* "GNUCC++\1": thrown again, by std::rethrow_exception() */
#define FIRST_BEFORE_HEADER 80u           /* the first member of what holds an exception, before its unwindHeader */
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

static void *first_member(const struct _Unwind_Exception *exception)
{
	void *member;

	memcpy(&member, (const char *)exception - FIRST_BEFORE_HEADER, sizeof(member));
	return member;
}

int tt_exception_is_cplusplus(const struct _Unwind_Exception *exception)
{
	return exception->exception_class == GNU_CPLUSPLUS || exception->exception_class == GNU_DEPENDENT;
}

/* The std::exception that EXCEPTION is or has for a base; NULL: neither. */
static const void *as_standard(struct _Unwind_Exception *exception, const void *standard)
{
	void *object = exception + 1;
	const void *type;
	do_catch *catches;

	if (!standard || !tt_exception_is_cplusplus(exception))
		return NULL;
	if (exception->exception_class == GNU_DEPENDENT)
		object = first_member(exception);                    /* __cxa_dependent_exception.primaryException */
	type = first_member((struct _Unwind_Exception *)object - 1); /* __cxa_exception.exceptionType */
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
