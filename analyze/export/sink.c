/* SPDX-License-Identifier: Apache-2.0
 *
 * sink.c - see sink.h.
 */
#include "sink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server.h"
#include "sql/base/memory.h"

#define TABLES_MOST 16

struct file {
	char *path;
	FILE *out;
	const char *table;
};

struct sink {
	struct server *server; /* else: */
	char *directory;
	struct file files[TABLES_MOST];
	size_t count;
};

struct sink *sink_directory(const char *directory, struct sql_error *error)
{
	struct stat status;

	if ((mkdir(directory, 0777) < 0 && errno != EEXIST) || stat(directory, &status) < 0) {
		sql_fail(error, "%s cannot be made: %s", directory, strerror(errno));
		return NULL;
	}
	if (!S_ISDIR(status.st_mode)) {
		sql_fail(error, "%s is no directory", directory);
		return NULL;
	}
	struct sink *sink = memory_get(1, sizeof(*sink));
	sink->directory = memory_text(directory);
	return sink;
}

struct sink *sink_server(const char *url, struct sql_error *error)
{
	struct server *server = server_open(url, error);
	struct sink *sink;

	if (!server)
		return NULL;
	sink = memory_get(1, sizeof(*sink));
	sink->server = server;
	return sink;
}

static int take_number(void *context, const char *bytes, size_t count)
{
	int64_t *number = context;

	for (size_t i = 0; i < count && bytes[i] >= '0' && bytes[i] <= '9' && *number < INT64_MAX / 16; i++)
		*number = *number * 10 + (bytes[i] - '0');
	return 1;
}

/* FIGURE of the chunks named TABLE_NAME of RECORDING. */
static int ask_chunks(struct sink *sink, const char *figure, const char *recording, const char *table_name,
                      int64_t *answer, struct sql_error *error)
{
	char statement[512];

	*answer = 0;
	if (!sink->server)
		return 0;
	if (strspn(recording, "0123456789abcdef") != strlen(recording))
		return sql_fail(error, "the recording's uuid is none");
	snprintf(statement, sizeof(statement),
	         "SELECT %s FROM ttalloc.chunk WHERE recording = '%.64s' AND table_name = '%s'", figure, recording,
	         table_name);
	return server_ask(sink->server, statement, NULL, 0, take_number, answer, error);
}

int sink_chunks_there(struct sink *sink, const char *recording, const char *table_name, int64_t *chunks,
                      struct sql_error *error)
{
	return ask_chunks(sink, "count(DISTINCT number)", recording, table_name, chunks, error);
}

int sink_chunk_reached(struct sink *sink, const char *recording, const char *table_name, int64_t *number,
                       struct sql_error *error)
{
	return ask_chunks(sink, "max(number)", recording, table_name, number, error);
}

static struct file *file_of(struct sink *sink, const char *table, struct sql_error *error)
{
	struct file *file = sink->files;

	for (; file < sink->files + sink->count; file++)
		if (strcmp(file->table, table) == 0)
			return file;
	if (sink->count == TABLES_MOST)
		abort();
	file->path = memory_get(strlen(sink->directory) + strlen(table) + 16, 1);
	sprintf(file->path, "%s/%s.rowbinary", sink->directory, table);
	file->table = table;
	file->out = fopen(file->path, "we");
	sink->count++;
	if (file->out)
		return file;
	sql_fail(error, "%s cannot be written: %s", file->path, strerror(errno));
	return NULL;
}

int sink_add(struct sink *sink, const char *table, const char *bytes, size_t size, struct sql_error *error)
{
	char statement[128];
	struct file *file;

	if (sink->server && !size)
		return 0;
	if (sink->server) {
		snprintf(statement, sizeof(statement), "INSERT INTO ttalloc.%s FORMAT RowBinary", table);
		return server_ask(sink->server, statement, bytes, size, NULL, NULL, error);
	}
	file = file_of(sink, table, error);
	if (!file)
		return -1;
	if (fwrite(bytes, 1, size, file->out) == size)
		return 0;
	return sql_fail(error, "%s cannot be written: %s", file->path, strerror(errno));
}

int sink_close(struct sink *sink, int result, struct sql_error *error)
{
	if (sink->server)
		server_close(sink->server);
	for (size_t i = 0; i < sink->count; i++) {
		if (sink->files[i].out && fclose(sink->files[i].out) != 0 && result == 0)
			result = sql_fail(error, "%s cannot be written: %s", sink->files[i].path, strerror(errno));
		free(sink->files[i].path);
	}
	free(sink->directory);
	free(sink);
	return result;
}
