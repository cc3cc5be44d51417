/* SPDX-License-Identifier: Apache-2.0
 *
 * source.h - what an event of the server's loop is about.
 */
#ifndef RECORDER_SOURCE_H
#define RECORDER_SOURCE_H

enum source_kind {
	SOURCE_LISTENER,
	SOURCE_SIGNALS,
	SOURCE_TIMER,
	SOURCE_INGEST,
	SOURCE_CONNECTION,
	SOURCE_PROCESS,
	SOURCE_GUEST,
};

/* First member of whatever has a descriptor in the loop. */
struct source {
	enum source_kind kind;
	int fd; /* -1: none */
};

#endif
