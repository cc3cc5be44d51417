/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_lists.h - which blocks hold the tensors that operations took and made: the rows of tensor_list.
 */
#ifndef SQL_TENSOR_LISTS_H
#define SQL_TENSOR_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"

struct recording;

struct used_tensor {
	int64_t base, offset;
	int64_t spec; /* tensor_spec.id */
};

struct tensor_list {
	const struct used_tensor *tensors;
	size_t count;
};

struct tensor_lists {
	struct used_tensor *tensors; /* of all lists, one behind the other */
	size_t count, capacity;
	size_t *begins; /* by id; that of the next one is the end */
	size_t id_count;
};

/* 0, or -1 with ERROR; LISTS, of zeros before, has to be cleared either way. */
int tensor_lists_load(struct tensor_lists *lists, struct recording *recording, struct sql_error *error);
void tensor_lists_clear(struct tensor_lists *lists);

/* That of tensor_list.id; an empty one if there is none. */
struct tensor_list tensor_lists_at(const struct tensor_lists *lists, int64_t id);

/* The key of the block's alloc, in the list of the operation with that key. */
int64_t tensor_block(const struct used_tensor *tensor, int64_t operation_key);

#endif
