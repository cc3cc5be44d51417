/* SPDX-License-Identifier: Apache-2.0
 *
 * query.h - running canned queries over a recording.
 *
 * A canned query is one file, queries/NAME.sql. Its leading comment is its declaration:
 *
 *   -- summary: one line, what it answers
 *   -- about: prose for --help and the man page; the line may be repeated
 *   -- param: NAME TYPE DEFAULT help text     TYPE: integer, real, text, size, time, region, flag, choice(a|b|c), file,
 *                                             attribution or attribution(more|words): what --by means (attribution.h);
 *                                             it is called by. DEFAULT: "-" for NULL; "required"
 *   -- filters: device region pid label op start end step      the shared options that it honours
 *   -- column: NAME UNIT[,RANK] help text     UNIT: bytes, ns, count, ratio, address, text, id, list
 *                                            (text, one item per line; an array in JSON), picture (of a bank, in
 *                                            cells that can be drawn narrower: . : # free to used, - = X in a window).
 *                                            RANK, where a table has no room for all columns: key (tells rows from each
 *                                            other), context (goes first), derived (says what others say), remark
 *   -- regions: L1, CB                      what it is about where no --region is given; else all
 *   -- exit: nonempty [always]                with --exit-code, or always, status 1 when a row came
 *   -- exit: above COLUMN [always]            the same when a row has more than 0 there
 *   -- format: folded                         without --format each row is a line: first column, blank, second column
 *   -- format: verdicts                       also formats of CI: a row is a test, named by the column "budget", with
 *                                             "verdict" (ok, failed, ignored), "detail", and "source" (FILE:LINE)
 *   -- files: old new                         it is about two recordings
 *   -- operand: PARAM [VERB]                  a number beside the recording is that parameter; of VERB, then, if that
 *                                             is another query, as with 'ops 13', which asks op
 *
 * and how a table shows it:
 *
 *   -- empty: no leaks                        what it says when no row came
 *   -- show: list [known]                     a line for each column of the one row; known: those that are not NULL
 *   -- rows: N [of each COLUMN,COLUMN]        so many rows without --limit, 0 for all; by default 20
 *   -- tables: PARAM VALUE                    the default of that parameter in tables
 *   -- trim: idle                             leaves out rows before anything was live, and rows without figures
 *   -- fold: [runtime] [devices]              runtime: rows whose "owner" is another than "program" ("runtime",
 *                                             "live program"), or whose "blocks" are all "runtime_blocks" and
 *                                             "live_blocks", are summed up in a line, and --exit-code does not count
 *                                             them. devices: rows of devices that are all the same are shown once
 *
 *   -- plot: line X Y                         --plot draws it in the terminal: column Y over X, for each of the columns
 *                                            of "rows: ... of each", as high as the largest Y (a ratio: as 1)
 *   -- plot: bars NAME VALUE... [of TOTAL]    or a bar for each row, called as NAME says, of the columns VALUE,
 *                                            as long as TOTAL, or the largest bar
 *
 * Then come statements, each a SELECT over the views, the tables and the functions of functions.h and table_function.h:
 * first the answer, and behind lines that say so
 *
 *   -- with: NAME[=WORD]                      the answer when parameter NAME is given (as WORD); may be repeated, and
 *                                             the first that fits counts
 *   -- notes:                                 its text rows become the notes of the answer; may be repeated
 *   -- refuse:                                the same, but a text row is why there is no answer: an error
 *
 * (notes and refuse may also stand in the declaration, on one line.) Each parameter and filter is a bound variable of
 * its name (:device, :samples); a filter not given is NULL. :region is the word (DRAM), :start and :end are
 * nanoseconds; :step is what was typed, N or A..B, and :step_first and :step_last are its ends.
 */
#ifndef SQL_QUERY_H
#define SQL_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/store/open.h"

enum query_type {
	QUERY_INTEGER,
	QUERY_REAL,
	QUERY_TEXT,
	QUERY_SIZE,
	QUERY_TIME,
	QUERY_REGION,
	QUERY_FLAG,
	QUERY_CHOICE,
	QUERY_FILE
};

struct query_param {
	const char *name, *choices, *fallback, *help; /* choices: a|b|c; fallback: NULL when there is none */
	enum query_type type;
	bool required;
};

/* What a column gives way for where a table has no room for all. */
enum query_rank { QUERY_RANK_PLAIN, QUERY_RANK_KEY, QUERY_RANK_CONTEXT, QUERY_RANK_DERIVED, QUERY_RANK_REMARK };

struct query_column {
	const char *name, *unit, *help;
	enum query_rank rank;
};

#define QUERY_ROWS 20

/* How a table shows the answer. */
struct query_show {
	const char *empty;    /* NULL: it need not say much */
	bool list, known;     /* a line for each column; only of those that are not NULL */
	int64_t rows;         /* 0: all */
	const char *each;     /* so many for each value of these columns, with commas between them; NULL: of all */
	const char *param;    /* that has another default in tables; NULL: none */
	const char *fallback; /* of it */
	const char *plot;     /* kind and columns, with blanks between; NULL: it cannot be drawn */
	bool trim, fold_runtime, fold_devices;
};

/* An answer for when a parameter is given. */
struct query_other {
	const char *param, *body;
	const char *value; /* and says this; NULL: anything */
};

#define QUERY_OTHERS_MAX 4

struct query {
	const char *name, *summary, *about, *file, *body, *notes, *refuse, *filters;
	const struct query_param *params;
	size_t param_count;
	const struct query_column *columns;
	size_t column_count;
	bool exit_nonempty, exit_always, folded, verdicts, two_files;
	const char *regions;      /* that it is about; NULL: all */
	const char *operand;      /* the parameter that an operand which is a number gives; NULL: none may be given */
	const char *operand_verb; /* the query that is asked with it; NULL: this one */
	const char *exit_above;   /* only rows with more than 0 in this column count; NULL: all */
	struct query_show show;
	struct query_other others[QUERY_OTHERS_MAX]; /* the first of them that is asked for is the body */
	size_t other_count;
};

/* The built-in queries, by name. */
const struct query *query_builtin(size_t index);

/* Reads a user's query file. The caller frees it with query_free(). NULL with ERROR filled. */
struct query *query_load(const char *path, struct sql_error *error);
void query_free(struct query *query);

/* A bound value. TEXT wins over NUMBER where it is set; IS_NULL over both. */
struct query_value {
	const char *name;
	const char *text;
	int64_t number;
	double real;
	enum query_type type;
	bool is_null;
};

struct query_run;

/* Starts QUERY. Values not given take their declared defaults, filters NULL. A query without columns (such as a copy
 * whose body is the notes) never takes its other body. NULL with ERROR filled. */
struct query_run *query_start(struct recording *recording, const struct query *query, const struct query_value *values,
                              size_t value_count, struct sql_error *error);
/* Starts a user's own statement, read-only. */
struct query_run *query_start_sql(struct recording *recording, const char *statement, struct sql_error *error);

/* 1: a row is there; 0: no more; -1 with ERROR filled. */
int query_next(struct query_run *run, struct sql_error *error);
void query_finish(struct query_run *run);

enum query_cell_type { CELL_NULL, CELL_INTEGER, CELL_REAL, CELL_TEXT, CELL_BLOB };
struct query_cell {
	enum query_cell_type type;
	int64_t integer;
	double real;
	const char *text; /* or the bytes of a blob; valid until query_next() */
	size_t bytes;
};
size_t query_column_count(const struct query_run *run);
const char *query_column_name(const struct query_run *run, size_t column);
const struct query_column *query_column_declared(const struct query_run *run, size_t column); /* NULL: it is not */
void query_cell(const struct query_run *run, size_t column, struct query_cell *cell);

#endif
