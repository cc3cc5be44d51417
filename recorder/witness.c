/* SPDX-License-Identifier: Apache-2.0
 *
 * witness.c - what became of the environment that the command was given.
 */
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ttalloc/segment.h"

#define MOST_BYTES (1u << 20) /* of an environment, or of a command line */
#define MOST_PROCESSES 64     /* looked at in one go */

/* A file of /proc that holds strings, one after the other. */
struct strings {
	char *bytes; /* NULL: it cannot be read. Ends with NUL */
	size_t count;
};

static struct strings read_strings(pid_t pid, const char *name)
{
	struct strings strings = {.bytes = malloc(MOST_BYTES + 1)};
	char path[64];
	ssize_t got = 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (strings.bytes && fd >= 0 && strings.count < MOST_BYTES && got > 0) {
		got = read(fd, strings.bytes + strings.count, MOST_BYTES - strings.count);
		strings.count += got > 0 ? (size_t)got : 0;
	}
	if (fd >= 0)
		close(fd);
	if (strings.bytes)
		strings.bytes[strings.count] = '\0';
	if (!strings.count) { /* a zombie, or none of ours */
		free(strings.bytes);
		strings.bytes = NULL;
	}
	return strings;
}

/* The one after STRING, or with NULL the first; NULL at the end. */
static const char *next_string(const struct strings *strings, const char *string)
{
	if (string)
		string += strlen(string) + 1;
	else
		string = strings->bytes;
	return string && string < strings->bytes + strings->count ? string : NULL;
}

/* "" when it is not set. */
static const char *value_of(const struct strings *environment, const char *name)
{
	size_t length = strlen(name);

	for (const char *string = NULL; (string = next_string(environment, string));)
		if (strncmp(string, name, length) == 0 && string[length] == '=')
			return string + length + 1;
	return "";
}

static void format_command(const struct strings *command, char *text, size_t text_bytes)
{
	size_t count = command->count < text_bytes - 1 ? command->count : text_bytes - 1;

	for (size_t i = 0; i < count; i++)
		text[i] = command->bytes[i] ? command->bytes[i] : ' ';
	while (count && strchr(" \n", text[count - 1]))
		count--;
	text[count] = '\0';
}

/* ---- Python ---- */

static bool is_python(const struct strings *command)
{
	const char *slash = strrchr(command->bytes, '/');

	return strncmp(slash ? slash + 1 : command->bytes, "python", 6) == 0;
}

/* The option by which Python ignores PYTHONPATH or what is found there; 0: none. */
static char ignoring_option(const struct strings *command)
{
	const char *word = next_string(command, NULL);

	while ((word = next_string(command, word)) && word[0] == '-' && word[1] && word[1] != '-') {
		const char *option = strpbrk(word + 1, "IESchmWX");

		if (option && strchr("IES", *option))
			return *option;
		if (option && (*option == 'c' || *option == 'm'))
			return '\0';
		if (option && !option[1] && !(word = next_string(command, word)))
			return '\0';
	}
	return '\0';
}

/* Why a Python program lacks what --ttnn and --auto-step do. */
static bool find_python_lack(const struct witness *witness, const struct strings *command,
                             const struct strings *environment, char *why, size_t why_bytes)
{
	char option = ignoring_option(command);

	if (option)
		snprintf(why, why_bytes, "python -%c does not read PYTHONPATH", option);
	else if (!strstr(value_of(environment, "PYTHONPATH"), witness->environment->python))
		snprintf(why, why_bytes, "PYTHONPATH was set anew: keep what it holds, PYTHONPATH=NEW:$PYTHONPATH");
	else
		return false;
	return true;
}

void witness_joined(struct witness *witness, pid_t pid)
{
	struct strings environment, command;
	char text[160], why[256];

	if (!witness->environment->python || witness->lacking_count == WITNESS_MOST_LINES)
		return;
	environment = read_strings(pid, "environ");
	command = read_strings(pid, "cmdline");
	if (environment.bytes && command.bytes && is_python(&command) &&
	    find_python_lack(witness, &command, &environment, why, sizeof(why))) {
		format_command(&command, text, sizeof(text));
		snprintf(witness->lacking[witness->lacking_count++], sizeof(witness->lacking[0]),
		         "no %s of process %d (%s): %s, or call ttalloc.%s in the program",
		         witness->environment->options->ttnn ? "labels of ttnn" : "steps", (int)pid, text, why,
		         witness->environment->options->ttnn ? "label_ttnn()" : "step()");
	}
	free(environment.bytes);
	free(command.bytes);
}

/* ---- processes that do not report ---- */

static const char *find_silence(const struct witness *witness, const struct strings *environment)
{
	const char *preload = witness->environment->tt_metal;

	if (strcmp(value_of(environment, "TTALLOC_SOCKET"), witness->socket_path) != 0)
		return "its environment is another one (env -i, sudo, a container?): TTALLOC_SOCKET is not the "
		       "recorder's";
	if (strcmp(value_of(environment, "TT_ALLOC_TRACKING_ENABLED"), "1") != 0)
		return "TT_ALLOC_TRACKING_ENABLED is not 1";
	if (preload && !strstr(value_of(environment, "LD_PRELOAD"), preload))
		return "LD_PRELOAD was set anew, so that the preload is not loaded: keep what it holds, "
		       "LD_PRELOAD=NEW:$LD_PRELOAD";
	return NULL;
}

/* Whether PID may make no file that it could report by: it can say so itself only where it says it to no file. */
static bool find_limit(pid_t pid, char *why, size_t why_bytes)
{
	struct rlimit limit;

	if (prlimit(pid, RLIMIT_FSIZE, NULL, &limit) < 0 || limit.rlim_cur >= TTA_SMALLEST_FILE_BYTES)
		return false;
	snprintf(why, why_bytes,
	         "ttalloc: not recorded, for it may write files of %" PRIu64
	         " bytes at most (ulimit -f), and the one that it reports by takes %u",
	         (uint64_t)limit.rlim_cur, TTA_SMALLEST_FILE_BYTES);
	return true;
}

/* What is left of a zombie is its name and its limits. */
static void look(struct witness *witness, pid_t pid)
{
	struct strings environment = read_strings(pid, "environ"), command = read_strings(pid, "cmdline");
	const char *why = environment.bytes ? find_silence(witness, &environment) : NULL;
	char text[160], limit[256];

	if (!why && find_limit(pid, limit, sizeof(limit)))
		why = limit;
	if (why && !command.bytes)
		command = read_strings(pid, "comm");
	if (why && command.bytes) {
		format_command(&command, text, sizeof(text));
		snprintf(witness->silent, sizeof(witness->silent), "process %d (%s): %s", (int)pid, text, why);
	}
	free(environment.bytes);
	free(command.bytes);
}

/* Appends the children of PID, as far as there is room and the kernel tells. */
static size_t add_children(pid_t pid, pid_t *pids, size_t count)
{
	char path[64];
	FILE *file;
	int child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	file = fopen(path, "re");
	while (file && count < MOST_PROCESSES && fscanf(file, "%d", &child) == 1)
		pids[count++] = child;
	if (file)
		fclose(file);
	return count;
}

void witness_waiting(struct witness *witness)
{
	pid_t pids[MOST_PROCESSES] = {witness->command};
	size_t count = 1;

	for (size_t i = 0; i < count && !witness->silent[0]; i++) {
		look(witness, pids[i]);
		count = add_children(pids[i], pids, count);
	}
}
