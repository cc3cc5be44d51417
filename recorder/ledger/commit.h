/* SPDX-License-Identifier: Apache-2.0
 *
 * commit.h - the committing thread: chunks come in at one end, and go back when they are in the file.
 */
#ifndef RECORDER_COMMIT_H
#define RECORDER_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "chunk.h"
#include "ingest.h"
#include "sql/totals/totals.h"
#include "sql/replay/history.h"

struct committer;

/* Starts the thread, which has *WRITER and TOTALS to itself until committer_stop(), and FILES (NULL: there is one),
 * which names those after the first. EVENT_FD is written to whenever a chunk is done. NULL: no thread could be had. */
struct committer *committer_start(struct writer **writer, struct totals *totals, const struct ingest_files *files,
                                  int event_fd);

/* How large the file is, in which the recording has come to be, and which one that is, from 1. */
struct committer_file {
	uint32_t number;
	uint64_t bytes, begin_bytes; /* begin_bytes: with what was carried over */
};
struct committer_file committer_file(struct committer *committer);

/* Hands CHUNK over. Never waits. */
void committer_put(struct committer *committer, struct chunk *chunk);

/* The chunks that were committed since the last call, oldest first, as a list. */
struct chunk *committer_take_done(struct committer *committer);

/* How many chunks are not committed yet. */
size_t committer_pending(struct committer *committer);

/* Copies what keeps the thread from committing into TEXT. False: nothing does. */
bool committer_trouble(struct committer *committer, char *text, size_t bytes, bool *hopeless);

/* Ends the thread: once all is committed, or at once when ABANDON is set. What it did not commit is freed. Returns how
 * many chunks that were. */
size_t committer_stop(struct committer *committer, bool abandon);

#endif
