/* SPDX-License-Identifier: Apache-2.0
 *
 * stacks.c - see stacks.h. Nothing in the table is trusted.
 */
#include "stacks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entries.h"
#include "frames.h"

#define MOST_FRAMES 64u
#define MOST_BUILD_ID_BYTES 64u /* as many as the hook keeps */
#define MOST_TEXT_BYTES 4096u

void stacks_free(struct stacks *stacks)
{
	free(stacks->modules);
	free(stacks->known);
	index_free(&stacks->known_index);
}

uint64_t stacks_take_blind(struct stacks *stacks)
{
	uint64_t blind = stacks->blind;

	stacks->blind = 0;
	return blind;
}

/* ---- modules ---- */

/* Splits off up to BYTES of ENTRY, but no more than it has. */
static const char *take_text(struct entry *entry, uint32_t bytes, size_t *text_bytes)
{
	const char *text = (const char *)entry->data;

	*text_bytes = bytes < entry->bytes ? bytes : entry->bytes;
	entry->data += *text_bytes;
	entry->bytes -= *text_bytes;
	if (*text_bytes > MOST_TEXT_BYTES)
		*text_bytes = MOST_TEXT_BYTES;
	return text;
}

static void add_module(struct stacks *stacks, struct frames *frames, struct entry entry, uint64_t offset,
                       struct rowlog *log)
{
	char build_id[2 * MOST_BUILD_ID_BYTES + 1] = "";
	struct tta_module_entry head;
	const char *text, *path;
	size_t id_bytes, path_bytes;

	if (entry.bytes < sizeof(head))
		return;
	if (stacks->module_count == STACKS_MOST_MODULES) {
		if (!stacks->blind_from)
			stacks->blind_from = offset;
		return;
	}
	entry_take(&entry, &head, sizeof(head));
	text = take_text(&entry, head.build_id_bytes, &id_bytes);
	path = take_text(&entry, head.path_bytes, &path_bytes);
	if ((path_bytes == 0 && head.path_bytes) || head.start >= head.end || id_bytes > MOST_BUILD_ID_BYTES)
		return;
	for (size_t i = 0; i < id_bytes; i++)
		snprintf(build_id + 2 * i, 3, "%02x", (unsigned char)text[i]);
	stacks->modules =
	    memory_room(stacks->modules, stacks->module_count, &stacks->module_capacity, sizeof(*stacks->modules));
	stacks->modules[stacks->module_count++] = (struct stacks_module){
	    .start = head.start,
	    .end = head.end,
	    .bias = head.bias,
	    .offset = offset,
	    .id = path_bytes ? frames_module(frames, path, strnlen(path, path_bytes), build_id, log) : 0,
	};
}

/* Reads what has come to the table since the last time. */
static void read_modules(struct stacks *stacks, struct frames *frames, const struct ingest_table *table,
                         struct rowlog *log)
{
	uint64_t at = stacks->read_bytes ? stacks->read_bytes : 8; /* the first 8 bytes are no entry */
	struct tta_entry_header header;

	while (at + sizeof(header) <= table->size_bytes) {
		uint64_t data = at + sizeof(header), next;

		memcpy(&header, table->bytes + at, sizeof(header));
		next = data + (header.data_bytes + UINT64_C(7)) / 8 * 8;
		if (next > table->size_bytes)
			break; /* not all of it is here yet, or none of it makes sense */
		if (header.type == TTA_ENTRY_MODULE)
			add_module(stacks, frames,
			           (struct entry){.data = table->bytes + data, .bytes = header.data_bytes}, at, log);
		at = next;
	}
	stacks->read_bytes = at;
}

/* Of modules that overlap, the last one before the stack's own entry is the one that was there. NULL: it is not known,
 * or there was none. */
static const struct stacks_module *module_at(const struct stacks *stacks, uint64_t address, uint64_t before)
{
	if (stacks->blind_from && stacks->blind_from < before)
		return NULL;
	for (size_t i = stacks->module_count; i-- > 0;) {
		const struct stacks_module *module = &stacks->modules[i];

		if (module->offset < before && address >= module->start && address < module->end)
			return module->id ? module : NULL;
	}
	return NULL;
}

/* ---- frames ---- */

static uint32_t interpreted_id(struct frames *frames, const struct ingest_table *table, uint64_t value,
                               struct rowlog *log)
{
	struct frames_code code = {.line = (uint32_t)(value >> 32) & 0x7FFFFFFFu};
	struct tta_code_entry head;
	struct entry entry;

	if (!entry_find(table, (uint32_t)value, TTA_ENTRY_CODE, &entry) || entry.bytes < sizeof(head))
		return frames_native(frames, 0, 0, log);
	entry_take(&entry, &head, sizeof(head));
	code.function = take_text(&entry, head.function_bytes, &code.function_bytes);
	code.file = take_text(&entry, head.file_bytes, &code.file_bytes);
	return frames_interpreted(frames, &code, log);
}

static uint32_t look_up(struct stacks *stacks, struct dictionary *dictionary, const struct ingest_table *table,
                        uint32_t number, const struct entry *entry, struct rowlog *log)
{
	struct frames *frames = dictionary_frames(dictionary);
	uint32_t ids[MOST_FRAMES];
	size_t count = entry->bytes / sizeof(uint64_t);

	read_modules(stacks, frames, table, log);
	stacks->blind += stacks->blind_from && stacks->blind_from < (uint64_t)number * 8;
	if (count > MOST_FRAMES)
		count = MOST_FRAMES;
	for (size_t i = 0; i < count; i++) {
		const struct stacks_module *module;
		uint64_t value;

		memcpy(&value, entry->data + i * sizeof(value), sizeof(value));
		module = module_at(stacks, value, (uint64_t)number * 8);
		if (value & TTA_FRAME_CODE)
			ids[i] = interpreted_id(frames, table, value, log);
		else if (module)
			ids[i] = frames_native(frames, module->id, value - module->bias, log);
		else
			ids[i] = frames_native(frames, 0, value, log);
	}
	return count ? dictionary_stack(dictionary, ids, count * sizeof(ids[0]), log) : 0;
}

uint32_t stacks_id(struct stacks *stacks, struct dictionary *dictionary, const struct ingest_table *table,
                   uint32_t entry_number, struct rowlog *log)
{
	uint64_t hash = hash_mix(entry_number);
	struct entry entry;
	uint32_t id;

	INDEX_EACH_MATCH(&stacks->known_index, hash, at, ref)
	{
		if (stacks->known[ref - 1].entry == entry_number)
			return stacks->known[ref - 1].id;
	}
	if (!entry_find(table, entry_number, TTA_ENTRY_STACK, &entry))
		return 0;
	id = look_up(stacks, dictionary, table, entry_number, &entry, log);
	stacks->known =
	    memory_room(stacks->known, stacks->known_count, &stacks->known_capacity, sizeof(*stacks->known));
	stacks->known[stacks->known_count++] = (struct stacks_known){.entry = entry_number, .id = id};
	index_add(&stacks->known_index, hash, (uint32_t)stacks->known_count);
	return id;
}
