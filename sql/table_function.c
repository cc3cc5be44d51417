/* SPDX-License-Identifier: Apache-2.0
 *
 * table_function.c - registering what SQL lacks.
 */
#include "error.h"
#include "functions.h"
#include "recording.h"

int recording_add_functions(struct recording *recording, struct sql_error *error)
{
	if (functions_register(recording->db) != SQLITE_OK)
		return sql_fail_db(error, recording->path, recording->db);
	return 0;
}
