/* SPDX-License-Identifier: Apache-2.0
 *
 * chip_counters.h - what TT-Metal itself counts, of each chip and by process, in memory that all of them share: a file
 * for each chip, /dev/shm/tt_device_ID_memory (ttnn 0.70 and later). Sums of payload at this moment, no more; processes
 * that were killed are never taken out. Nothing in the files is trusted. Thread-safe.
 *
 * Source: tt_metal/impl/memory_tracking/memory_stats_shm.hpp; version 3 of the layout, and 4, which has the same
 * places.
 */
#ifndef SQL_CHIP_COUNTERS_H
#define SQL_CHIP_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHIP_COUNTERS_BYTES 8536 /* of a file, at least */
#define CHIP_COUNTERS_PROCESSES 64

enum chip_counter { CHIP_DRAM, CHIP_L1, CHIP_L1_SMALL, CHIP_TRACE, CHIP_CIRCULAR, CHIP_COUNTERS };

struct chip_process {
	int64_t pid;
	int64_t at_ns;                 /* when it changed last, since 1970 */
	uint64_t bytes[CHIP_COUNTERS]; /* payload; of circular buffers over all cores */
	char name[65];
};

struct chip_counters {
	char chip[24];  /* its unique id */
	int64_t device; /* number that TT-Metal gives it */
	bool is_full;   /* no place is left: processes that came later are not in it */
	bool is_unread; /* another user's file, or of a version that is not known: what follows is empty */
	size_t count;
	struct chip_process processes[CHIP_COUNTERS_PROCESSES];
};

/* Reads the BYTES of a file, of which there are SIZE. False: they are not of a version that is known, or too few. */
bool chip_counters_parse(struct chip_counters *counters, const void *bytes, size_t size);

/* Whether the process still lives: the pid is there, and has not been given to another one since. */
bool chip_process_lives(const struct chip_process *process);

/* Calls EACH for every chip that has a file, with the processes that live. $TTALLOC_CHIP_COUNTERS names another
 * directory. */
void chip_counters_each(void (*each)(void *context, const struct chip_counters *counters), void *context);

#endif
