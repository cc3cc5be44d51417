/* SPDX-License-Identifier: Apache-2.0
 *
 * resume.h - puts back what the ledger and the totals knew, out of the file, so that a recording can go on.
 */
#ifndef RECORDER_RESUME_H
#define RECORDER_RESUME_H

#include "ledger.h"
#include "sql/totals/totals.h"

/* INTAKE and JOINT must be empty. 0, or -1 with ERROR. */
int resume(struct ledger *ledger, struct totals *totals, struct writer *writer, struct sql_error *error);

#endif
