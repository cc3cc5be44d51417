/* SPDX-License-Identifier: Apache-2.0
 *
 * functions.h - the SQL functions that reading rows back needs: label_matches(label, path), which chooses blocks, and
 * the table of freed blocks by their alloc (freed.h).
 */
#ifndef SQL_REPLAY_FUNCTIONS_H
#define SQL_REPLAY_FUNCTIONS_H

#include "sql/store/recording.h"

/* Registers them, unless that is done. 0, or -1 with ERROR. */
int replay_add_functions(struct recording *recording, struct sql_error *error);

#endif
