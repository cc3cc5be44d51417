/* SPDX-License-Identifier: Apache-2.0
 *
 * complete.h - candidates for the shells' completions, worked out by the programs themselves, so that a user's queries
 * are completed too and nothing can drift. The shells' scripts only ask: PROGRAM --complete WORD..., of which the last
 * is the one being typed. Each line of the answer is a candidate, with a tab and what it is, or stands for what the
 * shell knows: ":file", ":directory", and ":command" with a tab and the number of the word that a command begins at.
 */
#ifndef SQL_COMPLETE_H
#define SQL_COMPLETE_H

#include <stdio.h>

#include "option.h"

/* Offers WORD when it begins with what is TYPED. HELP may be NULL. */
void complete_offer(FILE *out, const char *typed, const char *word, const char *help);

/* Offers options, or values of them, for the last of WORDS. False: it is an operand. */
bool complete_option(FILE *out, const struct options *options, int count, char **words);

/* The same for a program whose operands are a command (syntax.before_command). */
void complete_before_command(FILE *out, const struct options *options, int count, char **words);

#endif
