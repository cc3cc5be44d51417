/* SPDX-License-Identifier: Apache-2.0
 *
 * bank.h - the address space of one device and region: which blocks lie where in each bank, and what is free between
 * them. Changes are collected, and merged into a sorted list only when somebody looks.
 */
#ifndef SQL_BANK_H
#define SQL_BANK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bank_block {
	uint64_t address, bytes;
};

/* A sorted list. */
struct bank_list {
	struct bank_block *blocks;
	size_t count, capacity;
};

struct bank {
	struct bank_list live;           /* as of the last look */
	struct bank_list added, removed; /* since then */
	bool is_stale;                   /* too much happened since then: to be filled anew */
};

/* What is known of a bank's extent. */
struct bank_layout {
	uint64_t base_address, bank_bytes; /* bank_bytes 0: not known */
	uint64_t alignment_bytes;          /* of the allocator; 0: not known */
	bool top_down;                     /* it places blocks from the top */
};

struct bank_figures {
	int64_t used_bytes, free_bytes, largest_free_bytes, free_blocks;
	int64_t fitting_bytes; /* free bytes in gaps of at least the size asked for */
};

/* A block comes (or comes back), or goes. 0; -1: no memory. */
int bank_change(struct bank *bank, uint64_t address, uint64_t bytes, bool comes);

/* Fills a stale bank anew: begin, then add each live block. */
void bank_refill(struct bank *bank);
int bank_refill_add(struct bank *bank, uint64_t address, uint64_t bytes);

/* Measures the gaps within LAYOUT. 0; -1: no memory. */
int bank_measure(struct bank *bank, const struct bank_layout *layout, uint64_t fitting_bytes,
                 struct bank_figures *figures);
void bank_clear(struct bank *bank);

#endif
