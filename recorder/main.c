/* SPDX-License-Identifier: Apache-2.0
 *
 * main.c - ttalloc-recorder: puts a recording together, and takes it apart again.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "recorder/legacy/linger.h"
#include "environment.h"
#include "session.h"
#include "ttalloc.h"
#include "ttalloc/paths.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"

static int print_environment(const struct recorder_options *options)
{
	struct environment environment;
	struct sql_error error;
	char path[PATH_MAX];
	int length;

	if (options->socket)
		length = snprintf(path, sizeof(path), "%s", options->socket);
	else
		length = tta_default_socket(path, sizeof(path));
	if (length >= 108) {
		say("%.80s...: too long for a socket (107 bytes at most)", path);
		return STATUS_USAGE;
	}
	if (environment_find(&environment, options, &error) < 0) {
		say("%s", error.text);
		return STATUS_USAGE;
	}
	environment_print(&environment, path);
	environment_free(&environment);
	return 0;
}

/* What the build and the shells ask for: --dump-man, and --complete WORD... */
static bool answer_hidden(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--dump-man") == 0)
		options_describe(&(struct manual){.out = stdout, .roff = true});
	else if (argc > 2 && strcmp(argv[1], "--complete") == 0)
		options_complete(argc - 2, argv + 2);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	struct recorder_options options;
	struct sql_error error;
	int status;

	say_program("ttalloc-recorder");
	memory_end_with(&(struct memory_end){
	    "ttalloc-recorder: out of memory; what is not in the file waits in the segments (--append)\n", 125});
	if (argc == 3 && strcmp(argv[1], LEGACY_LINGER_OPTION) == 0)
		return legacy_linger_run(argv[2]);
	if (answer_hidden(argc, argv))
		return ferror(stdout) || fflush(stdout) != 0;
	if (options_parse(argc, argv, &options, &status, &error) < 0) {
		say("%s", error.text);
		return status;
	}
	switch (options.mode) {
	case MODE_HELP:
		options_describe(&(struct manual){.out = stdout});
		return 0;
	case MODE_VERSION:
		printf("ttalloc-recorder " TTALLOC_VERSION "\n");
		return 0;
	case MODE_ENV:
		return print_environment(&options);
	case MODE_WRAP:
	case MODE_DAEMON:
		return session_run(&options);
	}
	return STATUS_USAGE;
}
