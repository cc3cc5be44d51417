/* SPDX-License-Identifier: Apache-2.0
 *
 * verbs.c - see verbs.h.
 */
#include "verbs.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/memory.h"
#include "nearest.h"

#define SUFFIX ".sql"

struct verbs {
	struct verb *list;
	size_t count;
};

/* Verbs that are no queries. */
static const struct verb own_verbs[] = {
    {.name = "copy",
     .kind = VERB_COPY,
     .summary = "make one consistent file of a recording, also of one in progress",
     .usage = "RUN OUT",
     .about = "OUT is a single file that opens anywhere, in a folder without write permission too. It must not exist "
              "unless --force is given."},
    {.name = "report",
     .kind = VERB_REPORT,
     .summary = "write a page with everything about a recording, to look at and to send",
     .usage = "[FILE]",
     .about =
         "OUT is one HTML file of at most 3 MB that any browser opens, without a network: the time line and the "
         "address map of each device and region, what was live at any moment, why requests failed, what leaked, "
         "and more, each with the command that gives its figures. Devices that are alike are drawn once. It holds "
         "what its panels show of labels, files and commands ('ttalloc-analyze info' lists such texts), and none of "
         "it can run in the browser."},
    {.name = "sql",
     .kind = VERB_SQL,
     .summary = "run a statement of your own, read-only",
     .usage = "[STATEMENT|-] [FILE]",
     .about = "The statement may use the views (allocation, event, process, thread, device, label, step, kernel, "
              "failure, loss, recording, usage, stack, module) and the table-valued functions. Without STATEMENT, or "
              "for -, it is read "
              "from standard input. Of one operand, an existing file is FILE."},
    {.name = "symbolize",
     .kind = VERB_SYMBOLIZE,
     .summary = "look up the functions of call stacks, where the programs are installed",
     .usage = "[FILE]",
     .about = "The recorder does that when a recording ends; this is for one that was made with --no-symbols, or "
              "killed, or for debug information that was installed since. What is found is stored in the file, which "
              "may then go elsewhere. Only files with the recorded build id are read, and never the network. Says of "
              "each program and library how many places in it stacks name, and what was found, or why nothing was. "
              "With --force also those are looked up again of which not all was found."},
    {.name = "watch",
     .kind = VERB_WATCH,
     .summary = "follow a recording in the terminal, also one that is yet to begin",
     .usage = "[FILE]",
     .about = "Shows of each device how full its regions are, with their peaks and trends, processes, the labels that "
              "hold most, the rate of events, and loss. Keys: tab, arrows, digits and a choose devices, s sorts "
              "processes, p pauses, h helps, q quits. Where standard output is no terminal it prints plain text, "
              "until the recording has ended."},
    {.name = "metrics",
     .kind = VERB_METRICS,
     .summary = "the present state as metrics for Prometheus, once, in a file, or served",
     .usage = "[FILE]",
     .about = "What lives now, peaks, banks, the largest free piece and fragmentation by device and region, what each "
              "process "
              "holds (of programs the name alone), events, failures and losses. Of processes the 32 that hold most "
              "have series of "
              "their own in each device and region; the others are summed up. Also by ttalloc-recorder --metrics."},
    {.name = "export",
     .kind = VERB_EXPORT,
     .summary = "write a recording as another program reads it",
     .usage = "[FILE]",
     .about = "Exporting to a ClickHouse server may be done again, and goes on where it was interrupted: rows of the "
              "same key replace "
              "each other there. A recording in progress goes over as of now."},
    {.name = "fleet",
     .kind = VERB_FLEET,
     .summary = "ask a ClickHouse server about the recordings of many hosts",
     .usage = "QUESTION",
     .about = "QUESTION is peak, leaks, growth, failures, fragmentation, regressions, outliers, or job: files of "
              "sql/clickhouse/queries, which "
              "work in clickhouse-client, too. Recordings come there by 'export --to clickhouse'."},
    {.name = "help", .kind = VERB_HELP, .summary = "explain a verb, its options and its columns", .usage = "[VERB]"},
};

static struct verb *add(struct verbs *verbs, const struct verb *verb)
{
	verbs->list = memory_append(verbs->list, verbs->count, sizeof *verbs->list);
	struct verb *added = &verbs->list[verbs->count++];
	*added = *verb;
	added->name = memory_text(verb->name);
	return added;
}

static const char *usage_of(const struct query *query)
{
	return query->two_files ? "OLD NEW" : "[FILE]";
}

static void add_builtin(struct verbs *verbs, const struct query *query)
{
	add(verbs, &(struct verb){.name = (char *)query->name, /* add() copies it */
	                          .kind = VERB_QUERY,
	                          .query = query,
	                          .usage = usage_of(query)});
}

/* NAME of NAME.sql, when it can be a verb. */
static bool verb_name(char *out, size_t size, const char *file)
{
	size_t length = strlen(file);
	if (length <= strlen(SUFFIX) || length - strlen(SUFFIX) >= size || !isalnum((unsigned char)file[0]))
		return false;
	length -= strlen(SUFFIX);
	if (strcmp(file + length, SUFFIX) != 0)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isalnum((unsigned char)file[i]) && file[i] != '-' && file[i] != '_')
			return false;
	memcpy(out, file, length);
	out[length] = '\0';
	return true;
}

static void add_user(struct verbs *verbs, const char *directory, const char *file)
{
	char name[64];
	if (!verb_name(name, sizeof name, file) || verbs_find(verbs, name))
		return;
	char *path = memory_get(strlen(directory) + strlen(file) + 2, 1);
	sprintf(path, "%s/%s", directory, file);
	add(verbs, &(struct verb){.name = name, .kind = VERB_QUERY, .path = path, .usage = "[FILE]"});
}

static void add_directory(struct verbs *verbs, const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, alphasort);
	if (count < 0) /* most people have none */
		return;
	for (int i = 0; i < count; i++) {
		add_user(verbs, directory, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

static void add_path_list(struct verbs *verbs, const char *path)
{
	char *copy = memory_text(path), *rest = copy, *directory;
	while ((directory = strsep(&rest, ":")))
		if (directory[0] != '\0')
			add_directory(verbs, directory);
	free(copy);
}

static void add_configured(struct verbs *verbs)
{
	char directory[4096];
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (config && config[0] == '/') /* the specification has relative ones ignored */
		snprintf(directory, sizeof directory, "%s/ttalloc/queries", config);
	else if (home && home[0] != '\0')
		snprintf(directory, sizeof directory, "%s/.config/ttalloc/queries", home);
	else
		return;
	add_directory(verbs, directory);
}

struct verbs *verbs_new(const char *const *path, size_t count)
{
	struct verbs *verbs = memory_get(1, sizeof *verbs);
	const struct query *query;
	for (size_t i = 0; (query = query_builtin(i)); i++)
		add_builtin(verbs, query);
	for (size_t i = 0; i < sizeof own_verbs / sizeof *own_verbs; i++)
		add(verbs, &own_verbs[i]);
	for (size_t i = 0; i < count; i++)
		add_directory(verbs, path[i]);
	if (getenv("TTALLOC_QUERY_PATH"))
		add_path_list(verbs, getenv("TTALLOC_QUERY_PATH"));
	add_configured(verbs);
	return verbs;
}

void verbs_free(struct verbs *verbs)
{
	for (size_t i = 0; i < verbs->count; i++) {
		free(verbs->list[i].name);
		free(verbs->list[i].path);
		if (verbs->list[i].loaded)
			query_free(verbs->list[i].loaded);
	}
	free(verbs->list);
	free(verbs);
}

size_t verbs_count(const struct verbs *verbs)
{
	return verbs->count;
}

struct verb *verbs_at(struct verbs *verbs, size_t index)
{
	return &verbs->list[index];
}

struct verb *verbs_find(struct verbs *verbs, const char *name)
{
	for (size_t i = 0; i < verbs->count; i++)
		if (strcmp(verbs->list[i].name, name) == 0)
			return &verbs->list[i];
	return NULL;
}

const struct query *verb_query(struct verb *verb, struct sql_error *error)
{
	if (!verb->query && verb->path) {
		verb->query = verb->loaded = query_load(verb->path, error);
		if (verb->query)
			verb->usage = usage_of(verb->query);
	}
	return verb->query;
}

const char *verbs_nearest(struct verbs *verbs, const char *name)
{
	const char **names = memory_get(verbs->count, sizeof *names);
	for (size_t i = 0; i < verbs->count; i++)
		names[i] = verbs->list[i].name;
	const char *found = nearest(name, names, verbs->count);
	free(names);
	return found;
}
