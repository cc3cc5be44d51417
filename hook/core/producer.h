/* SPDX-License-Identifier: Apache-2.0
 *
 * producer.h - for preloads, which report through this library: who reports, and what new threads inherit. Exported,
 * but no public API.
 */
#ifndef TTALLOC_HOOK_PRODUCER_H
#define TTALLOC_HOOK_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* To be called before the caller's first event. Whoever reports in a process is named; 15 bytes of a name are kept. */
void ttalloc_name_producer(const char *name);

/* Calls from this code (of a preload) are not shown in call stacks: those of its callers are. */
void ttalloc_hide_frames(const void *start, const void *end);

/* The same for the library that this is compiled into. */
static inline void tta_hide_this_library(void)
{
	extern const char __ehdr_start[] __attribute__((visibility("hidden"))); /* the linker's */
	extern const char etext[] __attribute__((visibility("hidden")));

	ttalloc_hide_frames(__ehdr_start, etext);
}

/* How much of operations is to be recorded, with ttalloc_operation_begin() and so on; none in a process that is not. */
enum ttalloc_operations {
	TTALLOC_OPERATIONS_NONE = 0,
	TTALLOC_OPERATIONS_NAMES = 1,
	TTALLOC_OPERATIONS_TENSORS = 2,
	TTALLOC_OPERATIONS_ARGUMENTS = 3,
};
uint32_t ttalloc_operations_wanted(void);

/* As ttalloc_operation_begin(), with the text of what it is called with. */
void ttalloc_operation_begin_with(const char *name, const char *arguments, size_t arguments_bytes);

/* What a tensor is, in words; an empty one or NULL is not said. */
struct ttalloc_tensor_spec {
	const char *shape;       /* 1x1x32x32 */
	const char *dtype;       /* bfloat16 */
	const char *layout;      /* TILE */
	const char *memory;      /* interleaved, block sharded */
	const char *shard_shape; /* 32x32 */
	const char *shard_grid;  /* [[x0,y0,x1,y1],...] */
	const char *orientation; /* of the shards: ROW_MAJOR */
	uint64_t known;          /* 0 at first, then this library's own */
};

/* A tensor that the innermost operation of this thread takes or, GIVEN, gives back. INDEX: among those. */
struct ttalloc_tensor {
	uint32_t device, index;
	uint16_t region;
	bool given;
	uint64_t address; /* of the block that it is in */
	struct ttalloc_tensor_spec *spec;
};
void ttalloc_tensor(const struct ttalloc_tensor *tensor);

/* What an allocator itself says that it has given out of a region of a chip, by its statistics. It is compared with
 * what was reported before, so nobody may change the allocator between its saying so and ttalloc_crosscheck_holds(): if
 * somebody did, that call is left out, and what was said counts for nothing. */
struct ttalloc_crosscheck {
	uint32_t device; /* of ttalloc_on() */
	uint16_t region;
	bool has_blocks;
	uint64_t bank_bytes;
	uint64_t blocks, address_sum; /* tta_address_sum() of their addresses */
};
void ttalloc_crosscheck(const struct ttalloc_crosscheck *said);
void ttalloc_crosscheck_holds(void);

/* What a thread leaves to one that it makes. */
struct ttalloc_bequest {
	uint64_t label;
	struct tta_label_slot *maker;
};

/* On a thread that is about to make another one: false when there is nothing to leave to it. */
bool ttalloc_thread_bequeath(struct ttalloc_bequest *bequest);

/* On the new thread, before anything else of it runs; or, when there is none, on its maker. */
void ttalloc_thread_inherit(const struct ttalloc_bequest *bequest);
void ttalloc_thread_not_made(const struct ttalloc_bequest *bequest);

#endif
