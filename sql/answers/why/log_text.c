/* SPDX-License-Identifier: Apache-2.0
 *
 * log_text.c - see log_text.h.
 */
#include "log_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* How an escape character is written in JSON, in Python, in C and on terminals that show it. */
static const char *const escapes[] = {"\033", "\\u001b", "\\u001B", "\\x1b", "\\x1B", "\\033", "^["};

static bool begins(const char *text, const char *end, const char *with)
{
	size_t length = strlen(with);

	return (size_t)(end - text) >= length && memcmp(text, with, length) == 0;
}

/* Behind what follows an escape character: CSI parameters and a letter, a title up to its end, or a few characters. */
static const char *skip_sequence(const char *text, const char *end)
{
	if (text < end && *text == ']') {
		while (text < end && *text != '\a' && *text != '\033' && *text != '\n')
			text++;
	} else if (text < end && *text == '[') {
		for (text++; text < end && *text >= ' ' && *text < '@';)
			text++;
	} else {
		while (text < end && *text >= ' ' && *text <= '/')
			text++;
	}
	return text < end && *text != '\n' && *text != '\033' ? text + 1 : text;
}

/* Behind the escape sequence at TEXT; TEXT: there is none. */
static const char *skip_escape(const char *text, const char *end)
{
	for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
		const char *at = text + strlen(escapes[i]);

		if (begins(text, end, escapes[i]) && (*text != '^' || begins(at, end, "[")))
			return skip_sequence(at, end);
	}
	return text;
}

/* What stands at *TEXT, behind which it moves: a character, a blank, or a line break; '\0': nothing. */
static char take(const char **text, const char *end)
{
	unsigned char c = (unsigned char)*(*text)++;

	if (c == '\\') {
		if (*text == end)
			return '\0';
		if (**text == 'n' || **text == 'r' || **text == '\n' || **text == '\r') {
			++*text;
			return '\n';
		}
		if (**text != 't')
			return '\0';
		++*text;
		return ' ';
	}
	if (c == 0xe2 && end - *text >= 2 && ((unsigned char)**text & 0xfe) == 0x94) { /* U+2500 to U+257F */
		*text += 2;
		return ' ';
	}
	if (c == '\n' || c == '\r')
		return '\n';
	return c > ' ' && c != 0x7f ? (char)c : ' ';
}

char *log_text(const char *text, size_t bytes)
{
	const char *end = text + bytes;
	char *plain = malloc(bytes + 1), *to = plain;

	while (plain && text < end) {
		const char *behind = skip_escape(text, end);

		if (behind > text) {
			text = behind;
			continue;
		}
		char c = take(&text, end);
		if ((c == ' ' || c == '\n') && to > plain && (to[-1] == ' ' || to[-1] == '\n'))
			to[-1] = c == '\n' ? '\n' : to[-1];
		else if (c)
			*to++ = c;
	}
	if (plain)
		*to = '\0';
	return plain;
}
