/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - ttalloc-analyze: asks a recording questions.
 */
#include <locale.h>
#include <signal.h>

#include "command.h"

int main(int argc, char **argv)
{
	/* Recordings are UTF-8 whatever the user's locale; numbers keep their point. Where it is missing, every
	 * character counts as one column. */
	setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough is no reason to die: output.c */
	return command_run(argc, argv);
}
