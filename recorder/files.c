/* SPDX-License-Identifier: Apache-2.0
 *
 * files.c - see files.h. But for what other threads ask, all of it is the committing thread's while that runs.
 */
#include "files.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "sql/store/file_of.h"
#include "sql/store/open.h"

/* Where a pattern has the number: as it is, or ".N" that the first file does not have. */
#define NUMBER OUTPUT_NUMBER
#define LATER_NUMBER '\2'
#define NAMES_TRIED 10000

/* ---- names ---- */

int files_pattern(char name[static PATH_MAX], struct sql_error *error)
{
	const char *slash = strrchr(name, '/'), *base = slash ? slash + 1 : name, *dot = strrchr(base, '.');
	size_t at = dot && dot > base ? (size_t)(dot - name) : strlen(name);

	if (strchr(name, NUMBER))
		return 0;
	if (strlen(name) + 16 >= PATH_MAX)
		return sql_fail(error, "the name '%.80s...' is too long", name);
	memmove(name + at + 1, name + at, strlen(name + at) + 1);
	name[at] = LATER_NUMBER;
	return 0;
}

void files_name(const char *pattern, uint32_t number, char path[static PATH_MAX])
{
	size_t used = 0;

	for (const char *c = pattern; *c && used + 16 < PATH_MAX; c++) {
		if (*c == NUMBER)
			used += (size_t)sprintf(path + used, "%u", number);
		else if (*c == LATER_NUMBER && number)
			used += (size_t)sprintf(path + used, ".%u", number);
		else if (*c != LATER_NUMBER)
			path[used++] = *c;
	}
	path[used] = '\0';
}

static bool exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* The number that NAME, of a file in its directory, has by PATTERN; -1: none. */
static int64_t number_of(const char *pattern, const char *directory, const char *name)
{
	char path[PATH_MAX], tried[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s%s%s", directory, *directory ? "/" : "", name);

	if (length < 0 || (size_t)length >= sizeof(path))
		return -1;
	for (const char *c = name; *c; c++) {
		char *end;
		unsigned long number;

		if (!isdigit((unsigned char)*c) || (c > name && isdigit((unsigned char)c[-1])))
			continue;
		number = strtoul(c, &end, 10);
		files_name(pattern, (uint32_t)number, tried);
		if (number <= INT32_MAX && strcmp(tried, path) == 0)
			return (int64_t)number;
	}
	files_name(pattern, 0, tried);
	return strcmp(tried, path) == 0 ? 0 : -1;
}

/* Calls EACH for all files by PATTERN that are of the recording UUID; NULL: of any. */
static void each_file(const char *pattern, const char *uuid,
                      void (*each)(void *context, uint32_t number, const char *path), void *context)
{
	const char *slash = strrchr(pattern, '/');
	char directory[PATH_MAX] = "", path[PATH_MAX];
	struct dirent *entry;
	struct sql_error ignored;
	struct file_of of;
	DIR *opened;

	if (slash)
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - pattern), pattern);
	opened = opendir(slash ? (*directory ? directory : "/") : ".");
	while (opened && (entry = readdir(opened))) {
		int64_t number = number_of(pattern, directory, entry->d_name);

		if (number < 0)
			continue;
		files_name(pattern, (uint32_t)number, path);
		if (file_of(path, &of, &ignored) == 0 && (!uuid || strcmp(of.uuid, uuid) == 0))
			each(context, (uint32_t)number, path);
	}
	if (opened)
		closedir(opened);
}

struct last {
	uint32_t number;
	char path[PATH_MAX];
};

static void take_last(void *context, uint32_t number, const char *path)
{
	struct last *last = context;

	if (number < last->number)
		return;
	last->number = number;
	snprintf(last->path, sizeof(last->path), "%s", path);
}

/* Makes of RUN\2.3.db, the pattern of a file that is number 3 of its recording, RUN\2.db. */
static void take_number_out(char pattern[static PATH_MAX], int64_t number)
{
	char text[24], *place = strchr(pattern, LATER_NUMBER);
	size_t length = (size_t)snprintf(text, sizeof(text), ".%lld", (long long)number);

	if (number == 0 || !place || (size_t)(place - pattern) <= length || memcmp(place - length, text, length) != 0)
		return;
	memmove(place - length, place, strlen(place) + 1);
}

uint32_t files_last(char pattern[static PATH_MAX], char path[static PATH_MAX])
{
	struct last last = {.number = 0};
	struct sql_error ignored;
	struct file_of of;
	bool is_there = file_of(path, &of, &ignored) == 0;

	snprintf(last.path, sizeof(last.path), "%s", path);
	if (is_there)
		take_number_out(pattern, of.number);
	else if (exists(path))
		return 0;
	each_file(pattern, is_there ? of.uuid : NULL, take_last, &last);
	snprintf(path, PATH_MAX, "%s", last.path);
	return last.number;
}

/* ---- which there are ---- */

static uint64_t bytes_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
}

static void set_older_bytes(struct files *files)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < files->older_count; i++)
		bytes += files->older[i].bytes;
	pthread_mutex_lock(&files->lock);
	files->older_bytes = bytes;
	pthread_mutex_unlock(&files->lock);
}

static void add_older(struct files *files, const char *path)
{
	files->older = memory_room(files->older, files->older_count, &files->older_capacity, sizeof(*files->older));
	files->older[files->older_count++] =
	    (struct recorded_file){.path = memory_or_die(strdup(path)), .bytes = bytes_of(path)};
}

static void remove_oldest(struct files *files)
{
	struct recorded_file *oldest = &files->older[0];
	struct sql_error error;

	if (output_remove(oldest->path, &error) < 0)
		say("%s; it stays", error.text);
	free(oldest->path);
	memmove(oldest, oldest + 1, --files->older_count * sizeof(*oldest));
}

/* Removes what is more than MOST files before the present one, or too large together with PRESENT_BYTES. */
static void make_room(struct files *files, size_t most, uint64_t present_bytes)
{
	const struct limits *limits = files->limits;

	if (!limits->keep_files)
		return;
	while (files->older_count > most)
		remove_oldest(files);
	set_older_bytes(files);
	while (limits->most_bytes && files->older_count && files->older_bytes + present_bytes > limits->most_bytes) {
		remove_oldest(files);
		set_older_bytes(files);
	}
}

/* ---- the next one ---- */

/* Names that are taken are left out. */
static int choose_next(struct files *files, struct sql_error *error)
{
	char path[PATH_MAX];
	uint32_t number = files->number;

	for (int tries = 0; tries < NAMES_TRIED; tries++) {
		files_name(files->pattern, ++number, path);
		if (exists(path) && !files->force)
			continue;
		if (output_prepare(&files->next, path, false, files->force, error) < 0)
			return -1;
		files->number = number;
		return 0;
	}
	return sql_fail(error, "%s: all names for a further file are taken; trying again", files->output->path);
}

/* What has to go for it goes before, so that there is room. */
static int name_next(void *context, const char **path, struct sql_error *error)
{
	struct files *files = context;
	uint32_t keep = files->limits->keep_files;

	make_room(files, keep > 2 ? keep - 2 : 0, files->limits->most_bytes / 2);
	if (files->next.lock_fd < 0 && choose_next(files, error) < 0)
		return -1;
	*path = files->next.path;
	return 0;
}

static void take_next(void *context, bool begun)
{
	struct files *files = context;

	if (!begun)
		return;
	output_release(files->output, false);
	add_older(files, files->output->path);
	*files->output = files->next;
	files->next.lock_fd = -1;
	pthread_mutex_lock(&files->lock);
	files->begun++;
	snprintf(files->path, sizeof(files->path), "%s", files->output->path);
	pthread_mutex_unlock(&files->lock);
	make_room(files, files->limits->keep_files - 1, files->limits->file_bytes);
	set_older_bytes(files);
}

struct ingest_files files_for_ingest(struct files *files)
{
	return (struct ingest_files){.most_bytes = files->limits->file_bytes,
	                             .most_ns = files->limits->file_ns,
	                             .next = name_next,
	                             .done = take_next,
	                             .context = files};
}

char *files_as_one(const struct files *files, uint64_t most_bytes)
{
	const char *present = files->output->path;
	uint64_t bytes = bytes_of(present);
	size_t length = strlen(present) + 1;
	char *names, *end;

	for (size_t i = 0; i < files->older_count; i++) {
		bytes += files->older[i].bytes;
		length += strlen(files->older[i].path) + 1;
	}
	if (bytes > most_bytes)
		return NULL;
	names = end = memory_zeroed(length);
	for (size_t i = 0; i < files->older_count; i++)
		end += sprintf(end, "%s%c", files->older[i].path, RECORDING_AND);
	strcpy(end, present);
	return names;
}

/* ---- all of it ---- */

static int compare_numbers(const void *a, const void *b)
{
	uint32_t first = ((const struct last *)a)->number, second = ((const struct last *)b)->number;

	return (first > second) - (first < second);
}

struct found {
	struct last *files;
	size_t count, capacity;
};

static void take_found(void *context, uint32_t number, const char *path)
{
	struct found *found = context;

	found->files = memory_room(found->files, found->count, &found->capacity, sizeof(*found->files));
	found->files[found->count].number = number;
	snprintf(found->files[found->count++].path, PATH_MAX, "%s", path);
}

/* Those before a file that goes on. */
static void find_older(struct files *files)
{
	struct found found = {.count = 0};
	struct sql_error ignored;
	struct file_of of;

	if (file_of(files->output->path, &of, &ignored) == 0)
		each_file(files->pattern, of.uuid, take_found, &found);
	if (found.count)
		qsort(found.files, found.count, sizeof(*found.files), compare_numbers);
	for (size_t i = 0; i < found.count && found.files[i].number < files->number; i++)
		add_older(files, found.files[i].path);
	free(found.files);
	set_older_bytes(files);
}

void files_begin(struct files *files, const struct limits *limits, const char *pattern, struct output *output,
                 uint32_t number, bool force)
{
	*files = (struct files){
	    .limits = limits, .output = output, .next = {.lock_fd = -1}, .number = number, .force = force};
	snprintf(files->pattern, sizeof(files->pattern), "%s", pattern);
	snprintf(files->path, sizeof(files->path), "%s", output->path);
	pthread_mutex_init(&files->lock, NULL);
	if (number)
		find_older(files);
}

void files_end(struct files *files)
{
	output_release(&files->next, true);
	for (size_t i = 0; i < files->older_count; i++)
		free(files->older[i].path);
	free(files->older);
	pthread_mutex_destroy(&files->lock);
}

uint32_t files_begun(struct files *files)
{
	uint32_t begun;

	pthread_mutex_lock(&files->lock);
	begun = files->begun;
	pthread_mutex_unlock(&files->lock);
	return begun;
}

uint64_t files_older_bytes(struct files *files)
{
	uint64_t bytes;

	pthread_mutex_lock(&files->lock);
	bytes = files->older_bytes;
	pthread_mutex_unlock(&files->lock);
	return bytes;
}

void files_present(struct files *files, char path[static PATH_MAX])
{
	pthread_mutex_lock(&files->lock);
	snprintf(path, PATH_MAX, "%s", files->path);
	pthread_mutex_unlock(&files->lock);
}
