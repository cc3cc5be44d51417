/* SPDX-License-Identifier: Apache-2.0
 *
 * ttalloc.h - report what an accelerator's allocator does to the ttalloc recorder.
 *
 * Call these functions from the allocator of the device's memory, not from its users. Every function is
 *   - thread-safe, and callable from any thread at any time, also in a child after fork();
 *   - free of errors: nothing is returned, nothing is thrown, errno is kept; what cannot be recorded is counted and
 *     shows up in the recording as loss;
 *   - cheap: about one clock_gettime() while recording, one load and one branch while not. No lock is shared with other
 *     code and no memory is allocated on that path.
 * Signal handlers may report, too, also while they interrupt a report of their thread: three deep, and on an alternate
 * stack of MINSIGSTKSZ + 8 KiB. Only ttalloc_flush() is not for them.
 * Pointers to structs must not be NULL; strings may be, and are then empty or not said. Pointers passed in are read
 * before the call returns and never kept. Of structs with a struct_size, members that lie beyond it are taken as zero,
 * so that programs built with an older header go on working; those built with a newer one do, too: members beyond this
 * library's struct are ignored. 0 counts as the size of today. Devices are numbered below 65535; ttalloc_on() adds an
 * allocator to one. Strings are UTF-8, NUL-terminated, and cut at TTALLOC_NAME_MAX bytes. Recording is on when the
 * environment says so (TT_ALLOC_TRACKING_ENABLED=1, which `ttalloc-recorder -- COMMAND` sets), and never in set-user-ID
 * programs.
 *
 * Linked as libttalloc.a, the library is one copy of several that a process may have: the first one that reports
 * records for all. A plugin that it is linked into stays loaded once it has reported; zstd, threads and dl are to be
 * linked, too.
 *
 * Units: sizes and addresses are bytes; a size above 2^48 - 1 is recorded as that.
 * Order: report an allocation after the allocator has placed it, and a free before the allocator takes the block back;
 * then no other thread can reuse the address in between, and the order in the recording is the order in which things
 * happened.
 */
#ifndef TTALLOC_H
#define TTALLOC_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TTALLOC_VERSION "1.4.0"
#define TTALLOC_NAME_MAX 255
#define TTALLOC_WHY_MAX 1023

/* Kinds of memory. 0 to 4 are TT-Metal's BufferType. Regions are never added to each other. */
enum ttalloc_region {
	TTALLOC_DRAM = 0,
	TTALLOC_L1 = 1,
	TTALLOC_SYSTEM_MEMORY = 2,
	TTALLOC_L1_SMALL = 3,
	TTALLOC_TRACE = 4,
	TTALLOC_CB = 16, /* what programs have in L1, circular buffers above all; reported with ttalloc_cb_alloc() */
	TTALLOC_KERNEL = 17, /* kernels as loaded; reported with ttalloc_kernel_load() */
	TTALLOC_HOST = 32,   /* memory of the host's malloc */
};

/* ttalloc_free(): the device or the region is not known. The only live block at that address is freed, or the
 * youngest of several. */
#define TTALLOC_ANY 0xFFFF

enum ttalloc_flag {
	TTALLOC_TOP_DOWN = 1 << 0,      /* placed from the end of the bank */
	TTALLOC_SHARDED = 1 << 1,       /* sharded over banks rather than interleaved */
	TTALLOC_ALIASED = 1 << 2,       /* lies in memory of another block: recorded, counted as zero bytes */
	TTALLOC_KERNEL_BINARY = 1 << 3, /* holds kernel binaries: class kernel_binary */
	TTALLOC_SAME_REQUEST = 1 << 5,  /* of a failed request: the one before it, on another chip; not counted again */
	TTALLOC_TRACE_ACTIVE = 1 << 6, /* placed while the device had a captured trace, whose replay may overwrite it */
};

/* One block of device memory. */
struct ttalloc_block {
	uint32_t device;     /* chip */
	uint16_t region;     /* enum ttalloc_region */
	uint16_t flags;      /* enum ttalloc_flag, or-ed */
	uint64_t address;    /* offset in every bank */
	uint64_t size_bytes; /* payload: what the program asked for, over all banks */
	uint64_t bank_bytes; /* footprint in each bank, alignment included; 0: the same as size_bytes */
};

/* CHIP as it is served by one of several allocators, each with addresses of its own: wherever a device is asked for.
 * ALLOCATOR is a number that the process gives it, from 1 to 65535, and not again to another one while blocks of it may
 * live; 0: not said. A free ends a block of the same allocator, and one that does not say ends the youngest. */
static inline uint32_t ttalloc_on(uint32_t chip, uint32_t allocator)
{
	return (chip & 0xFFFF) | allocator << 16;
}

/* A rectangle of cores, both corners included. */
struct ttalloc_core_range {
	uint16_t x0, y0, x1, y1;
};

/* What programs have in L1, from its base up. */
enum ttalloc_cb_kind {
	TTALLOC_CIRCULAR_BUFFER = 0,
	TTALLOC_DATAFLOW_BUFFER = 1, /* what newer programs have instead */
	TTALLOC_SCRATCHPAD = 2,
};

/* One circular buffer of a program, or what else the program has in L1. */
struct ttalloc_cb {
	uint32_t struct_size; /* sizeof(struct ttalloc_cb) */
	uint32_t device;      /* chip */
	uint64_t program;     /* any number that names the program while it lives */
	uint64_t address;     /* in the L1 of each core */
	uint64_t size_bytes;  /* on each core */
	uint32_t index;       /* number of the circular buffer in its program, whatever its kind */
	uint32_t aliased; /* not 0: lies in a tensor's L1 buffer or in another one of these; counted as zero bytes */
	/* Where it lies, so that figures are those of the program's fullest core; ranges share no core. NULL: not
	 * known: it counts as if it lay on all. So it does if they are more than 64, and then region CB is not
	 * complete. */
	const struct ttalloc_core_range *cores;
	uint32_t core_ranges;
	uint32_t kind; /* enum ttalloc_cb_kind */
};

/* One kernel, loaded. */
struct ttalloc_kernel {
	uint32_t struct_size;  /* sizeof(struct ttalloc_kernel) */
	uint32_t device;       /* chip */
	uint64_t id;           /* any number that names the kernel while it is loaded */
	uint64_t size_bytes;   /* of its binaries */
	const char *name;      /* may be NULL */
	const char *kind;      /* such as application, fabric, dispatch; may be NULL */
	const char *core_type; /* such as worker, ethernet; may be NULL */
};

/* Where a region of a device lies. */
struct ttalloc_bank_layout {
	uint16_t region;          /* enum ttalloc_region */
	uint16_t top_down;        /* not 0: the allocator fills banks from their end by default */
	uint32_t banks;           /* 0: not known */
	uint64_t bank_bytes;      /* allocatable bytes of each bank; 0: not known */
	uint64_t base_address;    /* lowest allocatable address */
	uint64_t alignment_bytes; /* 0: not known */
};

/* One chip. */
struct ttalloc_device {
	uint32_t struct_size;                      /* sizeof(struct ttalloc_device) */
	uint32_t device;                           /* chip */
	const char *arch;                          /* such as wormhole_b0; may be NULL */
	const struct ttalloc_bank_layout *layouts; /* layout_count of them, one per region; at most 16 are kept */
	uint32_t layout_count;
	uint32_t in_step;      /* not 0: its cores have one address, of the list that gives out those of all cores */
	const char *chip;      /* what names the chip wherever it is used, such as board and place on it; may be NULL */
	const char *allocator; /* what the allocator of ttalloc_on() is, such as "submesh 1x2"; may be NULL */
	uint32_t cores;        /* that it serves, each with an address of its own; 0: all, at the same one */
	uint32_t core_ranges;  /* of core_range_list */
	/* Which cores these are, so that its blocks count on them alone; ranges share no core. NULL: not known:
	 * its blocks count as if they lay on all. So they do if these are more than 64, or coordinates from 32 on, and
	 * then the recording is not complete. */
	const struct ttalloc_core_range *core_range_list;
};

/* Whether this process is being recorded. A load and a branch, but for the first call in a process. */
static inline bool ttalloc_enabled(void);

/* BLOCK was placed. */
void ttalloc_alloc(const struct ttalloc_block *block);

/* The block at ADDRESS is about to be given back. DEVICE and REGION may be TTALLOC_ANY. */
void ttalloc_free(uint32_t device, uint16_t region, uint64_t address);

/* A request could not be served. Of WANTED, address is ignored. WHY: the allocator's own words, or NULL; they are cut
 * at TTALLOC_WHY_MAX bytes. */
void ttalloc_alloc_failed(const struct ttalloc_block *wanted, const char *why);

/* A circular buffer got its place. It is resident while its program is the last one that ran on the device; until the
 * process runs one there, while its program is the one of the last ttalloc_cb_alloc(). */
void ttalloc_cb_alloc(const struct ttalloc_cb *cb);

/* All circular buffers of PROGRAM on DEVICE are gone. */
void ttalloc_cb_free(uint32_t device, uint64_t program);

/* One circular buffer alone is gone: that of cb->device, program and index. The other members are not looked at. */
void ttalloc_cb_free_one(const struct ttalloc_cb *cb);

/* PROGRAM is about to run on DEVICE: its circular buffers become resident, in place of those of other programs. */
void ttalloc_program_run(uint32_t device, uint64_t program);

void ttalloc_kernel_load(const struct ttalloc_kernel *kernel);
void ttalloc_kernel_unload(uint32_t device, uint64_t id);

/* A device was opened, or an allocator made on it, and this is its geometry. Figures that need geometry are unknown for
 * devices without it. */
void ttalloc_device_open(const struct ttalloc_device *device);

/* A device is being closed: what this process still holds on it ends, as a leak; with ttalloc_on(), what that allocator
 * holds. Region HOST stays: it is not the device's memory. */
void ttalloc_device_close(uint32_t device);

/* Open and close a named range on this thread. Ranges nest; events carry the path of the open ones. Of more than 64
 * that are open at once, the 64 outermost count, and what is in the others is counted as lacking a label. A pop without
 * a push does nothing. NULL is an empty name. */
void ttalloc_label_push(const char *name);
void ttalloc_label_pop(void);

/* An operation of this thread, such as a matrix multiplication, begins and ends. Operations nest: what the thread
 * reports in between belongs to the innermost one. NAME is the same for all operations of a kind. ABORTED: it was left
 * by an exception. An end without a beginning does nothing. */
void ttalloc_operation_begin(const char *name);
void ttalloc_operation_end(bool aborted);

/* Step NUMBER of this process begins: later events, of all its threads, belong to it. */
void ttalloc_step(uint64_t number);

/* Names this moment, in all that the process reports: ttalloc-analyze takes @NAME wherever it takes a time. Names may
 * be given again, and are then told apart by number: @NAME#2. NULL and "" name nothing. */
void ttalloc_snapshot(const char *name);

/* COUNT events were not reported at this place, or, for 0, nobody knows how many from here on: the recording shows a
 * loss. For producers that switch themselves off, or cannot keep up. */
void ttalloc_lost(uint64_t count);

/* What a producer has to say of its own recording. COUNT events were such as TEXT says, and are not recorded for a good
 * reason; the counts of a text are added up. 0: TEXT says what the producer cannot see, which makes the recording
 * incomplete; if it begins with regions and a colon, such as "CB: ..." or "L1, CB: ...", in these alone. */
void ttalloc_note(const char *text, uint64_t count);

/* Waits until all that this process reported before the call is committed to the recording, for TIMEOUT_MS at most.
 * True when it is; false on time-out, when no recorder is there, or when recording is off. */
bool ttalloc_flush(unsigned timeout_ms);

/* What this process has of a region of a device, and had at most. */
struct ttalloc_region_usage {
	uint32_t struct_size;     /* sizeof(struct ttalloc_region_usage), set by the caller */
	uint32_t banks;           /* 0: not known */
	uint64_t bank_bytes;      /* allocatable bytes of each bank; 0: not known (ttalloc_device_open()) */
	uint64_t live_bytes;      /* payload; blocks that are aliased count zero */
	uint64_t live_bank_bytes; /* footprint in each bank; blocks on some cores alone count as if on all */
	uint64_t live_blocks;
	uint64_t peak_bytes;      /* the most that live_bytes was, since the beginning or ttalloc_usage_reset_peak() */
	uint64_t peak_bank_bytes; /* of live_bank_bytes; the two need not have been at one moment */
	uint64_t largest_free_bytes; /* in one piece, in each bank, likewise; 0 where bank_bytes is */
};

/* Fills in *USAGE, up to its struct_size, as it is after all that was reported before the call; no recorder is asked.
 * With ttalloc_on(), of that allocator alone. Thread-safe, but not for signal handlers. It takes as long as it takes to
 * pack what was reported lately (some ms at most), and to look at all live blocks once.
 * False, with zeros, when that is not known: recording is off; the first call came after events, and
 * TTALLOC_USAGE=1 was not in the environment; some were lost, or cannot be taken in, because nobody records and the
 * spool is full; or this region is TTALLOC_CB or TTALLOC_KERNEL, which have programs and kernels. What a parent had
 * when it forked is not its child's. */
bool ttalloc_usage(uint32_t device, uint16_t region, struct ttalloc_region_usage *usage);

/* The peaks begin anew, with what is live. False as above. */
bool ttalloc_usage_reset_peak(uint32_t device, uint16_t region);

/* ---- What makes the disabled case cheap; not for direct use ---- */

enum ttalloc_gate_state { TTALLOC_GATE_UNKNOWN = 0, TTALLOC_GATE_OFF = 1, TTALLOC_GATE_ON = 2 };

/* A page of its own, so that fork() can wipe it back to UNKNOWN in the child. */
struct ttalloc_gate_page {
	uint32_t state; /* enum ttalloc_gate_state */
	char rest_of_page[4092];
} __attribute__((aligned(4096)));

extern struct ttalloc_gate_page ttalloc_gate;

/* Decides an UNKNOWN gate. True when recording is on. */
bool ttalloc_gate_decide(void);

static inline bool ttalloc_enabled(void)
{
	uint32_t gate = __atomic_load_n(&ttalloc_gate.state, __ATOMIC_RELAXED);

	if (__builtin_expect(gate == TTALLOC_GATE_OFF, 1))
		return false;
	return gate == TTALLOC_GATE_ON || ttalloc_gate_decide();
}

/* The functions above, behind the gate: arguments are not even evaluated while recording is off. */
#ifndef TTALLOC_NO_MACROS
#define ttalloc_alloc(...) (ttalloc_enabled() ? (ttalloc_alloc)(__VA_ARGS__) : (void)0)
#define ttalloc_free(...) (ttalloc_enabled() ? (ttalloc_free)(__VA_ARGS__) : (void)0)
#define ttalloc_alloc_failed(...) (ttalloc_enabled() ? (ttalloc_alloc_failed)(__VA_ARGS__) : (void)0)
#define ttalloc_cb_alloc(...) (ttalloc_enabled() ? (ttalloc_cb_alloc)(__VA_ARGS__) : (void)0)
#define ttalloc_cb_free(...) (ttalloc_enabled() ? (ttalloc_cb_free)(__VA_ARGS__) : (void)0)
#define ttalloc_cb_free_one(...) (ttalloc_enabled() ? (ttalloc_cb_free_one)(__VA_ARGS__) : (void)0)
#define ttalloc_lost(...) (ttalloc_enabled() ? (ttalloc_lost)(__VA_ARGS__) : (void)0)
#define ttalloc_note(...) (ttalloc_enabled() ? (ttalloc_note)(__VA_ARGS__) : (void)0)
#define ttalloc_program_run(...) (ttalloc_enabled() ? (ttalloc_program_run)(__VA_ARGS__) : (void)0)
#define ttalloc_kernel_load(...) (ttalloc_enabled() ? (ttalloc_kernel_load)(__VA_ARGS__) : (void)0)
#define ttalloc_kernel_unload(...) (ttalloc_enabled() ? (ttalloc_kernel_unload)(__VA_ARGS__) : (void)0)
#define ttalloc_device_open(...) (ttalloc_enabled() ? (ttalloc_device_open)(__VA_ARGS__) : (void)0)
#define ttalloc_device_close(...) (ttalloc_enabled() ? (ttalloc_device_close)(__VA_ARGS__) : (void)0)
#define ttalloc_label_push(...) (ttalloc_enabled() ? (ttalloc_label_push)(__VA_ARGS__) : (void)0)
#define ttalloc_label_pop() (ttalloc_enabled() ? (ttalloc_label_pop)() : (void)0)
#define ttalloc_operation_begin(...) (ttalloc_enabled() ? (ttalloc_operation_begin)(__VA_ARGS__) : (void)0)
#define ttalloc_operation_end(...) (ttalloc_enabled() ? (ttalloc_operation_end)(__VA_ARGS__) : (void)0)
#define ttalloc_snapshot(...) (ttalloc_enabled() ? (ttalloc_snapshot)(__VA_ARGS__) : (void)0)
#define ttalloc_step(...) (ttalloc_enabled() ? (ttalloc_step)(__VA_ARGS__) : (void)0)
#endif

#ifdef __cplusplus
}
#endif
#endif
