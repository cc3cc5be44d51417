/* SPDX-License-Identifier: Apache-2.0
 *
 * usage.c - see usage.h. Live blocks lie in a hash table by address, open addressing, in memory that is mapped for it:
 * nobody calls malloc here.
 */
#include "usage.h"

#include <string.h>

#include "table.h"
#include "spool.h"
#include "ttalloc/heap.h"

#define FIRST_SLOTS 4096u
#define SERIES_MAX 512u
#define ALL_ALLOCATORS 0x10000u /* as an allocator: all of a chip together */

struct slot {
	uint64_t address, size_bytes, bank_bytes;
	uint64_t serial; /* 0: the slot is free */
	uint16_t device, allocator, region;
	bool aliased;
};

/* What figures are added up for. */
struct series {
	uint32_t device, allocator;
	uint16_t region;
	uint32_t banks;
	uint64_t bank_bytes, base_address, alignment_bytes; /* BANK_BYTES 0: not known */
	uint64_t live_bytes, live_bank_bytes, live_blocks;
	uint64_t peak_bytes, peak_bank_bytes;
};

struct tta_usage_ledger {
	bool is_whole; /* and knows all since */
	uint64_t serial;
	struct slot *slots;
	uint64_t slot_count, used; /* SLOT_COUNT: a power of two */
	uint32_t series_count;
	struct series series[SERIES_MAX];
};

struct tta_usage_piece {
	uint64_t start, end;
};

struct tta_usage_ledger *tta_usage_begin(bool is_whole)
{
	struct tta_usage_ledger *ledger = tta_private_pages(sizeof(*ledger));

	if (!ledger)
		return NULL;
	ledger->slots = tta_private_pages(FIRST_SLOTS * sizeof(*ledger->slots));
	if (!ledger->slots) {
		tta_private_pages_free(ledger, sizeof(*ledger));
		return NULL;
	}
	ledger->is_whole = is_whole;
	ledger->slot_count = FIRST_SLOTS;
	return ledger;
}

/* ---- Series ---- */

static struct series *find_series(struct tta_usage_ledger *ledger, uint32_t device, uint32_t allocator, uint16_t region)
{
	for (uint32_t i = 0; i < ledger->series_count; i++) {
		struct series *series = &ledger->series[i];

		if (series->device == device && series->region == region && series->allocator == allocator)
			return series;
	}
	return NULL;
}

/* NULL: there are too many, and the ledger does not know all any more. */
static struct series *get_series(struct tta_usage_ledger *ledger, uint32_t device, uint32_t allocator, uint16_t region)
{
	struct series *series = find_series(ledger, device, allocator, region);

	if (series)
		return series;
	if (ledger->series_count == SERIES_MAX) {
		ledger->is_whole = false;
		return NULL;
	}
	series = &ledger->series[ledger->series_count++];
	*series = (struct series){.device = device, .allocator = allocator, .region = region};
	return series;
}

static void change(struct series *series, const struct slot *slot, bool comes)
{
	if (!series || slot->aliased)
		return;
	if (!comes) {
		series->live_bytes -= slot->size_bytes;
		series->live_bank_bytes -= slot->bank_bytes;
		series->live_blocks--;
		return;
	}
	series->live_bytes += slot->size_bytes;
	series->live_bank_bytes += slot->bank_bytes;
	series->live_blocks++;
	if (series->live_bytes > series->peak_bytes)
		series->peak_bytes = series->live_bytes;
	if (series->live_bank_bytes > series->peak_bank_bytes)
		series->peak_bank_bytes = series->live_bank_bytes;
}

static void change_all(struct tta_usage_ledger *ledger, const struct slot *slot, bool comes)
{
	change(get_series(ledger, slot->device, ALL_ALLOCATORS, slot->region), slot, comes);
	if (slot->allocator)
		change(get_series(ledger, slot->device, slot->allocator, slot->region), slot, comes);
}

/* ---- Slots ---- */

static uint64_t home(const struct tta_usage_ledger *ledger, uint64_t address)
{
	uint64_t mixed = address * UINT64_C(0x9e3779b97f4a7c15);

	return (mixed ^ mixed >> 29) & (ledger->slot_count - 1);
}

static void put(struct tta_usage_ledger *ledger, const struct slot *slot)
{
	uint64_t at = home(ledger, slot->address);

	while (ledger->slots[at].serial)
		at = (at + 1) & (ledger->slot_count - 1);
	ledger->slots[at] = *slot;
}

/* Makes room for one more. False: there is no memory. */
static bool has_room(struct tta_usage_ledger *ledger)
{
	struct slot *old = ledger->slots;
	uint64_t old_count = ledger->slot_count;

	if (ledger->used < old_count / 4 * 3)
		return true;
	ledger->slots = tta_private_pages(2 * old_count * sizeof(*old));
	if (!ledger->slots) {
		ledger->slots = old;
		return false;
	}
	ledger->slot_count = 2 * old_count;
	for (uint64_t i = 0; i < old_count; i++)
		if (old[i].serial)
			put(ledger, &old[i]);
	tta_private_pages_free(old, old_count * sizeof(*old));
	return true;
}

/* Empties a slot; what follows moves back. */
static void take_out(struct tta_usage_ledger *ledger, uint64_t at)
{
	uint64_t mask = ledger->slot_count - 1, next = at;

	change_all(ledger, &ledger->slots[at], false);
	ledger->used--;
	for (;;) {
		next = (next + 1) & mask;
		if (!ledger->slots[next].serial)
			break;
		if (((next - home(ledger, ledger->slots[next].address)) & mask) < ((next - at) & mask))
			continue;
		ledger->slots[at] = ledger->slots[next];
		at = next;
	}
	ledger->slots[at].serial = 0;
}

/* Whether EVENT, a free, may be about the block. */
static bool is_of(const struct tta_event *event, const struct slot *slot)
{
	return slot->address == event->address && (event->device == TTALLOC_ANY || event->device == slot->device) &&
	       (event->region == TTALLOC_ANY || event->region == slot->region) &&
	       (!event->allocator || event->allocator == slot->allocator);
}

/* The youngest block that the free EVENT may be about; the count of slots: there is none. */
static uint64_t find_freed(const struct tta_usage_ledger *ledger, const struct tta_event *event)
{
	uint64_t at = home(ledger, event->address), found = ledger->slot_count;

	for (; ledger->slots[at].serial; at = (at + 1) & (ledger->slot_count - 1))
		if (is_of(event, &ledger->slots[at]) &&
		    (found == ledger->slot_count || ledger->slots[at].serial > ledger->slots[found].serial))
			found = at;
	return found;
}

/* ---- Events ---- */

static void take_alloc(struct tta_usage_ledger *ledger, const struct tta_event *event)
{
	struct slot slot = {.address = event->address,
	                    .size_bytes = event->size_bytes,
	                    .bank_bytes = event->bank_bytes ? event->bank_bytes : event->size_bytes,
	                    .serial = ++ledger->serial,
	                    .device = event->device,
	                    .allocator = event->allocator,
	                    .region = event->region,
	                    .aliased = (event->flags & TTALLOC_ALIASED) != 0};
	uint64_t at = home(ledger, event->address);

	for (; ledger->slots[at].serial; at = (at + 1) & (ledger->slot_count - 1)) {
		const struct slot *other = &ledger->slots[at];

		if (is_of(event, other) && other->allocator == event->allocator) { /* its free was not seen */
			take_out(ledger, at);
			break;
		}
	}
	if (!has_room(ledger)) {
		ledger->is_whole = false;
		return;
	}
	put(ledger, &slot);
	ledger->used++;
	change_all(ledger, &slot, true);
}

static void take_free(struct tta_usage_ledger *ledger, const struct tta_event *event)
{
	uint64_t at = find_freed(ledger, event);

	if (at < ledger->slot_count)
		take_out(ledger, at);
}

/* Whether the closing EVENT ends the block. */
static bool is_closed(const struct tta_event *event, const struct slot *slot)
{
	return slot->serial && slot->device == event->device && slot->region != TTALLOC_HOST &&
	       (!event->allocator || event->allocator == slot->allocator);
}

static void take_close(struct tta_usage_ledger *ledger, const struct tta_event *event)
{
	for (uint64_t at = 0; at < ledger->slot_count; at++)
		while (is_closed(event, &ledger->slots[at]))
			take_out(ledger, at);
	/* what moved back over the end of the table */
	for (uint64_t at = 0; at < ledger->slot_count; at++)
		while (is_closed(event, &ledger->slots[at]))
			take_out(ledger, at);
}

static void set_layout(struct series *series, const struct ttalloc_bank_layout *layout)
{
	if (!series)
		return;
	series->banks = layout->banks;
	series->bank_bytes = layout->bank_bytes;
	series->base_address = layout->base_address;
	series->alignment_bytes = layout->alignment_bytes;
}

/* The geometry that an opening tells. That of the chip is what the first of its allocators said that has any. */
static void take_open(struct tta_usage_ledger *ledger, const struct tta_event *event, const struct tta_table *table)
{
	struct tta_device_entry head;
	struct tta_table_entry entry;
	uint32_t number = (uint32_t)event->device_open.entry;

	if (!number || number & TTA_LEFT_OUT)
		return;
	entry = tta_table_entry(table, number);
	if (entry.type != TTA_ENTRY_DEVICE || entry.bytes < sizeof(head))
		return;
	memcpy(&head, entry.data, sizeof(head));
	for (uint32_t i = 0; i < head.layout_count; i++) {
		struct ttalloc_bank_layout layout;
		struct series *chip;

		memcpy(&layout, entry.data + sizeof(head) + i * sizeof(layout), sizeof(layout));
		chip = get_series(ledger, event->device, ALL_ALLOCATORS, layout.region);
		if (chip && (!chip->live_blocks || !chip->bank_bytes))
			set_layout(chip, &layout);
		if (event->allocator)
			set_layout(get_series(ledger, event->device, event->allocator, layout.region), &layout);
	}
}

void tta_usage_take(struct tta_usage_ledger *ledger, const struct tta_event *events, uint32_t count,
                    const struct tta_table *table)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct tta_event *event = &events[i];

		switch (event->kind) {
		case TTA_ALLOC:
			take_alloc(ledger, event);
			break;
		case TTA_FREE:
			take_free(ledger, event);
			break;
		case TTA_DEVICE_OPEN:
			take_open(ledger, event, table);
			break;
		case TTA_DEVICE_CLOSE:
			take_close(ledger, event);
			break;
		case TTA_LOSS:
			ledger->is_whole = false;
			break;
		default:
			break;
		}
	}
}

/* ---- Answers ---- */

/* Copies the live blocks of SERIES into pages. False: there is no memory. */
static bool copy_pieces(const struct tta_usage_ledger *ledger, const struct series *series, struct tta_usage_wish *wish)
{
	uint64_t unit = series->alignment_bytes ? series->alignment_bytes : 1;

	wish->base_address = series->base_address;
	wish->alignment_bytes = unit;
	if (!series->bank_bytes || !ledger->used)
		return true;
	wish->pages_bytes = ledger->used * sizeof(*wish->pieces);
	wish->pieces = tta_private_pages(wish->pages_bytes);
	for (uint64_t i = 0; wish->pieces && i < ledger->slot_count; i++) {
		const struct slot *slot = &ledger->slots[i];

		if (!slot->serial || slot->aliased || slot->device != series->device ||
		    slot->region != series->region ||
		    (series->allocator != ALL_ALLOCATORS && slot->allocator != series->allocator))
			continue;
		wish->pieces[wish->piece_count++] = (struct tta_usage_piece){
		    slot->address, slot->address + (slot->bank_bytes + unit - 1) / unit * unit};
	}
	return wish->pieces != NULL;
}

bool tta_usage_read(struct tta_usage_ledger *ledger, struct tta_usage_wish *wish)
{
	uint32_t chip = wish->device & 0xFFFF, allocator = wish->device >> 16;
	struct series *series = find_series(ledger, chip, allocator ? allocator : ALL_ALLOCATORS, wish->region);
	struct series nothing = {.device = chip, .region = wish->region};

	if (!ledger->is_whole || wish->region == TTALLOC_CB || wish->region == TTALLOC_KERNEL)
		return false;
	if (!series)
		series = &nothing;
	if (wish->reset) {
		series->peak_bytes = series->live_bytes;
		series->peak_bank_bytes = series->live_bank_bytes;
		return true;
	}
	*wish->usage = (struct ttalloc_region_usage){.struct_size = sizeof(*wish->usage),
	                                             .banks = series->banks,
	                                             .bank_bytes = series->bank_bytes,
	                                             .live_bytes = series->live_bytes,
	                                             .live_bank_bytes = series->live_bank_bytes,
	                                             .live_blocks = series->live_blocks,
	                                             .peak_bytes = series->peak_bytes,
	                                             .peak_bank_bytes = series->peak_bank_bytes};
	return copy_pieces(ledger, series, wish);
}

static inline bool starts_later(const void *nothing, const struct tta_usage_piece *a, const struct tta_usage_piece *b)
{
	(void)nothing;
	return a->start > b->start;
}

TTA_HEAP(pieces, struct tta_usage_piece, const void *, starts_later)

/* In place, and without the C library, whose sort may call malloc. */
static void sort(struct tta_usage_piece *pieces, uint64_t count)
{
	pieces_make(NULL, pieces, count);
	for (uint64_t i = count; i-- > 1;) {
		struct tta_usage_piece last = pieces[i];

		pieces[i] = pieces[0];
		pieces_down(NULL, pieces, i, 0, last);
	}
}

void tta_usage_finish(struct tta_usage_wish *wish)
{
	uint64_t at = wish->base_address, end = at + wish->usage->bank_bytes, largest = 0;

	sort(wish->pieces, wish->piece_count);
	for (uint64_t i = 0; i < wish->piece_count; i++) {
		uint64_t start = wish->pieces[i].start < end ? wish->pieces[i].start : end;

		if (start > at && start - at > largest)
			largest = start - at;
		if (wish->pieces[i].end > at)
			at = wish->pieces[i].end;
	}
	if (end > at && end - at > largest)
		largest = end - at;
	wish->usage->largest_free_bytes = largest;
	if (wish->pieces)
		tta_private_pages_free(wish->pieces, wish->pages_bytes);
}
