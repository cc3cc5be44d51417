/* SPDX-License-Identifier: Apache-2.0
 *
 * modules.c - see modules.h. What was seen is kept twice: while one list is being made anew, threads that hold no lock
 * read the other one. Who finds that there was another look meanwhile reads again.
 *
 * A look reads the list of mappings, and the headers of each module in it, since a library that was built anew may have
 * the place, the size, and even the inode of the one before. Looks are rare: they take a small part of the time at
 * most. Between two of them a library may take the place of another one, with the same return addresses. That shows by
 * the build ids, which are read where they were, without a look:
 *
 *  - when the loader's own count of what it has added (hook/base/loader.h) has changed, before the next event with a
 *    stack has its entry. No code of a library runs before that, so nothing can be taken for what was there before;
 *  - and every 100 ms, by the flusher, for what the loader does not count: what it took away, so that the place is that
 *    of code that somebody makes, and libraries that are mapped by others.
 *
 * A module that is gone gets an entry, too: one without a path, which is a hole. What remains: where the loader's count
 * is not known (loader.c), a library that takes the place of another one of the same layout passes for it until the
 * flusher has noticed, and does so for ever if they have no build ids; and so it is with code that is put without the
 * loader where a library was, for as long.
 */
#include "modules.h"

#include <string.h>

#include "context.h"
#include "elf_facts.h"
#include "hook/base/loader.h"
#include "hook/base/maps.h"

/* More than a process can have, unless vm.max_map_count was raised. */
#define MOST_RANGES 65536u
#define MOST_MODULES MOST_RANGES
#define MOST_PATH_BYTES 1024u

/* Looks take no more than this part of the time: when an address is not known, and when all are. */
#define PART_FOR_UNKNOWN 16u
#define PART_FOR_KNOWN 64u
#define LONGEST_WAIT_NS (100ull * TTA_NS_PER_MS)
#define WATCH_NS (100ull * TTA_NS_PER_MS)

/* Where there is code. Read and written at the same time, by atomic operations alone. */
struct range {
	uint64_t start, end;
	uint32_t entry; /* the module's; 0: it has none */
};

struct ranges {
	uint32_t count; /* by rising address */
	struct range list[MOST_RANGES];
};

struct module {
	uint64_t start, end, device, inode;
	struct tta_elf_facts facts;
	uint32_t entry;
	uint32_t seen; /* in the look with this number */
};

/* The mappings of one file that follow each other. */
struct group {
	uint64_t start, end, device, inode;
	uint64_t first_page; /* where offset 0 is; UINT64_MAX: nowhere */
	uint32_t first_range;
	bool executable;
	char path[MOST_PATH_BYTES];
};

struct tta_modules_known {
	struct ranges ranges[2];
	uint32_t looks;     /* published: that are over; the lowest bit says which of the ranges is to be read */
	uint32_t last_hole; /* entry, TTA_LEFT_OUT when it has no room; 0: there is none */
	bool is_displaced;  /* by the look that is under way: something lies where a module was, or nothing */
	uint32_t module_count;
	struct module modules[MOST_MODULES]; /* that have an entry, and that no later one lies over */
	struct group group;
	/* not on the stack, which may be a small one of a signal handler */
	char buffer[TTA_MAPS_BUFFER_BYTES];
	struct tta_elf_buffer elf;
	uint8_t entry[sizeof(struct tta_module_entry) + TTA_BUILD_ID_BYTES + MOST_PATH_BYTES];
};

/* ---- Looking ---- */

static bool is_same(const struct module *a, const struct module *b)
{
	return a->start == b->start && a->end == b->end && a->device == b->device && a->inode == b->inode &&
	       tta_elf_is_same(&a->facts, &b->facts);
}

/* Appends an entry: of MODULE, which lies at PATH, or "" of the hole where it was. TTA_LEFT_OUT: there is no room. */
static uint32_t append_entry(struct tta_modules_known *known, const struct module *module, const char *path)
{
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
	return tta_table_append(&tta_context.table, TTA_ENTRY_MODULE, data, bytes + head.path_bytes);
}

/* There is nothing where MODULE was. False: there is no room to say so. */
static bool leave_hole(struct tta_modules_known *known, const struct module *module)
{
	uint32_t hole = append_entry(known, module, "");

	__atomic_store_n(&known->last_hole, hole, __ATOMIC_RELAXED);
	known->is_displaced = true;
	return hole != TTA_LEFT_OUT;
}

/* What is known of MODULE; NULL: nothing. Those that lay where it does now and are others are gone. */
static struct module *find_known(struct tta_modules_known *known, const struct module *module)
{
	struct module *found = NULL;
	uint32_t kept = 0;

	for (uint32_t i = 0; i < known->module_count; i++) {
		const struct module *other = &known->modules[i];
		bool same = is_same(other, module);

		if (!same && other->start < module->end && other->end > module->start) {
			if (other->start < module->start || other->end > module->end)
				leave_hole(known, other);
			known->is_displaced = true;
			continue;
		}
		if (kept != i)
			known->modules[kept] = *other;
		if (same)
			found = &known->modules[kept];
		kept++;
	}
	known->module_count = kept;
	return found;
}

/* The entry of the group that is complete: a new one if need be; 0: it is no module. TTA_LEFT_OUT: there is no room. */
static uint32_t introduce(struct tta_modules_known *known)
{
	const struct group *group = &known->group;
	struct module module = {.start = group->start,
	                        .end = group->end,
	                        .device = group->device,
	                        .inode = group->inode,
	                        .seen = known->looks + 1};
	struct module *old;

	if (!group->executable || group->first_page == UINT64_MAX ||
	    !tta_elf_read(&known->elf, group->first_page, &module.facts))
		return 0;
	old = find_known(known, &module);
	if (old) {
		old->seen = module.seen;
		return old->entry;
	}
	if (known->module_count == MOST_MODULES)
		return 0;
	module.entry = append_entry(known, &module, group->path);
	if (module.entry != TTA_LEFT_OUT)
		known->modules[known->module_count++] = module;
	return module.entry;
}

/* Those that were not seen in the look that is under way leave holes. */
static void leave_holes(struct tta_modules_known *known)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < known->module_count; i++) {
		const struct module *module = &known->modules[i];

		if (module->seen != known->looks + 1 && leave_hole(known, module))
			continue;
		if (kept != i)
			known->modules[kept] = *module;
		kept++;
	}
	known->module_count = kept;
}

static void begin_group(struct group *group, const struct tta_map *map, uint32_t first_range)
{
	static const char deleted[] = " (deleted)";
	size_t bytes = strnlen(map->path, sizeof(group->path) - 1);

	*group = (struct group){.start = map->start,
	                        .device = map->device,
	                        .inode = map->inode,
	                        .first_page = UINT64_MAX,
	                        .first_range = first_range};
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
	__atomic_store_n(&ranges->list[count].entry, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&ranges->count, count + 1, __ATOMIC_RELEASE);
}

/* The group is complete: its ranges get its entry. */
static void end_group(struct tta_modules_known *known)
{
	struct ranges *ranges = next_ranges(known);
	uint32_t entry = introduce(known);

	for (uint32_t i = known->group.first_range; i < ranges->count; i++)
		__atomic_store_n(&ranges->list[i].entry, entry, __ATOMIC_RELEASE);
}

static bool take_map(void *context, const struct tta_map *map)
{
	struct tta_modules_known *known = context;
	struct group *group = &known->group;

	if (map->inode != group->inode || map->device != group->device || !map->inode) {
		end_group(known);
		begin_group(group, map, next_ranges(known)->count);
	}
	if (map->executable)
		add_range(next_ranges(known), map);
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
	modules->looked_adds = tta_loader_adds();
	if (!known)
		known = tta_private_pages(sizeof(*known));
	if (!known)
		return;
	__atomic_store_n(&next_ranges(known)->count, 0, __ATOMIC_RELEASE);
	known->group = (struct group){.first_page = UINT64_MAX};
	known->is_displaced = false;
	all = tta_maps_each(known->buffer, take_map, known);
	end_group(known);
	if (all) {
		leave_holes(known);
		__atomic_store_n(&known->looks, known->looks + 1, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&modules->known, known, __ATOMIC_RELEASE);
	if (known->is_displaced)
		__atomic_store_n(&modules->displaced, modules->displaced + 1, __ATOMIC_RELEASE);
	modules->looked_ns = tta_now_ns();
	modules->look_cost_ns = modules->looked_ns - began_ns;
}

/* Looks, if something was loaded since the last look, or if looks are to take no more than that PART of the time.
 * Whether it did. */
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
	is_due = !modules->looked_ns || modules->looked_adds != tta_loader_adds() ||
	         tta_now_ns() - modules->looked_ns >= wait_ns;
	if (is_due)
		look(modules);
	tta_lock_leave(&modules->lock, &critical);
	return is_due;
}

/* Under the modules' lock. Whether one may be another one by now, or gone. NAMELESS: if so may those without a build
 * id. */
static bool may_be_others(const struct tta_modules_known *known, bool nameless)
{
	for (uint32_t i = 0; known && i < known->module_count; i++) {
		const struct tta_elf_facts *facts = &known->modules[i].facts;

		if ((nameless && facts->build_id_bytes == 0) || !tta_elf_is_there(facts))
			return true;
	}
	return false;
}

void tta_modules_follow(void)
{
	struct tta_modules *modules = &tta_context.modules;
	uint64_t adds = tta_loader_adds();
	struct tta_critical critical;

	if (adds == __atomic_load_n(&modules->followed_adds, __ATOMIC_ACQUIRE))
		return;
	tta_lock_enter(&modules->lock, &critical);
	if (adds != modules->followed_adds && may_be_others(modules->known, true))
		look(modules);
	__atomic_store_n(&modules->followed_adds, adds, __ATOMIC_RELEASE);
	tta_lock_leave(&modules->lock, &critical);
}

void tta_modules_watch(void)
{
	struct tta_modules *modules = &tta_context.modules;
	struct tta_critical critical;

	if (!__atomic_load_n(&modules->known, __ATOMIC_ACQUIRE) || tta_now_ns() - modules->watched_ns < WATCH_NS)
		return;
	tta_lock_enter(&modules->lock, &critical);
	if (may_be_others(modules->known, false))
		look(modules);
	modules->watched_ns = tta_now_ns();
	tta_lock_leave(&modules->lock, &critical);
}

/* ---- Asking ---- */

/* The range that ADDRESS is in; NULL: none. */
static const struct range *range_at(const struct ranges *ranges, uint64_t address)
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
	return low < count && __atomic_load_n(&ranges->list[low].start, __ATOMIC_ACQUIRE) <= address
	           ? &ranges->list[low]
	           : NULL;
}

static void check_in(const struct tta_modules_known *known, const struct ranges *ranges, const uint64_t *addresses,
                     uint32_t count, struct tta_modules_checked *checked)
{
	*checked = (struct tta_modules_checked){0};
	for (uint32_t i = 0; i < count; i++) {
		const struct range *range = range_at(ranges, addresses[i]);
		uint32_t entry;

		if (!range)
			return;
		entry = __atomic_load_n(&range->entry, __ATOMIC_ACQUIRE);
		if (!entry)
			entry = __atomic_load_n(&known->last_hole, __ATOMIC_ACQUIRE);
		if (entry > checked->newest)
			checked->newest = entry;
		checked->count++;
	}
}

/* As far as is known. */
static struct tta_modules_checked check(const uint64_t *addresses, uint32_t count)
{
	const struct tta_modules_known *known = __atomic_load_n(&tta_context.modules.known, __ATOMIC_ACQUIRE);
	struct tta_modules_checked checked = {0};
	uint32_t looks;

	if (!known)
		return checked;
	do {
		looks = __atomic_load_n(&known->looks, __ATOMIC_ACQUIRE);
		check_in(known, &known->ranges[looks & 1], addresses, count, &checked);
	} while (__atomic_load_n(&known->looks, __ATOMIC_RELAXED) != looks);
	return checked;
}

struct tta_modules_checked tta_modules_check(const uint64_t *addresses, uint32_t count)
{
	struct tta_modules_checked checked = check(addresses, count);
	bool is_certain = true;

	if (checked.count < count) {
		is_certain = look_if_due(PART_FOR_UNKNOWN);
		checked = check(addresses, count);
	}
	checked.is_certain = is_certain;
	return checked;
}

bool tta_modules_renew(void)
{
	return !tta_loader_is_known() && look_if_due(PART_FOR_KNOWN);
}
