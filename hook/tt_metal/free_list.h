/* SPDX-License-Identifier: Apache-2.0
 *
 * free_list.h - TT-Metal's allocators themselves. Each has one object of class FreeListOpt for each kind of memory, and
 * gives out and takes back all blocks by its virtual functions: these can be stood before in any build, also where
 * TT-Metal is linked into another library and nothing of it exported.
 *
 * Where the exported functions are not called through the dynamic linker, blocks are reported from here: in bytes of
 * each bank, without payload, without programs, and each free list as an allocator of its own, since nothing tells
 * which of them belong together. Elsewhere nothing is.
 */
#ifndef TTALLOC_TT_METAL_FREE_LIST_H
#define TTALLOC_TT_METAL_FREE_LIST_H

#include <link.h>
#include <stdbool.h>

#include "per_core.h"

struct tt_free_list;

/* Looks for the class in OBJECT, whose relocations are done and of whose functions none has run, and takes its place.
 */
void tt_free_lists_take(const struct dl_phdr_info *object);

/* Before a request that is not part of another one: which lists place a block on this thread is counted from here. */
void tt_free_lists_begin(void);

/* The lists that placed a block on this thread since, as cores: one each. *LIST: the one, if it is only one; else NULL.
 */
struct tt_cores tt_free_lists_placed(const struct tt_free_list **list);

/* A number that no other list has while this one is there. */
uint16_t tt_free_list_number(const struct tt_free_list *list);

/* What LIST has given out. False: it is gone, and its place may be another one's, whose number is not NUMBER. */
bool tt_free_list_holds(const struct tt_free_list *list, uint16_t number, uint64_t *blocks, uint64_t *address_sum);

/* Whether the blocks of the library PATH are reported from here. */
bool tt_free_lists_report(const char *path);

#endif
