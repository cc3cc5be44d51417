/* SPDX-License-Identifier: Apache-2.0
 *
 * log.h - what the generator issued, written down by itself: one file per thread, mapped and shared, so that it
 * survives a SIGKILL up to the call that was under way. tests/oracle/issued.py reads it.
 */
#ifndef GENERATOR_LOG_H
#define GENERATOR_LOG_H

#include <stdint.h>

#define GEN_LOG_MAGIC 0x474f4c474e454754u /* "TGENGLOG" */

/* Calls that are no events of the recording; events have the numbers of enum tta_kind. */
enum gen_kind {
	GEN_ALLOC = 1,
	GEN_FREE = 2,
	GEN_ALLOC_FAILED = 3,
	GEN_CB_ALLOC = 4,
	GEN_CB_FREE = 5,
	GEN_PROGRAM_RUN = 6,
	GEN_KERNEL_LOAD = 7,
	GEN_KERNEL_UNLOAD = 8,
	GEN_DEVICE_OPEN = 9,
	GEN_DEVICE_CLOSE = 10,
	GEN_STEP = 32,
	GEN_PUSH = 64, /* name */
	GEN_POP = 65,
	GEN_LAYOUT =
	    66, /* one bank layout of the DEVICE_OPEN before it: extra banks, base address, bank_bytes, alignment */
};

struct gen_record {
	uint64_t order;     /* over all threads and processes, from 1; 0: threads ran without the common lock */
	uint64_t before_ns; /* CLOCK_MONOTONIC before the call */
	uint64_t after_ns;  /* and after it; 0: it had not returned */
	uint64_t address;   /* or program, kernel id, step number */
	uint64_t size_bytes;
	uint64_t bank_bytes;
	uint64_t extra;   /* of a circular buffer: index; of a layout: alignment */
	uint64_t program; /* of a circular buffer; of a layout: banks */
	uint32_t device;
	uint32_t name; /* number from which the name is made; 0: none */
	uint16_t region;
	uint16_t flags; /* of a circular buffer: aliased */
	uint32_t kind;  /* enum gen_kind; published last */
};

struct gen_log_header {
	uint64_t magic;
	uint32_t pid, tid;
	uint32_t process, thread; /* numbers of the generator's own, from 0 */
	uint64_t capacity;
	uint64_t count; /* records; the last one may lack after_ns */
	uint64_t seed;
};

struct gen_log;

/* Makes DIRECTORY/pP-tT.log with room for CAPACITY records. NULL and errno when that fails. */
struct gen_log *gen_log_create(const char *directory, uint32_t process, uint32_t thread, uint64_t seed,
                               uint64_t capacity);

/* Writes RECORD down as about to be issued. */
void gen_log_before(struct gen_log *log, const struct gen_record *record);

/* The call of the last record has returned. */
void gen_log_after(struct gen_log *log);

/* Records that still fit. */
uint64_t gen_log_room(const struct gen_log *log);

#endif
