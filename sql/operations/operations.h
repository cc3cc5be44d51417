/* SPDX-License-Identifier: Apache-2.0
 *
 * operations.h - which operation was under way when something happened, and all operations from the recording's end
 * backwards. In memory there is a line for each 256 of them, their dictionary, and a few pages.
 */
#ifndef SQL_OPERATIONS_H
#define SQL_OPERATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"

struct recording;
struct operations;

#define OPERATION_OPEN INT64_MAX /* end_key and end_ns of one that has not ended */

struct operation {
	int64_t key, end_key, begin_ns, end_ns;
	int64_t number;  /* 1, 2, 3, ... of its process, as they began */
	int64_t process; /* process_info.id */
	uint32_t what;   /* range_what.id */
};

/* What range_what says. */
struct operation_what {
	uint32_t thread, around, tensors; /* 0: none */
	uint32_t name;                    /* its number; 0 of one that is not known */
	bool is_helper;                   /* it but makes a tensor for the operation around it, whose doing that is */
};

/* Reads what has to be in memory. NULL with ERROR. Ranges of labels lie in the file as operations do: with
 * operations_open_labels() each time that a thread had a label open is one, which has a number of no meaning and no
 * name, and is around none. */
struct operations *operations_open(struct recording *recording, struct sql_error *error);
struct operations *operations_open_labels(struct recording *recording, struct sql_error *error);
void operations_close(struct operations *operations);

/* Those that were under way on THREAD (an id) of PROCESS (an id) at KEY: the innermost, and from each the one around
 * it. False: there is none. */
bool operations_at(struct operations *operations, int64_t process, uint32_t thread, int64_t key,
                   struct operation *operation);
bool operations_around(struct operations *operations, const struct operation *inner, struct operation *operation);

/* The one whose doing an event of that THREAD at KEY is: the innermost that is no helper of another. */
bool operations_owner(struct operations *operations, int64_t process, uint32_t thread, int64_t key,
                      struct operation *operation);

/* The operation of PROCESS with that number. */
bool operations_numbered(struct operations *operations, int64_t process, int64_t number, struct operation *operation);

/* Whether some process has an operation of that number. */
bool operations_has(const struct operations *operations, int64_t number);

/* Names have numbers below operations_name_count(); NULL: that one is none. */
size_t operations_name_count(const struct operations *operations);
const char *operations_name(const struct operations *operations, uint32_t name);

/* What WHAT says; of an unknown one, nothing. */
const struct operation_what *operations_what(const struct operations *operations, uint32_t what);

/* Those of PROCESS, the one that ended last first; start with a cursor of zeros. False: there are no more. */
struct operations_cursor {
	struct operation *heap; /* of those that were read: the one that ended last on top */
	size_t count, capacity;
	size_t *order; /* the process's pages by their last end, the latest first */
	size_t pages, at;
	bool started;
};
bool operations_next(struct operations *operations, int64_t process, struct operations_cursor *cursor,
                     struct operation *operation);
void operations_cursor_clear(struct operations_cursor *cursor);

/* What the functions above could not read, and so took for nothing: -1 with ERROR; 0: all was read. */
int operations_check(const struct operations *operations, struct sql_error *error);

#endif
