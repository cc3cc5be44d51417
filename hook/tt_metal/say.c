/* SPDX-License-Identifier: Apache-2.0
 *
 * say.c - the preload's one line on stderr, its counters, its lock, and whether it has to be silent.
 */
#include "say.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "hook/base/stderr.h"
#include "ttalloc.h"

static struct {
	atomic_uint yielded; /* enum tt_share */
	atomic_bool said;
	atomic_ullong counts[TT_COUNTS];
	pthread_mutex_t lock;
} say = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool tt_recording(enum tt_share share)
{
	return ttalloc_enabled() && !(atomic_load_explicit(&say.yielded, memory_order_relaxed) & share);
}

void ttalloc_tt_metal_yield(uint32_t share)
{
	if (share & TT_SHARE_BUFFERS)
		share |= TT_SHARE_CBS;
	atomic_fetch_or_explicit(&say.yielded, share, memory_order_relaxed);
}

/* COUNT: of the note. */
static void say_line(uint64_t count, const char *format, va_list arguments)
{
	int saved = errno;
	char line[1024];
	int length = vsnprintf(line, sizeof(line), format, arguments);

	if (length > 0)
		ttalloc_note(line, count);
	if (length > 0 && !atomic_exchange(&say.said, true)) {
		char shown[sizeof(line) + 16];

		length = snprintf(shown, sizeof(shown), "ttalloc: %s\n", line);
		tta_stderr_write(shown, (size_t)length);
	}
	errno = saved;
}

void tt_say_once(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_line(0, format, arguments);
	va_end(arguments);
}

void tt_say_left_out(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say_line(1, format, arguments);
	va_end(arguments);
}

void tt_count(enum tt_count what)
{
	static const char *const notes[TT_COUNTS] = {
	    [TT_COUNT_HOOKED] = "events of TT-Metal's graph captures (NO_DISPATCH), which take no memory: left out",
	    [TT_COUNT_REFUSED] = "events of TT-Metal that could not be read for certain: left out",
	    [TT_COUNT_DEEP] = "operations within 64 others: left out",
	};

	if (notes[what])
		ttalloc_note(notes[what], 1);
	if (!atomic_fetch_add_explicit(&say.counts[what], 1, memory_order_relaxed) && what == TT_COUNT_REFUSED)
		ttalloc_note("not everything that TT-Metal reports could be read for certain", 0);
}

uint64_t ttalloc_tt_metal_count(uint32_t what)
{
	return what < TT_COUNTS ? atomic_load_explicit(&say.counts[what], memory_order_relaxed) : 0;
}

void tt_lock(void)
{
	pthread_mutex_lock(&say.lock);
}

void tt_unlock(void)
{
	pthread_mutex_unlock(&say.lock);
}

static void register_fork_handlers(void)
{
	pthread_atfork(tt_lock, tt_unlock, tt_unlock);
}

void tt_lock_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_fork_handlers);
}
