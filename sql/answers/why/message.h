/* SPDX-License-Identifier: Apache-2.0
 *
 * message.h - what TT-Metal says when memory runs out, in the words of any of its generations, read out of whatever a
 * log has around them. Nothing is allocated that outlives a call. Thread-safe.
 */
#ifndef SQL_MESSAGE_H
#define SQL_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_UNKNOWN (-1)

enum message_kind {
	MESSAGE_OUT_OF_MEMORY, /* Not enough space to allocate ... */
	MESSAGE_BELOW_LIMIT,   /* Cannot allocate at an address below ... */
	MESSAGE_CLASH,         /* ... circular buffers in program ... clash with L1 buffers ... */
	MESSAGE_BEYOND_L1,     /* ... circular buffers on core range ... grow to ... beyond max L1 size ... */
	MESSAGE_TRACE_REGION,  /* Creating trace buffers ... but only ... is allocated for trace region */
};

/* What a message says; MESSAGE_UNKNOWN where it does not. */
struct message {
	enum message_kind kind;
	int64_t region;
	int64_t size_bytes, banks, request_bank_bytes;
	int64_t bank_bytes, allocated_bytes, free_bytes, largest_free_bytes;
	int64_t address, limit;                  /* below which nothing may lie; beyond which nothing may reach */
	int64_t program, cb_end, buffer_address; /* of a clash: where circular buffers end, and the L1 buffer begins */
	int64_t cores[4];                        /* x0, y0, x1, y1 of the first core range */
};

/* Finds the last such message in TEXT, with log lines, ANSI colours and line breaks around and within it. False: there
 * is none. */
bool message_parse(const char *text, size_t bytes, struct message *message);

/* Whether both say the same. */
bool message_is_same(const struct message *a, const struct message *b);

#endif
