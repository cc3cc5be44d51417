/* SPDX-License-Identifier: Apache-2.0
 *
 * symbolize_file.c - see symbolize_file.h.
 */
#include "symbolize_file.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "sql/base/say.h"
#include "sql/symbols/symbolize.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static bool show_progress(void *context, size_t done, size_t total)
{
	const bool *shown = context;
	if (*shown && total > 0)
		fprintf(stderr, "\rlooking up %zu of %zu frames\033[K", done, total);
	return !interrupted;
}

int symbolize_file(const char *file, const struct arguments *arguments, struct sql_error *error)
{
	struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)SA_RESETHAND}, before;
	bool shown = isatty(STDERR_FILENO) && !arguments_text(arguments, "quiet");
	const struct symbolize_options options = {
	    .force = arguments_text(arguments, "force"), .progress = show_progress, .context = &shown};
	struct symbolize_totals totals;

	/* A second one ends the program, whatever it is at: the file bears that. */
	sigaction(SIGINT, &action, &before);
	int result = symbolize_foreign(file, &options, &totals, error);
	sigaction(SIGINT, &before, NULL);
	if (shown)
		fputs("\r\033[K", stderr);
	if (interrupted)
		say("interrupted: what was found is stored; the same command goes on");
	return result;
}
