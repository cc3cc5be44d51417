/* SPDX-License-Identifier: Apache-2.0
 *
 * stderr.h - a line on stderr that harms nobody: a pipe without a reader, or a file at its size limit, would be a
 * signal that ends the program.
 */
#ifndef TTALLOC_HOOK_STDERR_H
#define TTALLOC_HOOK_STDERR_H

#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

/* Takes away what the write has left for us, unless it was there before. */
static inline void tta_stderr_take_signal(const sigset_t *before, int number)
{
	const struct timespec now = {.tv_sec = 0};
	sigset_t one;

	sigemptyset(&one);
	sigaddset(&one, number);
	if (!sigismember(before, number))
		sigtimedwait(&one, NULL, &now);
}

/* Writes BYTES at LINE. Touches errno. */
static inline void tta_stderr_write(const char *line, size_t bytes)
{
	sigset_t dangers, mask, pending;

	sigemptyset(&dangers);
	sigaddset(&dangers, SIGPIPE);
	sigaddset(&dangers, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &dangers, &mask);
	sigpending(&pending);
	if (write(STDERR_FILENO, line, bytes) < 0) {
		tta_stderr_take_signal(&pending, SIGPIPE);
		tta_stderr_take_signal(&pending, SIGXFSZ);
	}
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
}

#endif
