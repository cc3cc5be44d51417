/* SPDX-License-Identifier: Apache-2.0
 *
 * picture.c - see picture.h.
 */
#include "picture.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST 10
#define BRACKETS 2

/* What is drawn of several cells at once. */
struct part {
	size_t fullness; /* 0 free, 1 partly used, 2 used */
	bool in_window;
};

static struct part part_of(char cell)
{
	static const char kinds[] = ".:#-=X";
	const char *kind = cell != '\0' ? strchr(kinds, cell) : NULL;
	size_t index = kind ? (size_t)(kind - kinds) : 0;
	return (struct part){.fullness = index % 3, .in_window = index >= 3};
}

static struct part part_between(const char *cells, size_t first, size_t end)
{
	struct part part = part_of(cells[first]);
	for (size_t i = first + 1; i < end; i++) {
		struct part next = part_of(cells[i]);
		if (next.fullness != part.fullness)
			part.fullness = 1;
		part.in_window = part.in_window || next.in_window;
	}
	return part;
}

/* The program's own locale is always UTF-8: what the terminal shows is the user's. */
static bool user_has_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *value = getenv(names[i]);
		if (!value || value[0] == '\0')
			continue;
		const char *charset = strchr(value, '.');
		return charset && (strncasecmp(charset, ".utf-8", 6) == 0 || strncasecmp(charset, ".utf8", 5) == 0);
	}
	return false;
}

static size_t width_of(const struct style *style, size_t count, size_t at)
{
	size_t whole = style->width != 0 ? style->width : WIDTH_DEFAULT;
	size_t room = whole > at + BRACKETS + WIDTH_LEAST ? whole - at - BRACKETS : WIDTH_LEAST;
	return room < count ? room : count;
}

void picture_print(const struct style *style, const char *cells, size_t count, size_t at)
{
	static const char *const plain[] = {".", ":", "#"};
	static const char *const blocks[] = {"\xc2\xb7", "\xe2\x96\x92", "\xe2\x96\x88"};
	const char *const *glyphs = user_has_utf8() ? blocks : plain;
	size_t width = width_of(style, count, at);
	bool within = false;
	for (size_t i = 0; i < width; i++) {
		struct part part = part_between(cells, i * count / width, (i + 1) * count / width);
		if (part.in_window && !within)
			fprintf(style->out, "%s[", colour(style, COLOUR_WARN));
		if (!part.in_window && within)
			fprintf(style->out, "]%s", colour(style, COLOUR_OFF));
		within = part.in_window;
		fputs(glyphs[part.fullness], style->out);
	}
	if (within)
		fprintf(style->out, "]%s", colour(style, COLOUR_OFF));
	fputc('\n', style->out);
}
