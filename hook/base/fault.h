/* SPDX-License-Identifier: Apache-2.0
 *
 * fault.h - switches that break one promise each, so that tests can show that they would notice. Only in builds with
 * TTALLOC_FAULTS, where TTALLOC_FAULT names one:
 *
 *   no-resend      frames leave the outbox when they were announced, not when they were committed
 *   no-merge       rings are taken one after the other, not by time
 *   no-loss-count  dropped events are not counted
 *   no-own-sealing a thread whose ring is full leaves it to the flusher to empty it
 */
#ifndef TTALLOC_HOOK_FAULT_H
#define TTALLOC_HOOK_FAULT_H

#include <stdbool.h>
#include <string.h>

#ifdef TTALLOC_FAULTS
extern char tta_fault_wanted[24]; /* set by tta_options_read() */
#endif

static inline bool tta_fault(const char *name)
{
#ifdef TTALLOC_FAULTS
	return strcmp(tta_fault_wanted, name) == 0;
#else
	(void)name;
	return false;
#endif
}

#endif
