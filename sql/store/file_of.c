/* SPDX-License-Identifier: Apache-2.0
 *
 * file_of.c - see file_of.h.
 */
#include "file_of.h"

#include <stdio.h>

#include "recording.h"
#include "sql/base/error.h"

static int read_row(struct recording *recording, struct file_of *of, struct sql_error *error)
{
	sqlite3_stmt *row = recording_prepare(recording,
	                                      "SELECT uuid, coalesce((SELECT number FROM recording_file), 0) "
	                                      "FROM main.recording_info",
	                                      error);
	int state = row ? recording_step(recording, row, error) : -1;

	if (state == 1) {
		const unsigned char *uuid = sqlite3_column_text(row, 0);

		snprintf(of->uuid, sizeof(of->uuid), "%s", uuid ? (const char *)uuid : "");
		of->number = sqlite3_column_int64(row, 1);
	} else if (state == 0) {
		sql_fail(error, "%s: does not say which recording it is", recording->path);
	}
	sqlite3_finalize(row);
	return state == 1 ? 0 : -1;
}

int file_of(const char *path, struct file_of *of, struct sql_error *error)
{
	struct recording *recording = recording_open(path, error);
	int result = recording ? read_row(recording, of, error) : -1;

	recording_close(recording);
	return result;
}
