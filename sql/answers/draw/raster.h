/* SPDX-License-Identifier: Apache-2.0
 *
 * raster.h - how full each part of a bank was in each part of a run, of any number of blocks: what a picture shows of
 * those that are too small, or too short-lived, to be drawn one by one. Every block counts, however small.
 */
#ifndef SQL_DRAW_RASTER_H
#define SQL_DRAW_RASTER_H

#include <stdbool.h>
#include <stdint.h>

#include "levels.h"

#define RASTER_BANDS 64

/* Bands of 2^BAND_LOG2 bytes from address LOW on. They grow with what is added, as little as they can. */
struct raster {
	struct buckets buckets;
	double places_per_ns;
	uint64_t low, high; /* blocks lie from low to high */
	unsigned band_log2;
	uint32_t *changes; /* owned; NULL: there are no blocks; see raster.c */
};

void raster_open(struct raster *raster, const struct buckets *buckets);
void raster_clear(struct raster *raster);

/* A block that was there from FROM_NS to TO_NS, which lie in the window. 0; -1: no memory. */
int raster_add(struct raster *raster, uint64_t address, uint64_t bytes, int64_t from_ns, int64_t to_ns);

/* A part of the run in which a band was equally full. */
struct raster_run {
	uint64_t address;
	int64_t first, end; /* buckets */
	unsigned share;     /* in so many steps; blocks that share memory are added up, to no more than all of it */
};

/* Calls TAKE for each of them, band by band, until it does not return 0; what it returned. A share is told in STEPS, up
 * to the next one: from 1 to RASTER_STEPS_MAX. */
#define RASTER_STEPS_MAX 1024
int raster_each(const struct raster *raster, unsigned steps, int (*take)(void *context, const struct raster_run *run),
                void *context);

#endif
