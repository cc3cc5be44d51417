/* SPDX-License-Identifier: Apache-2.0
 *
 * import.c - see import.h.
 */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats.h"
#include "scene.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/store/new_file.h"

/* SQLite takes no longer text. */
#define TEXT_MOST (INT64_C(900) << 20)
#define DUMP_NS INT64_C(1000000000)

enum format { FORMAT_UNKNOWN, FORMAT_GRAPH, FORMAT_REPORT, FORMAT_DUMP };

struct importing {
	const struct import_options *options;
	const char *const *paths;
	size_t count;
	enum format format;
};

/* ---- files ---- */

static int open_regular(const char *path, struct stat *status, struct sql_error *error)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* a pipe must not hold us */

	if (file < 0)
		return sql_fail(error, "%s: %s", path, strerror(errno));
	if (fstat(file, status) == 0 && S_ISREG(status->st_mode))
		return file;
	close(file);
	return sql_fail(error, "%s: not a regular file", path);
}

/* All of the file, with a NUL; free() it. NULL with ERROR. */
static char *read_text(const char *path, size_t *bytes, struct sql_error *error)
{
	struct stat status;
	int file = open_regular(path, &status, error);
	char *text;

	if (file < 0)
		return NULL;
	if (status.st_size > TEXT_MOST) {
		sql_fail(error, "%s: larger than can be read at once", path);
		close(file);
		return NULL;
	}
	text = memory_get((size_t)status.st_size + 1, 1);
	*bytes = 0;
	for (ssize_t got; *bytes < (size_t)status.st_size; *bytes += (size_t)got)
		if ((got = read(file, text + *bytes, (size_t)status.st_size - *bytes)) <= 0)
			break;
	close(file);
	return text;
}

static enum format format_of(const char *path, struct sql_error *error)
{
	char head[512] = "";
	struct stat status;
	int file = open_regular(path, &status, error);
	ssize_t got = file < 0 ? -1 : pread(file, head, sizeof(head) - 1, 0);
	const char *at = head + strspn(head, " \t\r\n");

	if (file < 0)
		return FORMAT_UNKNOWN;
	close(file);
	if (got >= 16 && memcmp(head, "SQLite format 3", 16) == 0)
		return FORMAT_REPORT;
	if (*at == '[' || *at == '{')
		return FORMAT_GRAPH;
	if (strstr(head, "Total allocatable (B)"))
		return FORMAT_DUMP;
	sql_fail(error,
	         "%s: neither a graph capture (JSON), a report (db.sqlite) nor a table of blocks "
	         "(..._detailed_memory_usage.csv) of ttnn",
	         path);
	return FORMAT_UNKNOWN;
}

/* ---- formats ---- */

static const char *const producers[] = {
    [FORMAT_GRAPH] = "ttnn graph capture", [FORMAT_REPORT] = "ttnn report", [FORMAT_DUMP] = "ttnn memory dump"};

static int import_graph(struct book *book, const char *path, struct sql_error *error)
{
	size_t bytes;
	char *text = read_text(path, &bytes, error);
	int result = text ? graph_import(book, path, text, bytes, error) : -1;

	free(text);
	return result;
}

/* Samples: what was between them is not known. */
static int import_dumps(struct book *book, const struct importing *importing, struct sql_error *error)
{
	struct scene *scene = scene_new(book);
	int result = 0;

	for (size_t i = 0; i < importing->count && result == 0; i++) {
		size_t bytes;
		char *text = read_text(importing->paths[i], &bytes, error);

		book_time(book, (int64_t)i * DUMP_NS);
		book_sample(book, importing->paths[i]);
		result = text ? dump_import(book, scene, importing->paths[i], text, error) : -1;
		free(text);
	}
	scene_free(scene);
	book_note(
	    book,
	    "imported from samples of ttnn.device.dump_device_memory_state(): what happened between them is not known");
	book_note(book, "imported from samples of ttnn.device.dump_device_memory_state(), which do not tell times (1 s "
	                "stands between "
	                "two), devices (it is taken for 0), payloads (sizes are those of a bank), and program memory");
	return result;
}

static int fill(void *context, const char *made, struct sql_error *error)
{
	const struct importing *importing = context;
	const char *path = importing->paths[0];
	struct book *book = book_begin(made, importing->options->version, producers[importing->format], path, error);
	int result;

	if (!book)
		return -1;
	if (importing->format == FORMAT_GRAPH)
		result = import_graph(book, path, error);
	else if (importing->format == FORMAT_REPORT)
		result = report_import(book, path, error);
	else
		result = import_dumps(book, importing, error);
	if (result == 0)
		return book_finish(book, error);
	book_drop(book);
	return -1;
}

int import_files(const char *out, const char *const *paths, size_t count, const struct import_options *options,
                 struct sql_error *error)
{
	struct importing importing = {.options = options, .paths = paths, .count = count};

	for (size_t i = 0; i < count; i++) {
		enum format format = format_of(paths[i], error);

		if (format == FORMAT_UNKNOWN)
			return -1;
		if (i > 0 && (format != FORMAT_DUMP || importing.format != FORMAT_DUMP))
			return sql_fail(error,
			                "%s: only tables of blocks (..._detailed_memory_usage.csv) can be several",
			                paths[i]);
		importing.format = format;
	}
	return new_file_make(out, options->force, fill, &importing, error);
}
