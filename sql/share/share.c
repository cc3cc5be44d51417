/* SPDX-License-Identifier: Apache-2.0
 *
 * share.c - see share.h. The new database lies beside OUT while it is packed.
 */
#include "share.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kept.h"
#include "rows.h"
#include "sql/base/error.h"
#include "sql/packed/packed.h"
#include "sql/store/embedded.h"
#include "sql/store/new_file.h"
#include "sql/store/recording.h"

static int run(sqlite3 *db, const char *sql, const char *path, struct sql_error *error)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : sql_fail_db(error, path, db);
}

/* Says in the file what was left out of it. */
static int tell(sqlite3 *db, const struct share_options *options, const char *path, struct sql_error *error)
{
	static const struct {
		unsigned secret;
		const char *name;
	} names[] = {
	    {SHARE_STACKS, "stacks"},          {SHARE_PATHS, "paths"},  {SHARE_HOST, "host"}, {SHARE_USER, "user"},
	    {SHARE_COMMANDS, "command lines"}, {SHARE_LABELS, "labels"}};
	char *removed = NULL, *sql;

	if (!options->cut && !options->without)
		return 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (options->without & names[i].secret)
			removed = sqlite3_mprintf("%z%s%s", removed, removed ? ", " : "", names[i].name);
	/* a file that was shared before may lack more */
	sql = options->cut
	          ? sqlite3_mprintf("INSERT INTO share_info VALUES(1, %lld, %lld, %Q) ON CONFLICT DO UPDATE SET "
	                            "from_ns = excluded.from_ns, to_ns = excluded.to_ns, removed = "
	                            "coalesce(removed || ', ' || excluded.removed, removed, excluded.removed)",
	                            (long long)options->from_ns, (long long)options->to_ns, removed)
	          : sqlite3_mprintf("INSERT INTO share_info VALUES(1, NULL, NULL, %Q) ON CONFLICT DO UPDATE SET "
	                            "removed = coalesce(removed || ', ' || excluded.removed, removed, "
	                            "excluded.removed)",
	                            removed);
	int result = sql ? run(db, sql, path, error) : sql_fail(error, "%s: out of memory", path);
	sqlite3_free(removed);
	sqlite3_free(sql);
	return result;
}

static int fill(struct recording *recording, sqlite3 *db, const char *path, const struct share_options *options,
                struct secrets *secrets, struct sql_error *error)
{
	int result = run(db,
	                 "PRAGMA page_size = 16384; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
	                 "PRAGMA locking_mode = EXCLUSIVE; BEGIN",
	                 path, error);

	for (int version = 0; result == 0 && version < SQL_SCHEMA_VERSION; version++)
		result = run(db, sql_schemas[version], path, error);
	if (result == 0)
		result = run(db, sql_views, path, error);
	if (result == 0)
		result = rows_learn(recording, db, secrets, error);
	if (result == 0)
		result = rows_copy(recording, db, path, options, secrets, error);
	if (result == 0)
		result = tell(db, options, path, error);
	return result < 0 ? -1 : run(db, "COMMIT", path, error);
}

struct sharing {
	struct recording *recording;
	const char *path;
	const struct share_options *options;
};

/* Makes the new database in the file NAME. */
static int make_database(const struct sharing *sharing, const char *name, struct sql_error *error)
{
	const struct share_options *options = sharing->options;
	struct recording *recording = sharing->recording;
	const char *path = sharing->path;
	struct secrets *secrets = secrets_new(options->without, error);
	sqlite3 *db = NULL;
	int result = -1;

	if (!secrets)
		return -1;
	if (sqlite3_open_v2(name, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		sql_fail_db(error, path, db);
	else if (recording_begin(recording, error) == 0)
		result = fill(recording, db, path, options, secrets, error);
	recording_release(recording);
	sqlite3_close_v2(db);
	secrets_free(secrets);
	if (result == 0 && options->cut)
		result = kept_make_anew(name, path, error);
	return result;
}

/* Makes the new database beside MADE, and packs it into that. */
static int fill_packed(void *context, const char *made, struct sql_error *error)
{
	const struct sharing *sharing = context;
	char *name = NULL;
	int out = open(made, O_RDWR | O_CLOEXEC), database = -1, result = -1;

	if (out >= 0 && asprintf(&name, "%s.db", made) >= 0)
		database = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (database < 0) {
		sql_fail(error, "%s: %s", sharing->path, strerror(errno));
	} else {
		result = make_database(sharing, name, error);
		if (result == 0)
			result = packed_write(database, out, sharing->path, error);
		unlink(name);
		close(database);
	}
	if (out >= 0)
		close(out);
	free(name);
	return result;
}

int share_write(struct recording *recording, const char *path, const struct share_options *options,
                struct sql_error *error)
{
	struct sharing sharing = {recording, path, options};

	return new_file_make(path, options->force, fill_packed, &sharing, error);
}
