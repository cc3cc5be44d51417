/* SPDX-License-Identifier: Apache-2.0
 *
 * stage.c - gathers events of one process that arrived together.
 */
#include "stage.h"

#include <string.h>

#include "ttalloc/segment.h"

/* Appends an entry (segment.h) of two parts; returns its id. There is room: see struct legacy_stage. */
static uint32_t add_entry(struct legacy_stage *stage, enum tta_entry_type type, const void *about, size_t about_bytes,
                          const char *text)
{
	size_t text_bytes = strlen(text);
	struct tta_entry_header header = {.type = type, .data_bytes = (uint32_t)(about_bytes + text_bytes)};
	uint32_t at = stage->table_bytes;

	memcpy(stage->table + at, &header, sizeof(header));
	memcpy(stage->table + at + sizeof(header), about, about_bytes);
	memcpy(stage->table + at + sizeof(header) + about_bytes, text, text_bytes);
	stage->table_bytes += (uint32_t)((sizeof(header) + about_bytes + text_bytes + 7) & ~(size_t)7);
	return at / 8;
}

void legacy_stage_init(struct legacy_stage *stage)
{
	static const char *const kinds[LEGACY_KERNEL_KINDS] = {"application", "fabric", "dispatch"};

	memset(stage, 0, sizeof(*stage));
	stage->table_bytes = 8; /* entry 0 names nothing */
	for (unsigned i = 0; i < LEGACY_KERNEL_KINDS; i++) {
		struct tta_kernel_entry kernel = {.kind_bytes = (uint16_t)strlen(kinds[i])};

		stage->kernel_entries[i] = add_entry(stage, TTA_ENTRY_KERNEL, &kernel, sizeof(kernel), kinds[i]);
	}
	stage->fixed_table_bytes = stage->table_bytes;
}

void legacy_stage_flush(struct legacy_stage *stage, struct legacy_queue *queue)
{
	size_t event_bytes = stage->count * sizeof(*stage->events);
	struct legacy_item *item;

	if (!stage->count)
		return;
	item = legacy_item_new(&(struct legacy_item){
	    .kind = LEGACY_ITEM_EVENTS,
	    .owner = stage->owner,
	    .at_ns = stage->at_ns,
	    .count = stage->count,
	    .payload_bytes = event_bytes + stage->table_bytes,
	});
	memcpy(item->payload, stage->events, event_bytes);
	memcpy(item->payload + event_bytes, stage->table, stage->table_bytes);
	legacy_queue_put(queue, item);
	stage->count = 0;
	stage->table_bytes = stage->fixed_table_bytes;
}

void legacy_stage_add(struct legacy_stage *stage, struct legacy_queue *queue, uint32_t owner, uint64_t at_ns,
                      const struct tta_event *event, uint8_t kernel_kind)
{
	struct tta_event *place;

	if (stage->count && (stage->owner != owner || stage->at_ns != at_ns || stage->count == LEGACY_STAGE_EVENTS))
		legacy_stage_flush(stage, queue);
	stage->owner = owner;
	stage->at_ns = at_ns;
	place = &stage->events[stage->count++];
	*place = *event;
	if (event->kind == TTA_CB_ALLOC || event->kind == TTA_CB_FREE) {
		/* No programs are known: all on a device count together, as those of one, and each ends alone. The
		 * index holds the addresses that cores have; ids beyond are kept apart. */
		struct tta_cb_entry cb = {.program = event->cb.address >> 32, .index = (uint32_t)event->cb.address};

		place->cb.entry = add_entry(stage, TTA_ENTRY_CB, &cb, sizeof(cb), "");
		if (event->kind == TTA_CB_FREE)
			place->program.number = cb.program;
	} else if (event->kind == TTA_KERNEL_LOAD && kernel_kind < LEGACY_KERNEL_KINDS) {
		place->kernel.entry = stage->kernel_entries[kernel_kind];
	}
}
