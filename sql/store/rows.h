/* SPDX-License-Identifier: Apache-2.0
 *
 * rows.h - what recorder and file hand each other: the structs of rows.def, and all that is written in one transaction.
 */
#ifndef SQL_ROWS_H
#define SQL_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ROW_SAME_BYTES (-1) /* bank_bytes: the same as size_bytes */
#define ROW_NO_TIME (-1)
#define ROW_NOT_SAID (-1)

struct row_text {
	const void *bytes; /* borrowed; NULL: a null */
	size_t count;      /* a text also ends at a NUL */
};

static inline struct row_text row_text(const void *bytes, size_t count)
{
	return (struct row_text){bytes, count};
}

/* TEXT may be NULL. */
static inline struct row_text row_string(const char *text)
{
	return (struct row_text){text, text ? strlen(text) : 0};
}

/* ---- the structs: struct freed_row, ... ---- */

#define INTEGER(column) int64_t column;
#define OPTIONAL(column, none) int64_t column;
#define NARROW(column) uint32_t column;
#define NARROW_OPTIONAL(column, none) uint32_t column;
#define TEXT(column) struct row_text column;
#define BLOB(column) struct row_text column;
#define ROW(name) struct name##_row {
#define END                                                                                                            \
	}                                                                                                              \
	; /* clang-format off */
#define BULK(name, sql)
#define STORE(name, sql)
#define LOAD(kind, name, sql)
#include "rows.def"
#undef INTEGER
#undef OPTIONAL
#undef NARROW
#undef NARROW_OPTIONAL
#undef TEXT
#undef BLOB
#undef ROW
#undef END /* clang-format on */
#undef BULK
#undef STORE
#undef LOAD

/* ---- the numbers of statements: BULK_freed, ROW_thread, LOAD_HELD, ... ---- */

#define INTEGER(column)
#define OPTIONAL(column, none)
#define NARROW(column)
#define NARROW_OPTIONAL(column, none)
#define TEXT(column)
#define BLOB(column)
#define ROW(name)
#define END

#define BULK(name, sql) BULK_##name,
#define STORE(name, sql)
#define LOAD(kind, name, sql)
enum bulk_kind {
#include "rows.def"
	BULK_KINDS
};
#undef BULK
#undef STORE
#define BULK(name, sql)
#define STORE(name, sql) ROW_##name,
enum row_kind {
#include "rows.def"
	ROW_KINDS
};
#undef STORE
#undef LOAD
#define STORE(name, sql)
#define LOAD(kind, name, sql) LOAD_##kind,
enum load_kind {
#include "rows.def"
	LOAD_KINDS
};
#undef LOAD
#define LOAD(kind, name, sql)

/* ---- a log of rows that are not frequent: written in the order in which they were logged ---- */

struct rowlog {
	uint8_t *bytes;
	size_t used, capacity;
};

/* Appends a copy of ROW, which is what KIND says, texts included. Ends the program when there is no memory. */
void rowlog_add(struct rowlog *log, enum row_kind kind, const void *row);

/* rowlog_thread(log, &(struct thread_row){...}), and so on for every STORE. */
#undef STORE
#define STORE(name, sql)                                                                                               \
	static inline void rowlog_##name(struct rowlog *log, const struct name##_row *row)                             \
	{                                                                                                              \
		rowlog_add(log, ROW_##name, row);                                                                      \
	}
#include "rows.def"
#undef INTEGER
#undef OPTIONAL
#undef NARROW
#undef NARROW_OPTIONAL
#undef TEXT
#undef BLOB
#undef ROW
#undef END
#undef BULK
#undef STORE
#undef LOAD

/* Empties it, and gives memory back that one unusual moment took. */
void rowlog_clear(struct rowlog *log);
void rowlog_free(struct rowlog *log);

/* Copies the row at *AT to ROW, of ROW_MOST_BYTES, with its texts pointing into the log, and moves on. Returns ROW;
 * NULL at the end. */
#define ROW_MOST_BYTES 256
const void *rowlog_next(const struct rowlog *log, size_t *at, enum row_kind *kind, void *row);

/* ---- one transaction ---- */

struct write_rows {
	const struct freed_row *freed;
	size_t freed_count;
	const struct held_row *held;
	size_t held_count;
	struct unheld_row *unheld; /* gets sorted */
	size_t unheld_count;
	const struct closed_row *closed;
	size_t closed_count;
	const struct run_row *runs;
	size_t run_count;
	const struct rowlog *logs[2]; /* written in this order; NULL: none */
	uint64_t end_ns;              /* recording_info.end_ns */
};

#endif
