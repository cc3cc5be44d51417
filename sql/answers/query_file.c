/* SPDX-License-Identifier: Apache-2.0
 *
 * query_file.c - see query_file.h.
 */
#include "query_file.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "attribution.h"
#include "query_show.h"
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

/* Adds LINE to what is at *LINES, with BETWEEN in between. */
static int append(const struct parser *parser, char **lines, const char *between, const char *line)
{
	char *joined = NULL;

	if (asprintf(&joined, "%s%s%s", *lines ? *lines : "", *lines ? between : "", line) < 0)
		return fail(parser, "out of memory", NULL);
	free(*lines);
	*lines = joined;
	return 0;
}

/* A statement that is asked with the others. */
static int append_statement(const struct parser *parser, char **statements, const char *statement)
{
	return append(parser, statements, "\nUNION ALL ", statement);
}

static const struct {
	const char *word;
	enum query_type type;
} types[] = {
    {"integer", QUERY_INTEGER}, {"real", QUERY_REAL},     {"text", QUERY_TEXT}, {"size", QUERY_SIZE},
    {"time", QUERY_TIME},       {"region", QUERY_REGION}, {"flag", QUERY_FLAG}, {"file", QUERY_FILE},
};

/* What --by means, and (MORE|WORDS) of the query's own. */
static int take_attribution(const struct parser *parser, char *more, struct query_param *param)
{
	struct query_file *parsed = parser->parsed;
	char **choices = &parsed->choices[parsed->query.param_count];
	size_t length = strlen(more);

	if (length > 0 && (more[0] != '(' || more[length - 1] != ')' || length < 3))
		return fail(parser, "more words of an attribution stand in brackets, not", more);
	if (strcmp(param->name, "by") != 0)
		return fail(parser, "an attribution is called by, not", param->name);
	if (append(parser, choices, "", attribution_choices) < 0)
		return -1;
	if (length > 0) {
		more[length - 1] = '\0';
		if (append(parser, choices, "|", more + 1) < 0)
			return -1;
	}
	param->type = QUERY_CHOICE;
	param->choices = *choices;
	return append(parser, &parsed->about, "\n", attribution_about) < 0 ||
	               append_statement(parser, &parsed->refuse, attribution_refuse) < 0 ||
	               append_statement(parser, &parsed->notes, attribution_notes) < 0
	           ? -1
	           : 0;
}

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
	if (strncmp(word, "attribution", strlen("attribution")) == 0)
		return take_attribution(parser, word + strlen("attribution"), param);
	if (strncmp(word, "choice(", 7) != 0 || word[length - 1] != ')' || length == 8)
		return fail(parser,
		            "types are integer, real, text, size, time, region, flag, file, choice(a|b|c) and "
		            "attribution, not",
		            word);
	word[length - 1] = '\0';
	param->type = QUERY_CHOICE;
	param->choices = word + 7;
	return 0;
}

static int take_param(const struct parser *parser, char *rest)
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

/* Cuts the rank off UNIT[,RANK]. */
static int take_rank(const struct parser *parser, char *unit, enum query_rank *rank)
{
	static const char *const words[] = {[QUERY_RANK_KEY] = "key",
	                                    [QUERY_RANK_CONTEXT] = "context",
	                                    [QUERY_RANK_DERIVED] = "derived",
	                                    [QUERY_RANK_REMARK] = "remark"};
	char *word = strchr(unit, ',');

	*rank = QUERY_RANK_PLAIN;
	if (!word)
		return 0;
	*word++ = '\0';
	for (size_t i = 1; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(word, words[i]) == 0) {
			*rank = (enum query_rank)i;
			return 0;
		}
	}
	return fail(parser, "ranks are key, context, derived and remark, not", word);
}

static int take_column(const struct parser *parser, char *rest)
{
	static const char units[] = " bytes ns count ratio address text id list picture ";
	struct query *query = &parser->parsed->query;
	char *name = next_word(&rest), *unit = next_word(&rest);
	enum query_rank rank;
	char wanted[64];

	if (!unit)
		return fail(parser, "a column is declared as 'NAME UNIT help'", NULL);
	if (take_rank(parser, unit, &rank) < 0)
		return -1;
	snprintf(wanted, sizeof(wanted), " %s ", unit);
	if (!strstr(units, wanted))
		return fail(parser, "units are bytes, ns, count, ratio, address, text, id, list and picture, not",
		            unit);
	if (query->column_count == QUERY_COLUMNS_MAX)
		return fail(parser, "too many columns", NULL);
	parser->parsed->columns[query->column_count++] =
	    (struct query_column){.name = name, .unit = unit, .help = rest + strspn(rest, " \t"), .rank = rank};
	return 0;
}

static int take_filters(const struct parser *parser, char *rest)
{
	static const char known[] = " device region pid label op start end step ";

	parser->parsed->query.filters = rest;
	for (char *word = rest; *(word += strspn(word, " \t"));) {
		size_t length = strcspn(word, " \t");
		char wanted[64];

		snprintf(wanted, sizeof(wanted), " %.*s ", (int)length, word);
		if (!strstr(known, wanted))
			return fail(parser, "unknown filter in", rest);
		if (length == 2 && strncmp(word, "op", 2) == 0 &&
		    append_statement(parser, &parser->parsed->refuse, "SELECT op_problem(:op) WHERE :op IS NOT NULL") <
		        0)
			return -1;
		word += length;
	}
	return 0;
}

/* "nonempty" or "above COLUMN", and "always". */
static int take_exit(const struct parser *parser, char *rest)
{
	struct query *query = &parser->parsed->query;
	char *rule = next_word(&rest);

	if (rule && strcmp(rule, "above") == 0)
		query->exit_above = next_word(&rest);
	else if (!rule || strcmp(rule, "nonempty") != 0)
		return fail(parser, "unknown exit rule", rule ? rule : "");
	char *always = next_word(&rest);
	query->exit_nonempty = !always;
	query->exit_always = always && strcmp(always, "always") == 0;
	if (rule[0] == 'a' && !query->exit_above)
		return fail(parser, "above which column?", NULL);
	return query->exit_nonempty || query->exit_always ? 0 : fail(parser, "unknown exit rule", always);
}

/* A key that knows one value. */
static int take_flag(const struct parser *parser, const char *rest, const char *value, bool *flag)
{
	*flag = strcmp(rest, value) == 0;
	return *flag ? 0 : fail(parser, "not known here:", rest);
}

static int take_format(const struct parser *parser, char *rest)
{
	if (strcmp(rest, "verdicts") == 0)
		return take_flag(parser, rest, "verdicts", &parser->parsed->query.verdicts);
	return take_flag(parser, rest, "folded", &parser->parsed->query.folded);
}

static int take_files(const struct parser *parser, char *rest)
{
	return take_flag(parser, rest, "old new", &parser->parsed->query.two_files);
}

static int take_regions(const struct parser *parser, char *rest)
{
	parser->parsed->query.regions = rest;
	return 0;
}

static int take_operand(const struct parser *parser, char *rest)
{
	struct query *query = &parser->parsed->query;

	query->operand = next_word(&rest);
	query->operand_verb = next_word(&rest);
	return query->operand ? 0 : fail(parser, "operand of which parameter?", NULL);
}

static int take_summary(const struct parser *parser, char *rest)
{
	parser->parsed->query.summary = rest;
	return 0;
}

static int take_about(const struct parser *parser, char *rest)
{
	return append(parser, &parser->parsed->about, "\n", rest);
}

/* A statement in the declaration, or another line of it. */
static int append_declared(const struct parser *parser, char **statements, const char *rest)
{
	if (!*rest)
		return fail(parser, "the answer comes before notes and refusals", NULL);
	return append(parser, statements, strncasecmp(rest, "SELECT", strlen("SELECT")) == 0 ? "\nUNION ALL " : "\n",
	              rest);
}

static int take_notes(const struct parser *parser, char *rest)
{
	return append_declared(parser, &parser->parsed->notes, rest);
}

static int take_refuse(const struct parser *parser, char *rest)
{
	return append_declared(parser, &parser->parsed->refuse, rest);
}

static int take_declaration(const struct parser *parser, const char *key, char *rest)
{
	static const struct {
		const char *key;
		int (*take)(const struct parser *parser, char *rest);
	} keys[] = {{"summary", take_summary}, {"about", take_about},   {"param", take_param},
	            {"filters", take_filters}, {"column", take_column}, {"exit", take_exit},
	            {"format", take_format},   {"files", take_files},   {"notes", take_notes},
	            {"operand", take_operand}, {"refuse", take_refuse}, {"regions", take_regions}};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(keys[i].key, key) == 0)
			return keys[i].take(parser, rest);
	const char *problem = query_show_take(&parser->parsed->query.show, key, rest);
	return problem ? fail(parser, problem, *rest ? rest : key) : 0;
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

static bool has_param(const struct query *query, const char *name)
{
	for (size_t i = 0; i < query->param_count; i++)
		if (strcmp(query->params[i].name, name) == 0)
			return true;
	return false;
}

/* "with: NAME" or "with: NAME=WORD", and the statement behind it. */
static int take_with(const struct parser *parser, char *rest, char *statement)
{
	struct query *query = &parser->parsed->query;

	if (query->other_count == QUERY_OTHERS_MAX)
		return fail(parser, "too many other answers; this one is for", rest);
	struct query_other *other = &query->others[query->other_count++];
	*other = (struct query_other){.param = next_word(&rest), .body = statement};
	char *word = other->param ? strchr(other->param, '=') : NULL;
	if (word) {
		*word = '\0';
		other->value = word + 1;
	}
	if (!other->param || !has_param(query, other->param))
		return fail(parser, "not a parameter:", other->param ? other->param : "");
	return 0;
}

/* Statements beside the answer are asked all at once, so none ends with a semicolon. */
static char *bare(char *statement)
{
	for (size_t end = strlen(statement); end > 0 && strchr(" \t\r\n;", statement[end - 1]);)
		statement[--end] = '\0';
	return statement;
}

static int take_section(const struct parser *parser, const char *key, char *rest, char *statement)
{
	if (strcmp(key, "with") == 0)
		return take_with(parser, rest, statement);
	if (*rest)
		return fail(parser, "a statement begins on the line behind", key);
	return append_statement(parser, strcmp(key, "notes") == 0 ? &parser->parsed->notes : &parser->parsed->refuse,
	                        bare(statement));
}

/* The next line at TEXT that begins a section; NULL: there is none. */
static char *find_section(char *text)
{
	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "-- with:", 8) == 0 || strncmp(line, "-- notes:", 9) == 0 ||
		    strncmp(line, "-- refuse:", 10) == 0)
			return line;
	}
	return NULL;
}

/* Cuts what stands behind the answer into sections. */
static int take_sections(struct parser *parser, char *body)
{
	char *counted = body, *section = find_section(body);

	while (section) {
		for (; counted < section; counted++)
			parser->line += *counted == '\n';
		char *line = section, *end = strchr(line, '\n'), *rest;

		line[-1] = '\0'; /* the line before it, which ends the statement before */
		if (!end)
			return fail(parser, "no SELECT follows", NULL);
		*end = '\0';
		section = find_section(end + 1);
		if (section)
			section[-1] = '\0';
		const char *key = split_declaration(line, &rest);
		if (take_section(parser, key, rest, end + 1) < 0)
			return -1;
	}
	return 0;
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
	return take_sections(parser, text);
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
	                        .columns = parsed->columns,
	                        .show = {.rows = QUERY_ROWS}};
	if (take_header(&parser, parsed->text) < 0)
		return -1;
	query->about = parsed->about ? parsed->about : "";
	query->notes = parsed->notes;
	query->refuse = parsed->refuse;
	if (query->show.param && !has_param(query, query->show.param))
		return fail(&parser, "not a parameter:", query->show.param);
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
	for (size_t i = 0; i < QUERY_PARAMS_MAX; i++)
		free(parsed->choices[i]);
}
