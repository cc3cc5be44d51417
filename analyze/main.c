/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - ttalloc-analyze: asks a recording questions.
 */
#include <locale.h>
#include <signal.h>

#include "command.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"

int main(int argc, char **argv)
{
	/* Recordings are UTF-8 whatever the user's locale; numbers keep their point. Where it is missing, every
	 * character counts as one column. */
	say_program("ttalloc-analyze");
	memory_end_with(&(struct memory_end){"ttalloc-analyze: out of memory\n", 2});
	setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN); /* a reader that has seen enough is no reason to die: output.c */
	return command_run(argc, argv);
}
