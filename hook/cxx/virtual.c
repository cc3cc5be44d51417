/* SPDX-License-Identifier: Apache-2.0
 *
 * virtual.c - see virtual.h.
 */
#include "virtual.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_SLOTS 64

/* One of an object's segments, as it lies in memory. */
struct part {
	const uint8_t *start, *end;
};

static struct part part_of(const struct dl_phdr_info *object, int index)
{
	const ElfW(Phdr) *header = &object->dlpi_phdr[index];
	const uint8_t *start = (const uint8_t *)(object->dlpi_addr + header->p_vaddr);

	return (struct part){start, start + header->p_filesz};
}

static bool is_loaded(const struct dl_phdr_info *object, int index, uint32_t flags_wanted, uint32_t flags_not)
{
	const ElfW(Phdr) *header = &object->dlpi_phdr[index];

	return header->p_type == PT_LOAD && (header->p_flags & flags_wanted) == flags_wanted &&
	       !(header->p_flags & flags_not);
}

/* What PT_GNU_EH_FRAME names, as all linkers write it: the places where functions begin, sorted. */
struct frame_index {
	uint8_t version, frame_encoding, count_encoding, table_encoding;
	int32_t frame;
	uint32_t count;
	struct {
		int32_t function, description; /* from the index's start */
	} entries[];
};

#define FRAME_INDEX_VERSION 1
#define ENCODING_U32 0x03
#define ENCODING_S32_FROM_INDEX 0x3b

static const struct frame_index *frame_index(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const struct frame_index *index = (const void *)part_of(object, i).start;

		if (object->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME && object->dlpi_phdr[i].p_filesz >= sizeof(*index) &&
		    index->version == FRAME_INDEX_VERSION && index->count_encoding == ENCODING_U32 &&
		    index->table_encoding == ENCODING_S32_FROM_INDEX)
			return index;
	}
	return NULL;
}

/* Whether a function begins at ADDRESS. */
static bool is_function(const struct frame_index *index, tt_virtual_function *function)
{
	int64_t wanted = (intptr_t)((uintptr_t)function - (uintptr_t)index);
	uint32_t low = 0, high = index->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (index->entries[middle].function < wanted)
			low = middle + 1;
		else
			high = middle;
	}
	return low < index->count && index->entries[low].function == wanted;
}

/* NAME with both of its NULs, among constants: where it begins, or NULL. */
static const char *find_name(const struct dl_phdr_info *object, const char *name)
{
	size_t bytes = strlen(name) + 1;

	for (int i = 0; i < object->dlpi_phnum; i++) {
		struct part part = part_of(object, i);
		const uint8_t *at = part.start;

		if (!is_loaded(object, i, PF_R, PF_W))
			continue;
		while ((at = memmem(at, (size_t)(part.end - at), name, bytes))) {
			if (at > part.start && !at[-1])
				return (const char *)at;
			at++;
		}
	}
	return NULL;
}

/* The next word behind AFTER (NULL: from the start) that points to TARGET, among what the dynamic linker relocated. */
static const void *const *find_pointer(const struct dl_phdr_info *object, const void *target, const void *const *after)
{
	for (int i = 0; i < object->dlpi_phnum; i++) {
		struct part part = part_of(object, i);
		uintptr_t start = ((uintptr_t)part.start + sizeof(void *) - 1) & ~(sizeof(void *) - 1);

		if (!is_loaded(object, i, PF_R | PF_W, 0))
			continue;
		for (const void *const *word = (const void *const *)start; (const uint8_t *)(word + 1) <= part.end;
		     word++) {
			if (word > after && *word == target)
				return word;
		}
	}
	return NULL;
}

/* Behind "how far into the whole object", which is 0, and the type information: the functions. */
static bool take_table(const struct dl_phdr_info *object, const void *const *type_word, struct tt_virtual *found)
{
	const struct frame_index *index = frame_index(object);
	tt_virtual_function **slots = (tt_virtual_function **)(type_word + 1);
	size_t count = 0;

	if (type_word[-1] || !index)
		return false;
	while (count < MOST_SLOTS && is_function(index, slots[count]))
		count++;
	if (count)
		*found = (struct tt_virtual){slots, count};
	return count > 0;
}

bool tt_virtual_find(const struct dl_phdr_info *object, const char *class_name, struct tt_virtual *found)
{
	const char *name = find_name(object, class_name);
	const void *const *name_word = NULL, *const *type_word = NULL;
	size_t tables = 0;

	if (!name)
		return false;
	while ((name_word = find_pointer(object, name, name_word))) {
		for (type_word = NULL; (type_word = find_pointer(object, name_word - 1, type_word));)
			tables += take_table(object, type_word, found);
	}
	return tables == 1;
}

static bool protect(tt_virtual_function **slot, int protection)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	return mprotect((void *)((uintptr_t)slot & ~(page - 1)), page, protection) == 0;
}

bool tt_virtual_replace(tt_virtual_function **slot, tt_virtual_function *function)
{
	if (!protect(slot, PROT_READ | PROT_WRITE))
		return false;
	__atomic_store_n(slot, function, __ATOMIC_RELEASE);
	protect(slot, PROT_READ);
	return true;
}
