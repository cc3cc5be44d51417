/* SPDX-License-Identifier: Apache-2.0
 *
 * book.h - a recording of one process, made event by event by who is no recorder. Memory grows with what is live, and
 * with the operations.
 *
 * Without memory the program ends.
 */
#ifndef SQL_BOOK_H
#define SQL_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"
#include "sql/replay/core_map.h"

struct book;

/* Begins a recording in the empty file at PATH, of PRODUCER, out of SOURCE. NULL with ERROR. */
struct book *book_begin(const char *path, const char *version, const char *producer, const char *source,
                        struct sql_error *error);

/* Writes all that is left, and closes it. 0, or -1 with ERROR, also of what went wrong before. */
int book_finish(struct book *book, struct sql_error *error);
void book_drop(struct book *book);

/* False: something went wrong, and nothing more is taken. */
bool book_is_fine(const struct book *book);

/* Whatever follows happened then; times that fall do not. */
void book_time(struct book *book, int64_t at_ns);

struct book_bank {
	uint32_t device, region, banks;
	int64_t bank_bytes, base_address, alignment_bytes;
};
void book_bank(struct book *book, const struct book_bank *bank);

struct book_block {
	uint32_t device, region, flags;
	uint32_t allocator; /* several may serve a chip, with the same addresses; 0: not said */
	int64_t address, size_bytes, bank_bytes;
};
void book_alloc(struct book *book, const struct book_block *block);

/* Frees what lies at the place of BLOCK, which need not say more. */
void book_free(struct book *book, const struct book_block *block);

struct book_cb {
	uint32_t device, index;
	uint64_t program;
	int64_t address, size_bytes;
	bool aliased;
	const struct cores *cores;
};
void book_cb_alloc(struct book *book, const struct book_cb *cb);
void book_cb_free(struct book *book, uint32_t device, uint64_t program);

/* Operations lie within each other. */
void book_operation_begin(struct book *book, const char *name, const char *arguments);
void book_operation_end(struct book *book);

/* What follows is a state that was seen: a moment of that name (snapshot), as a step of its own. */
void book_sample(struct book *book, const char *name);

/* One buffer that cannot be what it is said to be. How many are left out is a note. */
void book_leave_out(struct book *book);

/* Something that is not known. */
void book_note(struct book *book, const char *note);

#endif
