/* SPDX-License-Identifier: Apache-2.0
 *
 * die_index.h - entries of debug information (units, functions) by the addresses that they cover. libdw's own index of
 * units is a section that clang does not write, and of functions it has none. Not thread-safe.
 */
#ifndef SQL_DIE_INDEX_H
#define SQL_DIE_INDEX_H

#include <elfutils/libdw.h>
#include <stddef.h>

/* Zero-initialised it holds none. */
struct die_index {
	struct die_range *ranges;
	size_t count, capacity;
};

/* Adds DIE by its ranges. Where memory does not suffice, it will not be found. */
void die_index_add(struct die_index *index, Dwarf_Die *die);

/* To be called between adding and finding. */
void die_index_sort(struct die_index *index);

/* The entry that covers ADDRESS; NULL: none. Valid until the next change. */
Dwarf_Die *die_index_find(const struct die_index *index, Dwarf_Addr address);

void die_index_clear(struct die_index *index); /* keeps the memory */
void die_index_free(struct die_index *index);

#endif
