/* SPDX-License-Identifier: Apache-2.0
 *
 * modules.c - see modules.h. What was seen is kept twice: while one list is being made anew, threads that hold no lock
 * read the other one. A thread that reads across two looks may take a wrong decision, but reads no memory that is gone.
 */
#include "modules.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "context.h"
#include "maps.h"

#define MOST_RANGES 4096u
#define MOST_MODULES 4096u
#define MOST_HEADERS 64u
#define MOST_NOTE_BYTES 1024u
#define MOST_PATH_BYTES 1024u
#define LOOK_AGAIN_NS (100ull * TTA_NS_PER_MS)

/* Where there is code. */
struct range {
	uint64_t start, end;
};

struct ranges {
	uint32_t count; /* by rising address */
	struct range list[MOST_RANGES];
};

struct module {
	uint64_t start, end, inode;
};

/* The mappings of one file that follow each other. */
struct group {
	uint64_t start, end, inode;
	uint64_t first_page; /* where offset 0 is; UINT64_MAX: nowhere */
	bool executable;
	char path[MOST_PATH_BYTES];
};

struct tta_modules_known {
	struct ranges ranges[2];
	uint32_t current; /* published: which of them is to be read */
	uint32_t module_count;
	struct module modules[MOST_MODULES]; /* that have an entry */
	struct group group;
	char buffer[TTA_MAPS_BUFFER_BYTES];
};

/* ---- What a file's headers say ---- */

struct elf_facts {
	uint64_t bias;
	uint32_t build_id_bytes;
	uint8_t build_id[64];
};

/* Finds the build id among the notes at ADDRESS. */
static void read_notes(uint64_t address, uint64_t bytes, struct elf_facts *facts)
{
	uint8_t notes[MOST_NOTE_BYTES];
	uint64_t at = 0;

	if (bytes > sizeof(notes))
		bytes = sizeof(notes);
	if (!tta_memory_read(address, notes, bytes))
		return;
	while (at + sizeof(ElfW(Nhdr)) <= bytes) {
		ElfW(Nhdr) note;
		uint64_t name = at + sizeof(note), data, next;

		memcpy(&note, notes + at, sizeof(note));
		data = name + (note.n_namesz + 3ull) / 4 * 4;
		next = data + (note.n_descsz + 3ull) / 4 * 4;
		if (next > bytes)
			return;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(notes + name, "GNU", 4) == 0 &&
		    note.n_descsz <= sizeof(facts->build_id)) {
			facts->build_id_bytes = note.n_descsz;
			memcpy(facts->build_id, notes + data, note.n_descsz);
			return;
		}
		at = next;
	}
}

/* Reads the headers where they are mapped. False: it is no ELF file. */
static bool read_elf(uint64_t first_page, struct elf_facts *facts)
{
	ElfW(Phdr) headers[MOST_HEADERS];
	ElfW(Ehdr) file;
	bool loaded = false;

	*facts = (struct elf_facts){.bias = first_page};
	if (!tta_memory_read(first_page, &file, sizeof(file)) || memcmp(file.e_ident, ELFMAG, SELFMAG) != 0 ||
	    file.e_phentsize != sizeof(headers[0]) || file.e_phnum > MOST_HEADERS ||
	    !tta_memory_read(first_page + file.e_phoff, headers, file.e_phnum * sizeof(headers[0])))
		return false;
	for (unsigned i = 0; i < file.e_phnum && !loaded; i++)
		if ((loaded = headers[i].p_type == PT_LOAD))
			facts->bias = first_page - ((headers[i].p_vaddr - headers[i].p_offset) & ~UINT64_C(4095));
	for (unsigned i = 0; i < file.e_phnum && !facts->build_id_bytes; i++)
		if (headers[i].p_type == PT_NOTE)
			read_notes(facts->bias + headers[i].p_vaddr, headers[i].p_filesz, facts);
	return true;
}

/* ---- Looking ---- */

static bool is_known(const struct tta_modules_known *known, const struct group *group)
{
	for (uint32_t i = 0; i < known->module_count; i++) {
		const struct module *module = &known->modules[i];

		if (module->start == group->start && module->end == group->end && module->inode == group->inode)
			return true;
	}
	return false;
}

/* Gives the group that is complete its entry. */
static void introduce(struct tta_modules_known *known)
{
	const struct group *group = &known->group;
	uint8_t data[sizeof(struct tta_module_entry) + 64 + MOST_PATH_BYTES];
	struct tta_module_entry head = {.start = group->start, .end = group->end};
	struct elf_facts facts;
	uint32_t bytes = sizeof(head);

	if (!group->executable || group->first_page == UINT64_MAX || known->module_count == MOST_MODULES ||
	    is_known(known, group) || !read_elf(group->first_page, &facts))
		return;
	head.bias = facts.bias;
	head.build_id_bytes = facts.build_id_bytes;
	head.path_bytes = (uint32_t)strlen(group->path);
	memcpy(data, &head, sizeof(head));
	memcpy(data + bytes, facts.build_id, facts.build_id_bytes);
	bytes += facts.build_id_bytes;
	memcpy(data + bytes, group->path, head.path_bytes);
	if (!tta_table_append(TTA_ENTRY_MODULE, data, bytes + head.path_bytes))
		return;
	known->modules[known->module_count++] =
	    (struct module){.start = group->start, .end = group->end, .inode = group->inode};
}

static void begin_group(struct group *group, const struct tta_map *map)
{
	static const char deleted[] = " (deleted)";
	size_t bytes = strnlen(map->path, sizeof(group->path) - 1);

	*group = (struct group){.start = map->start, .inode = map->inode, .first_page = UINT64_MAX};
	memcpy(group->path, map->path, bytes);
	group->path[bytes] = '\0';
	if (bytes > strlen(deleted) && strcmp(group->path + bytes - strlen(deleted), deleted) == 0)
		group->path[bytes - strlen(deleted)] = '\0';
}

static bool take_map(void *context, const struct tta_map *map)
{
	struct tta_modules_known *known = context;
	struct ranges *ranges = &known->ranges[!known->current];
	struct group *group = &known->group;

	if (map->executable && ranges->count < MOST_RANGES)
		ranges->list[ranges->count++] = (struct range){map->start, map->end};
	if (map->inode != group->inode || !map->inode || map->start < group->start) {
		introduce(known);
		begin_group(group, map);
	}
	group->end = map->end;
	group->executable |= map->executable;
	if (map->inode && map->offset == 0 && group->first_page == UINT64_MAX)
		group->first_page = map->start;
	return true;
}

/* Under the modules' lock. */
static void look(struct tta_modules *modules)
{
	struct tta_modules_known *known = modules->known;
	bool all;

	if (!known)
		known = tta_private_pages(sizeof(*known));
	modules->looked_ns = tta_now_ns();
	if (!known)
		return;
	known->ranges[!known->current].count = 0;
	known->group = (struct group){.first_page = UINT64_MAX};
	all = tta_maps_each(known->buffer, take_map, known);
	introduce(known);
	if (all)
		__atomic_store_n(&known->current, !known->current, __ATOMIC_RELEASE);
	__atomic_store_n(&modules->known, known, __ATOMIC_RELEASE);
}

/* ---- Asking ---- */

static bool is_code(const struct ranges *ranges, uint64_t address)
{
	uint32_t low = 0, high = ranges->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (ranges->list[middle].end <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ranges->count && ranges->list[low].start <= address;
}

static uint32_t count_code(const uint64_t *addresses, uint32_t count)
{
	const struct tta_modules_known *known = __atomic_load_n(&tta_context.modules.known, __ATOMIC_ACQUIRE);
	uint32_t i = 0;

	if (!known)
		return 0;
	const struct ranges *ranges = &known->ranges[__atomic_load_n(&known->current, __ATOMIC_ACQUIRE)];
	while (i < count && ((addresses[i] & TTA_FRAME_CODE) || is_code(ranges, addresses[i])))
		i++;
	return i;
}

uint32_t tta_modules_check(const uint64_t *addresses, uint32_t count)
{
	struct tta_modules *modules = &tta_context.modules;
	struct tta_critical critical;
	uint32_t found = count_code(addresses, count);

	if (found == count)
		return count;
	tta_lock_enter(&modules->lock, &critical);
	if (!modules->looked_ns || tta_now_ns() - modules->looked_ns > LOOK_AGAIN_NS)
		look(modules);
	tta_lock_leave(&modules->lock, &critical);
	return count_code(addresses, count);
}
