/* SPDX-License-Identifier: Apache-2.0
 *
 * functions.c - see functions.h.
 */
#include "functions.h"

#include <string.h>

#include "sql/base/error.h"

/* Whether PATH is LABEL, lies below it, or matches it as a pattern. */
static bool label_matches(const char *label, const char *path)
{
	size_t length = strlen(label);

	if (strncmp(label, path, length) == 0 && (path[length] == '\0' || path[length] == '/'))
		return true;
	return strpbrk(label, "*?[") && sqlite3_strglob(label, path) == 0;
}

static void label_matches_sql(sqlite3_context *context, int count, sqlite3_value **values)
{
	(void)count;
	if (sqlite3_value_type(values[0]) == SQLITE_NULL)
		sqlite3_result_int(context, 1); /* no filter */
	else if (sqlite3_value_type(values[1]) == SQLITE_NULL)
		sqlite3_result_int(context, 0);
	else
		sqlite3_result_int(context, label_matches((const char *)sqlite3_value_text(values[0]),
		                                          (const char *)sqlite3_value_text(values[1])));
}

int replay_add_functions(struct recording *recording, struct sql_error *error)
{
	int code;

	if (recording->has_replay)
		return 0;
	code = sqlite3_create_function_v2(recording->db, "label_matches", 2,
	                                  SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
	                                  label_matches_sql, NULL, NULL, NULL);
	recording->has_replay = code == SQLITE_OK;
	return recording->has_replay ? 0 : recording_fail(recording, error);
}
