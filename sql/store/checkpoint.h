/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint.h - checkpoints by a thread and a connection of their own, beside the transactions of a writer: while the
 * disk is waited for, rows go on into the -wal.
 */
#ifndef SQL_CHECKPOINT_H
#define SQL_CHECKPOINT_H

#include <stdbool.h>

struct checkpointer;

/* For the database at PATH, with VFS, which has a -wal. NULL: there can be none. */
struct checkpointer *checkpointer_start(const char *path, const char *vfs);
/* Waits for the checkpoint under way. */
void checkpointer_stop(struct checkpointer *checkpointer);

/* Begins a checkpoint, which takes as much as readers allow. False: one is under way. */
bool checkpointer_begin(struct checkpointer *checkpointer);
/* Waits until none is under way. */
void checkpointer_wait(struct checkpointer *checkpointer);

#endif
