/* SPDX-License-Identifier: Apache-2.0
 *
 * A user's query file, whatever is in it: read, or refused with a line.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sql/answers/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static char path[64];

static void remove_file(void)
{
	unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	strcpy(path, "/tmp/ttalloc-fuzz-XXXXXX.sql");
	close(mkstemps(path, 4));
	atexit(remove_file);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sql_error error = {0};
	struct query *query;
	size_t length = 0;
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
	query = query_load(path, &error);
	if (!query) {
		if (!error.text[0] || strchr(error.text, '\n'))
			abort();
		return 0;
	}
	for (size_t i = 0; i < query->param_count; i++)
		length += strlen(query->params[i].name) + strlen(query->params[i].help);
	for (size_t i = 0; i < query->column_count; i++)
		length += strlen(query->columns[i].name);
	if (length > 4 * size)
		abort();
	query_free(query);
	return 0;
}
