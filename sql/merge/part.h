/* SPDX-License-Identifier: Apache-2.0
 *
 * part.h - the recordings that are put together, as far as they say who they are and when they were made.
 *
 * Without memory the program ends.
 */
#ifndef SQL_PART_H
#define SQL_PART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/store/recording.h"

enum clock { CLOCK_OF_BOOT, CLOCK_OF_STEPS, CLOCK_OF_WALL };

/* One recording, as its recorder made it. */
struct part {
	uint32_t id; /* in its input, if that was put together itself; else 0 */
	char *uuid, *version, *boot_id, *host, *user, *directory;
	char *command, *job, *ended; /* or NULL */
	int64_t rank;                /* -1: not known */
	int64_t start_realtime_ns, start_monotonic_ns, end_ns;
	int64_t offset_ns; /* of its time 0, in the input's time; clocks_place() makes that the new file's */
	int64_t error_ns;  /* -1: not known */
	int64_t shared;    /* moments that told the error */
	enum clock clock;
};

/* A file that is put together with others. */
struct input {
	const char *path; /* borrowed */
	struct part *parts;
	size_t part_count;
	int64_t start_ns; /* of its time 0, in the new file's time */
	int64_t end_ns;
	int64_t begin_ns; /* from when on it holds all that happened */
	int64_t ranks;    /* of its job; 0: not known */
	char *devices;    /* JSON, in its own numbers, those alone that were recorded; NULL: all */
};

/* Fills INPUT, of which PATH is set. 0, or -1 with ERROR; input_clear() is needed either way. */
int input_read(struct input *input, struct recording *from, struct sql_error *error);
void input_clear(struct input *input);

/* Puts the inputs on one time, which begins with the first of them. 0, or -1 with ERROR. */
int clocks_place(struct input *inputs, size_t count, void (*say)(void *context, const char *line), void *context,
                 struct sql_error *error);

#endif
