/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf.h - messages of Protocol Buffers, as bytes.
 */
#ifndef ANALYZE_EXPORT_PROTOBUF_H
#define ANALYZE_EXPORT_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct message {
	uint8_t *bytes;
	size_t size, capacity;
};

/* Each adds a field to MESSAGE. */
void message_number(struct message *message, uint32_t field, uint64_t number);
void message_bytes(struct message *message, uint32_t field, const void *bytes, size_t size);
void message_text(struct message *message, uint32_t field, const char *text);
/* INNER is emptied. */
void message_inner(struct message *message, uint32_t field, struct message *inner);
/* One of a packed field, to be put in with message_inner(). */
void message_packed(struct message *packed, uint64_t number);

/* Writes MESSAGE as a field of the outermost one, and empties it. */
void message_write(struct message *message, uint32_t field, FILE *out);
void message_clear(struct message *message);

#endif
