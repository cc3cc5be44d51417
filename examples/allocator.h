/* SPDX-License-Identifier: Apache-2.0
 *
 * allocator.h - the free list of one region, which places blocks as TT-Metal's does: free blocks in classes of size
 * that double from 1 KiB to 128 MiB; of every class that can serve a request the first block that fits, and of those
 * the one nearest to the end that is being filled; neighbours coalesce when a block is released. All banks of a region
 * move in lock-step, so one list stands for all of them. Pure: it reports nothing. Not thread-safe.
 */
#ifndef EXAMPLES_ALLOCATOR_H
#define EXAMPLES_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>

enum direction { BOTTOM_UP, TOP_DOWN };

/* The part of each bank that is handed out. Sizes and addresses are bytes. */
struct allocator_bank {
	uint64_t base_address;    /* multiple of alignment_bytes */
	uint64_t bank_bytes;      /* multiple of alignment_bytes */
	uint64_t alignment_bytes; /* of addresses and sizes; a power of two */
	uint64_t minimum_bytes;   /* no block is smaller; multiple of alignment_bytes */
};

struct placement {
	uint64_t address;
	uint64_t bank_bytes; /* taken in each bank, rounding included */
};

/* Of one bank, in bytes. */
struct allocator_figures {
	uint64_t bank_bytes;
	uint64_t allocated_bytes;
	uint64_t free_bytes;
	uint64_t largest_free_bytes;
};

struct allocator;

/* Never NULL; ends the program when the host is out of memory. Released by allocator_destroy(). */
struct allocator *allocator_create(const struct allocator_bank *bank);
void allocator_destroy(struct allocator *allocator);

/* What a request of BANK_BYTES takes, once rounded. */
uint64_t allocator_rounded(const struct allocator *allocator, uint64_t bank_bytes);

/* False when no free block is large enough; PLACED is left alone then. */
bool allocator_place(struct allocator *allocator, uint64_t bank_bytes, enum direction direction,
                     struct placement *placed);

/* False when no live block begins at ADDRESS. */
bool allocator_release(struct allocator *allocator, uint64_t address);

struct allocator_figures allocator_measure(const struct allocator *allocator);

/* Of one bank; cheaper than measuring. */
uint64_t allocator_allocated(const struct allocator *allocator);

/* The lowest address that a live block has; UINT64_MAX when there is none. */
uint64_t allocator_lowest_live(const struct allocator *allocator);

/* What SIZE_BYTES in pages of PAGE_BYTES take in each of BANKS banks: pages are dealt out to the banks one by one, and
 * each is padded to the alignment. */
uint64_t allocator_share(uint64_t size_bytes, uint64_t page_bytes, uint32_t banks, uint64_t alignment_bytes);

#endif
