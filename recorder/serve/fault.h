/* SPDX-License-Identifier: Apache-2.0
 *
 * fault.h - switches that break one promise each, so that the tests can prove that they would notice. They exist only
 * in builds with -DTTALLOC_FAULTS=ON.
 */
#ifndef RECORDER_FAULT_H
#define RECORDER_FAULT_H

#ifdef TTALLOC_FAULTS
#include <stdlib.h>
#include <string.h>

static inline int fault_is(const char *name)
{
	const char *wanted = getenv("TTALLOC_FAULT");

	return wanted && strcmp(wanted, name) == 0;
}
#define FAULT(name) fault_is(name)
#else
#define FAULT(name) 0
#endif

#endif
