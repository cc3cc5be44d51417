/* SPDX-License-Identifier: Apache-2.0
 *
 * options.c - the table of environment variables, and how it is read. secure_getenv() makes all of them invisible to
 * set-user-ID programs.
 */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"

#define FIELD(member) offsetof(struct tta_options, member)

const struct tta_option tta_option_table[] = {
    {.name = "TT_ALLOC_TRACKING_ENABLED",
     .unit = "",
     .default_text = "0",
     .max = 1,
     .help = "1 records this process; anything else, or nothing, does not",
     .field = TTA_OPTION_NO_FIELD},
    {.name = "TTALLOC_SOCKET",
     .unit = "path",
     .default_text = "$XDG_RUNTIME_DIR/ttalloc.sock, else /tmp/ttalloc-UID/socket",
     .help = "the recorder's socket",
     .field = TTA_OPTION_NO_FIELD},
    {.name = "TTALLOC_SEGMENT_DIR",
     .unit = "path",
     .default_text = "ttalloc-UID in $XDG_RUNTIME_DIR, /dev/shm, $TMPDIR or /tmp",
     .help = "where events wait until they are committed: an absolute path; owner the user, mode 0700",
     .field = TTA_OPTION_NO_FIELD},
    {.name = "TTALLOC_SPOOL_MIB",
     .unit = "MiB",
     .default_text = "256",
     .min = 1,
     .max = 65536,
     .help = "the most that a process keeps of what is not committed yet; beyond it events are lost, and counted",
     .field = FIELD(spool_mib)},
    {.name = "TTALLOC_RING_EVENTS",
     .unit = "events",
     .default_text = "16384",
     .min = 64,
     .max = 1 << 20,
     .help = "room of a thread's ring, rounded up to a power of two; smaller where threads are many",
     .field = FIELD(ring_events)},
    {.name = "TTALLOC_FULL_WAIT_MS",
     .unit = "ms",
     .default_text = "1000",
     .max = 3600000,
     .help = "how long threads wait for the recorder to take something when the spool is full; 0: not at all",
     .field = FIELD(full_wait_ms)},
    {.name = "TTALLOC_LOSSLESS",
     .unit = "",
     .default_text = "0",
     .max = 1,
     .help = "1: they wait as long as the recorder lives, however long it takes",
     .field = FIELD(lossless)},
    {.name = "TTALLOC_FLUSH_MS",
     .unit = "ms",
     .default_text = "100",
     .min = 1,
     .max = 10000,
     .help = "how often events are taken out of the rings at least",
     .field = FIELD(flush_ms)},
    {.name = "TTALLOC_STACKS",
     .unit = "frames",
     .default_text = "0",
     .max = 64,
     .help = "how many frames of the call stack are recorded with an allocation; 0: none",
     .field = FIELD(stacks)},
    {.name = "TTALLOC_UNWINDER",
     .unit = "",
     .default_text = "fp",
     .help = "how call stacks are found: fp, by frame pointers; libunwind, also without them, slower",
     .field = TTA_OPTION_NO_FIELD},
    {.name = "TTALLOC_USAGE",
     .unit = "",
     .default_text = "0",
     .max = 1,
     .help = "1: ttalloc_usage() knows what was allocated before it was first called",
     .field = FIELD(usage)},
    {.name = "TTALLOC_VERBOSE",
     .unit = "",
     .default_text = "1",
     .max = 2,
     .help = "the one line on stderr: 0 never, 1 when recording is not possible, 2 when it starts, too",
     .field = FIELD(verbose)},
    {.name = "TTALLOC_PYTHON_STACKS",
     .unit = "",
     .default_text = "0",
     .max = 1,
     .help = "1: events of a Python thread carry file, function and line of the Python code that it is in",
     .field = FIELD(python_stacks)},
    {.name = "TTALLOC_OPS",
     .unit = "",
     .default_text = "2",
     .max = 3,
     .help = "of operations of ttnn: 0 nothing; 1 when they begin and end, as of labels; 2 their tensors, too; 3 and "
             "their arguments",
     .field = FIELD(operations)},
};
const size_t tta_option_count = sizeof(tta_option_table) / sizeof(tta_option_table[0]);

bool tta_options_want_recording(void)
{
	const char *wanted = secure_getenv("TT_ALLOC_TRACKING_ENABLED");

	return wanted && strcmp(wanted, "1") == 0;
}

/* TEXT as a number within the option's limits, or FALLBACK when it is none. */
static uint32_t parse_number(const struct tta_option *option, const char *text, uint32_t fallback)
{
	char *end;
	unsigned long long number;

	if (*text < '0' || *text > '9')
		return fallback;
	number = strtoull(text, &end, 10); /* too big: ULLONG_MAX, which the limit below takes care of */
	if (*end)
		return fallback;
	if (number < option->min)
		return option->min;
	return number > option->max ? option->max : (uint32_t)number;
}

#ifdef TTALLOC_FAULTS
char tta_fault_wanted[24];
#endif

void tta_options_read(struct tta_options *options)
{
	int saved_errno = errno;

	for (size_t i = 0; i < tta_option_count; i++) {
		const struct tta_option *option = &tta_option_table[i];
		const char *text = secure_getenv(option->name);
		uint32_t number;

		if (option->field == TTA_OPTION_NO_FIELD)
			continue;
		number = parse_number(option, option->default_text, 0);
		if (text)
			number = parse_number(option, text, number);
		memcpy((char *)options + option->field, &number, sizeof(number));
	}
#ifdef TTALLOC_FAULTS
	const char *fault = secure_getenv("TTALLOC_FAULT");

	if (fault)
		snprintf(tta_fault_wanted, sizeof(tta_fault_wanted), "%s", fault);
#endif
	errno = saved_errno;
}
