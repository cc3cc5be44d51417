/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - the command line from its first word to the exit status.
 */
#ifndef ANALYZE_COMMAND_H
#define ANALYZE_COMMAND_H

/* Runs the program; returns its exit status (say.h). */
int command_run(int argc, char **argv);

/* The operands of the verb sql, in either order. */
struct sql_operands {
	const char *statement; /* NULL: standard input */
	const char *file;      /* NULL: not named */
};
struct sql_operands sql_operands(const char *const *operands, unsigned count);

#endif
