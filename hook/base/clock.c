/* SPDX-License-Identifier: Apache-2.0
 *
 * clock.c - see clock.h.
 */
#include "clock.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CLOCK_SOURCE_FILE "/sys/devices/system/clocksource/clocksource0/current_clocksource"
#define ANCHOR_TRIES 8

static bool has_rdtscp(void)
{
#if defined(__x86_64__)
	unsigned a, b, c, d;

	return __get_cpuid(0x80000001, &a, &b, &c, &d) && (d & (1u << 27));
#else
	return false;
#endif
}

enum tta_clock tta_clock_choose(void)
{
	char source[8] = "";
	int fd = open(CLOCK_SOURCE_FILE, O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		if (read(fd, source, sizeof(source) - 1) < 0)
			source[0] = 0;
		close(fd);
	}
	return strcmp(source, "tsc\n") == 0 && has_rdtscp() ? TTA_CLOCK_TSC : TTA_CLOCK_MONOTONIC_NS;
}

static uint64_t read_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void tta_clock_anchor(enum tta_clock clock, struct tta_segment_header *header)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ANCHOR_TRIES; i++) {
		uint64_t before = tta_clock_read(clock);
		uint64_t monotonic_ns = read_ns(CLOCK_MONOTONIC);
		uint64_t between = tta_clock_read(clock);
		uint64_t realtime_ns = read_ns(CLOCK_REALTIME);
		uint64_t after = tta_clock_read(clock);

		if (after - before >= best)
			continue;
		best = after - before;
		header->anchor_ticks = clock == TTA_CLOCK_MONOTONIC_NS ? monotonic_ns : before + (between - before) / 2;
		header->anchor_monotonic_ns = monotonic_ns;
		header->anchor_realtime_ns = realtime_ns;
	}
}
