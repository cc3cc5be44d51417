/* SPDX-License-Identifier: Apache-2.0
 *
 * free_list.c - see free_list.h.
 *
 * Which slot of the table has which function differs between versions. Where the functions are exported, their
 * addresses tell. Elsewhere the number of slots chooses a row of a table (upstream.h), and what the functions are
 * called with, and give back, has to make sense by the object's own geometry; when it does not, the slots get back what
 * they had.
 *
 * All of it runs on threads that hold the allocator's own lock, so that what is reported of a list is in its order.
 */
#include "free_list.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hook/core/producer.h"
#include "chip.h"
#include "crosscheck.h"
#include "device.h"
#include "per_core.h"
#include "reach.h"
#include "say.h"
#include "ttalloc.h"
#include "ttalloc/event.h"
#include "upstream.h"
#include "hook/cxx/virtual.h"

#define MOST_LIBRARIES 4
#define MOST_LISTS 4096 /* a power of two; a mesh of 32 has about 130 */
#define LARGEST_BANK_BYTES (UINT64_C(1) << 44)
#define LARGEST_L1_BYTES (UINT64_C(8) << 20)

/* std::optional of an address, as two registers. */
struct optional_address {
	uint64_t value;
	uint64_t engaged; /* its lowest byte */
};

typedef struct optional_address allocate_call(void *list, uint64_t size, uint64_t bottom_up, uint64_t limit);
typedef struct optional_address allocate_at_call(void *list, uint64_t address, uint64_t size);
typedef struct optional_address size_call(const void *list, uint64_t address);
typedef void deallocate_call(void *list, uint64_t address);
typedef void plain_call(void *list);
/* On x86-64 a struct of that size is returned in memory that the caller names first. */
typedef void statistics_call(struct tt_statistics *statistics, const void *list);

enum function { ALLOCATE, ALLOCATE_AT, DEALLOCATE, CLEAR, DESTROY, DELETE, FUNCTIONS };

struct library {
	const char *path;
	tt_virtual_function **slots;
	uint8_t order[FUNCTIONS]; /* slots of the functions */
	tt_virtual_function *originals[FUNCTIONS];
	uint8_t statistics, size; /* slots; 0: not known */
	bool proven;              /* the order of the slots is certain */
	bool reports;
	atomic_bool begun; /* something was reported of it */
	atomic_bool left;  /* alone again: nothing more is said of it */
};

/* The members of FreeListOpt that its base class begins with. */
struct geometry {
	const void *table;
	uint64_t bank_bytes, base_address, smallest_bytes, alignment_bytes;
};

struct tt_free_list {
	atomic_uintptr_t object; /* 0: never used; GONE. Published last */
	struct geometry geometry;
	const struct library *library;
	uint16_t number, region;
	bool announced;
	struct tt_crosscheck_pace pace;
	/* What it has given out, and the sum of the addresses. Written under its allocator's lock. */
	_Atomic uint64_t blocks, address_sum;
	_Atomic uint64_t bytes; /* as long as every block is asked for its size when it goes */
	atomic_bool asks_sizes;
	bool has_taken_back; /* before it did that */
};

#define GONE ((uintptr_t)1)

static struct {
	struct library libraries[MOST_LIBRARIES];
	atomic_uint library_count;
	struct tt_free_list *lists; /* MOST_LISTS, once a library's functions were taken: other programs do without */
	uint16_t last_number;
} free_lists;

/* ---- Libraries ---- */

static struct library *library_of(const void *object)
{
	tt_virtual_function *const *table = *(tt_virtual_function *const *const *)object;
	unsigned count = atomic_load_explicit(&free_lists.library_count, memory_order_acquire);

	for (unsigned i = 0; i < count; i++) {
		if (free_lists.libraries[i].slots == table)
			return &free_lists.libraries[i];
	}
	return NULL; /* cannot be: the call came by one of these tables */
}

static void leave(struct library *library, const char *why)
{
	if (atomic_exchange(&library->left, true))
		return;
	for (int i = 0; i < FUNCTIONS; i++)
		tt_virtual_replace(&library->slots[library->order[i]], library->originals[i]);
	tt_say_once("%s: %s: its allocator's blocks are not recorded", library->path, why);
}

static bool is_watched(const struct library *library)
{
	return library->reports && !atomic_load_explicit(&library->left, memory_order_relaxed) &&
	       tt_recording(TT_SHARE_BUFFERS);
}

/* ---- Lists ---- */

static bool is_power_of_two(uint64_t number)
{
	return number && !(number & (number - 1));
}

static bool makes_sense(const struct geometry *geometry)
{
	return geometry->bank_bytes <= LARGEST_BANK_BYTES && geometry->base_address <= LARGEST_BANK_BYTES &&
	       is_power_of_two(geometry->smallest_bytes) && geometry->smallest_bytes <= 4096 &&
	       is_power_of_two(geometry->alignment_bytes) && geometry->alignment_bytes <= 4096 &&
	       geometry->base_address % geometry->alignment_bytes == 0;
}

/* L1 and DRAM begin near address 0 and fill most of the bank; L1_SMALL and TRACE are the end of it. */
static uint16_t region_of(const struct geometry *geometry)
{
	uint64_t end = geometry->base_address + geometry->bank_bytes;
	bool is_rest = geometry->base_address >= end / 2;

	if (end <= LARGEST_L1_BYTES)
		return is_rest ? TTALLOC_L1_SMALL : TTALLOC_L1;
	return is_rest ? TTALLOC_TRACE : TTALLOC_DRAM;
}

/* Blocks begin at multiples of what DRAM is read in. */
static const char *architecture_of(const struct geometry *geometry)
{
	if (geometry->alignment_bytes == TT_DRAM_ALIGNMENT_BLACKHOLE)
		return "blackhole";
	return geometry->alignment_bytes == TT_DRAM_ALIGNMENT_WORMHOLE ? "wormhole_b0" : NULL;
}

static uint32_t place_of(const struct tt_free_list *list)
{
	return ttalloc_on(0, list->number);
}

static void announce(const struct tt_free_list *list)
{
	const struct geometry *geometry = &list->geometry;
	bool in_dram = list->region == TTALLOC_DRAM || list->region == TTALLOC_TRACE;
	char chip[TT_CHIP_NAME_MAX], name[24];

	if (!geometry->bank_bytes)
		return;
	ttalloc_note(TTA_NOTE_IN_BANKS, 1);
	snprintf(name, sizeof(name), "free list %u", list->number);
	ttalloc_device_open(&(struct ttalloc_device){
	    .struct_size = sizeof(struct ttalloc_device),
	    .device = place_of(list),
	    .arch = architecture_of(geometry),
	    .layouts = &(struct ttalloc_bank_layout){.region = list->region,
	                                             .top_down = !in_dram,
	                                             .bank_bytes = geometry->bank_bytes,
	                                             .base_address = geometry->base_address,
	                                             .alignment_bytes = geometry->alignment_bytes},
	    .layout_count = 1,
	    .chip = tt_chip_of_only(chip),
	    .allocator = name,
	});
}

static size_t slot_of(uintptr_t object)
{
	return (size_t)((object >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static struct tt_free_list *find_list(const void *object)
{
	uintptr_t wanted = (uintptr_t)object;

	for (size_t i = 0, slot = slot_of(wanted); i < MOST_LISTS; i++) {
		struct tt_free_list *list = &free_lists.lists[(slot + i) % MOST_LISTS];
		uintptr_t found = atomic_load_explicit(&list->object, memory_order_acquire);

		if (found == wanted)
			return list;
		if (!found)
			return NULL;
	}
	return NULL;
}

/* Under the lock. */
static struct tt_free_list *add_list(const struct library *library, const void *object)
{
	for (size_t i = 0, slot = slot_of((uintptr_t)object); i < MOST_LISTS; i++) {
		struct tt_free_list *list = &free_lists.lists[(slot + i) % MOST_LISTS];
		uintptr_t found = atomic_load_explicit(&list->object, memory_order_relaxed);

		if (found && found != GONE)
			continue;
		memcpy(&list->geometry, object, sizeof(list->geometry));
		list->library = library;
		list->region = region_of(&list->geometry);
		list->number = ++free_lists.last_number ? free_lists.last_number : ++free_lists.last_number;
		list->announced = false;
		list->pace = (struct tt_crosscheck_pace){.next_ms = 0};
		list->blocks = list->address_sum = list->bytes = 0;
		list->asks_sizes = list->has_taken_back = false;
		atomic_store_explicit(&list->object, (uintptr_t)object, memory_order_release);
		return list;
	}
	return NULL;
}

static void say_what_is_not_seen(const struct library *library)
{
	char text[TTALLOC_NAME_MAX + 1];
	const char *slash = strrchr(library->path, '/');

	snprintf(
	    text, sizeof(text),
	    "CB: TT-Metal in %s exports nothing: operations, and what programs place in L1 (circular buffers and the "
	    "like), are not seen",
	    slash ? slash + 1 : library->path);
	ttalloc_note(text, 0);
}

/* Before the first event: until then the program may decide whether it is recorded. */
static void begin_reporting(struct library *library)
{
	if (atomic_exchange(&library->begun, true))
		return;
	ttalloc_name_producer("preload");
	tta_hide_this_library();
	say_what_is_not_seen(library);
}

/* The list of OBJECT; NULL when it is none, or one too many. */
static struct tt_free_list *list_of(struct library *library, const void *object)
{
	struct tt_free_list *list = find_list(object);

	if (list || !library)
		return list;
	if (!makes_sense(object)) {
		if (is_watched(library))
			leave(library, "class FreeListOpt is laid out in a way that is not known");
		return NULL;
	}
	tt_lock();
	list = add_list(library, object);
	tt_unlock();
	if (!list && is_watched(library))
		tt_count(TT_COUNT_REFUSED);
	return list;
}

/* Whether what happens to LIST is reported from here. It is announced when it is new. */
static bool reports(struct library *library, struct tt_free_list *list)
{
	if (!list || !is_watched(library))
		return false;
	if (!list->announced) {
		list->announced = true;
		begin_reporting(library);
		announce(list);
	}
	return true;
}

/* ---- What a thread's request is placed by ---- */

#define MOST_PLACED 256 /* by one request: a block on each core */

static __thread struct {
	uint32_t count;
	uint64_t address_sum;
	const struct tt_free_list *lists[MOST_PLACED];
} placed_here;

void tt_free_lists_begin(void)
{
	placed_here.count = 0;
	placed_here.address_sum = 0;
}

const struct tt_free_list *tt_free_lists_placed(void)
{
	return placed_here.count == 1 ? placed_here.lists[0] : NULL;
}

enum tt_free_lists_say tt_free_lists_agree(uint32_t count, uint64_t address_sum)
{
	if (!placed_here.count)
		return TT_FREE_LISTS_UNKNOWN;
	return placed_here.count == count && placed_here.address_sum == address_sum ? TT_FREE_LISTS_AGREE
	                                                                            : TT_FREE_LISTS_CONTRADICT;
}

void tt_free_lists_each_placed(void (*each)(void *context, const struct tt_free_list *list), void *context)
{
	for (uint32_t i = 0; i < placed_here.count && i < MOST_PLACED; i++)
		each(context, placed_here.lists[i]);
}

static void note_placed(const struct tt_free_list *list, uint64_t address)
{
	if (placed_here.count < MOST_PLACED)
		placed_here.lists[placed_here.count] = list;
	placed_here.count++;
	placed_here.address_sum += tta_address_sum(address);
}

/* ---- Calls ---- */

static bool lies_in(const struct tt_free_list *list, uint64_t address)
{
	const struct geometry *geometry = &list->geometry;

	return address >= geometry->base_address && address - geometry->base_address < geometry->bank_bytes &&
	       address % geometry->alignment_bytes == 0;
}

/* SENSIBLE: what a call was made with, and gave back, is what it can be. */
static bool believe(struct library *library, bool sensible)
{
	if (library->proven || sensible)
		return true;
	leave(library, "the functions of class FreeListOpt are not where they are known to be");
	return false;
}

static uint64_t footprint(const struct tt_free_list *list, uint64_t size_bytes)
{
	const struct geometry *geometry = &list->geometry;

	if (size_bytes < geometry->smallest_bytes)
		size_bytes = geometry->smallest_bytes;
	return (size_bytes + geometry->alignment_bytes - 1) & ~(geometry->alignment_bytes - 1);
}

static struct ttalloc_block block_of(const struct tt_free_list *list, uint64_t address, uint64_t size_bytes,
                                     bool top_down)
{
	return (struct ttalloc_block){
	    .device = place_of(list),
	    .region = list->region,
	    .flags = top_down ? TTALLOC_TOP_DOWN : 0,
	    .address = address,
	    .size_bytes = footprint(list, size_bytes),
	};
}

/* ---- What a list has ---- */

static void count_placed(struct tt_free_list *list, uint64_t address, uint64_t size_bytes)
{
	if (!list)
		return;
	list->blocks++;
	list->address_sum += tta_address_sum(address);
	list->bytes += footprint(list, size_bytes);
}

static void count_gone(struct tt_free_list *list, uint64_t address, uint64_t bytes)
{
	if (!list)
		return;
	list->blocks--;
	list->address_sum -= tta_address_sum(address);
	list->bytes -= bytes;
	list->has_taken_back |= !list->asks_sizes;
}

/* Of the block at ADDRESS, in the list's own words; 0 where nobody wants to know. */
static uint64_t size_of(const struct library *library, const struct tt_free_list *list, const void *object,
                        uint64_t address)
{
	struct optional_address size;

	if (!list || !list->asks_sizes)
		return 0;
	size = ((size_call *)library->slots[library->size])(object, address);
	return size.engaged & 0xFF ? size.value : 0;
}

bool tt_free_list_ask_sizes(const struct tt_free_list *constant)
{
	struct tt_free_list *list = &free_lists.lists[constant - free_lists.lists];

	if (!list->library->size || list->has_taken_back)
		return false;
	list->asks_sizes = true;
	return true;
}

bool tt_free_list_holds(const struct tt_free_list *list, uint16_t number, struct tt_held *held)
{
	*held = (struct tt_held){.blocks = list->blocks, .address_sum = list->address_sum, .bytes = list->bytes};
	return list->number == number && list->object > GONE;
}

uint16_t tt_free_list_number(const struct tt_free_list *list)
{
	return list->number;
}

/* On a thread that holds the allocator's lock, as all here do: nobody else is at it. */
static void check(const struct library *library, const struct tt_free_list *list, const void *object)
{
	const struct geometry *geometry = &list->geometry;
	struct tt_statistics statistics = {.total_bytes = 0};

	if (!library->statistics || !geometry->bank_bytes)
		return;
	((statistics_call *)library->slots[library->statistics])(&statistics, object);
	if (statistics.total_bytes != geometry->bank_bytes ||
	    statistics.allocated_bytes + statistics.free_bytes != statistics.total_bytes)
		return; /* shrunk, or something else than is thought */
	ttalloc_crosscheck(&(struct ttalloc_crosscheck){.device = place_of(list),
	                                                .region = list->region,
	                                                .bank_bytes = statistics.allocated_bytes,
	                                                .has_blocks = true,
	                                                .blocks = list->blocks,
	                                                .address_sum = list->address_sum});
	ttalloc_crosscheck_holds();
}

/* ---- The functions ---- */

static struct optional_address allocate(void *object, uint64_t size_bytes, uint64_t bottom_up, uint64_t limit)
{
	struct library *library = library_of(object);
	struct tt_free_list *list = list_of(library, object);
	struct optional_address placed;
	struct ttalloc_block block;

	tt_crosscheck_changing();
	placed = ((allocate_call *)library->originals[ALLOCATE])(object, size_bytes, bottom_up, limit);
	if (!(placed.engaged & 0xFF)) {
		tt_crosscheck_changed();
	} else {
		note_placed(list, placed.value);
		count_placed(list, placed.value, size_bytes);
	}
	if (!reports(library, list) || ((placed.engaged & 0xFF) && !believe(library, lies_in(list, placed.value))))
		return placed;
	block = block_of(list, placed.value, size_bytes, !(bottom_up & 0xFF));
	if (placed.engaged & 0xFF)
		ttalloc_alloc(&block);
	else
		ttalloc_alloc_failed(&block, NULL);
	if (!(placed.engaged & 0xFF) || tt_crosscheck_is_due(&list->pace))
		check(library, list, object);
	return placed;
}

static struct optional_address allocate_at(void *object, uint64_t address, uint64_t size_bytes)
{
	struct library *library = library_of(object);
	struct tt_free_list *list = list_of(library, object);
	struct optional_address placed;
	struct ttalloc_block block;

	tt_crosscheck_changing();
	placed = ((allocate_at_call *)library->originals[ALLOCATE_AT])(object, address, size_bytes);
	if (!(placed.engaged & 0xFF)) {
		tt_crosscheck_changed();
		return placed;
	}
	note_placed(list, placed.value);
	count_placed(list, placed.value, size_bytes);
	if (!reports(library, list) || !believe(library, placed.value == address && lies_in(list, address)))
		return placed;
	block = block_of(list, placed.value, size_bytes, false);
	ttalloc_alloc(&block);
	return placed;
}

static void deallocate(void *object, uint64_t address)
{
	struct library *library = library_of(object);
	struct tt_free_list *list = list_of(library, object);
	uint64_t bytes;

	if (reports(library, list) && believe(library, lies_in(list, address)))
		ttalloc_free(place_of(list), list->region, address);
	tt_crosscheck_changing();
	bytes = size_of(library, list, object, address);
	((deallocate_call *)library->originals[DEALLOCATE])(object, address);
	count_gone(list, address, bytes);
	tt_crosscheck_changed();
}

/* What the list still has is given up at once. */
static void clear(void *object)
{
	struct library *library = library_of(object);
	struct tt_free_list *list = find_list(object);

	if (list && reports(library, list)) {
		check(library, list, object);
		ttalloc_device_close(place_of(list));
	}
	tt_crosscheck_changing();
	((plain_call *)library->originals[CLEAR])(object);
	if (list)
		list->blocks = list->address_sum = list->bytes = 0;
	tt_crosscheck_changed();
}

/* An allocator that is destroyed with its device has nobody else who says so where it is a single chip's, beside that
 * of the mesh. */
static void end_owner(const struct tt_free_list *list)
{
	const void *owner = list->asks_sizes ? tt_core_lists_owner(list) : NULL;

	if (owner)
		tt_device_cleared(owner);
}

static void end_list(void *object, struct library *library)
{
	struct tt_free_list *list = find_list(object);

	if (!list)
		return;
	end_owner(list);
	if (reports(library, list)) {
		check(library, list, object);
		ttalloc_device_close(place_of(list));
	}
	atomic_store_explicit(&list->object, GONE, memory_order_release);
}

static void destroy_list(void *object)
{
	struct library *library = library_of(object);

	end_list(object, library);
	((plain_call *)library->originals[DESTROY])(object);
}

static void delete_list(void *object)
{
	struct library *library = library_of(object);

	end_list(object, library);
	((plain_call *)library->originals[DELETE])(object);
}

/* ---- Taking their place ---- */

static tt_virtual_function *const functions[FUNCTIONS] = {
    [ALLOCATE] = (tt_virtual_function *)allocate,     [ALLOCATE_AT] = (tt_virtual_function *)allocate_at,
    [DEALLOCATE] = (tt_virtual_function *)deallocate, [CLEAR] = (tt_virtual_function *)clear,
    [DESTROY] = (tt_virtual_function *)destroy_list,  [DELETE] = (tt_virtual_function *)delete_list,
};

static const char *const names[FUNCTIONS] = {
    [ALLOCATE] = TT_FREE_LIST_ALLOCATE,
    [ALLOCATE_AT] = TT_FREE_LIST_ALLOCATE_AT,
    [DEALLOCATE] = TT_FREE_LIST_DEALLOCATE,
    [CLEAR] = TT_FREE_LIST_CLEAR,
};

struct known_order {
	size_t count;
	uint8_t statistics;
	uint8_t order[FUNCTIONS];
};

#define ORDER_ROW(slots, allocate, allocate_at, deallocate, clear, statistics)                                         \
	{slots,                                                                                                        \
	 statistics,                                                                                                   \
	 {[ALLOCATE] = allocate,                                                                                       \
	  [ALLOCATE_AT] = allocate_at,                                                                                 \
	  [DEALLOCATE] = deallocate,                                                                                   \
	  [CLEAR] = clear,                                                                                             \
	  [DESTROY] = 0,                                                                                               \
	  [DELETE] = 1}},
static const struct known_order known_orders[] = {TT_FREE_LIST_ORDERS(ORDER_ROW)};

/* The slot of the function that is exported as NAME; 0: there is none. */
static uint8_t slot_of_name(void *handle, const struct tt_virtual *table, const char *name)
{
	tt_virtual_function *function;

	*(void **)&function = name ? dlsym(handle, name) : NULL;
	for (size_t slot = 2; function && slot < table->count; slot++) {
		if (table->slots[slot] == function)
			return (uint8_t)slot;
	}
	return 0;
}

/* By the addresses of exported functions. False: not all of them are. */
static bool order_by_names(struct library *library, const struct tt_virtual *table)
{
	void *handle = dlopen(library->path, RTLD_LAZY | RTLD_NOLOAD);
	int known = 0;

	if (!handle)
		return false;
	for (int i = 0; i < FUNCTIONS; i++) {
		library->order[i] = slot_of_name(handle, table, names[i]);
		known += library->order[i] != 0;
	}
	library->order[DESTROY] = 0; /* a destructor is the first, and then one that gives the memory back, too */
	library->order[DELETE] = 1;
	library->size = slot_of_name(handle, table, TT_FREE_LIST_SIZE);
	return known == DESTROY;
}

static bool order_by_count(struct library *library, const struct tt_virtual *table)
{
	for (size_t i = 0; i < sizeof(known_orders) / sizeof(*known_orders); i++) {
		if (known_orders[i].count != table->count)
			continue;
		memcpy(library->order, known_orders[i].order, sizeof(library->order));
		library->statistics = known_orders[i].statistics;
		return true;
	}
	return false;
}

static bool replace_all(struct library *library, const struct tt_virtual *table)
{
	for (int i = 0; i < FUNCTIONS; i++)
		library->originals[i] = table->slots[library->order[i]];
	atomic_fetch_add_explicit(&free_lists.library_count, 1, memory_order_release);
	for (int i = 0; i < FUNCTIONS; i++) {
		if (!tt_virtual_replace(&table->slots[library->order[i]], functions[i]))
			return false;
	}
	return true;
}

/* Whether it was looked at before. */
static bool is_taken(const struct tt_virtual *table)
{
	unsigned count = atomic_load_explicit(&free_lists.library_count, memory_order_relaxed);
	bool found = false;

	for (unsigned i = 0; i < count && !found; i++)
		found = free_lists.libraries[i].slots == table->slots;
	return found;
}

void tt_free_lists_take(const struct dl_phdr_info *object)
{
	unsigned count = atomic_load_explicit(&free_lists.library_count, memory_order_relaxed);
	struct library *library;
	struct tt_virtual table;

	if (!tt_virtual_find(object, TT_CLASS_FREE_LIST, &table) || is_taken(&table))
		return;
	if (count == MOST_LIBRARIES) {
		tt_say_once("%s is one more than %d libraries with allocators of TT-Metal: its blocks are not recorded",
		            object->dlpi_name, MOST_LIBRARIES);
		return;
	}
	if (!free_lists.lists && !(free_lists.lists = calloc(MOST_LISTS, sizeof(*free_lists.lists)))) {
		tt_say_once("%s: no memory to follow its allocators", object->dlpi_name);
		return;
	}
	library = &free_lists.libraries[count];
	*library = (struct library){.path = object->dlpi_name, .slots = table.slots};
	library->reports = !tt_reach_reaches(object);
	library->proven = order_by_names(library, &table);
	if (!library->proven && !order_by_count(library, &table)) {
		tt_say_once("%s: class FreeListOpt has %zu virtual functions, which is not known: %s", library->path,
		            table.count, library->reports ? "its blocks are not recorded" : "it is not looked at");
		return;
	}
	if (!replace_all(library, &table)) {
		leave(library, "its tables of functions cannot be written");
		return;
	}
}

bool tt_free_lists_report(const char *path)
{
	unsigned count = atomic_load_explicit(&free_lists.library_count, memory_order_acquire);

	for (unsigned i = 0; i < count; i++) {
		const struct library *library = &free_lists.libraries[i];

		if (library->reports && !atomic_load(&library->left) && strcmp(library->path, path) == 0)
			return true;
	}
	return false;
}
