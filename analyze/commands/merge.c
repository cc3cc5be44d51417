/* SPDX-License-Identifier: Apache-2.0
 *
 * merge.c - the verb merge.
 */
#include "analyze/command.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "analyze/run.h"
#include "sql/answers/discover.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "sql/merge/merge.h"
#include "sql/store/file_of.h"
#include "sql/store/open.h"

static const struct option own_options[] = {
    {.name = "output",
     .letter = 'o',
     .type = OPTION_FILE,
     .placeholder = "OUT",
     .required = true,
     .help = "the recording to make"},
    {.name = "job",
     .type = OPTION_TEXT,
     .placeholder = "NAME",
     .help = "take the recordings of this job alone (%j of ttalloc-recorder -o)"},
};

struct files {
	char **paths;
	size_t count;
};

static void add_file(struct files *files, const char *path)
{
	files->paths = memory_append(files->paths, files->count, sizeof(*files->paths));
	files->paths[files->count++] = memory_text(path);
}

static void free_files(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	free(files->paths);
}

/* Recordings in the folder PATH, run-9 before run-10. */
static int add_folder(struct files *files, const char *path, const char *job, struct sql_error *error)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, versionsort);

	if (count < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	for (int i = 0; i < count; i++) {
		char *name;

		if (asprintf(&name, "%s/%s", path, entries[i]->d_name) < 0)
			memory_exhausted();
		if (discover_is_recording(name) && merge_is_part(name, job))
			add_file(files, name);
		free(name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int find_files(struct files *files, const struct arguments *arguments, struct sql_error *error)
{
	const char *job = arguments_text(arguments, "job");

	for (size_t i = 0; i < arguments->operand_count; i++) {
		const char *path = arguments->operands[i];

		if (!is_folder(path) && (!job || merge_is_part(path, job)))
			add_file(files, path);
		else if (is_folder(path) && add_folder(files, path, job, error) < 0)
			return -1;
	}
	if (arguments->operand_count == 0 && add_folder(files, ".", job, error) < 0)
		return -1;
	if (files->count == 0)
		return sql_fail(error, job ? "no recording of job '%s' there" : "no recording there", job);
	return 0;
}

/* Which file of its recording each is; those that cannot be read say so when they are opened. */
static struct file_of *identify(const struct files *files)
{
	struct file_of *of = memory_get(files->count, sizeof(*of));
	struct sql_error nothing;

	for (size_t i = 0; i < files->count; i++)
		if (file_of(files->paths[i], &of[i], &nothing) < 0)
			of[i].uuid[0] = '\0';
	return of;
}

static void join(char **path, const char *other)
{
	char *both;

	if (asprintf(&both, "%s%c%s", *path, RECORDING_AND, other) < 0)
		memory_exhausted();
	free(*path);
	*path = both;
}

/* Files of one recording (ttalloc-recorder --rotate) become one, which recording_open() takes. The same file twice is
 * none of those. */
static void join_files_of_one(struct files *files)
{
	struct file_of *of = identify(files);
	size_t kept = 0;

	for (size_t i = 0; i < files->count; i++) {
		size_t first = 0;

		while (first < kept &&
		       (!of[i].uuid[0] || strcmp(of[first].uuid, of[i].uuid) != 0 || of[first].number == of[i].number))
			first++;
		if (first < kept) {
			join(&files->paths[first], files->paths[i]);
			free(files->paths[i]);
			continue;
		}
		of[kept] = of[i];
		files->paths[kept++] = files->paths[i];
	}
	files->count = kept;
	free(of);
}

static void say_line(void *context, const char *line)
{
	if (!arguments_text(context, "quiet"))
		say("%s", line);
}

static enum status run(struct command *command)
{
	struct arguments *arguments = &command->arguments;
	const char *out = arguments_text(arguments, "output");
	struct merge_options options = {.version = ANALYZE_VERSION,
	                                .force = arguments_text(arguments, "force"),
	                                .say = say_line,
	                                .context = arguments};
	struct files files = {0};
	struct sql_error error;
	int result = find_files(&files, arguments, &error);

	if (result == 0) {
		join_files_of_one(&files);
		result = merge_recordings(out, (const char *const *)files.paths, files.count, &options, &error);
	}
	free_files(&files);
	if (result < 0)
		return command_trouble(&error);
	return run_request(&(struct request){
	    .verb = command->verb,
	    .statement =
	        "SELECT host, job, rank, offset_ns, clock, error_ns, shared_steps FROM recording_part ORDER BY part_id",
	    .file = out,
	    .arguments = arguments,
	});
}

const struct command_verb command_merge = {
    .name = "merge",
    .summary = "put recordings of several processes, ranks and hosts together into one",
    .usage = "[FILE|FOLDER]...",
    .about =
        "OUT is a recording like any other, on one time; a FOLDER stands for the recordings in it, the current one "
        "where none is named. Recordings of one boot have one clock (monotonic): their times are exact. Those of other "
        "hosts are laid by their wall clocks, corrected by the steps and snapshots that both name (steps), and "
        "error_ns "
        "is how far off that may be; without such steps it is not known (wall). The same chip of a host, by its unique "
        "id, "
        "is one device; chips of other hosts are others, with numbers from 256 on where theirs are taken. "
        "'peak --by host', 'rank' and 'process' tell each one's share. Several files of one recording "
        "(--rotate) are one part. Parts of different jobs are refused without "
        "--force, which also replaces OUT. It is complete only if all parts are.",
    .shared = "limit format json no-header color strict quiet force help version",
    .options = own_options,
    .option_count = sizeof own_options / sizeof *own_options,
    .run = run,
};
