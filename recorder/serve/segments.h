/* SPDX-License-Identifier: Apache-2.0
 *
 * segments.h - the directories in which programs make their segments (ttalloc/paths.h), and what lies there.
 */
#ifndef RECORDER_SEGMENTS_H
#define RECORDER_SEGMENTS_H

#include <stdint.h>
#include <sys/types.h>

#include "users.h"

/* A segment in a directory that should be USER's. */
typedef void segments_take(void *context, const char *path, uid_t user, ino_t inode);

/* Calls EACH for every segment of programs of USERS that report to SOCKET_PATH. */
void segments_each(const char *socket_path, const struct users *users, segments_take *each, void *context);

/* The earliest anchor (CLOCK_MONOTONIC) of segments that wait for a recorder on SOCKET_PATH, or NOW_NS. */
uint64_t segments_earliest_ns(const char *socket_path, const struct users *users, uint64_t now_ns);

/* Removes what programs left that were killed while they made a segment, whomever they would have reported to: nothing
 * is in it, and nobody else would ever come for it. */
void segments_sweep(const struct users *users);

#endif
