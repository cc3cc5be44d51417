/* SPDX-License-Identifier: Apache-2.0
 *
 * write_anew.c - a recording that was deleted, moved or replaced while it was made. SQLite still holds what has lost
 * its name, so all of it can be written once more.
 */
#include "write_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool write_lost_its_name(struct writer *writer)
{
	int moved = 0;

	return sqlite3_file_control(writer->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/* 0, or -1 with WHY: what was recorded is then at PATH, which did not exist. */
static int write_at(struct writer *writer, const char *path, struct sql_error *why)
{
	struct recording whole = {.db = writer->db, .path = writer->path};

	return recording_copy(&whole, path, false, why);
}

void write_anew(struct writer *writer, struct sql_error *error)
{
	struct sql_error why;
	char *other = NULL;

	if (write_at(writer, writer->path, &why) == 0) {
		snprintf(error->text, sizeof(error->text),
		         "%.400s was deleted or moved while it was recorded; it has been written anew", writer->path);
		return;
	}
	/* another file has the name, and is left alone */
	if (access(writer->path, F_OK) == 0 && asprintf(&other, "%s.recorded", writer->path) > 0 &&
	    write_at(writer, other, &why) == 0)
		snprintf(error->text, sizeof(error->text),
		         "%.200s was replaced while it was recorded; what was recorded is in %.200s", writer->path,
		         other);
	else
		snprintf(error->text, sizeof(error->text),
		         "%.200s was deleted or moved while it was recorded, and cannot be written anew: %.200s",
		         writer->path, why.text);
	free(other);
}
