/* SPDX-License-Identifier: Apache-2.0
 *
 * segments.h - the directories in which programs make their segments (ttalloc/paths.h), and what lies there.
 */
#ifndef RECORDER_SEGMENTS_H
#define RECORDER_SEGMENTS_H

#include <stdint.h>
#include <sys/types.h>

/* Calls EACH for every segment of programs that report to SOCKET_PATH. */
void segments_each(const char *socket_path, void (*each)(void *context, const char *path, ino_t inode), void *context);

/* The earliest anchor (CLOCK_MONOTONIC) of segments that wait for a recorder on SOCKET_PATH, or NOW_NS. */
uint64_t segments_earliest_ns(const char *socket_path, uint64_t now_ns);

/* Removes what programs left that were killed while they made a segment, whomever they would have reported to: nothing
 * is in it, and nobody else would ever come for it. */
void segments_sweep(void);

#endif
