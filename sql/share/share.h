/* SPDX-License-Identifier: Apache-2.0
 *
 * share.h - making a file of a recording for somebody else: what is to go is left out, row by row, so that nothing of
 * it is anywhere in the new file.
 */
#ifndef SQL_SHARE_H
#define SQL_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/base/sql.h"

struct recording;

/* What can be left out. */
enum share_secret {
	SHARE_STACKS = 1,
	SHARE_PATHS = 2,
	SHARE_HOST = 4,
	SHARE_USER = 8,
	SHARE_COMMANDS = 16,
	SHARE_LABELS = 32,
	SHARE_ALL = 63,
};

struct share_options {
	unsigned without; /* of enum share_secret */
	bool cut;
	int64_t from_ns, to_ns; /* when cut: what was live or happened from then to then */
	bool force;             /* replace an existing file */
};

/* The time that RECORDING is about; that of the steps FIRST to LAST of all processes. 0, or -1 with ERROR. */
int share_whole(struct recording *recording, int64_t *from_ns, int64_t *to_ns, struct sql_error *error);
int share_find_steps(struct recording *recording, int64_t first, int64_t last, int64_t *from_ns, int64_t *to_ns,
                     struct sql_error *error);

/* Writes RECORDING to PATH in the shared form (sql/packed/), under its name only once it is complete; until then the
 * database that it is made of takes room in the same directory. 0, or -1 with ERROR. */
int share_write(struct recording *recording, const char *path, const struct share_options *options,
                struct sql_error *error);

#endif
