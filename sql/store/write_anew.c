/* SPDX-License-Identifier: Apache-2.0
 *
 * write_anew.c - a recording that was deleted, moved or replaced while it was made. SQLite still holds what has lost
 * its name, so all of it can be written once more.
 */
#include "write_anew.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "writer.h"

#define NAMES_TRIED 100

bool write_lost_its_name(struct writer *writer)
{
	int moved = 0;

	return sqlite3_file_control(writer->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved;
}

/* 0, or -1 with WHY: what was recorded is then at PATH, which did not exist. */
static int write_at(struct writer *writer, const char *path, struct sql_error *why)
{
	struct recording whole = {.db = writer->db, .path = writer->path};

	return recording_copy(&whole, path, false, why);
}

/* Whether this process has FILE open. */
static bool have_open(const struct stat *file)
{
	DIR *descriptors = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat other;
	bool found = false;

	while (descriptors && !found && (entry = readdir(descriptors)))
		found = fstatat(dirfd(descriptors), entry->d_name, &other, 0) == 0 && other.st_dev == file->st_dev &&
		        other.st_ino == file->st_ino;
	if (descriptors)
		closedir(descriptors);
	return found;
}

/* Removes what belongs to the file that had the name, and would be taken for a part of the one that has it now. */
static void remove_companions(const char *path)
{
	static const char *const suffixes[] = {"-wal", "-shm"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		struct stat file;
		char *name;

		if (asprintf(&name, "%s%s", path, suffixes[i]) < 0)
			continue;
		if (stat(name, &file) == 0 && have_open(&file))
			unlink(name);
		free(name);
	}
}

/* Writes beside PATH, which is another file's name now, under a name that is free. That name, or NULL and WHY. */
static char *write_beside(struct writer *writer, const char *path, struct sql_error *why)
{
	char *other;

	for (int i = 0; i < NAMES_TRIED; i++) {
		if ((i == 0 ? asprintf(&other, "%s.recorded", path) : asprintf(&other, "%s.recorded.%d", path, i)) < 0)
			return NULL;
		if (write_at(writer, other, why) == 0)
			return other;
		bool is_taken = access(other, F_OK) == 0;
		free(other);
		if (!is_taken)
			return NULL;
	}
	return NULL;
}

void write_anew(struct writer *writer, struct sql_error *error)
{
	struct sql_error why = {.text = "no memory"};
	const char *path = writer->path;
	bool is_replaced = access(path, F_OK) == 0;
	char *other;

	remove_companions(path);
	if (!is_replaced && write_at(writer, path, &why) == 0) {
		snprintf(error->text, sizeof(error->text),
		         "%.400s was deleted or moved while it was recorded; it has been written anew", path);
		return;
	}
	/* another file has the name, and is left alone */
	other = is_replaced ? write_beside(writer, path, &why) : NULL;
	if (other)
		snprintf(error->text, sizeof(error->text),
		         "%.200s was replaced while it was recorded; what was recorded is in %.200s", path, other);
	else
		snprintf(error->text, sizeof(error->text),
		         "%.200s was %s while it was recorded, and cannot be written anew: %.200s", path,
		         is_replaced ? "replaced" : "deleted or moved", why.text);
	free(other);
}
