/* SPDX-License-Identifier: Apache-2.0
 *
 * stream.h - one thread's random stream of calls.
 */
#ifndef GENERATOR_STREAM_H
#define GENERATOR_STREAM_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "log.h"

#define GEN_DEVICES 8u
#define GEN_REGIONS 6u /* those that ttalloc_alloc() reports: DRAM to TRACE, and HOST */
#define GEN_SLOTS 48u  /* places for blocks, per process, device and region */
#define GEN_PROGRAMS 6u
#define GEN_KERNELS 8u

/* Memory that all processes share: what puts calls in one order. */
struct gen_shared {
	pthread_mutex_t lock;
	uint64_t order;
	uint32_t ready; /* threads that are about to begin */
};

/* What one process, or one thread with devices of its own, has placed. */
struct gen_space {
	uint32_t process;
	uint32_t first_device, devices;
	bool steps; /* calls of the process are in one order, so that steps mean something */
	bool chips; /* are named, so that other recordings know them, and all are opened */
	uint64_t step;
	uint64_t live[GEN_DEVICES][GEN_REGIONS][GEN_SLOTS]; /* addresses; 0: none */
};

struct gen_thread {
	struct gen_shared *shared; /* NULL: runs freely */
	struct gen_space *space;
	struct gen_log *log;
	uint64_t random;
	uint64_t issued;
	uint32_t depth; /* of labels */
	uint32_t pace_us;
};

/* Tells the geometry of the devices of THREAD's space, all but some. */
void gen_open_devices(struct gen_thread *thread, uint64_t seed);

/* Issues CALLS random calls. */
void gen_run(struct gen_thread *thread, uint64_t calls);

/* Issues PAIRS allocs, each freed at once, as fast as it goes and without a log. */
void gen_burst(uint32_t device, uint64_t address, uint64_t pairs);

#endif
