/* SPDX-License-Identifier: Apache-2.0
 *
 * secrets.h - what is to go of a recording, and texts without it.
 */
#ifndef SQL_SHARE_SECRETS_H
#define SQL_SHARE_SECRETS_H

#include <stddef.h>

#include "rules.h"

struct secrets;

/* WITHOUT is of enum share_secret. NULL: no random key can be had, ERROR says why. */
struct secrets *secrets_new(unsigned without, struct sql_error *error);
void secrets_free(struct secrets *secrets);

/* TEXT, in a column of RULE, will go: its words are not to stand in free texts either. */
void secrets_learn(struct secrets *secrets, enum rule rule, const char *text, size_t bytes);

/* TEXT as it may be shared. Valid until the next call. */
const char *secrets_text(struct secrets *secrets, enum rule rule, const char *text, size_t bytes, size_t *out_bytes);

#endif
