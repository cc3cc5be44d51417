/* SPDX-License-Identifier: Apache-2.0
 *
 * machine.h - what only the machine knows: its clocks, and which start of it this is.
 */
#ifndef SQL_MACHINE_H
#define SQL_MACHINE_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static inline int64_t monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* The same, for who counts without a sign. */
static inline uint64_t clock_monotonic_ns(void)
{
	return (uint64_t)monotonic_ns();
}

/* Names this start of this machine: pids, clocks and tmpfs are good for no longer. Empty where it is not known. */
void machine_boot_id(char *boot_id, size_t bytes);

#endif
