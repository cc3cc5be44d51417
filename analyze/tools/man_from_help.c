/* SPDX-License-Identifier: Apache-2.0
 *
 * man_from_help.c - build tool: turns the --help of a program (on standard input) into a man page (on standard output),
 * so that ttalloc-recorder.1 cannot drift from the recorder's option table. Usage: man_from_help NAME VERSION SUMMARY
 *
 * What it takes for granted of a --help: usage lines first; titles are lines that end in a colon; an entry is indented
 * by two columns, its explanation by more, beside or below it; everything else is prose.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 4096

static void put(const char *text, size_t bytes)
{
	if (bytes > 0 && (text[0] == '.' || text[0] == '\''))
		fputs("\\&", stdout);
	for (size_t i = 0; i < bytes; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (text[i] == '-')
			fputs("\\-", stdout);
		else
			putchar(text[i]);
	}
}

static void put_line(const char *text)
{
	put(text, strlen(text));
	putchar('\n');
}

static void put_heading(const char *text, size_t bytes)
{
	fputs(".SH ", stdout);
	for (size_t i = 0; i < bytes; i++)
		putchar(toupper((unsigned char)text[i]));
	putchar('\n');
}

/* "  -o, --output=FILE     what it is": the label ends where two spaces are. */
static void put_entry(const char *text)
{
	text += strspn(text, " ");
	const char *gap = strstr(text, "  ");
	size_t label = !gap ? strlen(text) : (size_t)(gap - text);
	fputs(".TP\n\\fB", stdout);
	put(text, label);
	fputs("\\fR\n", stdout);
	if (gap)
		put_line(gap + strspn(gap, " "));
}

/* Options without a letter are indented further, to stand below the others. */
static bool is_entry(const char *line, size_t indent)
{
	return indent == 2 || (indent == 6 && strncmp(line + indent, "--", 2) == 0);
}

/* A title alone on its line, or one that prose follows ("Exit status: that of COMMAND"). */
static bool put_title(const char *line)
{
	static const char status[] = "Exit status:";
	size_t length = strlen(line);
	if (strncmp(line, status, sizeof status - 1) == 0) {
		put_heading(line, sizeof status - 2);
		put_line(line + sizeof status - 1 + strspn(line + sizeof status - 1, " "));
		return true;
	}
	if (length < 2 || line[length - 1] != ':' || !isupper((unsigned char)line[0]))
		return false;
	put_heading(line, length - 1);
	return true;
}

static void convert(void)
{
	char line[LINE_MAX_BYTES];
	bool usage = true;
	puts(".SH SYNOPSIS\n.nf");
	while (fgets(line, sizeof line, stdin)) {
		line[strcspn(line, "\n")] = '\0';
		size_t indent = strspn(line, " ");
		if (usage && line[0] != '\0') {
			put_line(strncmp(line, "Usage: ", 7) == 0 ? line + 7 : line + indent);
		} else if (usage) {
			puts(".fi\n.SH DESCRIPTION");
			usage = false;
		} else if (line[0] == '\0') {
			puts(".PP");
		} else if (is_entry(line, indent)) {
			put_entry(line);
		} else if (indent > 0 || !put_title(line)) {
			put_line(line + indent);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	puts(".\\\" Generated from --help; do not edit.");
	fputs(".TH ", stdout);
	for (const char *at = argv[1]; *at != '\0'; at++)
		putchar(toupper((unsigned char)*at));
	printf(" 1 \"\" \"ttalloc %s\" \"User Commands\"\n.nh\n.SH NAME\n", argv[2]);
	put(argv[1], strlen(argv[1]));
	fputs(" \\- ", stdout);
	put_line(argv[3]);
	convert();
	puts(".SH SEE ALSO\n.BR ttalloc\\-analyze (1)");
	return ferror(stdout) || fflush(stdout) != 0 ? 1 : 0;
}
