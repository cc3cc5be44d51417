/* SPDX-License-Identifier: Apache-2.0
 *
 * beside.h - what lies beside a database and belongs to it by its name: -journal, -wal, -shm. SQLite trusts these
 * files; a planted one makes it wait, write through a link, or delete whatever file a journal names.
 */
#ifndef SQL_BESIDE_H
#define SQL_BESIDE_H

#include <stdbool.h>

#include "sql/base/sql.h"

/* Refuses what SQLite should not meet: anything but plain files, and, of files that SQLite writes to, those that have
 * another name, too. WRITING: the database is opened for writing; then also a journal that names other files. 0, or -1
 * with ERROR. */
int beside_check(const char *path, bool writing, struct sql_error *error);

/* Whether PATH-wal, say, is there, and not empty if WITH_CONTENT. */
bool beside_exists(const char *path, const char *suffix, bool with_content);

/* Whether a writer that was killed left a journal that has to be played back before the database can be read. */
bool beside_hot_journal(const char *path);

/* Copies the database at PATH into a folder of its own and plays its journal back there. The caller frees the copy's
 * path, and removes it with beside_remove_copy(). NULL with ERROR filled. */
char *beside_rolled_back_copy(const char *path, struct sql_error *error);
void beside_remove_copy(char *copy);

#endif
