/* SPDX-License-Identifier: Apache-2.0
 *
 * vocabulary.h - the words of a recording and their numbers, each written once: X(NAME, number, "word"). From these
 * tables come the enums of the formats, the CASEs of the views, and the constants of the Python module
 * (vocabulary.cmake reads the rows as they stand here). Numbers are stored in files and travel between versions: a row
 * is added, never changed.
 */
#ifndef TTALLOC_VOCABULARY_H
#define TTALLOC_VOCABULARY_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "ttalloc.h"

/* Kinds of memory: enum ttalloc_region, which ttalloc.h spells out for its users. */
#define TTA_REGIONS(X)                                                                                                 \
	X(DRAM, 0, "DRAM")                                                                                             \
	X(L1, 1, "L1")                                                                                                 \
	X(SYSTEM_MEMORY, 2, "SYSTEM_MEMORY")                                                                           \
	X(L1_SMALL, 3, "L1_SMALL")                                                                                     \
	X(TRACE, 4, "TRACE")                                                                                           \
	X(CB, 16, "CB")                                                                                                \
	X(KERNEL, 17, "KERNEL")                                                                                        \
	X(HOST, 32, "HOST")

/* The device and region of a free that says neither. */
#define TTA_UNSAID(X) X(ANY, 65535, "any")

/* What is said of a block: enum ttalloc_flag, in ttalloc.h, too. */
#define TTA_FLAGS(X)                                                                                                   \
	X(TOP_DOWN, 1, "top_down")                                                                                     \
	X(SHARDED, 2, "sharded")                                                                                       \
	X(ALIASED, 4, "aliased")                                                                                       \
	X(KERNEL_BINARY, 8, "kernel_binary")                                                                           \
	X(SAME_REQUEST, 32, "same_request")                                                                            \
	X(TRACE_ACTIVE, 64, "trace_active")

/* In an event's flags, beside those: the label is that of the thread that made this one. */
#define TTA_EVENT_FLAGS(X) X(LABEL_INHERITED, 16, "label_inherited")

/* What a block is. */
#define TTA_CLASSES(X)                                                                                                 \
	X(BUFFER, 0, "buffer")                                                                                         \
	X(KERNEL_BINARY, 1, "kernel_binary")                                                                           \
	X(CIRCULAR_BUFFER, 2, "circular_buffer")                                                                       \
	X(KERNEL, 3, "kernel")                                                                                         \
	X(TRACE, 4, "trace")                                                                                           \
	X(DATAFLOW_BUFFER, 5, "dataflow_buffer")                                                                       \
	X(SCRATCHPAD, 6, "scratchpad")

/* Events. What each keeps in which member stands in event.h. */
#define TTA_KINDS(X)                                                                                                   \
	X(ALLOC, 1, "alloc")                                                                                           \
	X(FREE, 2, "free")                                                                                             \
	X(ALLOC_FAILED, 3, "alloc_failed")                                                                             \
	X(CB_ALLOC, 4, "cb_alloc")                                                                                     \
	X(CB_FREE, 5, "cb_free")                                                                                       \
	X(PROGRAM_RUN, 6, "program_run")                                                                               \
	X(KERNEL_LOAD, 7, "kernel_load")                                                                               \
	X(KERNEL_UNLOAD, 8, "kernel_unload")                                                                           \
	X(DEVICE_OPEN, 9, "device_open")                                                                               \
	X(DEVICE_CLOSE, 10, "device_close")

/* Marks take a number and a place in the order, but are no events: LOSS, events that were dropped at this place; NOTE,
 * what a producer says of its own recording; PRODUCER, somebody else reports, too, than the segment says; CROSSCHECK,
 * what an allocator says of itself, which holds only if a CROSSCHECK_HOLDS of its thread follows before the thread's
 * next one: in between, another thread may turn out to have been at the allocator, too; the others, where operations
 * and labels begin and end, and what operations work on. */
#define TTA_MARKS(X)                                                                                                   \
	X(STEP, 32, "step")                                                                                            \
	X(LOSS, 33, "loss")                                                                                            \
	X(NOTE, 34, "note")                                                                                            \
	X(PRODUCER, 35, "producer")                                                                                    \
	X(OPERATION_BEGIN, 36, "operation_begin")                                                                      \
	X(OPERATION_END, 37, "operation_end")                                                                          \
	X(TENSOR, 38, "tensor")                                                                                        \
	X(LABEL_BEGIN, 39, "label_begin")                                                                              \
	X(LABEL_END, 40, "label_end")                                                                                  \
	X(SNAPSHOT, 41, "snapshot")                                                                                    \
	X(CROSSCHECK, 42, "crosscheck")                                                                                \
	X(CROSSCHECK_HOLDS, 43, "crosscheck_holds")

/* How a block ended. The first two are stored as numbers, the others as words, of blocks and of processes. */
#define TTA_ENDS(X)                                                                                                    \
	X(FREED, 0, "freed")                                                                                           \
	X(REPLACED, 1, "replaced")                                                                                     \
	X(DEVICE_CLOSE, 2, "device close")                                                                             \
	X(PROCESS_EXIT, 3, "process exit")                                                                             \
	X(EXEC, 4, "exec")

/* A note for recorders that cannot count blocks core by core, which is what makes their recording incomplete. Those
 * that can leave it out. */
#define TTA_NOTE_ON_CORES                                                                                              \
	"blocks lie on some cores alone (hybrid allocation), and each is counted as if it lay on all cores: the "      \
	"recorder "                                                                                                    \
	"is older than the hook"

/* A note that every answer shows: of free lists that are counted, payloads are not known. */
#define TTA_NOTE_IN_BANKS                                                                                              \
	"free lists told of their blocks alone: sizes are those in each bank, payload, the number of banks, and "      \
	"which "                                                                                                       \
	"chips these are, are not known"

/* Why events are missing: RING_FULL, the thread's ring was full and the wait over; NO_RING, none could be had, with too
 * many threads or no room; BAD_BATCH, it did not decode; SWITCHED_OFF, recording was off for a while (count 0: not
 * known how many). */
#define TTA_LOSS_REASONS(X)                                                                                            \
	X(RING_FULL, 1, "ring full")                                                                                   \
	X(NO_RING, 2, "no ring")                                                                                       \
	X(BAD_BATCH, 3, "bad batch")                                                                                   \
	X(SWITCHED_OFF, 4, "switched off")

/* ---- What C makes of them: TTA_ALLOC, TTA_CLASS_BUFFER, TTA_ENDED_FREED, TTA_LOST_RING_FULL, ... ---- */

#define TTA_ENUM_KIND(NAME, number, word) TTA_##NAME = (number),
#define TTA_ENUM_CLASS(NAME, number, word) TTA_CLASS_##NAME = (number),
#define TTA_ENUM_END(NAME, number, word) TTA_ENDED_##NAME = (number),
#define TTA_ENUM_LOSS(NAME, number, word) TTA_LOST_##NAME = (number),

enum tta_kind { TTA_KINDS(TTA_ENUM_KIND) TTA_MARKS(TTA_ENUM_KIND) };
#define TTA_IS_KIND(NAME, number, word) || kind == (number)

/* Whether it is an event of the recording, and not a mark. */
static inline int tta_is_event(uint32_t kind)
{
	return 0 TTA_KINDS(TTA_IS_KIND);
}

enum tta_event_flag { TTA_EVENT_FLAGS(TTA_ENUM_KIND) };
enum tta_class { TTA_CLASSES(TTA_ENUM_CLASS) };
enum tta_end { TTA_ENDS(TTA_ENUM_END) };
enum tta_loss_reason { TTA_LOSS_REASONS(TTA_ENUM_LOSS) };

#define TTA_ASSERT_PUBLIC(NAME, number, word)                                                                          \
	static_assert(TTALLOC_##NAME == (number), "ttalloc.h and vocabulary.h name " #NAME " differently");
TTA_REGIONS(TTA_ASSERT_PUBLIC)
TTA_FLAGS(TTA_ASSERT_PUBLIC)
TTA_UNSAID(TTA_ASSERT_PUBLIC)

/* The word of a number; NULL: none. No default: the compiler tells of a row that is missing from a table. */
#define TTA_WORD_CASE(NAME, number, word)                                                                              \
	case number:                                                                                                   \
		return word;
#define TTA_WORDS(FUNCTION, TYPE, ROWS)                                                                                \
	static inline const char *FUNCTION(uint32_t number)                                                            \
	{                                                                                                              \
		switch ((TYPE)number) {                                                                                \
			ROWS(TTA_WORD_CASE)                                                                            \
		}                                                                                                      \
		return NULL;                                                                                           \
	}
TTA_WORDS(tta_region_word, enum ttalloc_region, TTA_REGIONS)
TTA_WORDS(tta_class_word, enum tta_class, TTA_CLASSES)
TTA_WORDS(tta_end_word, enum tta_end, TTA_ENDS)
TTA_WORDS(tta_loss_word, enum tta_loss_reason, TTA_LOSS_REASONS)

#endif
