/* SPDX-License-Identifier: Apache-2.0
 *
 * file_lock.h - the lock that whoever writes a recording holds: a file beside it, PATH-lock. Closing any descriptor of
 * the database itself would let go of SQLite's locks.
 */
#ifndef SQL_FILE_LOCK_H
#define SQL_FILE_LOCK_H

/* Takes the lock at LOCK_PATH. The descriptor; -1: errno says why it cannot be made, EWOULDBLOCK that another holds it.
 */
int file_lock_take(const char *lock_path);

/* Removes and closes it. */
void file_lock_release(const char *lock_path, int fd);

#endif
