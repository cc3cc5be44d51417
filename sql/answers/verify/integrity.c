/* SPDX-License-Identifier: Apache-2.0
 *
 * integrity.c - verify: the file as SQLite sees it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "findings.h"
#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/store/recording.h"

enum outcome { OUTCOME_CHECKED, OUTCOME_FAILED, OUTCOME_NOT_OPENED };

struct integrity {
	pthread_t thread;
	bool is_running;
	char *path;
	char **texts; /* what was found */
	size_t count, capacity;
	enum outcome outcome;
	struct sql_error error; /* of OUTCOME_FAILED */
};

static int keep_text(struct integrity *integrity, const char *text)
{
	char *copy = strdup(text);

	if (!copy || array_reserve(&integrity->texts, &integrity->capacity, integrity->count) < 0) {
		free(copy);
		return sql_fail(&integrity->error, "out of memory");
	}
	integrity->texts[integrity->count++] = copy;
	return 0;
}

static void check(struct integrity *integrity, struct recording *recording)
{
	sqlite3_stmt *rows = recording_prepare(recording, "PRAGMA main.integrity_check", &integrity->error);
	int state = -1;

	while (rows && (state = recording_step(recording, rows, &integrity->error)) == 1) {
		const char *text = (const char *)sqlite3_column_text(rows, 0);

		if (text && sqlite3_stricmp(text, "ok") != 0 && keep_text(integrity, text) < 0) {
			state = -1;
			break;
		}
	}
	sqlite3_finalize(rows);
	integrity->outcome = state < 0 ? OUTCOME_FAILED : OUTCOME_CHECKED;
}

static void *run(void *context)
{
	struct integrity *integrity = context;
	struct recording *recording = recording_open(integrity->path, &integrity->error);

	if (recording)
		check(integrity, recording);
	recording_close(recording);
	return NULL;
}

struct integrity *integrity_start(const char *path)
{
	struct integrity *integrity = calloc(1, sizeof(*integrity));

	if (!integrity)
		return NULL;
	integrity->outcome = OUTCOME_NOT_OPENED;
	integrity->path = strdup(path);
	integrity->is_running = integrity->path && pthread_create(&integrity->thread, NULL, run, integrity) == 0;
	return integrity;
}

void integrity_finish(struct integrity *integrity, struct findings *findings)
{
	if (!integrity) {
		findings->failed = true;
		return;
	}
	if (integrity->is_running)
		pthread_join(integrity->thread, NULL);
	/* its name may have gone meanwhile, or there is no thread to be had */
	if (integrity->outcome == OUTCOME_NOT_OPENED)
		check(integrity, findings->call->recording);
	for (size_t i = 0; i < integrity->count; i++) {
		findings_add(findings, "integrity", "file", "%s", integrity->texts[i]);
		free(integrity->texts[i]);
	}
	if (integrity->outcome == OUTCOME_FAILED)
		findings_add(findings, "integrity", "file", "%s", integrity->error.text);
	free(integrity->texts);
	free(integrity->path);
	free(integrity);
}
