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

#include "command.h"
#include "sql/base/memory.h"
#include "sql/base/nearest.h"

#define SUFFIX ".sql"

struct verbs {
	struct verb *list;
	size_t count;
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
	return query->two_files ? "OLD NEW" : query->operand ? "[N] [FILE...]" : "[FILE...]";
}

static void add_builtin(struct verbs *verbs, const struct query *query)
{
	add(verbs, &(struct verb){.name = (char *)query->name, /* add() copies it */
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
	add(verbs, &(struct verb){.name = name, .path = path, .usage = "[FILE]"});
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
	for (size_t i = 0; command_verbs[i]; i++)
		add(verbs, &(struct verb){.name = (char *)command_verbs[i]->name,
		                          .own = command_verbs[i],
		                          .usage = command_verbs[i]->usage});
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
