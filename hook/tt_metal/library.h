/* SPDX-License-Identifier: Apache-2.0
 *
 * library.h - the copies of libtt_metal in this process: which of them a call belongs to, the function that
 * it was meant for, and the functions that are called to read its objects.
 */
#ifndef TTALLOC_TT_METAL_LIBRARY_H
#define TTALLOC_TT_METAL_LIBRARY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "upstream.h"

enum tt_function {
	TT_FUNCTION_GRAPH_TRACKER,
	TT_FUNCTION_TRACK_ALLOCATE,
	TT_FUNCTION_TRACK_DEALLOCATE,
	TT_FUNCTION_TRACK_DEALLOCATE_CB,
	TT_FUNCTION_TRACK_PROGRAM,
	TT_FUNCTION_HOOK_PROGRAM,
	TT_FUNCTION_TRACK_ALLOCATE_CB_GLOBAL,
	TT_FUNCTION_TRACK_ALLOCATE_CB,
	TT_FUNCTION_TRACK_DATAFLOW_BUFFER,
	TT_FUNCTION_TRACK_SCRATCHPAD,
	TT_FUNCTION_ALLOCATE_BUFFER,
	TT_FUNCTION_DEALLOCATE_BUFFERS,
	TT_FUNCTION_IMPL_ALLOCATE_BUFFER,
	TT_FUNCTION_IMPL_DEALLOCATE_BUFFERS,
	TT_FUNCTION_PROGRAM_END,
	TT_FUNCTION_PROGRAM_END_BASE,
	TT_FUNCTION_ALLOCATE_CIRCULAR_BUFFERS,
	TT_FUNCTION_ALLOCATE_DATAFLOW_BUFFERS,
	TT_FUNCTION_ALLOCATE_SCRATCHPADS,
	TT_FUNCTION_VALIDATE_CIRCULAR_BUFFERS,
	TT_FUNCTION_VALIDATE_DATAFLOW_BUFFERS,
	TT_FUNCTION_PROGRAM_IMPL_END,
	TT_FUNCTION_PROGRAM_IMPL_END_BASE,
	TT_FUNCTION_BEGIN_TRACE,
	TT_FUNCTION_BEGIN_TRACE_ON,
	TT_FUNCTION_BEGIN_TRACE_ID,
	TT_FUNCTION_BEGIN_TRACE_ID_ON,
	TT_FUNCTION_END_TRACE,
	TT_FUNCTION_END_TRACE_ON,
	TT_FUNCTION_REPLAY_TRACE,
	TT_FUNCTION_REPLAY_TRACE_ON,
	TT_FUNCTION_RELEASE_TRACE,
	TT_FUNCTIONS,
};

/* The getters of one class of allocators. Any may be NULL. */
struct tt_allocator_class {
	uint32_t (*num_banks)(const void *allocator, const int32_t *type);
	uint64_t (*bank_size)(const void *allocator, const int32_t *type);
	uint64_t (*base_address)(const void *allocator, const uint8_t *memory);
	uint32_t (*alignment)(const void *allocator, int32_t type);
	/* On x86-64 a struct of that size is returned in memory that the caller names first. */
	void (*statistics)(struct tt_statistics *statistics, const void *allocator, const int32_t *type);
};

/* One copy of libtt_metal. Made at its first call, never freed; only the layouts change. */
struct tt_library {
	struct tt_library *next;
	const void *base; /* where it is mapped */
	const char *path; /* of the dynamic linker */
	bool patched;     /* it was built with allocation_client.hpp, and reports itself */

	/* Getters of Buffer; any may be NULL. */
	uint32_t (*address)(const void *buffer);
	uint64_t (*page_size)(const void *buffer);
	uint32_t (*num_pages)(const void *buffer);
	uint64_t (*size_per_bank)(const void *buffer);
	bool (*is_per_core)(const void *buffer); /* it has an address of its own on each core */
	const struct tt_core_map *(*per_core_addresses)(const void *buffer);
	bool (*is_range_lockstep)(const void *buffer); /* it has one, on its cores alone */
	bool (*has_shard_spec)(const void *buffer);
	void (*shard_spec)(void *spec, const void *buffer);

	struct tt_allocator_class allocator; /* of class AllocatorImpl where there is one, else of Allocator */

	/* MeshDevice::get_devices(): on x86-64 a vector is returned in memory that the caller names first. */
	void (*mesh_devices)(struct tt_vector *devices, const void *mesh);
	const void *(*mesh_shape)(const void *mesh);
	void (*operator_delete)(void *memory);
	const void *standard_exception; /* type_info of std::exception; NULL: not found */

	/* ProgramImpl::dataflow_buffers(): a vector of shared pointers. NULL where there are none. */
	const struct tt_vector *(*dataflow_buffers)(const void *program);
	bool places_dataflow_buffers, places_scratchpads; /* it has functions for that */

	/* GraphTracker::instance() and hook_program(): whether what this thread makes will not run (a NO_DISPATCH
	 * capture). NULL where there is no such function. */
	void *(*graph_tracker)(void);
	bool (*hook_program)(void *tracker, void *program);

	/* For operations; see processor.c. NULL: none, for lack of a place for it or of ttnn so far. */
	struct tt_processor *_Atomic processor;
	atomic_bool without_operations; /* there is no place */
	struct tt_tensors *tensors;     /* how they are read; NULL: not. Set before the processor is */

	atomic_int layout;         /* of class Buffer; see buffer.c */
	atomic_int program_layout; /* of class ProgramImpl; see program.c */
};

/* A call's destination. */
struct tt_target {
	struct tt_library *library;
	void (*function)(void); /* cast to what it is when it is called */
};

/* Where a call to FUNCTION that returns to CALLER would have gone without the preload. Aborts as the dynamic linker
 * does when there is no such function. Cheap after the first call from a place; thread-safe. */
struct tt_target tt_target_of(enum tt_function function, const void *caller);

/* The same for the function NAME of any library. NULL: there is none. Looked for anew each time. */
void *tt_function_at(const char *name, const void *caller);

/* Ends the process as the dynamic linker does when NAME is needed and not there. */
__attribute__((noreturn)) void tt_no_such_function(const char *name);

#endif
