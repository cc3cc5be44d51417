/* SPDX-License-Identifier: Apache-2.0
 *
 * options.h - what the environment can set: one table, which also feeds the documentation and its test.
 */
#ifndef TTALLOC_HOOK_OPTIONS_H
#define TTALLOC_HOOK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One environment variable. Numbers outside of MIN to MAX are moved to the nearer end, other text is ignored. */
struct tta_option {
	const char *name;
	const char *unit;         /* "" for switches */
	const char *default_text; /* as documented; a number for those that have a field */
	uint32_t min;
	uint32_t max;
	const char *help;
	size_t field; /* offset in struct tta_options; TTA_OPTION_NO_FIELD: read elsewhere, as text */
};
#define TTA_OPTION_NO_FIELD SIZE_MAX

/* The values that a process runs with. */
struct tta_options {
	uint32_t spool_mib;
	uint32_t ring_events;
	uint32_t full_wait_ms;
	uint32_t lossless; /* not 0: without end */
	uint32_t flush_ms;
	uint32_t verbose;
	uint32_t stacks;        /* frames; 0: none */
	uint32_t usage;         /* not 0: ttalloc_usage() knows from the beginning on */
	uint32_t python_stacks; /* not 0: with the frames of the Python code that calls */
	uint32_t operations;    /* enum ttalloc_operations */
};

extern const struct tta_option tta_option_table[];
extern const size_t tta_option_count;

/* True when the environment asks for recording, which set-user-ID programs never hear. */
bool tta_options_want_recording(void);

/* Reads the environment into OPTIONS. */
void tta_options_read(struct tta_options *options);

#endif
