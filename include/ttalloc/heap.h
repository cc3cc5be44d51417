/* SPDX-License-Identifier: Apache-2.0
 *
 * heap.h - a heap of TYPE in an array, the item that IS_ABOVE all others first. With four children per node it is half
 * as deep as with two. Nothing is allocated: an array with room is the caller's business.
 *
 *   TTA_HEAP(NAME, TYPE, CONTEXT, IS_ABOVE)
 *
 * defines functions that begin with NAME, for one .c file. IS_ABOVE(context, a, b) says whether *a belongs above *b;
 * CONTEXT is the type of what they hand to it.
 */
#ifndef TTALLOC_HEAP_H
#define TTALLOC_HEAP_H

#include <stddef.h>

#define TTA_HEAP_FUNCTION __attribute__((unused)) static inline

#define TTA_HEAP(NAME, TYPE, CONTEXT, IS_ABOVE)                                                                        \
	/* Puts ITEM in place of the one at AT, or as far below as it belongs. */                                      \
	TTA_HEAP_FUNCTION void NAME##_down(CONTEXT context, TYPE *list, size_t count, size_t at, TYPE item)            \
	{                                                                                                              \
		size_t child;                                                                                          \
		(void)context;                                                                                         \
		while ((child = 4 * at + 1) < count) {                                                                 \
			size_t end = child + 4 < count ? child + 4 : count;                                            \
			for (size_t other = child + 1; other < end; other++)                                           \
				if (IS_ABOVE(context, &list[other], &list[child]))                                     \
					child = other;                                                                 \
			if (!IS_ABOVE(context, &list[child], &item))                                                   \
				break;                                                                                 \
			list[at] = list[child];                                                                        \
			at = child;                                                                                    \
		}                                                                                                      \
		list[at] = item;                                                                                       \
	}                                                                                                              \
	/* Adds ITEM to COUNT others; there is room for it. */                                                         \
	TTA_HEAP_FUNCTION void NAME##_push(CONTEXT context, TYPE *list, size_t count, TYPE item)                       \
	{                                                                                                              \
		size_t at = count;                                                                                     \
		(void)context;                                                                                         \
		for (; at > 0 && IS_ABOVE(context, &item, &list[(at - 1) / 4]); at = (at - 1) / 4)                     \
			list[at] = list[(at - 1) / 4];                                                                 \
		list[at] = item;                                                                                       \
	}                                                                                                              \
	/* Takes the first away; COUNT items are left. */                                                              \
	TTA_HEAP_FUNCTION void NAME##_pop(CONTEXT context, TYPE *list, size_t count)                                   \
	{                                                                                                              \
		NAME##_down(context, list, count, 0, list[count]);                                                     \
	}                                                                                                              \
	/* Makes a heap of COUNT items in any order. */                                                                \
	TTA_HEAP_FUNCTION void NAME##_make(CONTEXT context, TYPE *list, size_t count)                                  \
	{                                                                                                              \
		for (size_t at = (count + 2) / 4; at-- > 0;)                                                           \
			NAME##_down(context, list, count, at, list[at]);                                               \
	}

#endif
