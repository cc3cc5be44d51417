/* SPDX-License-Identifier: Apache-2.0
 *
 * rowlog.h - rows that are not frequent enough for arrays of their own, one after the other in one buffer: which
 * statement, then its values in the order of its columns. They are written in the order in which they were logged.
 *
 *	rowlog_begin(log, ROW_STEP);
 *	rowlog_integer(log, key);
 *	...
 */
#ifndef SQL_ROWLOG_H
#define SQL_ROWLOG_H

#include <stddef.h>
#include <stdint.h>

/* One statement each; which values it takes stands beside it in write_statements.c. */
enum row_kind {
	ROW_PROCESS = 1,
	ROW_PROCESS_PARENT,
	ROW_PROCESS_STATE,
	ROW_THREAD,
	ROW_LABEL,
	ROW_MODULE,
	ROW_FRAME,
	ROW_SYMBOL,
	ROW_STACK,
	ROW_ORIGIN,
	ROW_ORIGIN_ALLOCATOR,
	ROW_STEP,
	ROW_DEVICE,
	ROW_DEVICE_IDENTITY,
	ROW_CB,
	ROW_CB_COUNT,
	ROW_CB_END,
	ROW_KERNEL,
	ROW_FAILURE,
	ROW_OTHER,
	ROW_LOSS,
	ROW_NOTE,
	ROW_PRODUCER,
	ROW_BATCH,
	ROW_CLOCK,
	ROW_USAGE,
	ROW_SPAN,
	ROW_SPAN_CUT,
	ROW_REGION,
	ROW_KINDS
};

struct rowlog {
	uint8_t *bytes;
	size_t used, capacity;
};

/* Appending ends the program when there is no memory. */
void rowlog_begin(struct rowlog *log, enum row_kind kind);
void rowlog_integer(struct rowlog *log, int64_t value);
void rowlog_null(struct rowlog *log);
/* Made valid UTF-8 on the way, and cut at a NUL. */
void rowlog_text(struct rowlog *log, const char *text, size_t bytes);
void rowlog_string(struct rowlog *log, const char *text); /* NULL: a null */
void rowlog_blob(struct rowlog *log, const void *bytes, size_t count);

/* VALUE, or a null when it is ABSENT. */
static inline void rowlog_optional(struct rowlog *log, int64_t value, int64_t absent)
{
	if (value == absent)
		rowlog_null(log);
	else
		rowlog_integer(log, value);
}

/* Empties it, and gives memory back that one unusual moment took. */
void rowlog_clear(struct rowlog *log);
void rowlog_free(struct rowlog *log);

enum row_value_type { ROW_ROW, ROW_NULL, ROW_INTEGER, ROW_TEXT, ROW_BLOB };
struct row_value {
	enum row_value_type type; /* ROW_ROW: another row begins, of kind "integer" */
	int64_t integer;
	const void *bytes; /* into the log */
	size_t count;
};
/* Reads what lies at *AT and moves on. False at the end. */
int rowlog_next(const struct rowlog *log, size_t *at, struct row_value *value);

#endif
