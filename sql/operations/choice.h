/* SPDX-License-Identifier: Apache-2.0
 *
 * choice.h - what the filter --op chooses: the operation of a number, or all of a name, with all that lie in
 * them.
 */
#ifndef SQL_OPERATIONS_CHOICE_H
#define SQL_OPERATIONS_CHOICE_H

#include "operations.h"

struct operation_choice;

/* OP is a number, or a name: all of it, what stands behind its last "::", or a pattern of either. NULL with ERROR, also
 * where OPERATIONS has no such operation. OPERATIONS stays the caller's. */
struct operation_choice *operation_choice_new(struct operations *operations, const char *op, struct sql_error *error);
void operation_choice_free(struct operation_choice *choice);

/* Whether OPERATION itself is one. */
bool operation_is_named(const struct operation_choice *choice, const struct operation *operation);

/* Whether THREAD (an id) of PROCESS (an id) was in such an operation at KEY. */
bool operation_is_chosen(const struct operation_choice *choice, int64_t process, uint32_t thread, int64_t key);

#endif
