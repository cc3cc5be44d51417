/* SPDX-License-Identifier: Apache-2.0
 *
 * operation_end.h - where in the order of a recording an operation ends.
 */
#ifndef SQL_OPERATION_END_H
#define SQL_OPERATION_END_H

#include "sql/operations/operations.h"
#include "sql/replay/figures.h"

/* OPERATION is of PROCESS (an index). One that has not ended ends before what the end of its process takes back. */
static inline struct place operation_end(const struct catalog *catalog, uint32_t process,
                                         const struct operation *operation)
{
	const struct catalog_process *owner = &catalog->processes[process];

	if (operation->end_key != OPERATION_OPEN)
		return (struct place){operation->end_ns, process, operation->end_key};
	return (struct place){owner->ended ? owner->ended_ns : INT64_MAX, process, REPLAY_PROCESS_END - 1};
}

#endif
