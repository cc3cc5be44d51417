/* SPDX-License-Identifier: Apache-2.0
 *
 * limits.h - how much is recorded, and into how many files.
 */
#ifndef RECORDER_LIMITS_H
#define RECORDER_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "sql/base/error.h"

/* 0: no such limit. */
struct limits {
	uint64_t file_bytes, file_ns; /* of a file: then the recording goes on in another */
	uint32_t keep_files;          /* the latest; older ones are removed */
	uint64_t most_bytes;          /* of all files together */
	uint64_t duration_ns;         /* of the recording */
};

/* Options as they were given; NULL: not given. */
struct limit_options {
	const char *rotate, *keep, *max_size, *duration;
};

/* 0, or -1 with ERROR. */
int limits_read(const struct limit_options *options, struct limits *limits, struct sql_error *error);

#endif
