/* SPDX-License-Identifier: Apache-2.0
 *
 * frames.h - modules, and places of code in them, of the whole recording: each stored once and known by its id from
 * then on. Finding or adding; what is added is logged as a row, unless LOG is NULL: then it came out of the file.
 *
 * Not thread-safe. Without memory the program ends.
 */
#ifndef RECORDER_FRAMES_H
#define RECORDER_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "sql/store/rows.h"

struct frames;

/* Code of an interpreter. Not NUL-terminated; valid during a call. */
struct frames_code {
	const char *function, *file;
	size_t function_bytes, file_bytes;
	uint32_t line;
};

struct frames *frames_new(void);
void frames_free(struct frames *frames);

/* BUILD_ID: hexadecimal, "" for none. */
uint32_t frames_module(struct frames *frames, const char *path, size_t path_bytes, const char *build_id,
                       struct rowlog *log);

/* A return address as in the file of MODULE (an id); without one (0) as it was in the process. */
uint32_t frames_native(struct frames *frames, uint32_t module, uint64_t address, struct rowlog *log);

uint32_t frames_interpreted(struct frames *frames, const struct frames_code *code, struct rowlog *log);

#endif
