/* SPDX-License-Identifier: Apache-2.0
 *
 * environment.c - what a recorded program is given.
 */
#include "environment.h"
#include "sql/base/error.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOST_MALLOC "libttalloc-host-malloc.so"
#define TT_METAL "libttalloc-tt-metal.so"
#define PYTHON_START "ttalloc/python/start" /* which Python runs by itself */
#define PYTHON_MODULE "ttalloc/python"      /* for those that import it */
#define MOST_VARIABLES 16

/* ---- what is found ---- */

/* The library or directory NAME, beside the executable of a build tree or in the installation: its path, to be freed.
 * NULL: it is not there, or where LD_PRELOAD, which takes blanks and colons for separators, cannot name it. */
static char *find(const char *name)
{
	static const char *const places[] = {"../hook", TTALLOC_LIBDIR_FROM_BINDIR, "."};
	char self[PATH_MAX], candidate[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash, *found = NULL;

	self[length > 0 ? length : 0] = '\0';
	slash = strrchr(self, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; slash && !found && i < sizeof(places) / sizeof(*places); i++)
		if (snprintf(candidate, sizeof(candidate), "%s/%s/%s", self, places[i], name) < (int)sizeof(candidate))
			found = realpath(candidate, NULL);
	if (found && strpbrk(found, " :")) {
		free(found);
		found = NULL;
	}
	return found;
}

static int find_or_fail(char **place, const char *name, const char *option, struct sql_error *error)
{
	*place = find(name);
	if (*place)
		return 0;
	return sql_fail(error,
	                "%s: not found beside this program nor in %s below it, or its path has a blank or a colon; "
	                "install it or leave --%s out",
	                name, TTALLOC_LIBDIR_FROM_BINDIR, option);
}

int environment_find(struct environment *environment, const struct recorder_options *options, struct sql_error *error)
{
	bool python = options->ttnn || options->auto_step;

	*environment = (struct environment){.options = options};
	if (options->host_malloc && find_or_fail(&environment->host_malloc, HOST_MALLOC, "host-malloc", error) < 0)
		return -1;
	if (python && find_or_fail(&environment->python, PYTHON_START, options->ttnn ? "ttnn" : "auto-step", error) < 0)
		return -1;
	if (!options->no_preload)
		environment->tt_metal = find(TT_METAL);
	environment->python_module = find(PYTHON_MODULE);
	return 0;
}

void environment_free(struct environment *environment)
{
	free(environment->tt_metal);
	free(environment->host_malloc);
	free(environment->python);
	free(environment->python_module);
	*environment = (struct environment){0};
}

/* ---- what it comes to ---- */

struct variable {
	const char *name, *value; /* value NULL: it is left as it is */
	bool prepend;             /* to what it holds, with a colon */
};

static void list(const struct environment *environment, const char *socket_path,
                 struct variable variables[static MOST_VARIABLES])
{
	const struct recorder_options *options = environment->options;
	/* A program with AddressSanitizer insists on being the first, lest something else has malloc. */
	bool asan = environment->tt_metal || environment->host_malloc;
	const struct variable all[MOST_VARIABLES] = {
	    {"TT_ALLOC_TRACKING_ENABLED", "1", false},
	    {"TTALLOC_SOCKET", socket_path, false},
	    {"ASAN_OPTIONS", asan ? "verify_asan_link_order=0" : NULL, true},
	    {"TTALLOC_PYTHON_STACKS", options->python_stacks ? "1" : NULL, false},
	    {"TTALLOC_TTNN", options->ttnn ? "1" : NULL, false},
	    {"TTALLOC_OPS",
	     options->no_operations         ? "0"
	     : options->operation_arguments ? "3"
	                                    : NULL,
	     false},
	    {"TTALLOC_AUTO_STEP", options->auto_step, false},
	    {"PYTHONPATH", environment->python_module, true},
	    {"PYTHONPATH", environment->python, true},
	    {"TTALLOC_LOSSLESS", options->lossless ? "1" : NULL, false},
	    {"TTALLOC_STACKS", options->stacks, false},
	    {"TTALLOC_UNWINDER", options->unwinder, false},
	    {"LD_PRELOAD", environment->host_malloc, true},
	    {"LD_PRELOAD", environment->tt_metal, true},
	};

	memcpy(variables, all, sizeof(all));
}

static int set(const struct variable *variable)
{
	const char *before = variable->prepend ? getenv(variable->name) : NULL;
	char *joined;
	int result;

	if (!variable->value)
		return 0;
	if (!before || !*before)
		return setenv(variable->name, variable->value, 1);
	if (asprintf(&joined, "%s:%s", variable->value, before) < 0)
		return -1;
	result = setenv(variable->name, joined, 1);
	free(joined);
	return result;
}

int environment_set(const struct environment *environment, const char *socket_path, const char *recording_path)
{
	struct variable variables[MOST_VARIABLES];

	list(environment, socket_path, variables);
	for (size_t i = 0; i < MOST_VARIABLES; i++)
		if (set(&variables[i]) < 0)
			return -1;
	return set(&(struct variable){"TTALLOC_DB", recording_path, false});
}

/* Prints TEXT as one word of a shell. */
static void print_quoted(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

void environment_print(const struct environment *environment, const char *socket_path)
{
	struct variable variables[MOST_VARIABLES];

	list(environment, socket_path, variables);
	for (size_t i = 0; i < MOST_VARIABLES && variables[i].name; i++) {
		const char *name = variables[i].name;

		if (!variables[i].value)
			continue;
		printf("export %s=", name);
		print_quoted(variables[i].value);
		if (variables[i].prepend)
			printf("\"${%s:+:$%s}\"", name, name);
		putchar('\n');
	}
}
