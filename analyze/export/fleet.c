/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet.c - see fleet.h. The server writes the answer; what it writes comes from other people's programs, so nothing of
 * it may drive a terminal.
 */
#include "fleet.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server.h"
#include "sql/base/error.h"
#include "sql/base/memory.h"
#include "sql/base/say.h"
#include "sql/base/text.h"
#include "sql/store/embedded.h"

static const struct sql_text *find(const char *question)
{
	const struct sql_text *found = sql_fleet_questions;

	while (found->name && strcmp(found->name, question) != 0)
		found++;
	return found->name ? found : NULL;
}

static enum status fail(const struct sql_error *error)
{
	say("%s", error->text);
	return STATUS_TROUBLE;
}

static int say_questions(const char *question, struct sql_error *error)
{
	char names[256] = "";
	size_t used = 0;

	for (const struct sql_text *each = sql_fleet_questions; each->name && used < sizeof(names); each++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", each->name);
	if (!question)
		return sql_fail(error, "which question? There are %s", names);
	return sql_fail(error, "there is no question '%.80s'; there are %s", question, names);
}

/* ---- the answer ---- */

struct answer {
	char *line; /* that is not whole yet */
	size_t size, capacity;
	int64_t rows;
	const char *question;
	bool is_json;
};

static void write_line(struct answer *answer)
{
	answer->line[answer->size] = '\0';
	if (answer->is_json) {
		if (!answer->rows)
			printf("{\"query\": \"fleet %s\", \"rows\": [", answer->question);
		fputs(answer->rows ? ",\n  " : "\n  ", stdout);
		fputs(answer->line, stdout); /* JSON: the server escapes controls in it */
	} else {
		text_make_safe(answer->line);
		puts(answer->line);
	}
	answer->rows++;
	answer->size = 0;
}

static int take(void *context, const char *bytes, size_t count)
{
	struct answer *answer = context;

	for (size_t i = 0; i < count; i++) {
		if (bytes[i] == '\n') {
			if (answer->line)
				write_line(answer);
			continue;
		}
		answer->line = memory_room(answer->line, answer->size + 1, &answer->capacity, 1);
		answer->line[answer->size++] = bytes[i];
	}
	return !ferror(stdout);
}

/* TEXT as a literal, in which nothing of it can end the literal. */
static void write_literal(FILE *out, const char *text)
{
	putc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
	putc('\'', out);
}

/* What the parameter {NAME:...} of a question stands for. Put in here, since servers know parameters from 19.14 on
 * only. */
static void write_parameter(FILE *out, const char *name, size_t length, const struct fleet_options *options)
{
	if (length == 4 && strncmp(name, "days", 4) == 0)
		fprintf(out, "%" PRId64, options->days);
	else if (length == 4 && strncmp(name, "host", 4) == 0)
		write_literal(out, options->host ? options->host : "");
	else
		write_literal(out, options->job ? options->job : "");
}

/* The whole statement, for free(). */
static char *statement_of(const struct sql_text *question, const struct fleet_options *options)
{
	static const char *const formats[][2] = {{"table", "PrettyCompactNoEscapes"},
	                                         {"json", "JSONEachRow"},
	                                         {"jsonl", "JSONEachRow"},
	                                         {"csv", "CSVWithNames"}};
	char *statement = NULL;
	size_t bytes;
	FILE *out = memory_or_die(open_memstream(&statement, &bytes));

	for (const char *at = question->text; *at; at++) {
		size_t name = *at == '{' ? strcspn(at + 1, ":") : 0;

		if (!name) {
			putc(*at, out);
			continue;
		}
		write_parameter(out, at + 1, name, options);
		at += strcspn(at, "}");
	}
	if (options->limit)
		fprintf(out, " LIMIT %" PRId64, options->limit);
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (strcmp(formats[i][0], options->format) == 0)
			fprintf(out, " FORMAT %s", formats[i][1]);
	fclose(out);
	return memory_or_die(statement);
}

static int ask(struct server *server, const struct sql_text *question, const struct fleet_options *options,
               struct answer *answer, struct sql_error *error)
{
	char *statement = statement_of(question, options);
	int result = server_ask(server, statement, NULL, 0, take, answer, error);

	if (result == 0 && answer->is_json && !answer->rows)
		printf("{\"query\": \"fleet %s\", \"rows\": []}\n", question->name);
	else if (result == 0 && answer->is_json)
		puts("\n]}");
	free(statement);
	return result;
}

enum status fleet_run(const char *name, const struct fleet_options *options)
{
	struct answer answer = {.question = name, .is_json = strcmp(options->format, "json") == 0};
	const struct sql_text *question = name ? find(name) : NULL;
	struct sql_error error;
	struct server *server;
	int result;

	if (!question)
		say_questions(name, &error);
	else if (!options->url)
		sql_fail(&error, "which server? --url http://HOST:8123/");
	else if (strcmp(name, "job") == 0 && !options->job)
		sql_fail(&error, "which job? --job NAME");
	else if (options->days < 0 || options->days > UINT32_MAX)
		sql_fail(&error, "--days is out of range");
	else
		goto sound;
	return fail(&error);
sound:
	server = server_open(options->url, &error);
	if (!server)
		return fail(&error);
	result = ask(server, question, options, &answer, &error);
	server_close(server);
	free(answer.line);
	if (result == 0 && fflush(stdout) != 0 && errno != EPIPE)
		result = sql_fail(&error, "cannot write standard output: %s", strerror(errno));
	return result < 0 ? fail(&error) : STATUS_ANSWERED;
}
