/* SPDX-License-Identifier: Apache-2.0
 *
 * ingest_file.h - a recording of a test's own at PATH, which clean_up() removes.
 */
#ifndef TTALLOC_TESTS_INGEST_FILE_H
#define TTALLOC_TESTS_INGEST_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "recorder/ledger/ingest.h"

static char path[64];

static int clean_up(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static struct ingest *open_file(bool append)
{
	struct ingest_options options = {.path = path, .socket = "s", .append = append};
	struct ingest_recording recording;
	struct sql_error error;
	struct ingest *ingest = NULL;

	if (ingest_open(&options, &ingest, &recording, &error) != 0)
		fail_msg("%s", error.text);
	return ingest;
}

static struct ingest *open_new(void)
{
	snprintf(path, sizeof(path), "/tmp/ttalloc-test-ingest-%d.db", (int)getpid());
	unlink(path);
	return open_file(false);
}

static void close_all(struct ingest *ingest)
{
	struct sql_error error;

	if (ingest_close(ingest, "clean", NULL, NULL, NULL, &error) != 0 || error.text[0])
		fail_msg("%s", error.text);
}

#endif
