/* SPDX-License-Identifier: Apache-2.0
 *
 * modules.c - see modules.h. What was seen is kept twice: while one list is being made anew, threads that hold no lock
 * read the other one. Who finds that there was another look meanwhile reads again.
 *
 * A look reads the list of mappings, and the headers of each module in it, since a library that was built anew may have
 * the place, the size, and even the inode of the one before. Looks are rare: they take a small part of the time at
 * most. What remains: between two looks, a library that takes the place of another one passes for it; and a stack all
 * of whose return addresses were seen before, in the library that was there then, is the stack that it was.
 */
#include "modules.h"

#include <elf.h>
#include <link.h>
#include <string.h>

#include "context.h"
#include "hook/base/maps.h"

#define MOST_RANGES 16384u
#define MOST_MODULES 4096u
#define MOST_HEADERS 64u
#define MOST_NOTE_BYTES 1024u
#define MOST_PATH_BYTES 1024u
#define MOST_BUILD_ID_BYTES 64u

/* Looks take no more than this part of the time: when an address is not known, and when all are. */
#define PART_FOR_UNKNOWN 16u
#define PART_FOR_KNOWN 64u
#define LONGEST_WAIT_NS (100ull * TTA_NS_PER_MS)

/* Where there is code. Read and written at the same time, by atomic operations alone. */
struct range {
	uint64_t start, end;
};

struct ranges {
	uint32_t count; /* by rising address */
	struct range list[MOST_RANGES];
};

struct elf_facts {
	uint64_t bias;
	uint32_t build_id_bytes;
	uint8_t build_id[MOST_BUILD_ID_BYTES];
};

struct module {
	uint64_t start, end, device, inode;
	struct elf_facts facts;
};

/* The mappings of one file that follow each other. */
struct group {
	uint64_t start, end, device, inode;
	uint64_t first_page; /* where offset 0 is; UINT64_MAX: nowhere */
	bool executable;
	char path[MOST_PATH_BYTES];
};

struct tta_modules_known {
	struct ranges ranges[2];
	uint32_t looks; /* published: that are over; the lowest bit says which of the ranges is to be read */
	uint32_t module_count;
	struct module modules[MOST_MODULES]; /* that have an entry, and that no later one lies over */
	struct group group;
	/* not on the stack, which may be a small one of a signal handler */
	char buffer[TTA_MAPS_BUFFER_BYTES];
	ElfW(Phdr) headers[MOST_HEADERS];
	uint8_t notes[MOST_NOTE_BYTES];
	uint8_t entry[sizeof(struct tta_module_entry) + MOST_BUILD_ID_BYTES + MOST_PATH_BYTES];
};

/* ---- What a file's headers say ---- */

/* Finds the build id among the notes at ADDRESS. */
static void read_notes(struct tta_modules_known *known, uint64_t address, uint64_t bytes, struct elf_facts *facts)
{
	uint8_t *notes = known->notes;
	uint64_t at = 0;

	if (bytes > sizeof(known->notes))
		bytes = sizeof(known->notes);
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
static bool read_elf(struct tta_modules_known *known, uint64_t first_page, struct elf_facts *facts)
{
	ElfW(Phdr) *headers = known->headers;
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
			read_notes(known, facts->bias + headers[i].p_vaddr, headers[i].p_filesz, facts);
	return true;
}

/* ---- Looking ---- */

static bool is_same(const struct module *a, const struct module *b)
{
	return a->start == b->start && a->end == b->end && a->device == b->device && a->inode == b->inode &&
	       a->facts.bias == b->facts.bias && a->facts.build_id_bytes == b->facts.build_id_bytes &&
	       memcmp(a->facts.build_id, b->facts.build_id, a->facts.build_id_bytes) == 0;
}

/* Whether MODULE has an entry. Those that lay where it does now and are others are gone. */
static bool is_known(struct tta_modules_known *known, const struct module *module)
{
	uint32_t kept = 0;
	bool found = false;

	for (uint32_t i = 0; i < known->module_count; i++) {
		const struct module *other = &known->modules[i];
		bool same = is_same(other, module);

		found = found || same;
		if (!same && other->start < module->end && other->end > module->start)
			continue;
		if (kept != i)
			known->modules[kept] = *other;
		kept++;
	}
	known->module_count = kept;
	return found;
}

/* Appends the entry of MODULE, which the group makes up. False: there is no room. */
static bool append_entry(struct tta_modules_known *known, const struct module *module)
{
	const char *path = known->group.path;
	uint8_t *data = known->entry;
	struct tta_module_entry head = {
	    .start = module->start,
	    .end = module->end,
	    .bias = module->facts.bias,
	    .build_id_bytes = module->facts.build_id_bytes,
	    .path_bytes = (uint32_t)strlen(path),
	};
	uint32_t bytes = sizeof(head);

	memcpy(data, &head, sizeof(head));
	memcpy(data + bytes, module->facts.build_id, head.build_id_bytes);
	bytes += head.build_id_bytes;
	memcpy(data + bytes, path, head.path_bytes);
	return tta_table_append(&tta_context.table, TTA_ENTRY_MODULE, data, bytes + head.path_bytes) != TTA_LEFT_OUT;
}

/* Gives the group that is complete its entry. */
static void introduce(struct tta_modules_known *known)
{
	const struct group *group = &known->group;
	struct module module = {
	    .start = group->start, .end = group->end, .device = group->device, .inode = group->inode};

	if (!group->executable || group->first_page == UINT64_MAX ||
	    !read_elf(known, group->first_page, &module.facts) || is_known(known, &module) ||
	    known->module_count == MOST_MODULES)
		return;
	if (append_entry(known, &module))
		known->modules[known->module_count++] = module;
}

static void begin_group(struct group *group, const struct tta_map *map)
{
	static const char deleted[] = " (deleted)";
	size_t bytes = strnlen(map->path, sizeof(group->path) - 1);

	*group =
	    (struct group){.start = map->start, .device = map->device, .inode = map->inode, .first_page = UINT64_MAX};
	memcpy(group->path, map->path, bytes);
	group->path[bytes] = '\0';
	if (bytes > strlen(deleted) && strcmp(group->path + bytes - strlen(deleted), deleted) == 0)
		group->path[bytes - strlen(deleted)] = '\0';
}

/* The ranges that are not being read, or only by a thread that will notice. */
static struct ranges *next_ranges(struct tta_modules_known *known)
{
	return &known->ranges[(known->looks + 1) & 1];
}

/* Releases, so that whoever reads what is written here reads looks as it is now, too. */
static void add_range(struct ranges *ranges, const struct tta_map *map)
{
	uint32_t count = ranges->count;

	if (count == MOST_RANGES)
		return;
	__atomic_store_n(&ranges->list[count].start, map->start, __ATOMIC_RELEASE);
	__atomic_store_n(&ranges->list[count].end, map->end, __ATOMIC_RELEASE);
	__atomic_store_n(&ranges->count, count + 1, __ATOMIC_RELEASE);
}

static bool take_map(void *context, const struct tta_map *map)
{
	struct tta_modules_known *known = context;
	struct group *group = &known->group;

	if (map->executable)
		add_range(next_ranges(known), map);
	if (map->inode != group->inode || map->device != group->device || !map->inode) {
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
	uint64_t began_ns = tta_now_ns();
	bool all;

	modules->looked_ns = began_ns;
	if (!known)
		known = tta_private_pages(sizeof(*known));
	if (!known)
		return;
	__atomic_store_n(&next_ranges(known)->count, 0, __ATOMIC_RELEASE);
	known->group = (struct group){.first_page = UINT64_MAX};
	all = tta_maps_each(known->buffer, take_map, known);
	introduce(known);
	if (all)
		__atomic_store_n(&known->looks, known->looks + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&modules->known, known, __ATOMIC_RELEASE);
	modules->looked_ns = tta_now_ns();
	modules->look_cost_ns = modules->looked_ns - began_ns;
}

/* Looks, if looks are to take no more than that PART of the time. Whether it did. */
static bool look_if_due(uint64_t part)
{
	struct tta_modules *modules = &tta_context.modules;
	struct tta_critical critical;
	uint64_t wait_ns;
	bool is_due;

	tta_lock_enter(&modules->lock, &critical);
	wait_ns = modules->look_cost_ns * part;
	if (wait_ns > LONGEST_WAIT_NS)
		wait_ns = LONGEST_WAIT_NS;
	is_due = !modules->looked_ns || tta_now_ns() - modules->looked_ns >= wait_ns;
	if (is_due)
		look(modules);
	tta_lock_leave(&modules->lock, &critical);
	return is_due;
}

/* ---- Asking ---- */

static bool is_code(const struct ranges *ranges, uint64_t address)
{
	uint32_t count = __atomic_load_n(&ranges->count, __ATOMIC_ACQUIRE);
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (__atomic_load_n(&ranges->list[middle].end, __ATOMIC_ACQUIRE) <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && __atomic_load_n(&ranges->list[low].start, __ATOMIC_ACQUIRE) <= address;
}

static uint32_t count_code(const uint64_t *addresses, uint32_t count)
{
	const struct tta_modules_known *known = __atomic_load_n(&tta_context.modules.known, __ATOMIC_ACQUIRE);
	uint32_t looks, found;

	if (!known)
		return 0;
	do {
		looks = __atomic_load_n(&known->looks, __ATOMIC_ACQUIRE);
		for (found = 0; found < count && is_code(&known->ranges[looks & 1], addresses[found]); found++)
			;
	} while (__atomic_load_n(&known->looks, __ATOMIC_RELAXED) != looks);
	return found;
}

uint32_t tta_modules_check(const uint64_t *addresses, uint32_t count, bool *is_certain)
{
	uint32_t found = count_code(addresses, count);

	*is_certain = true;
	if (found == count)
		return count;
	*is_certain = look_if_due(PART_FOR_UNKNOWN);
	return count_code(addresses, count);
}

void tta_modules_renew(void)
{
	look_if_due(PART_FOR_KNOWN);
}
