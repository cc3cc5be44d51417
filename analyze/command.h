/* SPDX-License-Identifier: Apache-2.0
 *
 * command.h - the command line from its first word to the exit status, and what the verbs that are no queries
 * (commands/) are to it.
 */
#ifndef ANALYZE_COMMAND_H
#define ANALYZE_COMMAND_H

#include <limits.h>
#include <stdbool.h>

#include "analyze/write/status.h"
#include "options.h"
#include "verbs.h"

struct command {
	struct verbs *verbs;
	struct verb *verb;
	const struct query *query;
	struct arguments arguments;
	bool redirected;      /* another verb than the one that was named, by an operand that is a number */
	char *files;          /* the operand that several became */
	char *input;          /* what standard input gave in place of an option's "-" */
	char found[PATH_MAX]; /* the file, when it was not named */
};

/* A verb that is no query. */
struct command_verb {
	const char *name, *summary;
	const char *usage;  /* its operands */
	const char *about;  /* prose for its help; may be NULL */
	const char *shared; /* shared options that it takes, with blanks between; NULL: as a query without filters */
	const struct option *options; /* of its own */
	size_t option_count;
	bool joins_files;      /* its first operands may be several files of one recording */
	size_t other_operands; /* at the end, that are none of those */
	bool compares;         /* two files are an older one and a newer one, not one recording */
	bool completes_verbs;  /* its operand is a verb, not a file */
	bool runs_statements;  /* help shows what SQL there is */
	enum status (*run)(struct command *command);
};

/* All of them, up to NULL; commands/ defines it. */
extern const struct command_verb *const command_verbs[];

/* Runs the program; returns its exit status (say.h). */
int command_run(int argc, char **argv);

/* ---- for commands/ ---- */

/* Says ERROR. */
enum status command_trouble(const struct sql_error *error);

/* Ends a text that went to stdout. */
enum status command_finish(void);

/* The file that NAMED, --db or discovery gives. NULL with ERROR filled. */
const char *command_file(struct command *command, const char *named, struct sql_error *error);

/* 0, or -1 with ERROR filled: there are fewer operands than LEAST, or more than MOST. */
int command_operands(const struct command *command, size_t least, size_t most, struct sql_error *error);

/* All of standard input, which is to be a NOUN; free() it. NULL with ERROR filled. */
char *command_input(const char *noun, struct sql_error *error);

/* Writes the help of the verb NAME; NULL: of the program. */
enum status command_explain(struct verbs *verbs, const char *name);

/* The operands of the verb sql, in either order. */
struct sql_operands {
	const char *statement; /* NULL: standard input */
	const char *file;      /* NULL: not named */
};
struct sql_operands sql_operands(const char *const *operands, unsigned count);

#endif
