/* SPDX-License-Identifier: Apache-2.0
 *
 * describe.c - the same tables as help.c and man.c, as JSON: for programs that ask on somebody's behalf.
 */
#include "command.h"
#include "help.h"

#include <string.h>

#include "sql/answers/reference.h"
#include "sql/base/text.h"

static void put_text(FILE *out, const char *text)
{
	text_json(out, text, strlen(text));
}

/* ', "KEY": "TEXT"'; nothing where there is no text. */
static void put_member(FILE *out, const char *key, const char *text)
{
	if (!text || text[0] == '\0')
		return;
	fprintf(out, ", \"%s\": ", key);
	put_text(out, text);
}

/* ', "KEY": ["a", "b"]' of "aSEPARATORb". */
static void put_list(FILE *out, const char *key, const char *words, const char *separator)
{
	fprintf(out, ", \"%s\": [", key);
	for (const char *before = ""; *words; before = ", ") {
		const char *end = strstr(words, separator);
		size_t length = end ? (size_t)(end - words) : strlen(words);
		fputs(before, out);
		text_json(out, words, length);
		words += length + (end ? strlen(separator) : 0);
	}
	fputs("]", out);
}

static void put_option(FILE *out, const struct option *option)
{
	fputs("{\"name\": ", out);
	put_text(out, option->name);
	if (option->letter)
		put_member(out, "letter", (const char[]){option->letter, '\0'});
	put_member(out, "value", option->placeholder);
	if (option->choices)
		put_list(out, "choices", option->choices, "|");
	put_member(out, "default", option->fallback);
	put_member(out, "default_in_tables", option->table_fallback);
	put_member(out, "help", option->help);
	put_member(out, "group", group_titles[option->group]);
	if (option->required)
		fputs(", \"required\": true", out);
	if (option->repeatable)
		fputs(", \"repeatable\": true", out);
	fputs("}", out);
}

static void put_column(FILE *out, const struct query_column *column)
{
	fputs("{\"name\": ", out);
	put_text(out, column->name);
	put_member(out, "unit", column->unit);
	put_member(out, "help", column->help);
	fputs("}", out);
}

static int put_verb(FILE *out, struct verb *verb, struct sql_error *error)
{
	struct verb_options options;
	const struct query *query = verb_query(verb, error);
	if ((!verb->own && !query) || options_for(&options, verb, query, error) < 0)
		return -1;
	fputs("{\"name\": ", out);
	put_text(out, verb->name);
	put_member(out, "summary", query ? query->summary : verb->own->summary);
	put_member(out, "about", query ? query->about : verb->own->about);
	put_member(out, "operands", verb->usage);
	put_member(out, "file", verb->path);
	fprintf(out, ", \"answers\": %s, \"options\": [", query ? "true" : "false");
	for (size_t i = 0; i < options.all.count; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		put_option(out, &options.all.list[i]);
	}
	fputs("], \"columns\": [", out);
	for (size_t i = 0; query && i < query->column_count; i++) {
		fputs(i ? ",\n  " : "\n  ", out);
		put_column(out, &query->columns[i]);
	}
	fputs("]}", out);
	return 0;
}

static void put_references(FILE *out, const char *key, bool (*next)(size_t, struct reference *))
{
	struct reference reference;
	fprintf(out, ",\n\"%s\": [", key);
	for (size_t i = 0; next(i, &reference); i++) {
		fputs(i ? ",\n {\"name\": " : "\n {\"name\": ", out);
		put_text(out, reference.name);
		put_member(out, "summary", reference.summary);
		put_list(out, "columns", reference.columns, ", ");
		fputs("}", out);
	}
	fputs("]", out);
}

int help_json(FILE *out, struct verbs *verbs, const struct verb *only, struct sql_error *error)
{
	const char *before = "\n ";
	fputs("{\"version\": ", out);
	put_text(out, ANALYZE_VERSION);
	fputs(",\n\"verbs\": [", out);
	for (size_t i = 0; i < verbs_count(verbs); i++) {
		struct verb *verb = verbs_at(verbs, i);
		struct sql_error unread;
		if (only ? verb != only : verb->path && !verb_query(verb, &unread))
			continue; /* a user's file that cannot be read is not told of, unless it is asked for */
		fputs(before, out);
		if (put_verb(out, verb, error) < 0)
			return -1;
		before = ",\n ";
	}
	fputs("]", out);
	put_references(out, "views", reference_view);
	put_references(out, "functions", reference_function);
	fputs(",\n\"status\": {", out);
	for (size_t i = 0; help_status[i][0]; i++) {
		fprintf(out, "%s\"%s\": ", i ? ", " : "", help_status[i][0]);
		put_text(out, help_status[i][1]);
	}
	fputs("}}\n", out);
	return 0;
}
