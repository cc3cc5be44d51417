/* SPDX-License-Identifier: Apache-2.0
 *
 * shared.h - finds memory that two allocators of a process gave out at the same time: a mesh and its submeshes do not
 * know of each other. It is what the program did rather than a fault of the recording, but on hardware one of the two
 * is overwritten.
 */
#ifndef SQL_SHARED_H
#define SQL_SHARED_H

#include "findings.h"
#include "sql/replay/replay.h"

struct shared_check;

/* CATALOG has series per process, and must outlive the check. NULL: no memory. */
struct shared_check *shared_check_new(struct findings *findings, const struct catalog *catalog);
void shared_check_free(struct shared_check *check);

/* BLOCK comes to those that are live, and goes. */
void shared_check_add(struct shared_check *check, const struct replay_block *block);
void shared_check_remove(struct shared_check *check, const struct replay_block *block);

/* Adds what was found. */
void shared_check_finish(struct shared_check *check);

#endif
