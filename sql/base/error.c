/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c - see error.h.
 */
#include "error.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* The length of the UTF-8 character at TEXT; 0: it is none, or one that could drive a terminal. */
static size_t safe_length(const unsigned char *text)
{
	static const struct {
		unsigned char mask, lead;
		size_t length;
	} forms[] = {{0x80, 0x00, 1}, {0xe0, 0xc0, 2}, {0xf0, 0xe0, 3}, {0xf8, 0xf0, 4}};
	unsigned code = 0;

	for (size_t form = 0; form < sizeof(forms) / sizeof(*forms); form++) {
		size_t length = forms[form].length;

		if ((*text & forms[form].mask) != forms[form].lead)
			continue;
		code = *text & (unsigned char)~forms[form].mask;
		for (size_t i = 1; i < length; i++) {
			if ((text[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[i] & 0x3f);
		}
		/* controls, overlong forms, and what turns or breaks lines */
		bool unsafe = code < 0x20 || (code >= 0x7f && code < 0xa0) || (length > 1 && code < 0x80) ||
		              (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
		              (code >= 0x2066 && code <= 0x2069) || code == 0xfeff;
		return unsafe ? 0 : length;
	}
	return 0;
}

static void make_safe(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at;) {
		size_t length = safe_length(at);

		if (length == 0) {
			*at = *at == '\n' || *at == '\t' ? ' ' : '?';
			length = 1;
		}
		at += length;
	}
}

int sql_fail(struct sql_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	make_safe(error->text);
	return -1;
}

int sql_fail_db(struct sql_error *error, const char *path, struct sqlite3 *db)
{
	int code = sqlite3_errcode(db);

	switch (code) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return sql_fail(error, "%s: locked by another program; try again when it is done", path);
	case SQLITE_CORRUPT:
		return sql_fail(error, "%s: corrupt (%s); 'verify' says more, sqlite3's .recover may save the rest",
		                path, sqlite3_errmsg(db));
	case SQLITE_NOTADB:
		return sql_fail(error, "%s: not a ttalloc recording (it is no SQLite database)", path);
	case SQLITE_NOMEM:
		return sql_fail(error, "%s: out of memory", path);
	default:
		return sql_fail(error, "%s: %s", path, sqlite3_errmsg(db));
	}
}
