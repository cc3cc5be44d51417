/* SPDX-License-Identifier: Apache-2.0
 *
 * names.h - texts that a format writes once and names by a number.
 */
#ifndef ANALYZE_EXPORT_NAMES_H
#define ANALYZE_EXPORT_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names {
	char **list; /* COUNT texts, by their number from 0 */
	size_t count, capacity;
	uint32_t *slots; /* a power of two of them: number + 1; 0: none */
	size_t slot_count;
};

/* The number of the BYTES of TEXT, which is new when it is the count before the call. */
size_t names_of(struct names *names, const char *text, size_t bytes);
void names_clear(struct names *names);

#endif
