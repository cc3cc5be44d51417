/* SPDX-License-Identifier: Apache-2.0
 *
 * users.c - see users.h.
 */
#include "users.h"

#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/base/array.h"
#include "ttalloc/paths.h"
#include "ttalloc/wire.h"

/* ---- Who ---- */

static int find_user(const char *word, uid_t *user)
{
	struct passwd *known = getpwnam(word);
	unsigned long long number;
	char *end;

	if (known) {
		*user = known->pw_uid;
		return 0;
	}
	errno = 0;
	number = strtoull(word, &end, 10);
	if (word[0] < '0' || word[0] > '9' || *end || errno || number >= UINT32_MAX)
		return -1;
	*user = (uid_t)number;
	return 0;
}

static int add_users(char *text, struct users *users, struct sql_error *error)
{
	size_t capacity = 0;

	for (char *word; (word = strsep(&text, ","));) {
		uid_t user;

		if (strcmp(word, "all") == 0) {
			users->all = true;
			continue;
		}
		if (find_user(word, &user) < 0)
			return sql_fail(
			    error, "--allow-uid takes names and numbers of users with commas, or all: '%s' is none",
			    word);
		if (array_reserve(&users->list, &capacity, users->count) < 0)
			return sql_fail(error, "no memory");
		users->list[users->count++] = user;
	}
	return 0;
}

int users_read(const char *text, struct users *users, struct sql_error *error)
{
	char *copy = strdup(text);
	int result = copy ? add_users(copy, users, error) : sql_fail(error, "no memory");

	free(copy);
	return result;
}

const char *users_name(uid_t user, char name[static USERS_NAME_BYTES])
{
	FILE *list = fopen("/etc/passwd", "re");
	const struct passwd *known;
	const char *found = NULL;

	while (list && !found && (known = fgetpwent(list)))
		if (known->pw_uid == user && strlen(known->pw_name) < USERS_NAME_BYTES)
			found = strcpy(name, known->pw_name);
	if (list)
		fclose(list);
	return found;
}

bool users_have(const struct users *users, uid_t user)
{
	bool found = users->all || user == geteuid();

	for (size_t i = 0; !found && i < users->count; i++)
		found = users->list[i] == user;
	return found;
}

bool users_have_others(const struct users *users)
{
	return users->all || users->count > 0;
}

/* ---- Where ---- */

typedef void take_directory(void *context, const char *directory, uid_t user);

static void each_of_own(take_directory *each, void *context)
{
	char directory[TTA_PATH_BYTES];

	for (int i = 0; i < TTA_SEGMENT_ROOTS; i++) {
		int length = tta_segment_directory(i, directory, sizeof(directory));

		if (length > 0 && length < (int)sizeof(directory))
			each(context, directory, geteuid());
	}
}

/* Where hooks of others make them, unless their environment says otherwise: then their hello tells. */
static void each_of_others(const struct users *users, take_directory *each, void *context)
{
	static const char *const patterns[] = {"/run/user/[0-9]*/ttalloc-[0-9]*", "/dev/shm/ttalloc-[0-9]*",
	                                       "/tmp/ttalloc-[0-9]*"};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
		glob_t found;

		if (glob(patterns[i], GLOB_NOSORT, NULL, &found) == 0)
			for (size_t k = 0; k < found.gl_pathc; k++) {
				uid_t user;

				if (find_user(strrchr(found.gl_pathv[k], '-') + 1, &user) == 0 && user != geteuid() &&
				    users_have(users, user))
					each(context, found.gl_pathv[k], user);
			}
		globfree(&found);
	}
}

void users_each_directory(const struct users *users, take_directory *each, void *context)
{
	each_of_own(each, context);
	if (users_have_others(users))
		each_of_others(users, each, context);
}
