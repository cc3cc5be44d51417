/* SPDX-License-Identifier: Apache-2.0
 *
 * source.c - see source.h.
 */
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sql/answers/discover.h"
#include "sql/base/error.h"
#include "sql/answers/query.h"
#include "sql/base/machine.h"

#define READ_SHARE 50    /* of the time, one part for reading */
#define GROUPS_SHARE 200 /* and for labels */
#define GROUPS_BUDGET_NS INT64_C(60000000)
#define GROUPS_PATIENT_NS INT64_C(2000000000)
#define GROUPS_LEAST_NS INT64_C(1000000000)

void source_init(struct source *source, const char *named)
{
	*source = (struct source){.named = named};
	if (named)
		snprintf(source->path, sizeof source->path, "%s", named);
}

/* False: there is no such file. */
static bool take_stamp(const char *path, struct stamp *stamp)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return false;
	*stamp = (struct stamp){.device = status.st_dev,
	                        .inode = status.st_ino,
	                        .bytes = status.st_size,
	                        .modified_ns = (int64_t)status.st_mtim.tv_sec * 1000000000 + status.st_mtim.tv_nsec};
	return true;
}

static bool same(const struct stamp *a, const struct stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->bytes == b->bytes &&
	       a->modified_ns == b->modified_ns;
}

static int read_model(struct source *source, struct model *model, bool patient, struct sql_error *error)
{
	int64_t before_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID), now_ns = monotonic_ns();
	struct recording *recording = recording_open(source->path, error);
	if (!recording)
		return -1;
	int result = live_read(&model->live, recording, error);
	if (result < 0) /* half a state is none */
		live_clear(&model->live);
	int64_t read_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns;
	source->groups_stale = !patient && !model->live.ended && now_ns < source->next_groups_ns;
	if (result == 0 && !source->groups_stale) {
		int64_t budget_ns = patient ? GROUPS_PATIENT_NS : GROUPS_BUDGET_NS;
		result = live_read_groups(&model->live, recording, budget_ns, error);
		int64_t cost_ns = (clock_ns(CLOCK_THREAD_CPUTIME_ID) - before_ns - read_ns) * GROUPS_SHARE;
		source->next_groups_ns = now_ns + (cost_ns > GROUPS_LEAST_NS ? cost_ns : GROUPS_LEAST_NS);
	}
	recording_close(recording);
	source->next_read_ns = now_ns + read_ns * READ_SHARE;
	return result;
}

/* Where no file is named, the newest recording here is taken, and kept. */
static bool find_path(struct source *source, struct sql_error *error)
{
	if (source->path[0] != '\0')
		return true;
	if (discover(source->path, sizeof source->path, ".", error) == 0)
		return true;
	source->path[0] = '\0';
	sql_fail(error, "waiting for a recording in this directory");
	return false;
}

enum source_result source_refresh(struct source *source, struct model *model, bool patient, struct sql_error *error)
{
	char wal[PATH_MAX + 8];
	struct stamp file = {0}, beside = {0};
	if (!find_path(source, error))
		return SOURCE_WAITING;
	snprintf(wal, sizeof wal, "%s-wal", source->path);
	bool has_wal = take_stamp(wal, &beside);
	if (!take_stamp(source->path, &file)) {
		bool absent = errno == ENOENT || errno == ENOTDIR;
		source->has_read = false;
		sql_fail(error, absent ? "waiting for %s" : "%s: %s", source->path, strerror(errno));
		return absent ? SOURCE_WAITING : SOURCE_TROUBLE;
	}
	if (file.bytes == 0 && !has_wal) { /* just made */
		sql_fail(error, "waiting for %s", source->path);
		return SOURCE_WAITING;
	}
	bool groups_due = source->groups_stale && monotonic_ns() >= source->next_groups_ns;
	if (source->has_read && same(&file, &source->file) && same(&beside, &source->wal) && !groups_due)
		return SOURCE_SAME;
	if (source->has_read && !patient && file.inode == source->file.inode && monotonic_ns() < source->next_read_ns)
		return SOURCE_SAME;
	source->has_read = false;
	if (read_model(source, model, patient, error) < 0)
		return SOURCE_TROUBLE;
	source->has_read = true;
	source->file = file;
	source->wal = beside;
	return SOURCE_READ;
}
