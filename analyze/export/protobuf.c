/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf.c - see protobuf.h.
 */
#include "protobuf.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"

enum { VARINT = 0, LENGTH = 2 };

static void add(struct message *message, const void *bytes, size_t size)
{
	if (message->size + size > message->capacity) {
		message->capacity = 2 * (message->size + size);
		message->bytes = memory_or_die(realloc(message->bytes, message->capacity));
	}
	if (size)
		memcpy(message->bytes + message->size, bytes, size);
	message->size += size;
}

void message_packed(struct message *packed, uint64_t number)
{
	uint8_t bytes[10];
	size_t used = 0;

	for (; number >= 0x80; number >>= 7)
		bytes[used++] = (uint8_t)(number | 0x80);
	bytes[used++] = (uint8_t)number;
	add(packed, bytes, used);
}

void message_number(struct message *message, uint32_t field, uint64_t number)
{
	message_packed(message, (uint64_t)field << 3 | VARINT);
	message_packed(message, number);
}

void message_bytes(struct message *message, uint32_t field, const void *bytes, size_t size)
{
	message_packed(message, (uint64_t)field << 3 | LENGTH);
	message_packed(message, size);
	add(message, bytes, size);
}

void message_text(struct message *message, uint32_t field, const char *text)
{
	message_bytes(message, field, text, strlen(text));
}

void message_inner(struct message *message, uint32_t field, struct message *inner)
{
	message_bytes(message, field, inner->bytes, inner->size);
	inner->size = 0;
}

void message_write(struct message *message, uint32_t field, FILE *out)
{
	struct message head = {0};

	message_packed(&head, (uint64_t)field << 3 | LENGTH);
	message_packed(&head, message->size);
	fwrite(head.bytes, 1, head.size, out);
	fwrite(message->bytes, 1, message->size, out);
	message_clear(&head);
	message->size = 0;
}

void message_clear(struct message *message)
{
	free(message->bytes);
	*message = (struct message){0};
}
