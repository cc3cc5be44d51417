/* SPDX-License-Identifier: Apache-2.0
 *
 * buffer.c - reads Buffer objects.
 *
 * Most members of Buffer have no exported getter, so they are read from the object, by the layout of its generation.
 * Which generation a library is does not show in its name or symbols; but three members do have exported getters, far
 * apart in the object. The layout is the one row of the table under which all three agree and every other member makes
 * sense; it is found once per library with reads that cannot fault, and the getters are compared again on every event.
 */
#include "buffer.h"

#include <string.h>

#include "device.h"
#include "say.h"

struct buffer_layout {
	int16_t holder, device, size, type, layout, bottom_up, sub_device, allocator, hooked, address, page_size;
};

#define LAYOUT_ROW(...) {__VA_ARGS__},
static const struct buffer_layout layouts[] = {TT_BUFFER_LAYOUTS(LAYOUT_ROW)};

enum { LAYOUTS = sizeof(layouts) / sizeof(*layouts), LAYOUT_END_BYTES = 176 };

/* Values of struct tt_library.layout: 0, a row's number + 1, or: */
enum { LAYOUT_NOT_TRIED = 0, LAYOUT_UNKNOWN = -1 };

/* The members of a Buffer. */
struct members {
	const void *device, *allocator;
	uint64_t size, address, page_size;
	int32_t type, layout;
	uint8_t bottom_up, on_sub_device, hooked;
};

/* What exported getters say. */
struct witness {
	uint64_t page_size;
	uint32_t num_pages, address;
	bool placed; /* address is one */
};

static struct members read_members(const struct buffer_layout *layout, const uint8_t *holder)
{
	struct members members = {.hooked = 0};

	memcpy(&members.device, holder + layout->device, sizeof(members.device));
	memcpy(&members.allocator, holder + layout->allocator, sizeof(members.allocator));
	memcpy(&members.size, holder + layout->size, sizeof(members.size));
	memcpy(&members.address, holder + layout->address, sizeof(members.address));
	memcpy(&members.page_size, holder + layout->page_size, sizeof(members.page_size));
	memcpy(&members.type, holder + layout->type, sizeof(members.type));
	memcpy(&members.layout, holder + layout->layout, sizeof(members.layout));
	members.bottom_up = holder[layout->bottom_up];
	members.on_sub_device = holder[layout->sub_device + 1];
	if (layout->hooked >= 0)
		members.hooked = holder[layout->hooked];
	return members;
}

static struct witness ask(const struct tt_library *library, const void *buffer, bool placed)
{
	return (struct witness){
	    .page_size = library->page_size(buffer),
	    .num_pages = library->num_pages(buffer),
	    .address = placed ? library->address(buffer) : 0,
	    .placed = placed,
	};
}

static bool agree(const struct members *members, const struct witness *witness)
{
	uint64_t pages = members->page_size ? members->size / members->page_size : 0;

	return members->page_size == witness->page_size && (uint32_t)pages == witness->num_pages &&
	       (uint32_t)members->address == witness->address;
}

static bool make_sense(const struct members *members)
{
	return members->type >= TTALLOC_DRAM && members->type <= TTALLOC_TRACE &&
	       members->layout >= TT_LAYOUT_INTERLEAVED && members->layout <= TT_LAYOUT_LAST &&
	       members->bottom_up <= 1 && members->on_sub_device <= 1 && members->hooked <= 1;
}

/* Whether BUFFER may be of this LAYOUT: nothing in it is followed before it could be read safely. */
static bool fits(const struct buffer_layout *layout, const void *buffer, const struct witness *witness)
{
	uint8_t copy[LAYOUT_END_BYTES] = {0};
	const void *holder = buffer;
	struct members members;

	if (layout->holder >= 0 && !tt_read_safely((const uint8_t *)buffer + layout->holder, &holder, sizeof(holder)))
		return false;
	if (!tt_read_safely(holder, copy, (size_t)layout->page_size + sizeof(uint64_t)))
		return false;
	members = read_members(layout, copy);
	return agree(&members, witness) && make_sense(&members) && tt_device_is_known(members.device) &&
	       tt_read_safely(members.allocator, copy, sizeof(void *));
}

static int find_layout(const struct tt_library *library, const void *buffer, const struct witness *witness)
{
	int found = LAYOUT_UNKNOWN;

#ifdef __x86_64__
	for (int i = 0; i < LAYOUTS; i++) {
		if (!fits(&layouts[i], buffer, witness))
			continue;
		if (found != LAYOUT_UNKNOWN)
			return LAYOUT_UNKNOWN;
		found = i + 1;
	}
#endif
	if (found == LAYOUT_UNKNOWN)
		tt_say_once("%s lays its buffers out in a way that is not known: they are not recorded", library->path);
	return found;
}

static bool has_getters(struct tt_library *library)
{
	if (library->address && library->page_size && library->num_pages)
		return true;
	tt_say_once("%s does not export what is needed to read its buffers: they are not recorded", library->path);
	atomic_store(&library->layout, LAYOUT_UNKNOWN);
	return false;
}

/* The members of BUFFER, when they are certain. */
static bool read_certain(struct tt_library *library, const void *buffer, const struct witness *witness,
                         struct members *members)
{
	int number = atomic_load_explicit(&library->layout, memory_order_relaxed);
	const struct buffer_layout *layout;
	const uint8_t *holder = buffer;

	if (number == LAYOUT_NOT_TRIED) {
		number = find_layout(library, buffer, witness);
		atomic_store_explicit(&library->layout, number, memory_order_relaxed);
	}
	if (number == LAYOUT_UNKNOWN)
		return false;
	layout = &layouts[number - 1];
	if (layout->holder >= 0)
		memcpy(&holder, holder + layout->holder, sizeof(holder));
	*members = read_members(layout, holder);
	if (agree(members, witness) && make_sense(members))
		return true;
	tt_say_once("%s: a buffer contradicts the layout of the others; such buffers are not recorded", library->path);
	return false;
}

static uint16_t block_flags(const struct members *members)
{
	uint16_t flags = 0;

	if (!members->bottom_up)
		flags |= TTALLOC_TOP_DOWN;
	if (members->layout >= TT_LAYOUT_FIRST_SHARDED)
		flags |= TTALLOC_SHARDED;
	if (members->type == TTALLOC_DRAM && !members->bottom_up && members->layout == TT_LAYOUT_INTERLEAVED &&
	    members->page_size == TT_KERNEL_BINARY_PAGE_BYTES)
		flags |= TTALLOC_KERNEL_BINARY;
	return flags;
}

bool tt_buffer_read(struct tt_library *library, const void *buffer, bool placed, struct tt_buffer *read)
{
	struct witness witness;
	struct members members;

	if (atomic_load_explicit(&library->layout, memory_order_relaxed) == LAYOUT_UNKNOWN || !has_getters(library))
		return false;
	witness = ask(library, buffer, placed);
	*read = (struct tt_buffer){.hooked = placed && witness.address == 0};
	if (read->hooked)
		return true;
	if (!read_certain(library, buffer, &witness, &members))
		return false;
	*read = (struct tt_buffer){
	    .device = members.device,
	    .allocator = members.allocator,
	    .hooked = members.hooked,
	    .on_sub_device = members.on_sub_device,
	    .block = {.region = (uint16_t)members.type,
	              .flags = block_flags(&members),
	              .address = members.address,
	              .size_bytes = members.size},
	};
	return true;
}

/* Whether the device was opened without the region: TT-Metal divides by the number of its banks, before it refuses. */
static bool is_without_banks(const struct tt_library *library, const struct tt_buffer *read)
{
	int32_t type = read->block.region;

	return (type == TTALLOC_L1_SMALL || type == TTALLOC_TRACE) && read->allocator && library->allocator.num_banks &&
	       library->allocator.num_banks(read->allocator, &type) == 0;
}

uint64_t tt_buffer_bank_bytes(const struct tt_library *library, const void *buffer, const struct tt_buffer *read)
{
	/* The allocator has no banks of other regions, and throws when it is asked for them. */
	if (read->block.region == TTALLOC_SYSTEM_MEMORY || !library->size_per_bank || is_without_banks(library, read))
		return 0;
	return tt_device_footprint(library, read->allocator, library->size_per_bank(buffer));
}
