/* SPDX-License-Identifier: Apache-2.0
 *
 * budget.c - see budget.h. A line is cut into words, and the words are taken from left to right.
 */
#include "budget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sql/base/array.h"
#include "sql/base/error.h"
#include "sql/base/units.h"

#define WORDS_MAX 64
#define WORD_MAX 1024

/* One line of a text, or what stands between its semicolons. */
struct line {
	const char *source; /* of the text */
	unsigned number;
	char *words[WORDS_MAX]; /* owned */
	size_t count, at;
	char *reason;    /* behind "because"; owned until it is the budget's */
	const char *end; /* of what is no comment */
	struct sql_error *error;
};

static int fail(const struct line *line, const char *problem, const char *subject)
{
	return sql_fail(line->error, "%.200s:%u: %s%s%.80s%s", line->source, line->number, problem, subject ? " '" : "",
	                subject ? subject : "", subject ? "'" : "");
}

static int no_memory(const struct line *line)
{
	return fail(line, "out of memory", NULL);
}

/* ---- Words ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool ends_line(char c)
{
	return c == '\0' || c == '\n' || c == ';';
}

static bool is_operator(char c)
{
	return c == '<' || c == '>' || c == '=';
}

/* How long the word at TEXT is: in quotes, an operator, or up to a blank or an operator. */
static size_t word_length(const char *text)
{
	size_t length = 0;

	if (text[0] == '"') {
		length = 1 + strcspn(text + 1, "\"\n");
		return length + (text[length] == '"');
	}
	while (is_operator(text[length]))
		length++;
	if (length > 0)
		return length;
	while (!ends_line(text[length]) && !is_blank(text[length]) && !is_operator(text[length]))
		length++;
	return length;
}

static int take_word(struct line *line, const char *text, size_t length)
{
	bool quoted = text[0] == '"';

	if (quoted && (length < 2 || text[length - 1] != '"'))
		return fail(line, "a quote is not closed", NULL);
	if (line->count == WORDS_MAX || length > WORD_MAX)
		return fail(line, "too long a line", NULL);
	line->words[line->count] = strndup(text + quoted, length - 2 * quoted);
	return line->words[line->count++] ? 0 : no_memory(line);
}

/* A reason is the rest of the line, whatever is in it. */
static int take_reason(struct line *line, const char **text)
{
	size_t length;

	*text += strspn(*text, " \t\r");
	length = strcspn(*text, "\n");
	while (length > 0 && is_blank((*text)[length - 1]))
		length--;
	if (length == 0)
		return fail(line, "'because' says no reason", NULL);
	line->reason = strndup(*text, length);
	line->end = *text += strcspn(*text, "\n");
	return line->reason ? 0 : no_memory(line);
}

/* Cuts the line at *TEXT into words, and goes on to its end. */
static int cut(struct line *line, const char **text)
{
	for (;; *text += strspn(*text, " \t\r")) {
		size_t length = word_length(*text);

		line->end = *text;
		if (**text == '#')
			*text += strcspn(*text, "\n");
		if (ends_line(**text))
			return 0;
		if (length == 0)
			continue;
		if (take_word(line, *text, length) < 0)
			return -1;
		*text += length;
		if (strcmp(line->words[line->count - 1], "because") == 0 && (*text)[-1] != '"') {
			free(line->words[--line->count]);
			return take_reason(line, text);
		}
	}
}

static const char *next(struct line *line)
{
	return line->at < line->count ? line->words[line->at++] : NULL;
}

static const char *peek(const struct line *line)
{
	return line->at < line->count ? line->words[line->at] : "";
}

/* ---- Scope ---- */

/* Moves the next word to *TEXT. */
static int take_text(struct line *line, const char *key, char **text)
{
	const char *word = next(line);

	if (!word || !*word)
		return fail(line, "nothing follows", key);
	if (*text)
		return fail(line, "is said twice:", key);
	*text = strdup(word);
	return *text ? 0 : no_memory(line);
}

static int take_device(struct line *line, struct budget_scope *scope)
{
	scope->has_device = true;
	scope->device = -1;
	return take_text(line, "device", &scope->device_word);
}

static int set_region(const struct line *line, struct budget_scope *scope, const char *word)
{
	if (scope->has_region)
		return fail(line, "is said twice:", "region");
	scope->has_region = true;
	scope->region = region_number(word, NULL);
	return scope->region < 0 ? fail(line, region_problem, word) : 0;
}

static int take_region(struct line *line, struct budget_scope *scope)
{
	const char *word = next(line);

	return set_region(line, scope, word ? word : "");
}

/* A number would be one of anything. */
static bool is_region(const char *word)
{
	return (word[0] < '0' || word[0] > '9') && region_number(word, NULL) >= 0;
}

static int take_steps(struct line *line, struct budget_scope *scope)
{
	const char *word = next(line), *problem;

	if (scope->has_steps)
		return fail(line, "is said twice:", "step");
	scope->has_steps = true;
	problem = parse_steps(word ? word : "", &scope->step_first, &scope->step_last);
	return problem ? fail(line, problem, word ? word : "") : 0;
}

static int take_label(struct line *line, struct budget_scope *scope)
{
	return take_text(line, "label", &scope->label);
}

static int take_class(struct line *line, struct budget_scope *scope)
{
	return take_text(line, "class", &scope->block_class);
}

static int take_thread(struct line *line, struct budget_scope *scope)
{
	return take_text(line, "thread", &scope->thread);
}

static int take_function(struct line *line, struct budget_scope *scope)
{
	return take_text(line, "function", &scope->function);
}

/* Takes what KEY begins. IGNORES: of a leak that is to be ignored, which may say more. */
static int take_key(struct line *line, struct budget_scope *scope, const char *key, bool ignores)
{
	static const struct {
		const char *key;
		int (*take)(struct line *line, struct budget_scope *scope);
		bool of_leaks;
	} keys[] = {
	    {"device", take_device, false},    {"region", take_region, false}, {"label", take_label, false},
	    {"step", take_steps, false},       {"class", take_class, true},    {"thread", take_thread, true},
	    {"function", take_function, true},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (strcmp(keys[i].key, key) == 0 && (ignores || !keys[i].of_leaks))
			return keys[i].take(line, scope);
	if (is_region(key))
		return set_region(line, scope, key);
	return fail(line,
	            ignores ? "expected device, region, label, step, class, thread or function, not"
	                    : "expected device, region, label, step or an operator, not",
	            key);
}

/* Takes the words that say which blocks are meant. */
static int take_scope(struct line *line, struct budget_scope *scope, bool ignores)
{
	while (line->at < line->count && !is_operator(*peek(line)))
		if (take_key(line, scope, next(line), ignores) < 0)
			return -1;
	return 0;
}

int budget_narrow(struct budget *budget, const struct budget_scope *scope)
{
	struct budget_scope *own = &budget->scope;
	bool labels = !budget->figure->is_unlabelled, steps = labels && !budget->figure->is_unstepped;

	if (budget->figure->is_whole)
		return 0;
	if (scope->has_device && !own->has_device && !budget->figure->is_undeviced) {
		own->has_device = true;
		own->device = scope->device;
	}
	if (scope->has_region && !own->has_region) {
		own->has_region = true;
		own->region = scope->region;
	}
	if (scope->has_steps && !own->has_steps && steps) {
		own->has_steps = true;
		own->step_first = scope->step_first;
		own->step_last = scope->step_last;
	}
	if (scope->label && !own->label && labels)
		own->label = strdup(scope->label);
	return scope->label && !own->label && labels ? -1 : 0;
}

/* ---- Budgets ---- */

static const char *const operators[] = {
    [AT_MOST] = "<=", [LESS] = "<", [EQUAL] = "==", [MORE] = ">", [AT_LEAST] = ">="};

const char *budget_relation_word(enum budget_relation relation)
{
	return operators[relation];
}

bool budget_holds(enum budget_relation relation, double value, double bound)
{
	switch (relation) {
	case AT_MOST:
		return value <= bound;
	case LESS:
		return value < bound;
	case MORE:
		return value > bound;
	case AT_LEAST:
		return value >= bound;
	default:
		return value >= bound && value <= bound;
	}
}

static int take_operator(struct line *line, enum budget_relation *relation)
{
	const char *word = next(line);

	for (unsigned i = 0; word && i < sizeof(operators) / sizeof(*operators); i++) {
		if (strcmp(operators[i], word) == 0) {
			*relation = (enum budget_relation)i;
			return 0;
		}
	}
	return word ? fail(line, "operators are <= < == > >=, not", word)
	            : fail(line, "a budget needs an operator and a bound, such as <= 10GiB", NULL);
}

/* N%, or -1. */
static double share_of(const char *word)
{
	size_t length = strlen(word);
	char digits[32];
	double number;

	if (length < 2 || length >= sizeof(digits) || word[length - 1] != '%')
		return -1;
	memcpy(digits, word, length - 1);
	digits[length - 1] = '\0';
	return parse_real(digits, &number) || number < 0 ? -1 : number / 100;
}

/* A bound that is no share, in the unit of FIGURE. */
static const char *parse_bound(const struct budget_figure *figure, const char *word, double *bound)
{
	int64_t number;
	const char *problem;

	if (figure->unit == BUDGET_RATIO)
		return parse_real(word, bound);
	problem = figure->unit == BUDGET_BYTES ? parse_size(word, &number) : parse_integer(word, &number);
	if (!problem && number < 0)
		return "is negative";
	if (!problem)
		*bound = (double)number;
	return problem;
}

/* "10 GiB" in two words is one. */
static int join_unit(struct line *line, char *text, size_t bytes, const char *word)
{
	const char *unit = peek(line);
	bool joins = *unit && strcmp(unit, "of") != 0;

	if ((size_t)snprintf(text, bytes, "%s%s", word, joins ? unit : "") >= bytes)
		return fail(line, "too long a bound:", word);
	line->at += joins;
	return 0;
}

static int take_bound(struct line *line, struct budget *budget)
{
	const struct budget_figure *figure = budget->figure;
	const char *word = next(line), *problem = NULL;
	char text[64];

	if (!word)
		return fail(line, "nothing follows", budget_relation_word(budget->relation));
	if (join_unit(line, text, sizeof(text), word) < 0)
		return -1;
	double share = share_of(text);
	if (strcmp(peek(line), "of") == 0) {
		next(line);
		if (share < 0)
			return fail(line, "what another recording has is limited by N%, not by", text);
		budget->is_share = true;
		budget->bound = share;
		return take_text(line, "of", &budget->baseline);
	}
	if (share >= 0 && figure->unit == BUDGET_RATIO) {
		budget->bound = share;
	} else if (share >= 0) {
		if (strcmp(figure->word, "bank-peak") != 0)
			return fail(line, "N% needs 'of FILE' here; of the bank it is for bank-peak:", text);
		budget->is_share = true;
		budget->bound = share;
	} else {
		problem = parse_bound(figure, text, &budget->bound);
	}
	return problem ? fail(line, problem, text) : 0;
}

static const struct budget_figure *find_figure(const char *word)
{
	const struct budget_figure *figure = NULL;

	for (size_t i = 0; (figure = budget_figure(i)); i++)
		if (strcmp(figure->word, word) == 0)
			break;
	return figure;
}

static int fail_figure(const struct line *line, const char *word)
{
	char known[256] = "";
	const struct budget_figure *figure;

	for (size_t i = 0; (figure = budget_figure(i)); i++) {
		strncat(known, i ? ", " : "", sizeof(known) - strlen(known) - 1);
		strncat(known, figure->word, sizeof(known) - strlen(known) - 1);
	}
	return sql_fail(line->error, "%.200s:%u: nothing is known of '%.80s'; what can be limited is %s", line->source,
	                line->number, word, known);
}

static int check_scope(const struct line *line, const struct budget *budget)
{
	const struct budget_scope *scope = &budget->scope;

	if (budget->figure->is_whole &&
	    (scope->has_device || scope->has_region || scope->has_steps || scope->label || budget->baseline))
		return fail(line, "is of the whole recording, and of no device, region, label, step or other file:",
		            budget->figure->word);
	if (budget->figure->is_unlabelled && (scope->has_steps || scope->label))
		return fail(line, "is of whole banks, and of no label or step:", budget->figure->word);
	if (budget->figure->is_undeviced && scope->has_device)
		return fail(line, "is of all devices, not of some:", budget->figure->word);
	if (budget->figure->is_unstepped && scope->has_steps)
		return fail(line, "is of all steps, not of some:", budget->figure->word);
	return 0;
}

static int take_budget(struct line *line, struct budget *budget)
{
	const char *word = next(line);

	budget->figure = find_figure(word);
	if (!budget->figure)
		return fail_figure(line, word);
	if (line->reason)
		return fail(line, "a reason is for what is ignored, not for", word);
	if (take_scope(line, &budget->scope, false) < 0 || take_operator(line, &budget->relation) < 0 ||
	    take_bound(line, budget) < 0)
		return -1;
	return check_scope(line, budget);
}

static int take_ignored(struct line *line, struct budget *budget)
{
	const char *what = next(line);

	if (!what || strcmp(what, "leaks") != 0)
		return fail(line, "what can be ignored is leaks, not", what ? what : "");
	if (take_scope(line, &budget->scope, true) < 0)
		return -1;
	if (line->at < line->count)
		return fail(line, "an ignore has no bound:", peek(line));
	if (line->count == 2)
		return fail(line,
		            "which leaks are to be ignored? Say device, region, label, step, class, thread or "
		            "function",
		            NULL);
	if (!line->reason)
		return fail(line, "what is ignored needs a reason: because ...", NULL);
	budget->reason = line->reason;
	line->reason = NULL;
	return 0;
}

static char *trimmed(const char *start, const char *end)
{
	while (start < end && is_blank(*start))
		start++;
	while (end > start && is_blank(end[-1]))
		end--;
	return strndup(start, (size_t)(end - start));
}

/* A line has been cut: what it says. */
static int take_line(struct budgets *budgets, struct line *line, const char *start)
{
	struct budget *budget;

	if (line->count == 0)
		return line->reason ? fail(line, "'because' stands alone", NULL) : 0;
	if (array_reserve(&budgets->list, &budgets->capacity, budgets->count) < 0)
		return no_memory(line);
	budget = &budgets->list[budgets->count++];
	*budget = (struct budget){.source = line->source, .line = line->number, .text = trimmed(start, line->end)};
	if (!budget->text)
		return no_memory(line);
	if (strcmp(line->words[0], "ignore") == 0) {
		next(line);
		return take_ignored(line, budget);
	}
	if (take_budget(line, budget) < 0)
		return -1;
	return line->at < line->count ? fail(line, "not understood:", peek(line)) : 0;
}

static void line_clear(struct line *line)
{
	while (line->count > 0)
		free(line->words[--line->count]);
	free(line->reason);
}

int budgets_parse(struct budgets *budgets, const char *source, const char *text, struct sql_error *error)
{
	unsigned number = 1;

	for (;;) {
		struct line line = {.source = source, .number = number, .error = error};
		const char *start = text;
		int result = cut(&line, &text);

		if (result == 0)
			result = take_line(budgets, &line, start);
		line_clear(&line);
		if (result < 0)
			return -1;
		if (*text == '\0')
			return 0;
		number += *text++ == '\n';
	}
}

static void budget_clear(struct budget *budget)
{
	free(budget->scope.device_word);
	free(budget->scope.label);
	free(budget->scope.block_class);
	free(budget->scope.thread);
	free(budget->scope.function);
	free(budget->baseline);
	free(budget->text);
	free(budget->reason);
}

void budgets_clear(struct budgets *budgets)
{
	while (budgets->count > 0)
		budget_clear(&budgets->list[--budgets->count]);
	free(budgets->list);
	*budgets = (struct budgets){0};
}
