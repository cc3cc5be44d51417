/* SPDX-License-Identifier: Apache-2.0
 *
 * wording.h - the texts with which TT-Metal and ttnn refuse a request for a device's memory: one row for each text of
 * each generation, word for word the format string that stands in libtt_metal.so or _ttnncpp.so, so that it can be
 * looked up there ('strings'). tests/ttnn/wordings.py does so with installed wheels, both ways.
 *
 * No rows are texts about memory that refuse nothing (warnings), or that are not about a device's memory: the host's,
 * the width of a register, the length of a packet.
 */
#ifndef SQL_WORDING_H
#define SQL_WORDING_H

#include <stddef.h>
#include <stdint.h>

#define WORDING_FIGURES 20

enum message_kind {
	MESSAGE_OUT_OF_MEMORY, /* the allocator had no place for a buffer */
	MESSAGE_BELOW_LIMIT,   /* it had one, below what nothing may lie under */
	MESSAGE_CLASH,         /* a program's memory grew into an L1 buffer */
	MESSAGE_BEYOND_L1,     /* ... or beyond the end of what it may use */
	MESSAGE_TRACE_REGION,  /* a trace is larger than its region */
	MESSAGE_LIMIT,         /* something else was too large for where it belongs, or an operation reckoned so */
};

/* TEXT is how the text begins, up to what no longer matters. In it, each {} is one of FIGURES in their order: an offset
 * in struct message, or 0 for what does not matter either. A figure that stands there twice is the sum of both in a
 * MESSAGE_LIMIT, the larger of both elsewhere. */
struct wording {
	enum message_kind kind;
	int64_t region;           /* MESSAGE_UNKNOWN: a figure, or not said */
	const char *first, *last; /* wheels that have it; the oldest looked at is 0.60.1; last NULL: it is in use */
	const char *text;
	size_t figures[WORDING_FIGURES];
	const char *subject, *place; /* what did not fit into what */
};

/* Those that begin alike stand together, the longest first. */
extern const struct wording wordings[];
extern const size_t wording_count;

#endif
