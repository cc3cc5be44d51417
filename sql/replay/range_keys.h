/* SPDX-License-Identifier: Apache-2.0
 *
 * range_keys.h - the keys at which ranges (operations, labels) begin and end, which are no events.
 */
#ifndef SQL_RANGE_KEYS_H
#define SQL_RANGE_KEYS_H

#include "catalog.h"

struct range_keys {
	struct range_keys_of {
		int64_t *keys; /* rising */
		size_t count, capacity;
	} * processes; /* as in the catalog */
	size_t process_count;
};

/* 0, or -1 with ERROR; range_keys_clear() is needed either way. */
int range_keys_load(struct range_keys *keys, struct recording *recording, const struct catalog *catalog,
                    struct sql_error *error);
void range_keys_clear(struct range_keys *keys);

/* How many of PROCESS (an index) are not above KEY. */
int64_t range_keys_until(const struct range_keys *keys, uint32_t process, int64_t key);

#endif
