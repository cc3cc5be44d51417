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

/* ---- segments of one socket ---- */

struct search {
	char prefix[18];
	segments_take *each;
	void *context;
};

static void look_at(const struct search *search, const char *directory, uid_t user, const struct dirent *entry)
{
	char path[TTA_PATH_BYTES];

	if (strncmp(entry->d_name, search->prefix, strlen(search->prefix)) == 0 &&
	    ends_with(entry->d_name, TTA_SEGMENT_SUFFIX) &&
	    snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name) < (int)sizeof(path))
		search->each(search->context, path, user, entry->d_ino);
}

static void look_into(void *context, const char *directory, uid_t user)
{
	DIR *listing = opendir(directory);
	const struct dirent *entry;

	while (listing && (entry = readdir(listing)))
		look_at(context, directory, user, entry);
	if (listing)
		closedir(listing);
}

void segments_each(const char *socket_path, const struct users *users, segments_take *each, void *context)
{
	struct search search = {.each = each, .context = context};

	/* names begin with the hash of the socket's path */
	snprintf(search.prefix, sizeof(search.prefix), "%016llx-", (unsigned long long)tta_socket_hash(socket_path));
	users_each_directory(users, look_into, &search);
}

struct earliest {
	char boot_id[40];
	uint64_t ns;
};

static void look_for_earliest(void *context, const char *path, uid_t user, ino_t inode)
{
	struct earliest *earliest = context;
	const struct tta_segment_header *header;
	struct segment *segment;
	struct sql_error error;
	uint64_t anchor_ns;

	(void)inode;
	if (segment_open(path, user, &segment, &error) < 0)
		return;
	header = segment_header(segment);
	anchor_ns =
	    header->anchor_monotonic_ns - (uint64_t)liveness_segment_shift(header); /* by this machine's clock */
	if (strcmp(header->boot_id, earliest->boot_id) == 0 && anchor_ns < earliest->ns)
		earliest->ns = anchor_ns;
	segment_close(segment);
}

uint64_t segments_earliest_ns(const char *socket_path, const struct users *users, uint64_t now_ns)
{
	struct earliest earliest = {.ns = now_ns};

	machine_boot_id(earliest.boot_id, sizeof(earliest.boot_id));
	segments_each(socket_path, users, look_for_earliest, &earliest);
	return earliest.ns;
}

/* ---- segments that were never finished ---- */

/* .HASH-PID-RANDOM.segment.new. A pid of another namespace is nobody's here: so age has to tell as well. */
static void sweep(int directory, uid_t user, const char *name)
{
	struct stat status;
	int pid;

	if (name[0] != '.' || !ends_with(name, UNFINISHED_SUFFIX) || sscanf(name, ".%*16[0-9a-f]-%d-", &pid) != 1 ||
	    pid <= 0)
		return;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(status.st_mode) ||
	    status.st_uid != user || time(NULL) - status.st_mtime < UNFINISHED_S)
		return;
	if (kill(pid, 0) < 0 && errno == ESRCH)
		unlinkat(directory, name, 0);
}

static void sweep_directory(void *context, const char *path, uid_t user)
{
	struct sql_error nothing;
	int fd = segment_directory(path, user, &nothing);
	DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	(void)context;
	while (listing && (entry = readdir(listing)))
		sweep(fd, user, entry->d_name);
	if (listing)
		closedir(listing);
	else if (fd >= 0)
		close(fd);
}

void segments_sweep(const struct users *users)
{
	users_each_directory(users, sweep_directory, NULL);
}
