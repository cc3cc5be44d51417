/* SPDX-License-Identifier: Apache-2.0
 *
 * segments.c - what lies in the directories of segments.
 */
#include "segments.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "liveness.h"
#include "segment.h"
#include "ttalloc/paths.h"
#include "ttalloc/wire.h"
#include "sql/base/machine.h"

#define UNFINISHED_SUFFIX TTA_SEGMENT_SUFFIX ".new"
#define UNFINISHED_S 10 /* making a segment takes milliseconds */

static bool ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), suffix_length = strlen(suffix);

	return length > suffix_length && strcmp(name + length - suffix_length, suffix) == 0;
}

/* Calls EACH for every file of every directory. */
static void each_file(void (*each)(void *context, const char *directory, const struct dirent *entry), void *context)
{
	char directory[TTA_PATH_BYTES];

	for (int i = 0; i < TTA_SEGMENT_ROOTS; i++) {
		int length = tta_segment_directory(i, directory, sizeof(directory));
		DIR *listing = length > 0 && length < (int)sizeof(directory) ? opendir(directory) : NULL;
		const struct dirent *entry;

		while (listing && (entry = readdir(listing)))
			each(context, directory, entry);
		if (listing)
			closedir(listing);
	}
}

/* ---- segments of one socket ---- */

struct search {
	char prefix[18];
	void (*each)(void *context, const char *path, ino_t inode);
	void *context;
};

static void look_at(void *context, const char *directory, const struct dirent *entry)
{
	const struct search *search = context;
	char path[TTA_PATH_BYTES];

	if (strncmp(entry->d_name, search->prefix, strlen(search->prefix)) == 0 &&
	    ends_with(entry->d_name, TTA_SEGMENT_SUFFIX) &&
	    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) < (int)sizeof(path))
		search->each(search->context, path, entry->d_ino);
}

void segments_each(const char *socket_path, void (*each)(void *context, const char *path, ino_t inode), void *context)
{
	struct search search = {.each = each, .context = context};

	/* names begin with the hash of the socket's path */
	snprintf(search.prefix, sizeof(search.prefix), "%016llx-", (unsigned long long)tta_socket_hash(socket_path));
	each_file(look_at, &search);
}

struct earliest {
	char boot_id[40];
	uint64_t ns;
};

static void look_for_earliest(void *context, const char *path, ino_t inode)
{
	struct earliest *earliest = context;
	const struct tta_segment_header *header;
	struct segment *segment;
	struct sql_error error;

	(void)inode;
	if (segment_open(path, geteuid(), &segment, &error) < 0)
		return;
	header = segment_header(segment);
	if (strcmp(header->boot_id, earliest->boot_id) == 0 && header->anchor_monotonic_ns < earliest->ns)
		earliest->ns = header->anchor_monotonic_ns;
	segment_close(segment);
}

uint64_t segments_earliest_ns(const char *socket_path, uint64_t now_ns)
{
	struct earliest earliest = {.ns = now_ns};

	machine_boot_id(earliest.boot_id, sizeof(earliest.boot_id));
	segments_each(socket_path, look_for_earliest, &earliest);
	return earliest.ns;
}

/* ---- segments that were never finished ---- */

/* .HASH-PID-RANDOM.segment.new. A pid of another namespace is nobody's here: so age has to tell as well. */
static void sweep(void *context, const char *directory, const struct dirent *entry)
{
	char path[TTA_PATH_BYTES];
	struct stat status;
	int pid;

	(void)context;
	if (entry->d_name[0] != '.' || !ends_with(entry->d_name, UNFINISHED_SUFFIX) ||
	    sscanf(entry->d_name, ".%*16[0-9a-f]-%d-", &pid) != 1 || pid <= 0 ||
	    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) >= (int)sizeof(path))
		return;
	if (lstat(path, &status) < 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
	    time(NULL) - status.st_mtime < UNFINISHED_S)
		return;
	if (kill(pid, 0) < 0 && errno == ESRCH)
		unlink(path);
}

void segments_sweep(void)
{
	each_file(sweep, NULL);
}
