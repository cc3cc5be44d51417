/* SPDX-License-Identifier: Apache-2.0
 *
 * measure.h - the figure of a budget in a recording, by device and region: that of the built-in query, whose rows are
 * folded. Nothing is ever added over devices or regions.
 */
#ifndef SQL_MEASURE_H
#define SQL_MEASURE_H

#include "budget.h"
#include "sql/answers/query.h"

#define MEASURE_NONE INT64_MIN

struct measured {
	int64_t device, region; /* MEASURE_NONE: of the whole recording, or of nothing that is there */
	int64_t at_ns;          /* MEASURE_NONE: at no one moment */
	double value;
};

struct measures {
	struct measured *list;
	size_t count, capacity;
};

/* How many steps were found of the process that has most, where BUDGET is of steps and none was marked; else 0. 0, or
 * -1 with ERROR. */
int measure_found_steps(struct recording *recording, const struct budget *budget, int64_t *steps,
                        struct sql_error *error);

/* Whether RECORDING knows the device, label and steps of BUDGET. 0, or -1 with ERROR. */
int measure_check(struct recording *recording, const struct budget *budget, struct sql_error *error);

/* Measures BUDGET, in groups BY where it is of groups; ALL has the leaks that are ignored. Without a row where nothing
 * is there. 0, or -1 with ERROR; the caller frees the list either way. */
int measure(struct recording *recording, const struct budget *budget, const struct budgets *all, const char *by,
            struct measures *measures, struct sql_error *error);

/* How many leaks IGNORED, one of ALL, leaves out, and an earlier one does not. 0, or -1 with ERROR. */
int measure_ignored(struct recording *recording, const struct budget *ignored, const struct budgets *all,
                    int64_t *leaks, struct sql_error *error);

/* Who has most of what was MEASURED, by the word BY: "a 1.00 GiB, b 512 MiB, c 1.00 KiB"; *TEXT is NULL where that has
 * no answer, else the caller's to free. 0, or -1 with ERROR. */
int measure_holders(struct recording *recording, const struct budget *budget, const struct budgets *all,
                    const struct measured *measured, const char *by, char **text, struct sql_error *error);

/* The size of each bank of DEVICE and REGION, as of its last opening. 0, or -1 with ERROR: that is not known. */
int measure_bank(struct recording *recording, const struct measured *measured, int64_t *bytes, struct sql_error *error);

#endif
