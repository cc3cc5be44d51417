/* SPDX-License-Identifier: Apache-2.0
 *
 * group.h - a group of pages as a body that compresses well. Rows of tables are laid out by columns, over all pages of
 * the group that have as many of them: what repeats from one loop of a program to the next, and what rises slowly, then
 * lies side by side. Other pages are stored as they are.
 */
#ifndef SQL_PACKED_GROUP_H
#define SQL_PACKED_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct group_shape {
	uint32_t page_bytes, pages;
};

/* Bytes that grow. The pieces of a body are best compressed apart; they end at cuts. */
struct group_body {
	uint8_t *bytes;
	size_t count, capacity;
	size_t *cuts;
	size_t cut_count, cut_capacity;
};
void group_body_free(struct group_body *body);

/* Makes the body of PAGES. 0; -1: no memory. */
int group_encode(const struct group_shape *shape, const uint8_t *pages, struct group_body *body);

/* Makes PAGES of a body, which anybody may have written. False: it is none. */
bool group_decode(const struct group_shape *shape, const uint8_t *body, size_t body_bytes, uint8_t *pages);

#endif
