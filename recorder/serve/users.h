/* SPDX-License-Identifier: Apache-2.0
 *
 * users.h - whose processes are taken in beside the recorder's own, and where those make their segments.
 */
#ifndef RECORDER_USERS_H
#define RECORDER_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "sql/base/error.h"

/* Zero-initialised: nobody but the recorder's own user. */
struct users {
	bool all;
	uid_t *list; /* owned */
	size_t count;
};

/* Reads "all", or names and numbers with commas. 0, or -1 with ERROR. */
int users_read(const char *text, struct users *users, struct sql_error *error);

#define USERS_NAME_BYTES 64

/* The name of USER in /etc/passwd, in NAME; NULL: it has none there. No server is asked, for which all would wait. */
const char *users_name(uid_t user, char name[static USERS_NAME_BYTES]);

bool users_have(const struct users *users, uid_t user);

/* Whether there may be others than the recorder's own. */
bool users_have_others(const struct users *users);

/* Calls EACH for every directory that may hold segments of one of them; whether it is USER's is for the caller to see.
 */
void users_each_directory(const struct users *users, void (*each)(void *context, const char *directory, uid_t user),
                          void *context);

#endif
