/* SPDX-License-Identifier: Apache-2.0
 *
 * attributions.c - from what an event says of where it comes from to a row of the dictionary. Events repeat themselves:
 * each process has a cache of the answers, and only what is not in it is looked up in the table of its segment.
 */
#include "entries.h"
#include "ledger.h"
#include "ttalloc.h"

#define MOST_LABEL_STEPS 1024u
#define CLASS_FLAGS (TTALLOC_ALIASED | TTALLOC_KERNEL_BINARY | TTA_CB_KIND_MASK) /* and what figures depend on */

static uint8_t class_of(uint16_t region, uint8_t flags)
{
	static const uint8_t kinds[] = {[TTALLOC_CIRCULAR_BUFFER] = TTA_CLASS_CIRCULAR_BUFFER,
	                                [TTALLOC_DATAFLOW_BUFFER] = TTA_CLASS_DATAFLOW_BUFFER,
	                                [TTALLOC_SCRATCHPAD] = TTA_CLASS_SCRATCHPAD};
	unsigned kind = (flags & TTA_CB_KIND_MASK) >> TTA_CB_KIND_SHIFT;

	if (region == TTALLOC_CB)
		return kind < sizeof(kinds) ? kinds[kind] : (uint8_t)TTA_CLASS_CIRCULAR_BUFFER;
	if (region == TTALLOC_KERNEL)
		return TTA_CLASS_KERNEL;
	if (flags & TTALLOC_KERNEL_BINARY)
		return TTA_CLASS_KERNEL_BINARY;
	return region == TTALLOC_TRACE ? TTA_CLASS_TRACE : TTA_CLASS_BUFFER;
}

/* The class says of which kind it is. */
static uint8_t stored_flags(uint16_t region, uint8_t flags)
{
	return region == TTALLOC_CB ? flags & (uint8_t)~TTA_CB_KIND_MASK : flags;
}

uint32_t attribution_thread(struct ledger *ledger, const struct process *process, const struct ingest_table *table,
                            uint32_t thread_entry)
{
	struct tta_thread_entry thread = {0};
	struct entry entry;

	if (entry_find(table, thread_entry, TTA_ENTRY_THREAD, &entry))
		entry_take(&entry, &thread, sizeof(thread));
	return dictionary_thread(ledger->dictionary,
	                         &(struct dictionary_thread){
	                             .process = process->id,
	                             .serial = thread.serial,
	                             .tid = thread.tid,
	                             .name = thread.name,
	                             .name_bytes = sizeof(thread.name),
	                         },
	                         &ledger->chunk->log);
}

/* Walks up to the outermost label, then names them from there on inwards. Entries only ever name earlier ones; of a
 * chain that is too long, the outermost count. */
uint32_t attribution_label(struct ledger *ledger, const struct ingest_table *table, uint32_t label)
{
	struct entry chain[LABEL_MOST_DEPTH], entry;
	uint32_t steps = 0, parent[2], id = 0;

	label &= ~TTA_LEFT_OUT;
	while (steps < MOST_LABEL_STEPS && entry_find(table, label, TTA_ENTRY_LABEL, &entry)) {
		entry_take(&entry, parent, sizeof(parent));
		chain[steps++ % LABEL_MOST_DEPTH] = entry;
		if (parent[0] >= label)
			break;
		label = parent[0];
	}
	for (uint32_t kept = steps < LABEL_MOST_DEPTH ? steps : LABEL_MOST_DEPTH; kept > 0; kept--, steps--) {
		entry = chain[(steps - 1) % LABEL_MOST_DEPTH];
		id = dictionary_label(ledger->dictionary, id, (const char *)entry.data, entry.bytes,
		                      &ledger->chunk->log);
	}
	return id;
}

uint32_t attribution_stack(struct ledger *ledger, const struct process *process, const struct ingest_table *table,
                           uint32_t stack)
{
	return stacks_id(&process->holdings->stacks, ledger->dictionary, table, stack, &ledger->chunk->log);
}

static uint32_t look_up(struct ledger *ledger, const struct process *process, const struct ingest_table *table,
                        const struct raw_attribution *raw)
{
	uint16_t region = (uint16_t)(raw->what >> 16);
	uint8_t flags = (uint8_t)(raw->what >> 8);
	struct attribution attribution = {
	    .process = process->id,
	    .thread = attribution_thread(ledger, process, table, (uint32_t)(raw->thread_label >> 32)),
	    .label = attribution_label(ledger, table, (uint32_t)raw->thread_label),
	    .stack = attribution_stack(ledger, process, table, (uint32_t)(raw->stack_place >> 32)),
	    .device = (uint32_t)raw->stack_place & 0xFFFF,
	    .allocator = (uint16_t)(raw->stack_place >> 16),
	    .region = region,
	    .class = class_of(region, flags),
	    .flags = stored_flags(region, flags),
	    .ended = (uint8_t)raw->what,
	};

	return dictionary_attribution(ledger->dictionary, &attribution, &ledger->chunk->log);
}

static uint64_t raw_hash(const struct raw_attribution *raw)
{
	return hash_mix(raw->thread_label * 0x9e3779b97f4a7c15u ^ (raw->stack_place + raw->what) * 0xd6e8feb86659fd93u ^
	                (uint64_t)raw->what << 32);
}

static bool same_raw(const struct raw_attribution *a, const struct raw_attribution *b)
{
	return a->thread_label == b->thread_label && a->stack_place == b->stack_place && a->what == b->what;
}

uint32_t attribution_id(struct ledger *ledger, struct process *process, const struct ingest_table *table,
                        const struct raw_attribution *raw, bool *is_bare)
{
	struct holdings *holdings = process->holdings;
	uint64_t hash = raw_hash(raw);

	INDEX_EACH_MATCH(&holdings->attribution_index, hash, at, ref)
	{
		if (same_raw(&holdings->attributions[ref - 1].raw, raw))
			return holdings->attributions[ref - 1].id;
	}
	if (holdings->attribution_count >= MOST_ATTRIBUTIONS) {
		struct raw_attribution bare = raw_attribution(0, 0, 0, (uint32_t)raw->stack_place);

		bare.what = raw->what & ~((uint32_t)(uint8_t)~CLASS_FLAGS << 8);
		*is_bare = true;
		return look_up(ledger, process, table, &bare);
	}
	holdings->attributions = memory_room(holdings->attributions, holdings->attribution_count,
	                                     &holdings->attribution_capacity, sizeof(*holdings->attributions));
	holdings->attributions[holdings->attribution_count++] =
	    (struct cached_attribution){.raw = *raw, .id = look_up(ledger, process, table, raw)};
	index_add(&holdings->attribution_index, hash, (uint32_t)holdings->attribution_count);
	return holdings->attributions[holdings->attribution_count - 1].id;
}
