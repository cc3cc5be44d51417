/* SPDX-License-Identifier: Apache-2.0
 *
 * query_file.c - see query_file.h.
 */
#include "query_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/error.h"

struct parser {
	struct query_file *parsed;
	struct sql_error *error;
	unsigned line;
};

static int fail(const struct parser *parser, const char *problem, const char *subject)
{
	return sql_fail(parser->error, "%s:%u: %s%s%s%s", parser->parsed->query.file, parser->line, problem,
	                subject ? " '" : "", subject ? subject : "", subject ? "'" : "");
}

/* Cuts the next blank-separated word off *REST; NULL when there is none. */
static char *next_word(char **rest)
{
	char *start = *rest + strspn(*rest, " \t");

	if (!*start)
		return NULL;
	char *end = start + strcspn(start, " \t");
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return start;
}

static bool is_name(const char *word)
{
	return (isalpha((unsigned char)*word) || *word == '_') &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == strlen(word);
}

static const struct {
	const char *word;
	enum query_type type;
} types[] = {
    {"integer", QUERY_INTEGER}, {"real", QUERY_REAL},     {"text", QUERY_TEXT}, {"size", QUERY_SIZE},
    {"time", QUERY_TIME},       {"region", QUERY_REGION}, {"flag", QUERY_FLAG},
};

/* TYPE, or choice(a|b|c), which is cut to the choices. */
static int take_type(const struct parser *parser, char *word, struct query_param *param)
{
	size_t length = strlen(word);

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (strcmp(word, types[i].word) == 0) {
			param->type = types[i].type;
			return 0;
		}
	}
	if (strncmp(word, "choice(", 7) != 0 || word[length - 1] != ')' || length == 8)
		return fail(parser, "types are integer, real, text, size, time, region, flag and choice(a|b|c), not",
		            word);
	word[length - 1] = '\0';
	param->type = QUERY_CHOICE;
	param->choices = word + 7;
	return 0;
}

static int take_param(struct parser *parser, char *rest)
{
	struct query *query = &parser->parsed->query;
	char *name = next_word(&rest), *type = next_word(&rest), *fallback = next_word(&rest);

	if (!fallback)
		return fail(parser, "a parameter is declared as 'NAME TYPE DEFAULT help'", NULL);
	if (!is_name(name))
		return fail(parser, "not a name for a parameter:", name);
	for (size_t i = 0; i < query->param_count; i++)
		if (strcmp(query->params[i].name, name) == 0)
			return fail(parser, "declared twice: parameter", name);
	if (query->param_count == QUERY_PARAMS_MAX)
		return fail(parser, "too many parameters", NULL);
	struct query_param *param = &parser->parsed->params[query->param_count];
	*param = (struct query_param){.name = name, .help = rest + strspn(rest, " \t")};
	if (take_type(parser, type, param) < 0)
		return -1;
	param->required = strcmp(fallback, "required") == 0;
	if (!param->required && strcmp(fallback, "-") != 0)
		param->fallback = fallback;
	query->param_count++;
	return 0;
}

static int take_column(struct parser *parser, char *rest)
{
	static const char units[] = " bytes ns count ratio address text id list picture ";
	struct query *query = &parser->parsed->query;
	char *name = next_word(&rest), *unit = next_word(&rest);
	char wanted[64];

	if (!unit)
		return fail(parser, "a column is declared as 'NAME UNIT help'", NULL);
	snprintf(wanted, sizeof(wanted), " %s ", unit);
	if (!strstr(units, wanted))
		return fail(parser, "units are bytes, ns, count, ratio, address, text, id, list and picture, not",
		            unit);
	if (query->column_count == QUERY_COLUMNS_MAX)
		return fail(parser, "too many columns", NULL);
	parser->parsed->columns[query->column_count++] =
	    (struct query_column){.name = name, .unit = unit, .help = rest + strspn(rest, " \t")};
	return 0;
}

static int take_filters(struct parser *parser, char *rest)
{
	static const char known[] = " device region pid label start end step ";

	parser->parsed->query.filters = rest;
	for (char *word = rest; *(word += strspn(word, " \t"));) {
		size_t length = strcspn(word, " \t");
		char wanted[64];

		snprintf(wanted, sizeof(wanted), " %.*s ", (int)length, word);
		if (!strstr(known, wanted))
			return fail(parser, "unknown filter in", rest);
		word += length;
	}
	return 0;
}

/* Adds LINE to the lines at *LINES. */
static int append_line(struct parser *parser, char **lines, const char *line)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%s", *lines ? *lines : "", *lines ? "\n" : "", line) < 0)
		return fail(parser, "out of memory", NULL);
	free(*lines);
	*lines = joined;
	return 0;
}

static int take_exit(struct parser *parser, const char *rest)
{
	if (strcmp(rest, "nonempty") != 0)
		return fail(parser, "unknown exit rule", rest);
	parser->parsed->query.exit_nonempty = true;
	return 0;
}

static int take_format(struct parser *parser, const char *rest)
{
	if (strcmp(rest, "folded") != 0)
		return fail(parser, "unknown format", rest);
	parser->parsed->query.folded = true;
	return 0;
}

static int take_declaration(struct parser *parser, const char *key, char *rest)
{
	struct query_file *parsed = parser->parsed;

	if (strcmp(key, "summary") == 0) {
		parsed->query.summary = rest;
		return 0;
	}
	if (strcmp(key, "about") == 0)
		return append_line(parser, &parsed->about, rest);
	if (strcmp(key, "notes") == 0)
		return append_line(parser, &parsed->notes, rest);
	if (strcmp(key, "refuse") == 0)
		return append_line(parser, &parsed->refuse, rest);
	if (strcmp(key, "format") == 0)
		return take_format(parser, rest);
	if (strcmp(key, "param") == 0)
		return take_param(parser, rest);
	if (strcmp(key, "filters") == 0)
		return take_filters(parser, rest);
	if (strcmp(key, "column") == 0)
		return take_column(parser, rest);
	if (strcmp(key, "exit") == 0)
		return take_exit(parser, rest);
	return fail(parser, "unknown declaration", key);
}

/* Splits "-- key: rest"; NULL when LINE is another comment. */
static char *split_declaration(char *line, char **rest)
{
	char *key = line + 2 + strspn(line + 2, " \t");
	size_t length = strspn(key, "abcdefghijklmnopqrstuvwxyz");

	if (length == 0 || key[length] != ':')
		return NULL;
	key[length] = '\0';
	*rest = key + length + 1;
	*rest += strspn(*rest, " \t");
	for (size_t end = strlen(*rest); end > 0 && isspace((unsigned char)(*rest)[end - 1]);)
		(*rest)[--end] = '\0';
	return key;
}

/* Finds the line "-- with: NAME" or "-- with: NAME=WORD" and cuts BODY there. */
static int take_with(struct parser *parser, char *body)
{
	struct query *query = &parser->parsed->query;
	char *line = strstr(body, "\n-- with:");

	if (!line)
		return 0;
	for (const char *at = body; at <= line; at++)
		parser->line += *at == '\n';
	*line = '\0';
	char *name = line + strlen("\n-- with:"), *end = strchr(name, '\n');
	if (!end)
		return fail(parser, "no SELECT follows", NULL);
	*end = '\0';
	query->with_body = end + 1;
	query->with_param = name = next_word(&name);
	if (name && (name = strchr(name, '='))) {
		*name = '\0';
		query->with_value = name + 1;
	}
	for (size_t i = 0; query->with_param && i < query->param_count; i++)
		if (strcmp(query->params[i].name, query->with_param) == 0)
			return 0;
	return fail(parser, "not a parameter:", query->with_param ? query->with_param : "");
}

/* Reads declarations until the first line that is no comment. */
static int take_header(struct parser *parser, char *text)
{
	while (*text) {
		char *end = strchrnul(text, '\n'), *rest, *key;
		char *start = text + strspn(text, " \t\r");

		parser->line++;
		if (start < end && strncmp(start, "--", 2) != 0)
			break;
		text = *end ? end + 1 : end;
		*end = '\0';
		if (*start && (key = split_declaration(start, &rest)) && take_declaration(parser, key, rest) < 0)
			return -1;
	}
	parser->parsed->query.body = text;
	if (!*text)
		return fail(parser, "no SELECT follows the declaration", NULL);
	return take_with(parser, text);
}

/* "dir/NAME.sql" -> "NAME" */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *start = slash ? slash + 1 : path;
	const char *dot = strrchr(start, '.');

	return strndup(start, dot && dot > start ? (size_t)(dot - start) : strlen(start));
}

int query_file_parse(struct query_file *parsed, const char *file, const char *text, struct sql_error *error)
{
	struct parser parser = {.parsed = parsed, .error = error};
	struct query *query = &parsed->query;

	*parsed = (struct query_file){.name = name_of(file), .file = strdup(file), .text = strdup(text)};
	if (!parsed->name || !parsed->file || !parsed->text)
		return sql_fail(error, "%s: out of memory", file);
	*query = (struct query){.name = parsed->name,
	                        .file = parsed->file,
	                        .summary = "",
	                        .filters = "",
	                        .params = parsed->params,
	                        .columns = parsed->columns};
	if (take_header(&parser, parsed->text) < 0)
		return -1;
	query->about = parsed->about ? parsed->about : "";
	query->notes = parsed->notes;
	query->refuse = parsed->refuse;
	return 0;
}

void query_file_clear(struct query_file *parsed)
{
	free(parsed->name);
	free(parsed->file);
	free(parsed->text);
	free(parsed->about);
	free(parsed->notes);
	free(parsed->refuse);
}
