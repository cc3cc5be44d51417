/* SPDX-License-Identifier: Apache-2.0
 *
 * names.c - see names.h: a hash table with open addressing.
 */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"

static size_t hash(const char *text, size_t bytes)
{
	uint64_t value = 0xcbf29ce484222325; /* FNV-1a */

	while (bytes-- > 0)
		value = (value ^ (unsigned char)*text++) * 0x100000001b3;
	return (size_t)(value ^ value >> 32);
}

/* The slot of TEXT, or the free one where it belongs. */
static uint32_t *find(const struct names *names, const char *text, size_t bytes)
{
	for (size_t at = hash(text, bytes);; at++) {
		uint32_t *slot = &names->slots[at & (names->slot_count - 1)];

		if (!*slot)
			return slot;
		const char *name = names->list[*slot - 1];
		if (strncmp(name, text, bytes) == 0 && name[bytes] == '\0')
			return slot;
	}
}

static void grow(struct names *names)
{
	free(names->slots);
	names->slot_count = names->slot_count ? 2 * names->slot_count : 1024;
	names->slots = memory_get(names->slot_count, sizeof(*names->slots));
	for (size_t i = 0; i < names->count; i++)
		*find(names, names->list[i], strlen(names->list[i])) = (uint32_t)i + 1;
}

size_t names_of(struct names *names, const char *text, size_t bytes)
{
	uint32_t *slot;

	bytes = strnlen(text, bytes);
	if (2 * names->count >= names->slot_count)
		grow(names);
	slot = find(names, text, bytes);
	if (!*slot) {
		names->list = memory_room(names->list, names->count, &names->capacity, sizeof(*names->list));
		names->list[names->count++] = memory_or_die(strndup(text, bytes));
		*slot = (uint32_t)names->count;
	}
	return *slot - 1;
}

void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->list[i]);
	free(names->list);
	free(names->slots);
	*names = (struct names){0};
}
