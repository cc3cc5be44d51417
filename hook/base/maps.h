/* SPDX-License-Identifier: Apache-2.0
 *
 * maps.h - this process's memory as the kernel lists it. No malloc, no lock of libc's.
 */
#ifndef TTALLOC_HOOK_MAPS_H
#define TTALLOC_HOOK_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TTA_MAPS_BUFFER_BYTES 8192u /* holds the longest line: a path of PATH_MAX bytes, and what is before it */

struct tta_map {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint64_t device; /* that the file is on */
	uint64_t inode;  /* 0: no file */
	bool executable;
	const char *path; /* "" or [heap] and the like when it is no file's; valid during the call */
};

/* Calls EACH for every mapping, by rising address, until it returns false. BUFFER, of TTA_MAPS_BUFFER_BYTES, is the
 * caller's. False when the list cannot be read. */
bool tta_maps_each(char *buffer, bool (*each)(void *context, const struct tta_map *map), void *context);

/* Reads BYTES at ADDRESS of this process, which may not be there. */
bool tta_memory_read(uint64_t address, void *place, size_t bytes);

#endif
