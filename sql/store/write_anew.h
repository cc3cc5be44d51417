/* SPDX-License-Identifier: Apache-2.0
 *
 * write_anew.h - a recording whose file was removed, renamed or replaced while it was written.
 */
#ifndef SQL_WRITE_ANEW_H
#define SQL_WRITE_ANEW_H

#include <stdbool.h>

#include "write.h"

/* Whether the file at the writer's path is no longer the one that is written to. */
bool write_lost_its_name(struct writer *writer);

/* Then: writes all of it once more, in rollback mode. ERROR says what came of it. */
void write_anew(struct writer *writer, struct sql_error *error);

#endif
