/* SPDX-License-Identifier: Apache-2.0
 *
 * device.c - IDevice objects: which chips they stand for, and the geometry of their memory.
 *
 * Buffers of today's TT-Metal belong to a MeshDevice, also on a single chip; its number is a counter that collides with
 * the chips' numbers, so a mesh is always expanded to its chips.
 */
#include "device.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hook/core/producer.h"
#include "chip.h"
#include "circular.h"
#include "crosscheck.h"
#include "free_list.h"
#include "say.h"
#include "ttalloc.h"
#include "ttalloc/vocabulary.h"

#define KNOWN_ALLOCATORS 4096 /* those of the devices that are open, and sets of their cores; more have no number */

struct known_allocator {
	const void *allocator; /* NULL: free */
	struct tt_cores cores; /* that it is about alone; none: all */
	uint16_t number;
	struct tt_chips chips;
	uint64_t l1_base;
	pid_t process; /* that saw it first: one that was forked from it has reported nothing of it */
	struct tt_crosscheck_pace pace;
	struct known_list {
		const struct tt_free_list *list; /* that serves a region; NULL: not known */
		uint16_t number;
		bool is_one_of_many;
	} lists[TTALLOC_TRACE + 1];
	bool in_step; /* its list has blocks on some cores, which are told as another one's */
};

static struct {
	struct known_allocator *known; /* KNOWN_ALLOCATORS, once a device is open: other programs do without */
	size_t used;                   /* of them, ever */
	uint16_t last_number;
} devices;

/* ---- Classes ---- */

bool tt_read_safely(const void *from, void *to, size_t bytes)
{
	struct iovec local = {.iov_base = to, .iov_len = bytes};
	struct iovec remote = {.iov_base = (void *)from, .iov_len = bytes};
	int memory;
	bool done;

	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)bytes)
		return true;
	/* Sandboxes forbid that call more often than this file. */
	memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		return false;
	done = pread(memory, to, bytes, (off_t)(uintptr_t)from) == (ssize_t)bytes;
	close(memory);
	return done;
}

/* Of an object with virtual functions: before the table of functions lies its std::type_info, which is a pointer to
 * its own functions and then its name. */
static const char *class_name(const void *object)
{
	const void *const *functions = *(const void *const *const *)object;
	const void *const *type_info = functions[-1];

	return type_info[1];
}

static bool is_class(const char *name, const char *wanted)
{
	return strcmp(name, wanted) == 0;
}

/* A class that devices may be of, and its table of functions once an object of it was seen: who has that is of the
 * class, and its name need not be read, which lies where nothing else looks. Two copies of TT-Metal have one each, of
 * which the last one is remembered. */
struct device_class {
	const char *name;
	atomic_uintptr_t functions;
};

static struct device_class chip_class = {.name = TT_CLASS_CHIP}, mesh_class = {.name = TT_CLASS_MESH};

static bool is_of(const void *device, struct device_class *class)
{
	uintptr_t functions = *(const uintptr_t *)device;

	if (atomic_load_explicit(&class->functions, memory_order_relaxed) == functions)
		return true;
	if (!is_class(class_name(device), class->name))
		return false;
	atomic_store_explicit(&class->functions, functions, memory_order_relaxed);
	return true;
}

bool tt_device_is_known(const void *device)
{
	const char *const *type_info;
	const void *functions;
	const char *name;
	char copy[sizeof(TT_CLASS_MESH)] = {0};

	if (!device || (uintptr_t)device % sizeof(void *))
		return false;
	if (!tt_read_safely(device, &functions, sizeof(functions)) ||
	    !tt_read_safely((const char *)functions - sizeof(void *), &type_info, sizeof(type_info)) ||
	    !tt_read_safely(type_info + 1, &name, sizeof(name)) || !tt_read_safely(name, copy, sizeof(TT_CLASS_CHIP)))
		return false;
	if (is_class(copy, TT_CLASS_CHIP))
		return true;
	return tt_read_safely(name, copy, sizeof(copy)) && is_class(copy, TT_CLASS_MESH);
}

static int call_slot(const void *device, int slot)
{
	int (*const *functions)(const void *) = *(int (*const *const *)(const void *))device;

	return functions[slot](device);
}

/* ---- Chips ---- */

static void add_chip(struct tt_chips *chips, const void *device)
{
	int id = call_slot(device, TT_SLOT_ID);

	if (id < 0 || chips->count == TT_CHIPS_MAX) {
		tt_count(TT_COUNT_REFUSED);
		return;
	}
	chips->ids[chips->count++] = (uint32_t)id;
	tt_chip_introduce((uint32_t)id);
}

static bool mesh_chips(const struct tt_library *library, const void *mesh, struct tt_chips *chips)
{
	struct tt_vector members = {NULL, NULL, NULL};

	if (!library->mesh_devices || !library->operator_delete)
		return false;
	library->mesh_devices(&members, mesh);
	for (const void *const *member = members.begin; (const void *)member < members.end; member++) {
		if (*member && is_of(*member, &chip_class))
			add_chip(chips, *member);
	}
	if (members.begin)
		library->operator_delete((void *)members.begin);
	return chips->count > 0;
}

bool tt_device_chips(const struct tt_library *library, const void *device, struct tt_chips *chips)
{
	chips->count = 0;
	if (!device)
		return false;
	if (is_of(device, &mesh_class))
		return mesh_chips(library, device, chips);
	if (is_of(device, &chip_class)) {
		add_chip(chips, device);
		return chips->count > 0;
	}
	tt_say_once("class %s of %s is not known: what it allocates is not recorded", class_name(device),
	            library->path);
	return false;
}

void tt_device_failed(const struct tt_library *library, const void *device, const struct ttalloc_block *wanted,
                      const char *why)
{
	struct ttalloc_block failed = *wanted;
	struct tt_chips chips;

	tt_device_chips(library, device, &chips);
	for (uint32_t i = 0; i < chips.count; i++) {
		failed.device = ttalloc_on(chips.ids[i], wanted->device >> 16);
		ttalloc_alloc_failed(&failed, why);
		failed.flags |= TTALLOC_SAME_REQUEST;
	}
}

/* ---- Geometry ---- */

static uint64_t base_address(const struct tt_allocator_class *class, const void *allocator, bool in_dram)
{
	uint8_t memory = in_dram ? TT_MEMORY_DRAM : TT_MEMORY_L1;

	return class->base_address(allocator, &memory);
}

/* L1_SMALL and TRACE lie above L1 and DRAM in the same bank, where the allocatable part of those ends. */
static struct ttalloc_bank_layout read_layout(const struct tt_allocator_class *class, const void *allocator,
                                              uint16_t region)
{
	bool in_dram = region == TTALLOC_DRAM || region == TTALLOC_TRACE;
	int32_t type = region, below = in_dram ? TTALLOC_DRAM : TTALLOC_L1;
	struct ttalloc_bank_layout layout = {
	    .region = region,
	    .top_down = !in_dram,
	    .banks = class->num_banks(allocator, &type),
	    .bank_bytes = class->bank_size(allocator, &type),
	    .base_address = base_address(class, allocator, in_dram),
	};

	if (type != below)
		layout.base_address += class->bank_size(allocator, &below);
	/* The unit in which blocks are given out: that of DRAM, for L1, too. */
	if (class->alignment)
		layout.alignment_bytes = class->alignment(allocator, TTALLOC_DRAM);
	return layout;
}

/* Regions of no size are not configured, and left out. */
static uint32_t read_layouts(const struct tt_allocator_class *class, const void *allocator,
                             struct ttalloc_bank_layout layouts[static 4])
{
	static const uint16_t regions[] = {TTALLOC_DRAM, TTALLOC_L1, TTALLOC_L1_SMALL, TTALLOC_TRACE};
	uint32_t count = 0;

	if (!class->num_banks || !class->bank_size || !class->base_address)
		return 0;
	for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++) {
		layouts[count] = read_layout(class, allocator, regions[i]);
		if (layouts[count].banks && layouts[count].bank_bytes)
			count++;
	}
	return count;
}

static const char *arch_name(const void *device)
{
	int arch = call_slot(device, TT_SLOT_ARCH) & 0xFF; /* an enumeration of one byte in some generations */

	if (arch == TT_ARCH_WORMHOLE_B0)
		return "wormhole_b0";
	return arch == TT_ARCH_BLACKHOLE ? "blackhole" : NULL;
}

/* ---- Allocators ---- */

static bool same_chips(const struct tt_chips *a, const struct tt_chips *b)
{
	return a->count == b->count && memcmp(a->ids, b->ids, a->count * sizeof(*a->ids)) == 0;
}

/* Under the lock. A free place when there is none, or NULL when there is no room. */
static struct known_allocator *find_known(const void *allocator, const struct tt_cores *cores)
{
	static const struct tt_cores all = {.rows = {0}};
	const struct tt_cores *wanted = cores ? cores : &all;
	struct known_allocator *vacant = NULL;

	for (size_t i = 0; i < devices.used; i++) {
		struct known_allocator *known = &devices.known[i];

		if (known->allocator == allocator && tt_cores_equal(&known->cores, wanted))
			return known;
		if (!known->allocator)
			vacant = known;
	}
	if (!devices.known && !(devices.known = calloc(KNOWN_ALLOCATORS, sizeof(*devices.known))))
		return NULL;
	if (!vacant && devices.used < KNOWN_ALLOCATORS)
		vacant = &devices.known[devices.used++];
	return vacant;
}

/* The number of ALLOCATOR as it serves just these CHIPS and CORES; *FRESH: it has just got it. 0: there are too many.
 */
static uint16_t number_of(const void *allocator, const struct tt_cores *cores, const struct tt_chips *chips,
                          bool *fresh)
{
	struct known_allocator *known;
	uint16_t number = 0;

	tt_lock();
	known = find_known(allocator, cores);
	*fresh = known && (known->allocator != allocator || !same_chips(&known->chips, chips));
	if (*fresh) {
		if (!++devices.last_number) /* 65,535 of them were: the numbers of the first are free again */
			++devices.last_number;
		*known = (struct known_allocator){.allocator = allocator, .chips = *chips, .process = getpid()};
		known->number = devices.last_number;
		if (cores)
			known->cores = *cores;
	}
	if (known)
		number = known->number;
	tt_unlock();
	if (!number)
		tt_say_once("more than %d allocators are there at once: blocks of the others are taken for one another",
		            KNOWN_ALLOCATORS);
	return number;
}

static void remember_l1_base(const void *allocator, const struct ttalloc_bank_layout *layouts, uint32_t count)
{
	struct known_allocator *known;

	tt_lock();
	known = find_known(allocator, NULL);
	for (uint32_t i = 0; known && known->allocator == allocator && i < count; i++) {
		if (layouts[i].region == TTALLOC_L1)
			known->l1_base = layouts[i].base_address;
	}
	tt_unlock();
}

/* What the allocator of DEVICE is, in words. */
static void name_allocator(const struct tt_allocator_use *use, const struct tt_chips *chips, char text[static 128])
{
	bool is_mesh = is_of(use->device, &mesh_class);
	int length = snprintf(text, 128, "%s %d", is_mesh ? "mesh" : "device", call_slot(use->device, TT_SLOT_ID));

	if (is_mesh)
		length += snprintf(text + length, 128 - (size_t)length, " of %u chip%s", chips->count,
		                   chips->count == 1 ? "" : "s");
	if (use->on_sub_device)
		length += snprintf(text + length, 128 - (size_t)length, ", sub-device");
	if (use->cores)
		snprintf(text + length, 128 - (size_t)length, ", %u core%s %s", tt_cores_count(use->cores),
		         tt_cores_count(use->cores) == 1 ? "" : "s", use->in_step ? "in step" : "alone");
}

/* Which cores it serves alone: as many rectangles as are kept of that. */
static uint32_t told_ranges(const struct tt_cores *cores, struct ttalloc_core_range ranges[static TT_CORE_RANGES_MOST])
{
	uint32_t count = tt_cores_ranges(cores, ranges);

	ttalloc_note(TTA_NOTE_ON_CORES, 0);
	if (!count)
		tt_say_once("blocks lie on cores that are more than %d rectangles: they count as if they lay on all",
		            TT_CORE_RANGES_MOST);
	return count;
}

/* Nobody else may say how large the banks are, when all that it gives out lies on some cores. */
static void announce_whole(const struct tt_library *library, const struct tt_allocator_use *use,
                           const struct tt_chips *chips)
{
	struct tt_allocator_use whole = *use;

	whole.cores = NULL;
	tt_device_announce(library, &whole, chips);
}

uint16_t tt_device_announce(const struct tt_library *library, const struct tt_allocator_use *use,
                            const struct tt_chips *chips)
{
	struct ttalloc_core_range ranges[TT_CORE_RANGES_MOST];
	struct ttalloc_bank_layout layouts[4];
	uint32_t count = 0, range_count;
	uint16_t number;
	char name[128];
	bool fresh;

	if (!use->allocator)
		return 0;
	number = number_of(use->allocator, use->cores, chips, &fresh);
	if (!number && use->cores)
		tt_say_once("blocks lie on too many sets of cores: they are taken for one another");
	if (!fresh)
		return number;
	if (use->cores)
		announce_whole(library, use, chips);
	/* The geometry of a device is what its own allocator says, not that of a part of it. */
	if (!use->on_sub_device && !use->cores)
		count = read_layouts(&library->allocator, use->allocator, layouts);
	remember_l1_base(use->allocator, layouts, count);
	name_allocator(use, chips, name);
	range_count = use->cores ? told_ranges(use->cores, ranges) : 0;
	for (uint32_t i = 0; i < chips->count; i++) {
		char chip[TT_CHIP_NAME_MAX];

		ttalloc_device_open(&(struct ttalloc_device){
		    .struct_size = sizeof(struct ttalloc_device),
		    .device = ttalloc_on(chips->ids[i], number),
		    .chip = tt_chip_name(chips->ids[i], chip),
		    .arch = arch_name(use->device),
		    .layouts = layouts,
		    .layout_count = count,
		    .allocator = name,
		    .cores = use->cores ? tt_cores_count(use->cores) : 0,
		    .in_step = use->in_step,
		    .core_ranges = range_count,
		    .core_range_list = range_count ? ranges : NULL,
		});
	}
	return number;
}

uint64_t tt_device_footprint(const struct tt_library *library, const void *allocator, uint64_t bytes)
{
	uint64_t unit = 0;

	if (bytes && allocator && library->allocator.alignment)
		unit = library->allocator.alignment(allocator, TTALLOC_DRAM);
	return unit ? (bytes + unit - 1) / unit * unit : bytes;
}

/* ---- Whether what is reported is what the allocator has ---- */

void tt_device_served(const struct tt_allocator_use *use, uint16_t region, const struct tt_core_groups *groups)
{
	const struct tt_free_list *list = tt_free_lists_placed();
	struct known_allocator *known;
	struct known_list *lists;

	if (!use->allocator || region > TTALLOC_TRACE)
		return;
	if (groups->count && !groups->in_step) {
		tt_core_lists_met(use->allocator, region, groups);
		return;
	}
	tt_lock();
	known = find_known(use->allocator, NULL);
	lists = known && known->allocator == use->allocator ? &known->lists[region] : NULL;
	if (lists && list && !lists->list)
		*lists = (struct known_list){.list = list, .number = tt_free_list_number(list)};
	if (lists && lists->list != list)
		lists->is_one_of_many = true;
	if (lists)
		known->in_step |= groups->in_step;
	tt_unlock();
}

/* Whether each change of it is seen, by the lists that serve it. */
static bool is_watched(const struct known_allocator *known)
{
	bool is = false;

	for (size_t i = 0; i <= TTALLOC_TRACE; i++)
		is |= known->lists[i].list != NULL;
	return is;
}

/* ALLOCATOR as it serves CORES (NULL: all). False: it is not known, has its number from another process, or has given
 * out more than is told of it. DUE: only if it is time to ask it again. */
static bool may_be_asked(const void *allocator, const struct tt_cores *cores, bool due, struct known_allocator *copy)
{
	struct known_allocator *known;
	bool may;

	tt_lock();
	known = find_known(allocator, cores);
	may = known && known->allocator == allocator && !known->in_step &&
	      (!due || tt_crosscheck_is_due(&known->pace)) && known->process == getpid(); /* last: a system call */
	if (may)
		*copy = *known;
	tt_unlock();
	return may;
}

/* Says what ALLOCATOR has of REGION on each of its chips. */
static void say(const struct tt_library *library, const struct known_allocator *known, uint16_t region)
{
	const struct known_list *served = &known->lists[region];
	struct tt_statistics statistics = {.total_bytes = 0};
	struct ttalloc_crosscheck said = {.region = region};
	struct tt_held held = {.blocks = 0};
	int32_t type = region;

	library->allocator.statistics(&statistics, known->allocator, &type);
	if (statistics.addresses.begin && library->operator_delete)
		library->operator_delete((void *)statistics.addresses.begin);
	said.bank_bytes = statistics.allocated_bytes;
	if (served->list && !served->is_one_of_many)
		said.has_blocks = tt_free_list_holds(served->list, served->number, &held);
	said.blocks = held.blocks;
	said.address_sum = held.address_sum;
	for (uint32_t i = 0; i < known->chips.count; i++) {
		said.device = ttalloc_on(known->chips.ids[i], known->number);
		ttalloc_crosscheck(&said);
	}
}

static void crosscheck_all(const struct tt_library *library, const struct known_allocator *known,
                           enum tt_occasion occasion)
{
	static const uint16_t regions[] = {TTALLOC_DRAM, TTALLOC_L1, TTALLOC_L1_SMALL, TTALLOC_TRACE};
	unsigned ticket;

	for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++) {
		bool alone = tt_crosscheck_begin(&ticket);

		if (occasion != TT_OCCASION_CLOSE && !alone)
			return;
		say(library, known, regions[i]);
		if (occasion == TT_OCCASION_CLOSE || tt_crosscheck_undisturbed(ticket))
			ttalloc_crosscheck_holds();
	}
}

/* What all lists of single cores have is said as what an allocator of these cores has. */
static void crosscheck_cores(const void *allocator, enum tt_occasion occasion)
{
	struct ttalloc_crosscheck said = {.region = TTALLOC_L1, .has_blocks = true};
	struct known_allocator known;
	struct tt_cores cores;
	struct tt_held held;
	unsigned ticket;
	bool alone = tt_crosscheck_begin(&ticket);

	if ((occasion != TT_OCCASION_CLOSE && !alone) || !tt_core_lists_hold(allocator, TTALLOC_L1, &cores, &held) ||
	    !may_be_asked(allocator, &cores, occasion == TT_OCCASION_ALLOCATED, &known))
		return;
	said.bank_bytes = held.bytes;
	said.blocks = held.blocks;
	said.address_sum = held.address_sum;
	for (uint32_t i = 0; i < known.chips.count; i++) {
		said.device = ttalloc_on(known.chips.ids[i], known.number);
		ttalloc_crosscheck(&said);
	}
	if (occasion == TT_OCCASION_CLOSE || tt_crosscheck_undisturbed(ticket))
		ttalloc_crosscheck_holds();
}

/* Then its list of all cores may be a copy of a mesh's, which is told as the mesh's. */
static bool has_core_lists(const void *allocator)
{
	struct tt_cores cores;

	tt_core_lists_cores(allocator, TTALLOC_L1, &cores);
	return tt_cores_count(&cores) > 0;
}

void tt_device_crosscheck(const struct tt_library *library, const void *allocator, enum tt_occasion occasion)
{
	struct known_allocator known;

	if (!allocator)
		return;
	if (library->allocator.statistics && may_be_asked(allocator, NULL, occasion == TT_OCCASION_ALLOCATED, &known) &&
	    ((occasion == TT_OCCASION_CLOSE && !has_core_lists(allocator)) || is_watched(&known)))
		crosscheck_all(library, &known, occasion);
	crosscheck_cores(allocator, occasion);
}

static bool serves(const struct known_allocator *known, uint32_t chip)
{
	for (uint32_t i = 0; known->allocator && i < known->chips.count; i++) {
		if (known->chips.ids[i] == chip)
			return true;
	}
	return false;
}

uint64_t tt_device_l1_base(const struct tt_library *library, const void *device)
{
	struct tt_chips chips;
	uint64_t base = 0;

	if (!tt_device_chips(library, device, &chips))
		return 0;
	tt_lock();
	for (size_t i = 0; i < devices.used && !base; i++) {
		if (serves(&devices.known[i], chips.ids[0]))
			base = devices.known[i].l1_base;
	}
	tt_unlock();
	return base;
}

/* Under the lock. Whether CHIP is served by any of the allocators: a mesh and its submeshes share chips, and what the
 * others hold there stays. */
static bool is_served(uint32_t chip)
{
	for (size_t i = 0; i < devices.used; i++) {
		if (serves(&devices.known[i], chip))
			return true;
	}
	return false;
}

/* What an allocator that is gone had. */
struct cleared {
	struct tt_chips chips;
	bool shared[TT_CHIPS_MAX]; /* by chip: others serve it, too */
	uint32_t count;
	uint16_t numbers[KNOWN_ALLOCATORS];
};

static void forget_allocator(const void *allocator, struct cleared *cleared)
{
	tt_lock();
	for (size_t i = 0; i < devices.used; i++) {
		struct known_allocator *known = &devices.known[i];

		if (known->allocator != allocator)
			continue;
		cleared->chips = known->chips;
		cleared->numbers[cleared->count++] = known->number;
		known->allocator = NULL;
	}
	for (uint32_t i = 0; i < cleared->chips.count; i++)
		cleared->shared[i] = is_served(cleared->chips.ids[i]);
	tt_unlock();
}

static atomic_uint generation;

uint32_t tt_device_generation(void)
{
	return atomic_load_explicit(&generation, memory_order_acquire);
}

void tt_device_cleared(const void *allocator)
{
	struct cleared cleared = {.count = 0};

	atomic_fetch_add_explicit(&generation, 1, memory_order_release);
	if (allocator) {
		forget_allocator(allocator, &cleared);
		tt_core_lists_forget(allocator);
	}
	for (uint32_t i = 0; i < cleared.chips.count; i++) {
		uint32_t chip = cleared.chips.ids[i];

		for (uint32_t k = 0; k < cleared.count && cleared.shared[i]; k++)
			ttalloc_device_close(ttalloc_on(chip, cleared.numbers[k]));
		if (cleared.shared[i])
			continue;
		ttalloc_device_close(chip);
		tt_circular_forget(chip);
	}
}
