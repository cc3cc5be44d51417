/* SPDX-License-Identifier: Apache-2.0
 *
 * rules.h - what each text of the file may tell about whom, and so what it is replaced by.
 */
#ifndef SQL_SHARE_RULES_H
#define SQL_SHARE_RULES_H

#include "share.h"

enum rule {
	RULE_FREE, /* free text, in which anything may stand: words and paths that are secret go */
	RULE_KEEP, /* says nothing about anybody: of a fixed vocabulary, or numbers */
	RULE_HOST, /* of the machine */
	RULE_CHIP, /* likewise, but equal ones have to stay equal */
	RULE_USER,
	RULE_PATH,
	RULE_MODULE,  /* a path that tells whose code it is; equal ones have to stay equal */
	RULE_SOURCE,  /* likewise */
	RULE_COMMAND, /* a command line */
	RULE_NAME,    /* that a program chose: a/b/c */
	RULE_THREAD,  /* likewise, or the name of its program */
};

/* Of COLUMN of TABLE. A text that has no rule is free. KNOWN may be NULL: whether it has one. */
enum rule rule_of(const char *table, const char *column, bool *known);

/* Which secrets make it go; 0: none. */
unsigned rule_secrets(enum rule rule);

/* Which secrets make all rows of TABLE go. */
unsigned rule_table_secrets(const char *table);

/* Whether the numbers of COLUMN are call stacks. */
bool rule_is_stack_column(const char *column);

#endif
