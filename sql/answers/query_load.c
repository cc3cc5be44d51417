/* SPDX-License-Identifier: Apache-2.0
 *
 * query_load.c - where queries come from: those embedded in the library, and users' files.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sql/base/error.h"
#include "query_file.h"
#include "sql/store/embedded.h"

#define QUERY_FILE_MAX_BYTES (1 << 20)
#define BUILTIN_MAX 64

/* The built-in queries, parsed once; never changed and never freed afterwards. */
static struct {
	pthread_once_t once;
	size_t count;
	struct query_file list[BUILTIN_MAX];
} builtin = {.once = PTHREAD_ONCE_INIT};

static void parse_builtin(void)
{
	struct sql_error error;

	for (const struct sql_text *query = sql_queries; query->name && builtin.count < BUILTIN_MAX; query++) {
		if (query_file_parse(&builtin.list[builtin.count], query->name, query->text, &error) < 0) {
			fprintf(stderr, "built-in query: %s\n", error.text);
			abort(); /* the unit tests have seen each of them parsed */
		}
		builtin.count++;
	}
}

const struct query *query_builtin(size_t index)
{
	pthread_once(&builtin.once, parse_builtin);
	return index < builtin.count ? &builtin.list[index].query : NULL;
}

/* All of the file, NUL-terminated; NULL with ERROR. */
static char *read_text(const char *path, struct sql_error *error)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	char *text = NULL;

	if (!file || fstat(fileno(file), &status) < 0)
		sql_fail(error, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(status.st_mode))
		sql_fail(error, "%s: not a file", path);
	else if (!(text = calloc(1, QUERY_FILE_MAX_BYTES + 1)))
		sql_fail(error, "%s: out of memory", path);
	else if (fread(text, 1, QUERY_FILE_MAX_BYTES + 1, file) > QUERY_FILE_MAX_BYTES)
		sql_fail(error, "%s: too large for a query", path);
	else if (ferror(file))
		sql_fail(error, "%s: %s", path, strerror(errno));
	else {
		fclose(file);
		text[QUERY_FILE_MAX_BYTES] = '\0';
		return text;
	}
	if (file)
		fclose(file);
	free(text);
	return NULL;
}

struct query *query_load(const char *path, struct sql_error *error)
{
	char *text = read_text(path, error);
	struct query_file *parsed = text ? calloc(1, sizeof(*parsed)) : NULL;

	if (text && !parsed)
		sql_fail(error, "%s: out of memory", path);
	if (parsed && query_file_parse(parsed, path, text, error) < 0) {
		query_file_clear(parsed);
		free(parsed);
		parsed = NULL;
	}
	free(text);
	return parsed ? &parsed->query : NULL;
}

void query_free(struct query *query)
{
	struct query_file *parsed = (struct query_file *)query;

	if (!parsed)
		return;
	query_file_clear(parsed);
	free(parsed);
}
