/* SPDX-License-Identifier: Apache-2.0
 *
 * error.c - see error.h.
 */
#include "error.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>

#include "text.h"

int sql_fail(struct sql_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
	text_make_safe(error->text);
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
