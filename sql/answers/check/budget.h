/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.h - what a recording is held to, as people write it. A line, or what semicolons part, is one of
 *
 *   FIGURE [SCOPE]... OPERATOR BOUND               peak DRAM label model <= 10GiB
 *   ignore leaks [SCOPE]... because REASON         ignore leaks label warmup because the KV cache lives until exit
 *
 * FIGURE is a word of figures.c. SCOPE is "device N" (or a chip's
 * own name), a region such as DRAM, "label PATTERN" or "step N..M", of an
 * ignore also "class WORD", "thread PATTERN" or "function PATTERN". OPERATOR is <=, <, ==, > or >=. BOUND is a size
 * (10GiB), a number, N% (of a ratio; of bank-peak: of the bank), or "N% of FILE": of what another recording has of it.
 * Words with blanks stand in double quotes. # begins a comment, but not in a REASON, which goes on to the end of its
 * line.
 */
#ifndef SQL_BUDGET_H
#define SQL_BUDGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sql/base/sql.h"

enum budget_unit { BUDGET_BYTES, BUDGET_COUNT, BUDGET_RATIO };

/* How the rows of a query become the figure of a device and region. */
enum budget_fold { FOLD_MOST, FOLD_LEAST, FOLD_ROWS, FOLD_SUM };

/* A figure that can be limited: a column of the built-in query of that name. */
struct budget_figure {
	const char *word, *query, *column;
	const char *moment; /* column of when that was; NULL: at no one moment */
	enum budget_unit unit;
	enum budget_fold fold;
	bool is_whole;       /* of the whole recording: it takes no scope */
	bool is_unlabelled;  /* it takes neither label nor step */
	bool is_unstepped;   /* it takes no step */
	bool is_undeviced;   /* it takes no device */
	bool is_banks;       /* it needs the size of banks */
	bool is_leak;        /* of blocks that "ignore" may leave out */
	bool may_live;       /* and of those whose program goes on */
	bool is_grouped;     /* of the group, by what holders are named by, that has most of it */
	unsigned steps;      /* that one process has to have, marked or found; 0: none */
	const char *said_by; /* column of what each group has of it, with --by; NULL: that is a row each */
	const char *help;
};

const struct budget_figure *budget_figure(size_t index); /* NULL: there are no more */

struct budget_scope {
	bool has_device, has_region, has_steps;
	int64_t device, region, step_first, step_last; /* device: once it is known what DEVICE_WORD means */
	char *device_word;                             /* as it was written; NULL: a number of the recording */
	char *label, *block_class, *thread, *function; /* NULL: any */
};

enum budget_relation { AT_MOST, LESS, EQUAL, MORE, AT_LEAST };

struct budget {
	const struct budget_figure *figure; /* NULL: to ignore leaks, because of REASON */
	struct budget_scope scope;
	enum budget_relation relation;
	double bound;   /* in the figure's unit, or a share */
	bool is_share;  /* of the bank, or of what BASELINE has */
	char *baseline; /* NULL: none */
	char *text;     /* as it was written */
	char *reason;
	const char *source; /* of the text, borrowed */
	unsigned line;
};

struct budgets {
	struct budget *list;
	size_t count, capacity;
};

/* Adds what TEXT says. SOURCE names it, and has to outlive the budgets. 0, or -1 with ERROR; budgets_clear() is needed
 * either way. */
int budgets_parse(struct budgets *budgets, const char *source, const char *text, struct sql_error *error);
void budgets_clear(struct budgets *budgets);

/* What BUDGET does not say of the blocks that it is about, SCOPE says. 0; -1: no memory. */
int budget_narrow(struct budget *budget, const struct budget_scope *scope);

/* <=, < and so on. */
const char *budget_relation_word(enum budget_relation relation);

/* Whether VALUE keeps a bound. */
bool budget_holds(enum budget_relation relation, double value, double bound);

#endif
