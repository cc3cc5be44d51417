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

#include <stdint.h>

struct tt_free_list;

/* Looks for the class in OBJECT, whose relocations are done and of whose functions none has run, and takes its place.
 */
void tt_free_lists_take(const struct dl_phdr_info *object);

/* Before a request that is not part of another one: what lists give out on this thread is counted from here. */
void tt_free_lists_begin(void);

/* The list that gave out one block on this thread since; NULL: none did, or several. */
const struct tt_free_list *tt_free_lists_placed(void);

/* Whether what was given out is COUNT blocks whose addresses have the sum ADDRESS_SUM. */
enum tt_free_lists_say { TT_FREE_LISTS_UNKNOWN, TT_FREE_LISTS_AGREE, TT_FREE_LISTS_CONTRADICT };
enum tt_free_lists_say tt_free_lists_agree(uint32_t count, uint64_t address_sum);

/* Calls EACH for the lists that gave out these blocks, the first 256 of them. */
void tt_free_lists_each_placed(void (*each)(void *context, const struct tt_free_list *list), void *context);

/* A number that no other list has while this one is there. */
uint16_t tt_free_list_number(const struct tt_free_list *list);

/* What LIST has given out; BYTES only once it asks for sizes. False: it is gone, and its place may be another one's,
 * whose number is not NUMBER. */
struct tt_held {
	uint64_t blocks, address_sum, bytes;
};
bool tt_free_list_holds(const struct tt_free_list *list, uint16_t number, struct tt_held *held);

/* From now on LIST asks each block that goes for its size. False: it cannot, or some have gone before. */
bool tt_free_list_ask_sizes(const struct tt_free_list *list);

/* Whether the blocks of the library PATH are reported from here. */
bool tt_free_lists_report(const char *path);

#endif
