/* SPDX-License-Identifier: Apache-2.0
 *
 * frames.c - see frames.h. Names are compared by 128 bits of hash, as stacks are.
 */
#include "frames.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/index.h"

#define SYMBOL_LANGUAGE "python"

struct names {
	uint64_t hash[2];
};

struct frame {
	uint64_t address; /* of interpreted code: the first half of its names' hash */
	uint64_t other;   /* module; of interpreted code the second half, and the top bit */
};

#define INTERPRETED (UINT64_C(1) << 63)

struct frames {
	struct names *modules;
	size_t module_count, module_capacity;
	struct index module_index;
	struct frame *list;
	size_t count, capacity;
	struct index index;
};

struct frames *frames_new(void)
{
	return memory_zeroed(sizeof(struct frames));
}

void frames_free(struct frames *frames)
{
	if (!frames)
		return;
	free(frames->modules);
	free(frames->list);
	index_free(&frames->module_index);
	index_free(&frames->index);
	free(frames);
}

static struct names hash_names(const char *first, size_t first_bytes, const char *second, size_t second_bytes,
                               uint64_t seed)
{
	struct names names;

	for (uint64_t i = 0; i < 2; i++)
		names.hash[i] =
		    hash_pair(hash_bytes(first, first_bytes, seed + i), hash_bytes(second, second_bytes, ~seed - i));
	return names;
}

uint32_t frames_module(struct frames *frames, const char *path, size_t path_bytes, const char *build_id,
                       struct rowlog *log)
{
	struct names made = hash_names(path, path_bytes, build_id, strlen(build_id), 1);

	INDEX_EACH_MATCH(&frames->module_index, made.hash[0], at, ref)
	{
		if (log && memcmp(&frames->modules[ref - 1], &made, sizeof(made)) == 0)
			return ref;
	}
	frames->modules =
	    memory_room(frames->modules, frames->module_count, &frames->module_capacity, sizeof(*frames->modules));
	frames->modules[frames->module_count++] = made;
	index_add(&frames->module_index, made.hash[0], (uint32_t)frames->module_count);
	if (log) {
		rowlog_module(log, &(struct module_row){.id = frames->module_count,
		                                        .path = row_text(path, path_bytes),
		                                        .build_id = row_string(build_id)});
	}
	return (uint32_t)frames->module_count;
}

/* The id of MADE, and whether it is new. What comes OUT_OF_FILE has been found to be. */
static uint32_t find_or_add(struct frames *frames, const struct frame *made, bool out_of_file, bool *is_new)
{
	uint64_t hash = hash_pair(made->address, made->other);

	*is_new = false;
	INDEX_EACH_MATCH(&frames->index, hash, at, ref)
	{
		if (!out_of_file && frames->list[ref - 1].address == made->address &&
		    frames->list[ref - 1].other == made->other)
			return ref;
	}
	frames->list = memory_room(frames->list, frames->count, &frames->capacity, sizeof(*frames->list));
	frames->list[frames->count++] = *made;
	index_add(&frames->index, hash, (uint32_t)frames->count);
	*is_new = true;
	return (uint32_t)frames->count;
}

static void log_frame(uint32_t id, uint32_t module, uint64_t address, struct rowlog *log)
{
	rowlog_frame(log, &(struct frame_row){.id = id, .module = module, .address = address});
}

uint32_t frames_native(struct frames *frames, uint32_t module, uint64_t address, struct rowlog *log)
{
	bool is_new;
	uint32_t id = find_or_add(frames, &(struct frame){.address = address, .other = module}, !log, &is_new);

	if (is_new && log)
		log_frame(id, module, address, log);
	return id;
}

uint32_t frames_interpreted(struct frames *frames, const struct frames_code *code, struct rowlog *log)
{
	struct names names =
	    hash_names(code->function, code->function_bytes, code->file, code->file_bytes, (uint64_t)code->line + 2);
	struct frame made = {.address = names.hash[0], .other = names.hash[1] | INTERPRETED};
	bool is_new;
	uint32_t id = find_or_add(frames, &made, !log, &is_new);

	if (!is_new || !log)
		return id;
	log_frame(id, 0, 0, log);
	rowlog_symbol(log, &(struct symbol_row){.frame = id,
	                                        .depth = 0,
	                                        .function = row_text(code->function, code->function_bytes),
	                                        .file = row_text(code->file, code->file_bytes),
	                                        .line = code->line,
	                                        .language = row_string(SYMBOL_LANGUAGE)});
	return id;
}
