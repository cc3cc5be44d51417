/* SPDX-License-Identifier: Apache-2.0
 *
 * writer.h - where the rows of an answer go: a table, a list, JSON, JSON lines or CSV.
 *
 * begin(), any number of row()s, end(); then writer_free(). Cells live only as long as the call. Memory does not grow
 * with the number of rows. Write errors are the stream's: the caller asks ferror(). Not thread-safe.
 */
#ifndef ANALYZE_WRITER_H
#define ANALYZE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sql/answers/query.h"
#include "sql/base/units.h"

struct column {
	const char *name;
	enum unit unit;
	enum query_rank rank; /* where there is no room for all */
};

/* The column of that name; COUNT where there is none. */
size_t column_find(const struct column *columns, size_t count, const char *name);

/* What there is to say beside the rows. Borrowed until end(). */
struct answer {
	const char *query;
	const char *file, *old_file; /* old_file: of diff, else NULL */
	const char *nothing;         /* what a table says when no row came */
	const char *const *notes;
	size_t note_count;
	bool complete;
	const char *gaps; /* not complete: the regions that are not; "": any may not be */
};

struct style {
	FILE *out;
	size_t width;     /* columns of the terminal; 0: any number */
	uint64_t rows;    /* that a table shows; 0: all */
	const char *each; /* so many for each value of these columns, with commas between them; NULL: of all */
	bool colour;
	bool no_header;
	bool quiet;       /* do not say "complete" */
	bool known;       /* a list leaves out what is NULL */
	bool whole_lists; /* a list shows all lines of its texts */
};

struct writer {
	void (*begin)(struct writer *writer, const struct answer *answer, const struct column *columns, size_t count);
	void (*row)(struct writer *writer, const struct query_cell *cells);
	void (*end)(struct writer *writer);
	void (*free)(struct writer *writer);
};

/* Each copies STYLE. They never return NULL: without memory the program ends (memory.h). */
struct writer *writer_table(const struct style *style);
struct writer *writer_list(const struct style *style);
struct writer *writer_json(const struct style *style);
struct writer *writer_jsonl(const struct style *style);
struct writer *writer_csv(const struct style *style);
struct writer *writer_columns(const struct style *style);
struct writer *writer_svg(const struct style *style);
/* PLOT: kind and columns, as query.h has them. EACH: columns, with commas between them, that tell lines apart; NULL:
 * there is one. */
struct writer *writer_plot(const struct style *style, const char *plot, const char *each);
struct writer *writer_folded(const struct style *style);
/* Of verdicts (sql/answers/query.h): XML that CI servers read, and lines that GitHub shows beside the code. */
struct writer *writer_junit(const struct style *style);
struct writer *writer_github(const struct style *style);

/* Sums the rows that are no leaks into a line for each owner under the table INNER (which it then owns). */
struct writer *writer_fold(struct writer *inner);

/* Shows rows of devices that are all the same once in the table INNER (which it then owns): 0-31. */
struct writer *writer_devices(struct writer *inner);

/* What tells the rows that are no leaks, because the runtime owns them or their program lives: the owner of a block, or
 * how many blocks of a group are such. */
struct ownership {
	size_t count; /* of columns; the value of those below that are not there */
	size_t owner, class, blocks, bytes, runtime_blocks, live_blocks;
};
void ownership_find(struct ownership *ownership, const struct column *columns, size_t count);
bool ownership_is_told(const struct ownership *ownership);
enum owner { OWNER_PROGRAM, OWNER_RUNTIME, OWNER_LIVE };
enum owner ownership_of(const struct ownership *ownership, const struct query_cell *cells);

/* The columns of verdicts. */
struct verdict_columns {
	size_t count; /* of columns; the value of those below that are not there */
	size_t budget, device, region, verdict, detail, source;
};
void verdict_columns_find(struct verdict_columns *found, const struct column *columns, size_t count);

/* Of a row of verdicts: its name, and the device and region that it is about. The caller frees the text. */
char *verdict_name(const struct verdict_columns *columns, const struct query_cell *cells);
/* The text of a cell; "" where there is none. */
const char *verdict_text(const struct query_cell *cells, size_t column, size_t count);

/* Leaves out of the table INNER (which it then owns) the rows before anything was live, and rows without figures.
 * EACH: the columns that rows of one series agree in, with commas between them; NULL: there is one series. */
struct writer *writer_trim(struct writer *inner, const char *each);

/* A line that table or list print under their rows, before notes and trust; copied. */
void writer_table_footnote(struct writer *table, const char *line);

/* What a terminal shows of a cell: MAIN, and EXACT beside it for bytes ("" otherwise). Both are safe. */
#define CELL_TEXT_MAX 1024
struct shown {
	char main[CELL_TEXT_MAX];
	char exact[UNITS_TEXT_MAX];
};
void cell_show(struct shown *shown, const struct column *column, const struct query_cell *cell);
/* For programs: digits alone. Addresses have no sign, though the database gives all of its integers one. */
void cell_put_integer(FILE *out, const struct column *column, int64_t number);

/* Prints a line around a table, which must be safe, broken at spaces where the terminal ends. */
void print_line(const struct style *style, const char *line);
/* The same from column AT on, continued at column INDENT. */
void print_wrapped(const struct style *style, const char *line, size_t at, size_t indent);

/* The head of a JSON document, with its first brace: all but the rows. */
void answer_json(FILE *out, const struct answer *answer);

/* The lines under table and list: notes, and whether the recording is complete. */
void answer_footer(const struct style *style, const struct answer *answer);

/* What is said of one that is not complete. */
#define ANSWER_LINE_BYTES 192
const char *answer_incomplete(const struct answer *answer, char line[static ANSWER_LINE_BYTES]);

/* Devices, which rise: "0-3,6"; how many they are where that has no room. */
void devices_name(char *out, size_t size, const int64_t *devices, size_t count);

#define COLOUR_BOLD "\033[1m"
#define COLOUR_DIM "\033[2m"
#define COLOUR_WARN "\033[33m"
#define COLOUR_OFF "\033[0m"
/* A control sequence, where colour is wanted. */
const char *colour(const struct style *style, const char *sequence);

#endif
