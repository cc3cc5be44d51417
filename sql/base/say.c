/* SPDX-License-Identifier: Apache-2.0
 *
 * say.c - see say.h.
 */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

#define LINE_BYTES 4096

static const char *program = "ttalloc";

void say_program(const char *name)
{
	program = name;
}

/* PREFIX, the text, and SUFFIX in one write(), so that lines of several writers do not mix. */
static void write_line(const char *prefix, const char *separator, const char *format, va_list arguments,
                       const char *suffix)
{
	char raw[LINE_BYTES / 2], line[LINE_BYTES + 128];
	size_t used = (size_t)snprintf(line, 64, "%.40s%s", prefix, separator);

	vsnprintf(raw, sizeof(raw), format, arguments);
	text_terminal(line + used, LINE_BYTES, raw, strlen(raw));
	strcat(line, suffix);
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return; /* nobody is left to tell */
}

void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line(program, ": ", format, arguments, "\n");
	va_end(arguments);
}

void say_plain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	write_line("", "", format, arguments, "\n");
	va_end(arguments);
}

void say_progress(const char *format, ...)
{
	va_list arguments;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(arguments, format);
	write_line("\r", "", format, arguments, "\033[K");
	va_end(arguments);
}
