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

#include "wording.h"

#define MESSAGE_UNKNOWN (-1)

/* What a message says; MESSAGE_UNKNOWN where it does not. */
struct message {
	const struct wording *wording;
	enum message_kind kind;
	int64_t region;
	int64_t size_bytes, banks, request_bank_bytes;
	int64_t bank_bytes, allocated_bytes, free_bytes, largest_free_bytes;
	int64_t placeable_bytes, largest_placeable_bytes; /* of what is free, outside of what other allocators hold */
	int64_t address, limit; /* below which nothing may lie; beyond which nothing may reach */
	int64_t program, cb_end,
	    buffer_address; /* of a clash: where the program's memory ends, and the buffer begins */
	int64_t cores[4];   /* x0, y0, x1, y1 of the first core range */
};

/* Finds the last such message in TEXT, whatever a log has around and within it: prefixes of lines, colours, escaped
 * characters, line breaks between words and amid them. False: there is none. */
bool message_parse(const char *text, size_t bytes, struct message *message);

/* Whether both can be one message: no figure that both have differs. */
bool message_is_same(const struct message *a, const struct message *b);

#endif
