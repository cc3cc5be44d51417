/* SPDX-License-Identifier: Apache-2.0
 *
 * owner.h - whose code a function of a call stack is. Thread-safe.
 */
#ifndef SQL_OWNER_H
#define SQL_OWNER_H

enum owner {
	OWNER_PROGRAM,
	OWNER_TT_METAL, /* and ttnn, and what else stands between a program and them */
	OWNER_SYSTEM,   /* the C and C++ runtimes, the interpreter */
	OWNER_TTALLOC,
};

/* By the path of the MODULE (shared object or program) that it is in, its source FILE, and the name of the FUNCTION, of
 * which any may be NULL. */
enum owner owner_of(const char *module, const char *file, const char *function);

/* What of the path of a module, or of a source file, tells whose it is: a text that is the same on all machines. NULL:
 * nothing does. */
const char *owner_word_of_module(const char *path);
const char *owner_word_of_file(const char *path);

#endif
