/* SPDX-License-Identifier: Apache-2.0
 *
 * short_name.c - see short_name.h.
 */
#include "short_name.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

/* How much of what stands at TEXT is one word, though it has brackets: 0: it is none such. */
static size_t word_bytes(const char *text, bool inside_name)
{
	static const char anonymous[] = "(anonymous namespace)", operator[] = "operator";

	if (begins(text, anonymous))
		return strlen(anonymous);
	if (inside_name || !begins(text, operator) || isalnum((unsigned char)text[strlen(operator)]) ||
	    text[strlen(operator)] == '_')
		return 0;
	if (begins(text, "operator()"))
		return strlen("operator()");
	if (text[strlen(operator)] == ' ') /* new, delete, or a type */
		return strlen(operator) + strcspn(text + strlen(operator), "(<");
	return strlen(operator) + strspn(text + strlen(operator), "<>=-+*/%^&|~!,[]");
}

/* The end of what the bracket at TEXT opens. */
static const char *behind_bracket(const char *text)
{
	int depth = 0;

	do {
		depth += *text == '(' || *text == '<' || *text == '{' || *text == '[';
		depth -= *text == ')' || (*text == '>' && text[-1] != '-') || *text == '}' || *text == ']';
		text++;
	} while (*text && depth > 0);
	return text;
}

static bool is_part_of_name(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '~' || c == '$';
}

void short_name(char *name)
{
	char *out = name, *begin = name;
	const char *at = name;
	bool whole = false; /* the word at hand has blanks that are its own */

	if (!strchr(name, '('))
		return;
	while (*at) {
		size_t word = word_bytes(at, at > name && is_part_of_name(at[-1]));

		if (word) {
			whole = *at == 'o';
			memmove(out, at, word);
			out += word;
			at += word;
		} else if (*at == '<' || *at == '(') {
			at = behind_bracket(at);
			if (at[-1] == ')') /* const and the like follow parameters */
				at += *at == ' ' ? strcspn(at, ":") : 0;
		} else {
			if (*at == ' ' && !whole)
				begin = out + 1;
			*out++ = *at++;
		}
	}
	while (out > begin && out[-1] == ' ') /* operator<< <char> */
		out--;
	*out = '\0';
	memmove(name, begin, (size_t)(out - begin) + 1);
}
