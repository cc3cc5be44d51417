/* SPDX-License-Identifier: Apache-2.0
 *
 * core_levels.h - how full the cores of one device are that have blocks of their own (hybrid allocation): one process's
 * in one region. The fullest of them counts: blocks that lie in all banks are added to each alike.
 *
 * Without memory the program ends.
 */
#ifndef SQL_CORE_LEVELS_H
#define SQL_CORE_LEVELS_H

#include "core_map.h"

#define CORE_LEVELS_SIDE 32 /* coordinates from 0; grids have 17 at most */

struct core_levels {
	uint64_t fullest;
	uint64_t bytes[CORE_LEVELS_SIDE * CORE_LEVELS_SIDE]; /* unsigned, because corrupt rows may overflow */
};

/* Whether blocks on CORES are counted by core: they are known, and near enough. */
bool core_levels_fit(const struct cores *cores);

/* A block of BYTES comes to CORES, which fit, or goes (BYTES below 0). *LEVELS is made when it is NULL. Returns by how
 * much the fullest core changes. */
int64_t core_levels_change(struct core_levels **levels, const struct cores *cores, int64_t bytes);

#endif
