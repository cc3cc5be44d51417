/* SPDX-License-Identifier: Apache-2.0
 *
 * segment.h - the segment: one file on tmpfs per process image, written by the hook, read by the recorder.
 *
 *   header | ring directory | table | outbox | rings ...
 *
 * It holds all that the process reported and the recorder has not committed, so it survives the death of either. Only
 * the hook writes it (through a shared mapping); the recorder reads it with pread() and trusts none of it. Space is
 * reserved with fallocate() before it is used, so that a full tmpfs is an error and never a SIGBUS.
 *
 * All integers are in host order. "Published" fields are written with release order after what they announce.
 */
#ifndef TTALLOC_SEGMENT_H
#define TTALLOC_SEGMENT_H

#include <assert.h>
#include <stdint.h>

#include "ttalloc/event.h"

#define TTA_SEGMENT_MAGIC "TTALLSEG"
#define TTA_SEGMENT_VERSION 2u
#define TTA_SEGMENT_VERSION_OLDEST 1u /* that can be read: its events say no allocator */
#define TTA_SEGMENT_SUFFIX ".segment"
#define TTA_HEADER_BYTES 4096u
#define TTA_SMALLEST_FILE_BYTES (4u << 20) /* that a process must be allowed to make (ulimit -f) */
#define TTA_MAX_RINGS 8192u
#define TTA_ID_BYTES 16u

enum tta_clock {
	TTA_CLOCK_MONOTONIC_NS = 0,
	TTA_CLOCK_TSC = 1,
};

/* The first page. The first half never changes once the file has its name. */
struct tta_segment_header {
	char magic[8];
	uint32_t version;
	uint32_t clock;                  /* enum tta_clock: the unit of every "ticks" */
	uint8_t id[TTA_ID_BYTES];        /* random */
	uint8_t parent_id[TTA_ID_BYTES]; /* of the process that forked this one while recording; zeros: none */
	uint64_t fork_ticks;             /* when that was */
	uint32_t pid;
	uint32_t parent_pid;
	uint64_t start_time; /* field 22 of /proc/PID/stat: with pid, names a process for good */
	uint32_t uid;
	uint32_t knows_time_offset; /* 1: time_offset_ns says it; 0: it does not, as in segments of hooks before 1.3 */
	uint64_t anchor_ticks;      /* three clocks read together when the segment was made */
	uint64_t anchor_monotonic_ns;
	uint64_t anchor_realtime_ns;
	uint64_t ring_directory_offset; /* struct tta_ring [TTA_MAX_RINGS] */
	uint64_t table_offset;
	uint64_t table_capacity;
	uint64_t outbox_offset;
	uint64_t outbox_capacity;
	char boot_id[40];      /* of /proc/sys/kernel/random/boot_id */
	char producer[16];     /* who reported first: api, host-malloc, preload, drop-in */
	char socket_path[112]; /* whom it wants to report to */
	char executable[512];
	char command[2048]; /* arguments joined by blanks, cut to fit */

	/* Changes while the process lives. */
	_Alignas(64) uint32_t ring_count; /* published: entries of the ring directory that are in use or were */
	uint32_t reserved2;
	uint64_t table_bytes;     /* published: height of the table */
	uint64_t outbox_sealed;   /* published: end of the last frame; counts on, modulo outbox_capacity is the place */
	uint64_t outbox_released; /* frames before this place are committed, and may be overwritten */
	uint64_t sealed_number;   /* published with outbox_sealed: number of the last event in a frame */
	uint64_t no_ring_lost;    /* events lost because no ring could be had */

	/* Never changes, but came later than what is above. */
	int64_t time_offset_ns; /* of CLOCK_MONOTONIC, in a time namespace (time_namespaces(7)) */
	uint64_t pid_namespace; /* that pid is of (inode of /proc/self/ns/pid); 0: not known, as of hooks before 1.4 */
};
static_assert(sizeof(struct tta_segment_header) <= TTA_HEADER_BYTES, "the header is one page");

enum tta_ring_state {
	TTA_RING_FREE = 0,   /* may be claimed by a new thread */
	TTA_RING_LIVE = 1,   /* its thread lives */
	TTA_RING_ENDING = 2, /* its thread ended; the flusher frees it once all of it is sealed */
};

/* One ring: capacity records of struct tta_event, a power of two. The thread writes head, the flusher tail; record n
 * lies at n modulo capacity. Records from tail to head are not yet in a frame. */
struct tta_ring {
	uint32_t state;               /* enum tta_ring_state */
	uint32_t thread_entry;        /* table entry of the thread that owns all records from tail on */
	uint64_t offset;              /* of record 0, in the file */
	uint64_t capacity;            /* records */
	_Alignas(64) uint64_t head;   /* published */
	uint64_t dropped;             /* events of this ring dropped ever, those in LOSS marks included */
	uint64_t first_dropped_ticks; /* of the drops not yet in a LOSS mark */
	uint64_t last_dropped_ticks;
	_Alignas(64) uint64_t tail;
	uint64_t marked_sealed; /* drops in LOSS marks before tail */
};
static_assert(sizeof(struct tta_ring) == 192, "the ring directory is a contract between hook and recorder");

/* The table: append-only entries, each published before an event names it. Its id is its offset in the table / 8;
 * the first 8 bytes of a table are zero, so that 0 names nothing. */
enum tta_entry_type {
	TTA_ENTRY_LABEL = 1,  /* u32 parent entry, u32 0, then the name (not NUL-terminated) */
	TTA_ENTRY_STACK = 2,  /* u64 frames, innermost first: return addresses, and TTA_FRAME_CODE */
	TTA_ENTRY_THREAD = 3, /* struct tta_thread_entry */
	TTA_ENTRY_TEXT = 4,   /* bytes of text */
	TTA_ENTRY_CB = 5,     /* struct tta_cb_entry, then core_ranges struct ttalloc_core_range */
	TTA_ENTRY_KERNEL = 6, /* struct tta_kernel_entry, then name, kind, core type */
	TTA_ENTRY_DEVICE = 7, /* struct tta_device_entry, then layout_count struct ttalloc_bank_layout, then arch; from
	                       * version 2 on then struct tta_device_identity, then chip, visible, allocator,
	                       * core ranges */
	TTA_ENTRY_MODULE = 8, /* struct tta_module_entry, then build id, then path */
	TTA_ENTRY_CODE = 9,   /* struct tta_code_entry, then function, then file */
	TTA_ENTRY_OPERATION = 10, /* the name of an operation */
	TTA_ENTRY_ARGUMENTS = 11, /* the text of its arguments */
	TTA_ENTRY_TENSOR = 12,    /* struct tta_tensor_entry, then its words one behind the other */
};

struct tta_entry_header {
	uint32_t type;       /* enum tta_entry_type */
	uint32_t data_bytes; /* that follow; then padding to a multiple of 8 */
};

struct tta_thread_entry {
	uint32_t tid;
	uint32_t serial; /* 1, 2, 3, ... in the order in which threads first reported */
	char name[16];
};

struct tta_cb_entry {
	uint64_t program;
	uint32_t index;
	uint32_t core_ranges;
};

/* An executable or library in the process's memory, from when this entry was made on. Where it overlaps earlier ones,
 * those are gone. Without a path: a hole, where nothing is any more. */
struct tta_module_entry {
	uint64_t start, end; /* addresses of its mappings, all of them together */
	uint64_t bias;       /* address in the process - address in the ELF file */
	uint32_t build_id_bytes, path_bytes;
};

/* A frame of an interpreter, among a stack's return addresses: line << 32 | entry of type TTA_ENTRY_CODE, with bit 63,
 * which no return address has. */
#define TTA_FRAME_CODE (UINT64_C(1) << 63)

struct tta_code_entry {
	uint32_t function_bytes, file_bytes;
};

struct tta_kernel_entry {
	uint16_t name_bytes, kind_bytes, core_type_bytes, reserved;
};

/* Shape, type, layout, memory, shape of a shard, cores, orientation of the shards: how long the words for them are. */
#define TTA_TENSOR_WORDS 7u
struct tta_tensor_entry {
	uint16_t bytes[TTA_TENSOR_WORDS], reserved;
};

struct tta_device_entry {
	uint32_t layout_count;
	uint32_t arch_bytes;
};

/* VISIBLE: what the environment says of the chips that the process sees, and so of what its numbers mean. */
struct tta_device_identity {
	uint16_t chip_bytes, visible_bytes, allocator_bytes;
	uint16_t core_ranges; /* struct ttalloc_core_range each, behind the allocator; 0: not said */
	uint32_t cores;
	uint32_t in_step; /* 1: one address on all of these cores, given out as those of all cores are */
};

/* The outbox: frames, each a batch of events that has its numbers, or a skip. A frame never wraps: where the rest of
 * the region is too short (and early, when the outbox is empty), a skip leads to the region's start. */
#define TTA_FRAME_BATCH 0x42415454u /* "TTAB" */
#define TTA_FRAME_SKIP 0x53415454u  /* "TTAS" */
#define TTA_BATCH_MAX_EVENTS 8192u

struct tta_frame_header {
	uint32_t magic;
	uint32_t reserved;
	uint64_t frame_bytes; /* whole frame, a multiple of 8; for a skip, the distance to the next frame */
};

struct tta_batch_header {
	struct tta_frame_header frame;
	uint64_t first_number; /* of the process: 1, 2, 3, ... */
	uint64_t last_ticks;   /* of its last event */
	uint64_t table_bytes;  /* height of the table that its events need */
	uint32_t count;        /* events and marks */
	uint32_t ring_count;   /* struct tta_ring_position that follow this header */
	uint32_t plain_bytes;  /* of the columns (batch.h) */
	uint32_t packed_bytes; /* of the one zstd frame that follows the positions */
	uint32_t reserved;
	uint32_t crc; /* CRC-32 of header and positions with this field 0; the zstd frame has a checksum of its own */
};
static_assert(sizeof(struct tta_batch_header) == 64, "the frame is a contract between hook and recorder");

/* Where each ring, in the order of the directory, stands after this batch. */
struct tta_ring_position {
	uint64_t position; /* record number: those before it are in this frame or an earlier one */
	uint64_t marked;   /* drops in LOSS marks before it */
};

#endif
