/* SPDX-License-Identifier: Apache-2.0
 *
 * open.h - a recording that is open for reading.
 */
#ifndef SQL_OPEN_H
#define SQL_OPEN_H

#include <stdbool.h>
#include <stddef.h>

#include "sql/base/sql.h"

struct recording;

/* Between the names of several files in one path: ASCII's record separator, which names do not have; blanks and ends of
 * lines some do. */
#define RECORDING_AND '\x1e'

/* PATH may also name several files of one recording, RECORDING_AND between them, or the directory that they are in:
 * they are put together in a temporary file, as large as they are ($TMPDIR), which has no name any more when this
 * returns.
 *
 * Opens PATH read-only, defensive, schema untrusted, and brings the views as TEMP views. Works on a recording in
 * progress, on one whose recorder was killed (-wal beside it, also where nothing can be written), and never makes a
 * file. NULL with ERROR filled otherwise. Not thread-safe. */
struct recording *recording_open(const char *path, struct sql_error *error);
void recording_close(struct recording *recording);
const char *recording_path(const struct recording *recording);

/* Whether answers about REGIONS ("L1, CB"; NULL: all) are complete, and the lines that say what is missing of them and
 * what it makes of figures. */
bool recording_complete(struct recording *recording, const char *regions);
#define RECORDING_LINES 48 /* more than any recorder gives reason for */
#define RECORDING_LINE_BYTES 512
size_t recording_loss_lines(struct recording *recording, const char *regions, char (*lines)[RECORDING_LINE_BYTES],
                            size_t capacity);

/* Which regions are not complete: "CB"; "" when any may not be, or all are. */
#define RECORDING_REGIONS_BYTES 96
void recording_gaps(struct recording *recording, char text[static RECORDING_REGIONS_BYTES]);

/* Lets go of the read transaction of the last query, so that a recorder may checkpoint. */
void recording_release(struct recording *recording);

/* Opens a second recording beside this one (diff): the table-valued functions read it when their column "recording" is
 * 'old'. 0 or -1. */
int recording_attach_old(struct recording *recording, const char *path, struct sql_error *error);
const char *recording_old_path(const struct recording *recording); /* of that one; NULL: there is none */

/* Makes one consistent file of RECORDING at PATH, which must not exist unless FORCE. 0 or -1. */
int recording_copy(struct recording *recording, const char *path, bool force, struct sql_error *error);

#endif
